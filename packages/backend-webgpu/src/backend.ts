// The backend as the registry sees it: buffers, copies and programs on one WebGPU device. Everything is enqueued; only reads
// wait.
import {
  bytesOf,
  type Capabilities,
  DTYPES,
  type DType,
  type Executable,
  type KernelBackend,
  type PhysicalMemory,
  type Pointer,
  type Program,
  type TypedArray,
} from '@dl/tensor/backend'
import { capabilities } from './capabilities.ts'
import { DeviceLostError } from './errors.ts'
import { generateWgsl } from './generate.ts'
import { BufferPool } from './runtime/buffer-pool.ts'
import { Commands } from './runtime/commands.ts'
import { type Counters, noCounts } from './runtime/counters.ts'
import { type GpuSource, OpenDevice } from './runtime/device.ts'
import { GpuExecutable, type Runtime } from './runtime/executable.ts'
import { Pipelines } from './runtime/pipelines.ts'

/** Everything that lives as long as one device. */
interface Session extends Runtime {
  readonly buffers: Map<Pointer, GPUBuffer>
}

const NOTHING: PhysicalMemory = { liveBytes: 0, peakBytes: 0, reservedBytes: 0, buffers: 0, modules: 0 }

export class WebGpuBackend implements KernelBackend {
  readonly name = 'webgpu'
  readonly level = 'kernel'
  readonly priority: number = 3
  readonly capabilities: Capabilities = capabilities
  #source: GpuSource | null
  #session: Session | null = null
  #starting: Promise<void> | null = null
  /** Never used twice: a pointer of a lost device is not one of the next. */
  #nextPointer = 1

  /** @param source where WebGPU comes from; default `navigator.gpu` */
  constructor(source: GpuSource | null = null) {
    this.#source = source
  }

  /** Where the next start looks for WebGPU. */
  useSource(source: GpuSource): void {
    this.#source = source
  }

  get description(): string {
    return this.#session ? `WebGPU on ${this.#session.device.description}` : 'WebGPU, not started'
  }
  get ready(): boolean {
    return this.#session !== null && !this.#session.device.isLost
  }

  /** Opens the device; after a loss, a new one. */
  start(): Promise<void> {
    if (this.ready) return Promise.resolve()
    return (this.#starting ??= this.#open().finally(() => {
      this.#starting = null
    }))
  }

  async #open(): Promise<void> {
    const device = await OpenDevice.open(this.#source)
    const counters = noCounts()
    const pool = new BufferPool(device)
    const buffers = new Map<Pointer, GPUBuffer>()
    const bufferAt = (pointer: Pointer): GPUBuffer => {
      const buffer = buffers.get(pointer)
      if (!buffer) throw new DeviceLostError('unknown', 'the value lay on a device that is gone')
      return buffer
    }
    this.#session = {
      device,
      pool,
      counters,
      buffers,
      bufferAt,
      commands: new Commands(device, pool, counters),
      pipelines: new Pipelines(device, counters),
    }
  }

  get #running(): Session {
    if (!this.#session) throw new Error('[webgpu] the backend has not started; call "await ready()" first')
    return this.#session
  }

  allocate(bytes: number): Pointer {
    const { device, pool, buffers } = this.#running
    device.check()
    const pointer = this.#nextPointer++
    buffers.set(pointer, pool.acquire(bytes))
    return pointer
  }

  free(pointer: Pointer): void {
    const buffer = this.#session?.buffers.get(pointer) // after a loss or dispose() there is nothing to free
    if (!buffer) return
    this.#session!.buffers.delete(pointer)
    this.#session!.pool.release(buffer)
  }

  write(pointer: Pointer, data: TypedArray): void {
    const { commands, bufferAt } = this.#running
    commands.write(bufferAt(pointer), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }

  async read(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray> {
    const { commands, bufferAt } = this.#running
    const bytes = length * bytesOf(dtype)
    const words = await commands.read(bufferAt(pointer), bytes)
    const out = DTYPES[dtype].allocate(length)
    new Uint8Array(out.buffer).set(new Uint8Array(words, 0, bytes))
    return out
  }

  copy(from: Pointer, to: Pointer, bytes: number): void {
    const { commands, bufferAt } = this.#running
    commands.copy(bufferAt(from), bufferAt(to), bytes)
  }

  compile(program: Program): Executable {
    this.#running.device.check()
    return new GpuExecutable(() => this.#running, program, generateWgsl(program).kernels)
  }

  memory(): PhysicalMemory {
    if (!this.#session) return NOTHING
    const { pool, pipelines } = this.#session
    return {
      liveBytes: pool.liveBytes,
      peakBytes: pool.peakBytes,
      reservedBytes: pool.reservedBytes,
      buffers: pool.count,
      modules: pipelines.count,
    }
  }

  /** Dispatches, submits, pipelines and bind groups since the device was opened. */
  counters(): Readonly<Counters> {
    return { ...(this.#session?.counters ?? noCounts()) }
  }

  dispose(): void {
    this.#session?.device.close()
    this.#session = null
  }
}

/** Registered as `webgpu` by importing this package. */
export const backend: WebGpuBackend = new WebGpuBackend()
