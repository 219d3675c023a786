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
import { capabilities, generateWgsl, type WebGpuBackend, type WgslKernel } from '../../src/index.ts'
import { complaints } from './dawn.ts'
import { interpretOn } from './interpret.ts'

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
  abstract execute(program: Program): Pick<Executable, 'run' | 'dispose'>
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
    const executable = this.execute(program)
    return {
      run: (pointers, scalars) => executable.run(pointers, scalars),
      source: () => kernels.map((k) => k.code),
      dispose: () => executable.dispose(),
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
  execute(program: Program): Pick<Executable, 'run' | 'dispose'> {
    const arena = new Map<number, ArrayBuffer>()
    const run: Executable['run'] = (pointers, scalars) => {
      const contents = program.buffers.map(({ dtype, size, place }) => {
        if (place.kind === 'param') return arrayOf(dtype, this.#memory.get(pointers[place.slot]!)!, size)
        if (place.kind === 'loop') throw new Error('programs of this backend hold no loops')
        let bytes = arena.get(place.offset)
        if (!bytes || bytes.byteLength < size * bytesOf(dtype))
          arena.set(place.offset, (bytes = new ArrayBuffer(size * bytesOf(dtype))))
        return arrayOf(dtype, bytes, size)
      })
      interpretOn(program, contents, scalars)
    }
    return { run, dispose: () => arena.clear() }
  }
}

/** Runs programs on a device, through the backend that this package registers. */
class DeviceBackend extends KitBackend {
  readonly #inner: WebGpuBackend
  constructor(inner: WebGpuBackend) {
    super()
    this.#inner = inner
  }
  get description(): string {
    return this.#inner.description
  }
  override start(): Promise<void> {
    return this.#inner.start()
  }
  allocate(bytes: number): Pointer {
    return this.#inner.allocate(bytes)
  }
  free(pointer: Pointer): void {
    this.#inner.free(pointer)
  }
  write(pointer: Pointer, data: TypedArray): void {
    this.#inner.write(pointer, data)
  }
  copy(from: Pointer, to: Pointer, bytes: number): void {
    this.#inner.copy(from, to, bytes)
  }
  fetch(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray> {
    return this.#inner.read(pointer, dtype, length)
  }
  execute(program: Program): Pick<Executable, 'run' | 'dispose'> {
    return this.#inner.compile(program)
  }
  override memory(): PhysicalMemory {
    return this.#inner.memory()
  }
  override dispose(): void {
    this.#inner.dispose()
  }
}

export type { KitBackend }
/** The backend under test: on a device, or interpreted without one. */
export const kitBackend = (device: WebGpuBackend | null): KitBackend =>
  device ? new DeviceBackend(device) : new InterpretedBackend()
