// A program on the device: pipelines, the buffers of its arena, and bind groups that are kept for the pointers seen last. A run
// records the dispatches and submits them once.
import { bytesOf, type Executable, type Program } from '@dl/tensor/backend'
import type { WgslKernel } from '../wgsl/module.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Commands } from './commands.ts'
import type { Counters } from './counters.ts'
import type { OpenDevice } from './device.ts'
import type { Pipelines } from './pipelines.ts'
import { scalarWords } from './scalars.ts'

/** What executables share. */
export interface Runtime {
  readonly device: OpenDevice
  readonly pool: BufferPool
  readonly commands: Commands
  readonly pipelines: Pipelines
  readonly counters: Counters
  /** The buffer behind a pointer. */
  readonly bufferAt: (pointer: number) => GPUBuffer
}

/** Sets of buffers that a dispatch remembers bind groups for. */
const REMEMBERED = 4

/** One dispatch with what it needs at run time. */
class Step {
  readonly kernel: WgslKernel
  readonly #pipeline: GPUComputePipeline
  readonly #runtime: Runtime
  /** For each binding: the slot of a pointer, or a buffer of the program's own. */
  readonly #sources: readonly (number | GPUBuffer)[]
  readonly #known: { readonly buffers: readonly GPUBuffer[]; readonly group: GPUBindGroup }[] = []

  constructor(runtime: Runtime, kernel: WgslKernel, sources: readonly (number | GPUBuffer)[]) {
    this.kernel = kernel
    this.#runtime = runtime
    this.#pipeline = runtime.pipelines.acquire(kernel)
    this.#sources = sources
  }

  run(pointers: ArrayLike<number>): void {
    const { commands, bufferAt } = this.#runtime
    const buffers = this.#sources.map((s) => (typeof s === 'number' ? bufferAt(pointers[s]!) : s))
    commands.dispatch(this.#pipeline, this.#groupFor(buffers), this.kernel.workgroups)
  }

  #groupFor(buffers: readonly GPUBuffer[]): GPUBindGroup {
    const known = this.#known.find((k) => k.buffers.every((b, i) => b === buffers[i]))
    if (known) return known.group
    const { device, counters } = this.#runtime
    const group = device.gpu.createBindGroup({
      layout: this.#pipeline.getBindGroupLayout(0),
      entries: this.kernel.bindings.map(({ binding }, i) => ({ binding, resource: { buffer: buffers[i]! } })),
    })
    counters.bindGroups++
    this.#known.unshift({ buffers, group })
    this.#known.length = Math.min(this.#known.length, REMEMBERED)
    return group
  }

  dispose(): void {
    this.#runtime.pipelines.release(this.kernel)
  }
}

/** Everything of a program that lives on one device. */
class Loaded {
  readonly runtime: Runtime
  readonly #program: Program
  readonly #steps: readonly Step[]
  readonly #owned: readonly GPUBuffer[]
  readonly #scalars: GPUBuffer | null
  /** Scalars as they lie in the table now. */
  #written: Int32Array | null = null

  constructor(runtime: Runtime, program: Program, kernels: readonly WgslKernel[]) {
    const { pool } = runtime
    this.runtime = runtime
    this.#program = program
    this.#scalars = program.scalars.length > 0 ? pool.acquire(4 * program.scalars.length) : null
    const arena = arenaBuffers(program, pool)
    this.#owned = [...arena.values(), ...(this.#scalars ? [this.#scalars] : [])]
    this.#steps = kernels.map((kernel) => {
      const sources = kernel.bindings.map(({ kind, buffers }) => {
        if (kind === 'scalars') return this.#scalars!
        const { place } = program.buffers[buffers[0]!]!
        if (place.kind === 'loop') throw new Error('[webgpu] programs hold no loops')
        return place.kind === 'param' ? place.slot : arena.get(place.offset)!
      })
      return new Step(runtime, kernel, sources)
    })
  }

  run(pointers: ArrayLike<number>, scalars: ArrayLike<number>): void {
    if (this.#scalars) this.#writeScalars(this.#scalars, scalars)
    for (const step of this.#steps) step.run(pointers)
    this.runtime.commands.submit()
  }

  #writeScalars(table: GPUBuffer, values: ArrayLike<number>): void {
    const next = scalarWords(this.#program.scalars, values)
    if (this.#written?.every((w, i) => w === next[i])) return
    this.#written = next
    this.runtime.commands.write(table, new Uint8Array(next.buffer))
  }

  dispose(): void {
    for (const step of this.#steps) step.dispose()
    for (const buffer of this.#owned) this.runtime.pool.release(buffer)
  }
}

export class GpuExecutable implements Executable {
  readonly #runtime: () => Runtime
  readonly #program: Program
  readonly #kernels: readonly WgslKernel[]
  #loaded: Loaded | null
  #disposed = false

  /** @param runtime the device that is open now: after a loss it is another one, and the program is loaded anew */
  constructor(runtime: () => Runtime, program: Program, kernels: readonly WgslKernel[]) {
    this.#runtime = runtime
    this.#program = program
    this.#kernels = kernels
    this.#loaded = new Loaded(runtime(), program, kernels)
  }

  run(pointers: ArrayLike<number>, scalars: ArrayLike<number>): void {
    if (this.#disposed) throw new Error('[webgpu] this program was disposed; compile it again')
    const runtime = this.#runtime()
    runtime.device.check()
    if (this.#loaded?.runtime !== runtime) this.#loaded = new Loaded(runtime, this.#program, this.#kernels)
    this.#loaded.run(pointers, scalars)
  }

  /** WGSL of each dispatch, in order. */
  source(): string[] {
    return this.#kernels.map(({ code }) => code)
  }

  dispose(): void {
    this.#disposed = true
    this.#loaded?.dispose()
    this.#loaded = null
  }
}

/**
 * One buffer for each place in the arena. Ranges of one big buffer would not do: a dispatch may not read one part of a
 * buffer that is bound for reading and write another.
 */
function arenaBuffers(program: Program, pool: BufferPool): Map<number, GPUBuffer> {
  const sizes = new Map<number, number>()
  for (const { place, size, dtype } of program.buffers)
    if (place.kind === 'arena')
      sizes.set(place.offset, Math.max(sizes.get(place.offset) ?? 4, size * bytesOf(dtype)))
  return new Map([...sizes].map(([offset, bytes]) => [offset, pool.acquire(bytes)]))
}
