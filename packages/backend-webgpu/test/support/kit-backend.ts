// A backend for tests that runs what the generator makes: every kernel it compiles goes through Tint, and programs run on a
// device where a driver is installed, else through the interpreter of the kernel language. Reads report what Tint refused.
import {
  allocate,
  bytesOf,
  type Capabilities,
  type DType,
  type Executable,
  type KernelBackend,
  type PhysicalMemory,
  type Pointer,
  type Program,
  type TypedArray,
} from '@dl/tensor/backend'
import { capabilities, generateWgsl, type WgslKernel } from '../../src/index.ts'
import { complaints } from './dawn.ts'
import { interpretOn } from './interpret.ts'

const words = (bytes: number): number => Math.ceil(bytes / 4) * 4
const arrayOf = (dtype: DType, memory: ArrayBuffer, length: number): TypedArray =>
  new (allocate(dtype, 0).constructor as new (b: ArrayBuffer, offset: number, length: number) => TypedArray)(
    memory,
    0,
    length,
  )

/** What the two executors share: pointers, counting, validation. */
abstract class KitBackend implements KernelBackend {
  abstract readonly description: string
  readonly name = 'wgsl-under-test'
  readonly level = 'kernel'
  readonly priority: number = 9
  readonly ready: boolean = true
  readonly capabilities: Capabilities = capabilities
  /** Kernels that Tint has accepted. */
  validated = 0
  /** Kinds of kernels that were generated, for tests that want to have seen some. */
  readonly kinds: Set<string> = new Set()
  /** What has been compiled, latest last. */
  readonly programs: { readonly program: Program; readonly kernels: readonly WgslKernel[] }[] = []
  readonly #seen = new Set<string>()
  readonly #pending: Promise<void>[] = []
  readonly #refused: string[] = []

  start(): Promise<void> {
    return Promise.resolve()
  }
  abstract allocate(bytes: number): Pointer
  abstract free(pointer: Pointer, bytes: number): void
  abstract write(pointer: Pointer, data: TypedArray): void
  abstract copy(from: Pointer, to: Pointer, bytes: number): void
  abstract execute(program: Program, kernels: readonly WgslKernel[]): Executable['run']
  abstract fetch(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray>

  async read(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray> {
    await this.verdict()
    return this.fetch(pointer, dtype, length)
  }

  /** Waits for Tint and throws what it refused. */
  async verdict(): Promise<void> {
    await Promise.all(this.#pending.splice(0))
    if (this.#refused.length) throw new Error(this.#refused.splice(0).join('\n\n'))
  }

  compile(program: Program): Executable {
    const { kernels } = generateWgsl(program)
    for (const k of program.kernels) this.kinds.add(k.kind)
    for (const k of kernels) this.#validate(k)
    this.programs.push({ program, kernels })
    return {
      run: this.execute(program, kernels),
      source: () => kernels.map((k) => k.code),
      dispose: () => {},
    }
  }

  #validate({ code }: WgslKernel): void {
    if (this.#seen.has(code)) return
    this.#seen.add(code)
    const check = async (): Promise<void> => {
      const found = await complaints(code)
      if (found.length) this.#refused.push(`${found.join('\n')}\n${code}`)
      else this.validated++
    }
    this.#pending.push(check())
  }

  memory(): PhysicalMemory {
    return { liveBytes: 0, peakBytes: 0, reservedBytes: 0, buffers: 0, modules: 0 }
  }
  dispose(): void {}
}

/** Runs programs through the interpreter, in host memory. */
class InterpretedBackend extends KitBackend {
  readonly description = 'WGSL validated by Tint, values from the interpreter'
  readonly #memory = new Map<Pointer, ArrayBuffer>()
  #next = 1

  allocate(bytes: number): Pointer {
    this.#memory.set(this.#next, new ArrayBuffer(bytes + 64))
    return this.#next++
  }
  free(pointer: Pointer): void {
    this.#memory.delete(pointer)
  }
  write(pointer: Pointer, data: TypedArray): void {
    new Uint8Array(this.#memory.get(pointer)!).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    )
  }
  copy(from: Pointer, to: Pointer, bytes: number): void {
    new Uint8Array(this.#memory.get(to)!).set(new Uint8Array(this.#memory.get(from)!, 0, bytes))
  }
  fetch(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray> {
    return Promise.resolve(this.readSync(pointer, dtype, length))
  }
  readSync(pointer: Pointer, dtype: DType, length: number): TypedArray {
    return arrayOf(dtype, this.#memory.get(pointer)!, length).slice()
  }
  execute(program: Program): Executable['run'] {
    const arena = new Map<number, ArrayBuffer>()
    return (pointers, scalars) => {
      const contents = program.buffers.map(({ dtype, size, place }) => {
        if (place.kind === 'param') return arrayOf(dtype, this.#memory.get(pointers[place.slot]!)!, size)
        let bytes = arena.get(place.offset)
        if (!bytes || bytes.byteLength < size * bytesOf(dtype))
          arena.set(place.offset, (bytes = new ArrayBuffer(size * bytesOf(dtype))))
        return arrayOf(dtype, bytes, size)
      })
      interpretOn(program, contents, scalars)
    }
  }
}

/** Runs programs on a device. */
class DeviceBackend extends KitBackend {
  readonly description = 'WGSL on a WebGPU device'
  readonly #device: GPUDevice
  readonly #memory = new Map<Pointer, GPUBuffer>()
  readonly #pipelines = new Map<string, GPUComputePipeline>()
  #next = 1

  constructor(device: GPUDevice) {
    super()
    this.#device = device
  }
  #buffer(bytes: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
    return this.#device.createBuffer({ size: Math.max(4, words(bytes)), usage })
  }
  allocate(bytes: number): Pointer {
    this.#memory.set(this.#next, this.#buffer(bytes))
    return this.#next++
  }
  free(pointer: Pointer): void {
    this.#memory.get(pointer)?.destroy()
    this.#memory.delete(pointer)
  }
  write(pointer: Pointer, data: TypedArray): void {
    const padded = new Uint8Array(words(data.byteLength))
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    this.#device.queue.writeBuffer(this.#memory.get(pointer)!, 0, padded)
  }
  copy(from: Pointer, to: Pointer, bytes: number): void {
    const encoder = this.#device.createCommandEncoder()
    encoder.copyBufferToBuffer(this.#memory.get(from)!, 0, this.#memory.get(to)!, 0, words(bytes))
    this.#device.queue.submit([encoder.finish()])
  }
  async fetch(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray> {
    const from = this.#memory.get(pointer)!
    const staging = this.#device.createBuffer({
      size: from.size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
    const encoder = this.#device.createCommandEncoder()
    encoder.copyBufferToBuffer(from, 0, staging, 0, from.size)
    this.#device.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    const bytes = staging.getMappedRange().slice(0)
    staging.destroy()
    return arrayOf(dtype, bytes, length)
  }

  #pipeline(code: string): GPUComputePipeline {
    let pipeline = this.#pipelines.get(code)
    if (!pipeline) {
      const module = this.#device.createShaderModule({ code })
      pipeline = this.#device.createComputePipeline({
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
      })
      this.#pipelines.set(code, pipeline)
    }
    return pipeline
  }

  execute(program: Program, kernels: readonly WgslKernel[]): Executable['run'] {
    const arena = new Map<number, GPUBuffer>()
    const table = this.#buffer(4 * program.scalars.length)
    for (const { place, size, dtype } of program.buffers) {
      const bytes = size * bytesOf(dtype)
      if (place.kind === 'arena' && (arena.get(place.offset)?.size ?? -1) < bytes)
        arena.set(place.offset, this.#buffer(bytes))
    }
    return (pointers, scalars) => {
      this.#device.queue.writeBuffer(table, 0, scalarWords(program.scalars, scalars))
      const encoder = this.#device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      const bufferAt = (number: number): GPUBuffer => {
        const { place } = program.buffers[number]!
        return place.kind === 'param' ? this.#memory.get(pointers[place.slot]!)! : arena.get(place.offset)!
      }
      for (const k of kernels) {
        const pipeline = this.#pipeline(k.code)
        const entries = k.bindings.map(({ binding, kind, buffers }) => ({
          binding,
          resource: { buffer: kind === 'scalars' ? table : bufferAt(buffers[0]!) },
        }))
        pass.setPipeline(pipeline)
        pass.setBindGroup(
          0,
          this.#device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }),
        )
        pass.dispatchWorkgroups(...k.workgroups)
      }
      pass.end()
      this.#device.queue.submit([encoder.finish()])
    }
  }
}

function scalarWords(dtypes: readonly DType[], values: ArrayLike<number>): Int32Array<ArrayBuffer> {
  const bits = new Int32Array(Math.max(1, dtypes.length))
  const floats = new Float32Array(bits.buffer)
  dtypes.forEach((dtype, i) => {
    if (dtype === 'float32') floats[i] = values[i]!
    else bits[i] = values[i]!
  })
  return bits
}

export type { KitBackend }
/** The backend under test: on `device`, or interpreted without one. */
export const kitBackend = (device: GPUDevice | null): KitBackend =>
  device ? new DeviceBackend(device) : new InterpretedBackend()
