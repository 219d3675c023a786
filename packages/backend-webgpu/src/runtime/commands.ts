// The order of things on the device: dispatches and copies are recorded into one encoder, in as few passes as they allow, and
// submitted when somebody reads, writes from the host, ends a program, or enough have gathered that the device may begin.
import type { BufferPool } from './buffer-pool.ts'
import type { OpenDevice } from './device.ts'
import type { Counters } from './counters.ts'

/** Dispatches after which a long program is submitted in parts, so that the device does not wait for the recording. */
const EARLY = 48
const MAP_READ = 1
const COPY_DST = 8
const words = (bytes: number): number => Math.ceil(bytes / 4) * 4

/** Buffers that can be mapped; kept by size class. */
const MOST_STAGING = 16

export class Commands {
  readonly #device: OpenDevice
  readonly #pool: BufferPool
  readonly #counters: Counters
  #encoder: GPUCommandEncoder | null = null
  #pass: GPUComputePassEncoder | null = null
  #dispatches = 0
  readonly #staging: GPUBuffer[] = []

  constructor(device: OpenDevice, pool: BufferPool, counters: Counters) {
    this.#device = device
    this.#pool = pool
    this.#counters = counters
  }

  dispatch(
    pipeline: GPUComputePipeline,
    bindings: GPUBindGroup,
    [x, y, z]: readonly [number, number, number],
  ): void {
    const pass = (this.#pass ??= this.#recording().beginComputePass())
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, bindings)
    pass.dispatchWorkgroups(x, y, z)
    this.#counters.dispatches++
    if (++this.#dispatches >= EARLY) this.submit()
  }

  copy(from: GPUBuffer, to: GPUBuffer, bytes: number): void {
    this.#endPass()
    this.#recording().copyBufferToBuffer(from, 0, to, 0, words(bytes))
  }

  /** From the host: takes place after everything recorded so far. */
  write(to: GPUBuffer, data: Uint8Array): void {
    this.submit()
    const whole = data.byteLength - (data.byteLength % 4)
    const { queue } = this.#device.gpu
    const bytes = data as Uint8Array<ArrayBuffer>
    if (whole > 0) queue.writeBuffer(to, 0, bytes, 0, whole)
    if (whole < data.byteLength) {
      const last = new Uint8Array(4)
      last.set(data.subarray(whole))
      queue.writeBuffer(to, whole, last)
    }
  }

  /** The first bytes of a buffer, as they are after everything recorded so far. */
  async read(from: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    this.#device.check()
    const size = words(bytes)
    if (size === 0) return new ArrayBuffer(0)
    const staging = this.#stagingOf(size)
    this.copy(from, staging, size)
    this.submit()
    try {
      await staging.mapAsync(MAP_READ, 0, size)
    } catch (error) {
      await this.#device.explain(error as Error)
    }
    const result = staging.getMappedRange(0, size).slice(0)
    staging.unmap()
    if (this.#staging.length < MOST_STAGING) this.#staging.push(staging)
    else staging.destroy()
    this.#device.check()
    return result
  }

  /** Hands everything recorded to the device. */
  submit(): void {
    this.#endPass()
    const encoder = this.#encoder
    this.#encoder = null
    this.#dispatches = 0
    if (!encoder) return
    this.#device.gpu.queue.submit([encoder.finish()])
    this.#counters.submits++
    this.#pool.trim()
  }

  #recording(): GPUCommandEncoder {
    return (this.#encoder ??= this.#device.gpu.createCommandEncoder())
  }

  #endPass(): void {
    this.#pass?.end()
    this.#pass = null
  }

  #stagingOf(bytes: number): GPUBuffer {
    const at = this.#staging.findIndex((b) => b.size >= bytes && b.size <= 4 * bytes)
    if (at >= 0) return this.#staging.splice(at, 1)[0]!
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, bytes)))
    return this.#device.gpu.createBuffer({ size, usage: MAP_READ | COPY_DST })
  }
}
