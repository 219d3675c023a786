// The CPU backend: WebAssembly SIMD emitted at run time over one memory. It starts synchronously where WebAssembly with
// SIMD exists; where it does not (a content security policy, an old engine) `start` says why.
import { bytesOf, DTYPE_NAMES, DTYPES } from '@dl/tensor/backend'
import type {
  Capabilities,
  DType,
  Executable,
  KernelBackend,
  PhysicalMemory,
  Pointer,
  Program,
  TypedArray,
} from '@dl/tensor/backend'
import { ModuleWriter } from './assembler/module-writer.ts'
import { V128 } from './assembler/opcodes.ts'
import { Heap } from './heap.ts'
import { compileProgram } from './program.ts'
import { MAX_THREADS } from './threads/control.ts'
import { defaultThreads, Pool } from './threads/pool.ts'
import type { ThreadTuning } from './threads/pool.ts'
import { canShareMemory } from './threads/shared-memory.ts'
import { VectorEmitter } from './vector/emitter.ts'
import { Workspace } from './workspace.ts'

export interface CpuBackendOptions {
  /** Most memory, in pages of 64 KiB. Default 65536 (4 GiB). */
  readonly maximumPages?: number
  /**
   * Fused multiply-add of relaxed SIMD: `true` uses it where the engine has it (the default), `false` never does, so that
   * results are equal on every CPU.
   */
  readonly relaxed?: boolean
  /**
   * Threads that large programs use, the calling one included: 1 to 16. Default: what `DL_THREADS` says (Node), else as many
   * as the machine runs at once. Always one where memory can't be shared: in pages that are not cross-origin isolated.
   * Results are equal bit for bit for any number.
   */
  readonly threads?: number
}

/** Whether the engine takes a module with plain SIMD, and one with relaxed SIMD; a reason when it takes neither. */
function probe(): { readonly simd: boolean; readonly relaxed: boolean; readonly reason: string } {
  if (typeof WebAssembly === 'undefined')
    return { simd: false, relaxed: false, reason: 'this engine has no WebAssembly' }
  const moduleWith = (relaxed: boolean): Uint8Array<ArrayBuffer> => {
    const module = new ModuleWriter(false)
    const f = module.function('probe', [V128], [V128])
    const e = new VectorEmitter(f, module, relaxed)
    f.get(e.madd([0], [0], [0])[0]!)
    return module.bytes()
  }
  const simd = WebAssembly.validate(moduleWith(false))
  if (!simd) return { simd, relaxed: false, reason: 'this engine has no WebAssembly SIMD' }
  try {
    void new WebAssembly.Module(moduleWith(false)) // a content security policy forbids compiling, not validating
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return {
      simd: false,
      relaxed: false,
      reason: `WebAssembly may not be compiled here (${why}); allow 'wasm-unsafe-eval'`,
    }
  }
  return { simd, relaxed: WebAssembly.validate(moduleWith(true)), reason: '' }
}

interface State {
  readonly heap: Heap
  readonly workspace: Workspace
  readonly pool: Pool
  readonly relaxed: boolean
}

export class CpuBackend implements KernelBackend {
  readonly level = 'kernel'
  readonly name = 'cpu'
  readonly priority = 2
  readonly capabilities: Capabilities = {
    dtypes: new Set(DTYPE_NAMES),
    contractDtypes: new Set<DType>(['float32']),
    maxBuffers: 0,
    maxExprs: 256,
    composites: new Set(['attention', 'attentionGrad'] as const),
    loops: true,
  }
  readonly #options: CpuBackendOptions
  readonly #tuning: ThreadTuning
  #state: State | null = null
  #threads: number
  #failure: string | null = null
  #modules = 0

  constructor(options: CpuBackendOptions = {}, tuning: ThreadTuning = {}) {
    this.#options = options
    this.#tuning = tuning
    this.#threads = options.threads === undefined ? defaultThreads() : checkedThreads(options.threads)
  }

  get description(): string {
    const relaxed = this.#state?.relaxed ? ' with fused multiply-add' : ''
    const { threads } = this
    return `WebAssembly SIMD${relaxed}, ${threads} thread${threads === 1 ? '' : 's'}`
  }

  /** True when it can be used; the first question starts it, which takes about a millisecond. */
  get ready(): boolean {
    if (!this.#state && this.#failure === null) this.#start()
    return this.#state !== null
  }

  start(): Promise<void> {
    if (this.ready) return Promise.resolve()
    return Promise.reject(new Error(`[cpu] the backend can't start: ${this.#failure}`))
  }

  #start(): void {
    const { simd, relaxed, reason } = probe()
    if (!simd) {
      this.#failure = reason
      return
    }
    const heap = new Heap(this.#options.maximumPages, canShareMemory())
    const workspace = new Workspace(heap)
    this.#state = {
      heap,
      workspace,
      pool: new Pool(heap, workspace, this.#threads, this.#tuning),
      relaxed: relaxed && (this.#options.relaxed ?? true),
    }
  }

  get #running(): State {
    if (!this.ready) throw new Error(`[cpu] the backend can't start: ${this.#failure}`)
    return this.#state!
  }

  allocate(bytes: number): Pointer {
    return this.#running.heap.allocate(bytes)
  }

  free(pointer: Pointer, bytes: number): void {
    this.#state?.heap.free(pointer, bytes) // after dispose() there is nothing left to free
  }

  write(pointer: Pointer, data: TypedArray): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    this.#running.heap.u8.set(bytes, pointer)
  }

  read(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray> {
    return Promise.resolve(this.readSync(pointer, dtype, length))
  }

  readSync(pointer: Pointer, dtype: DType, length: number): TypedArray {
    const out = DTYPES[dtype].allocate(length)
    const bytes = this.#running.heap.u8.subarray(pointer, pointer + length * bytesOf(dtype))
    new Uint8Array(out.buffer).set(bytes)
    return out
  }

  copy(from: Pointer, to: Pointer, bytes: number): void {
    this.#running.heap.u8.copyWithin(to, from, from + bytes)
  }

  compile(program: Program): Executable {
    const { heap, workspace, relaxed, pool } = this.#running
    const executable = compileProgram(heap, workspace, program, {
      relaxed,
      threads: pool,
      onDispose: () => void this.#modules--,
    })
    this.#modules++
    return executable
  }

  memory(): PhysicalMemory {
    const heap = this.#state?.heap
    return {
      liveBytes: heap?.liveBytes ?? 0,
      peakBytes: heap?.peakBytes ?? 0,
      reservedBytes: heap?.reservedBytes ?? 0,
      buffers: heap?.blocks ?? 0,
      modules: this.#modules,
    }
  }

  /** Threads that large programs use, the calling one included. */
  get threads(): number {
    return this.#state?.pool.threads ?? (canShareMemory() ? this.#threads : 1)
  }

  /**
   * Changes the number of threads, now or later.
   * @param count 1 to 16, the calling thread included
   * @returns resolves when the threads work, to their number: 1 where memory can't be shared
   * @throws RangeError when `count` is no such number
   */
  setThreadCount(count: number): Promise<number> {
    this.#threads = checkedThreads(count)
    return this.ready ? this.#state!.pool.setThreads(this.#threads) : Promise.resolve(1)
  }

  /** The memory, when threads share it. */
  get sharedMemory(): WebAssembly.Memory | null {
    const heap = this.#state?.heap
    return heap?.isShared ? heap.memory : null
  }

  /** Parts of programs that each thread has done, the calling one first; empty while only that one works. */
  get partsDone(): readonly number[] {
    return this.#state?.pool.served ?? []
  }

  dispose(): void {
    void this.#state?.pool.dispose()
    this.#state = null
    this.#failure = null
    this.#modules = 0
  }
}

function checkedThreads(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_THREADS) return count
  throw new RangeError(
    `[cpu] the number of threads is a whole number from 1 to ${MAX_THREADS}; it was ${count}`,
  )
}
