// Turns a program into one WebAssembly module: a function for each kernel and `run`, which calls them all. Pointers and
// run-time scalars pass through a small table in memory, so that a replayed step costs one call.
import { SCALARS } from '@dl/tensor/backend'
import type { DType, Executable, Kernel, KernelTime, Place, Program } from '@dl/tensor/backend'
import { ModuleWriter } from './assembler/module-writer.ts'
import { OP } from './assembler/opcodes.ts'
import type { Heap } from './heap.ts'
import { emitAttention } from './kernels/attention.ts'
import { emitAttentionGrad } from './kernels/attention-grad.ts'
import { emitContract } from './kernels/contract.ts'
import { formOf, type KernelForm } from './kernels/form.ts'
import { emitBranch, emitLoop } from './kernels/control.ts'
import { emitCumulate } from './kernels/cumulate.ts'
import type { Environment } from './kernels/environment.ts'
import { emitRow } from './kernels/row.ts'
import type { EmittedKernel } from './kernels/row.ts'
import { emitScatter } from './kernels/scatter.ts'
import { emitSort } from './kernels/sort.ts'
import { describeKernel, listKernel } from './listing.ts'
import { hostFunctionsOf } from './vector/arithmetic.ts'
import { Tables } from './tables.ts'
import { SHARED_WORKSPACE_CELL, WORKSPACE_CELLS } from './threads/control.ts'
import { workerHostFunction } from './threads/host-functions.ts'
import { Regions, runAlone } from './threads/regions.ts'
import type { Workspace, WorkspaceNeeds } from './workspace.ts'

interface Allocation {
  readonly address: number
  readonly bytes: number
}

export interface CompileOptions {
  /** Use fused multiply-add: faster, but results then differ between machines. */
  readonly relaxed: boolean
  readonly threads: Threads
  readonly onDispose: () => void
}

/** What a program needs of the threads that may run parts of it. */
export interface Threads {
  /** Nanoseconds of work from which on a region is split. */
  readonly threshold: number
  /** For tests: workers take the first chunk of everything. */
  readonly workersFirst: boolean
  /** The functions that modules import to wait for other threads. */
  readonly host: ReadonlyMap<string, () => number>
  /** A number for the next program. */
  reserve(): number
  /** Makes a program known to the workers; the result makes them forget it. */
  add(program: number, module: WebAssembly.Module, host: readonly string[]): () => void
  /** Runs a program that has about so many nanoseconds of work to share. */
  run(run: () => void, nanoseconds: number): void
}

export function compileProgram(
  heap: Heap,
  workspace: Workspace,
  program: Program,
  options: CompileOptions,
): CpuExecutable {
  const allocations: Allocation[] = []
  const allocate = (bytes: number): number => {
    const address = heap.allocate(bytes)
    allocations.push({ address, bytes })
    return address
  }
  const giveBack = (): void => {
    for (const { address, bytes } of allocations.splice(0)) heap.free(address, bytes)
  }
  try {
    const arena = program.arenaBytes > 0 ? allocate(program.arenaBytes) : 0
    const table = allocate(program.params * 4 + program.scalars.length * 8 + 8)
    const scalars = Math.ceil((table + program.params * 4) / 8) * 8
    const emitted = emitProgram(heap, program, { ...options, arena, table, scalars, allocate })
    const releaseWorkspace = workspace.require(emitted.workspace)
    const forget = emitted.share()
    const dispose = (): void => {
      forget()
      releaseWorkspace()
      giveBack()
      options.onDispose()
    }
    return new CpuExecutable(heap, program, { ...emitted, table, scalars }, options.threads, dispose)
  } catch (error) {
    giveBack()
    throw error
  }
}

interface Emitted {
  readonly exports: WebAssembly.Exports
  /** Of the exported function of each kernel. */
  readonly names: readonly string[]
  /** Where each kernel's arguments come from. */
  readonly places: readonly (readonly Place[])[]
  readonly arena: number
  readonly workspace: WorkspaceNeeds
  /** Nanoseconds of work that threads can share. */
  readonly sharedWork: number
  /** Makes the program known to the workers, if there is something to share; the result takes that back. */
  readonly share: () => () => void
}

interface EmitOptions extends CompileOptions {
  readonly arena: number
  readonly table: number
  readonly scalars: number
  readonly allocate: (bytes: number) => number
}

function emitProgram(heap: Heap, program: Program, options: EmitOptions): Emitted {
  const module = new ModuleWriter(heap.isShared)
  for (const kernel of allKernels(program.kernels))
    if ('exprs' in kernel)
      for (const fn of hostFunctionsOf(kernel.exprs)) module.importHost(fn, SCALARS[fn].arity)
  const { threads } = options
  const number = threads.reserve()
  const regions = new Regions(module, number, threads.threshold, threads.workersFirst)
  const needs = { shared: 0, own: 0 }
  const tables = new Tables(heap, options.allocate)
  const env: Environment = {
    module,
    relaxed: options.relaxed,
    buffers: program.buffers,
    sameMemory: (a, b) => a === b || samePlace(program.buffers[a]!.place, program.buffers[b]!.place),
    scalarDtypes: program.scalars,
    scalarAddress: (slot) => options.scalars + slot * 8,
    table: (values) => tables.place(values),
    finestUnits: threads.threshold === 0,
    reserve: (bytes) => options.allocate(bytes),
    splits: (work) => regions.splits(work),
    parallel: (f, region) => regions.emit(f, region),
    repeated: (times, emit) => regions.repeated(times, emit),
    workspace: (bytes) => (needs.own = Math.max(needs.own, bytes)),
    pushWorkspace: (f) => void f.thread().scale(4).memory(OP.i32Load, WORKSPACE_CELLS),
    sharedWorkspace: (bytes) => (needs.shared = Math.max(needs.shared, bytes)),
    pushSharedWorkspace: (f) => void f.i32(SHARED_WORKSPACE_CELL).memory(OP.i32Load),
  }
  const alone: Environment = { ...env, splits: () => false, parallel: runAlone }
  const known = new Map<string, SharedKernel>()
  const kernels = program.kernels.map((kernel, i): EmittedKernel => {
    const form = formOf(kernel, env)
    const shared = form && known.get(form.key)
    if (shared) return sharedKernel(shared, form.buffers, regions)
    const before = regions.nanoseconds
    const own = emitKernel(workersCanRun(kernel) ? env : alone, `k${i}`, kernel)
    if (form) known.set(form.key, { own, form, nanoseconds: regions.nanoseconds - before })
    return own
  })
  const places = kernels.map((k) => k.buffers.map((b) => program.buffers[b]!.place))
  const run = module.function('run', [])
  kernels.forEach((k, i) => {
    for (const place of places[i]!) {
      if (place.kind === 'param') run.i32(options.table + place.slot * 4).memory(OP.i32Load)
      else run.i32(options.arena + offsetOf(place))
    }
    run.call(k.fn)
  })
  const compiled = new WebAssembly.Module(module.bytes())
  const host = Object.fromEntries(
    module.imported.map((fn) => [fn, threads.host.get(fn) ?? SCALARS[fn as keyof typeof SCALARS].js]),
  )
  const instance = new WebAssembly.Instance(compiled, { m: { memory: heap.memory, thread: 0 }, h: host })
  return {
    exports: instance.exports,
    names: kernels.map((k) => k.fn.name),
    places,
    arena: options.arena,
    workspace: needs,
    sharedWork: regions.nanoseconds,
    share: () => (regions.count > 0 ? threads.add(number, compiled, module.imported) : () => undefined),
  }
}

/** A kernel whose code others of its form call, too. */
interface SharedKernel {
  readonly own: EmittedKernel
  readonly form: KernelForm
  /** Estimated work that threads share in a run of it. */
  readonly nanoseconds: number
}

/** The same code with other buffers. */
function sharedKernel(
  { own, form, nanoseconds }: SharedKernel,
  buffers: readonly number[],
  regions: Regions,
): EmittedKernel {
  regions.addWork(nanoseconds)
  return { fn: own.fn, buffers: own.buffers.map((b) => buffers[form.buffers.indexOf(b)]!) }
}

/** Whether worker threads have all functions that the kernel calls, or those inside of it. */
const workersCanRun = (kernel: Kernel): boolean =>
  allKernels([kernel]).every(
    (k) => !('exprs' in k) || hostFunctionsOf(k.exprs).every((fn) => workerHostFunction(fn) !== undefined),
  )

function samePlace(a: Place, b: Place): boolean {
  if (a.kind === 'param') return b.kind === 'param' && a.slot === b.slot
  return a.kind === 'arena' && b.kind === 'arena' && a.offset === b.offset
}

/** In the arena. Only kernels inside of a loop use buffers that the loop places. */
function offsetOf(place: Exclude<Place, { kind: 'param' }>): number {
  if (place.kind === 'loop') throw new Error('[cpu] a kernel outside of a loop uses a buffer of the loop')
  return place.offset
}

/** Kernels and those inside of loops and branches. */
function allKernels(kernels: readonly Kernel[]): Kernel[] {
  return kernels.flatMap((k) => {
    if (k.kind === 'loop') return allKernels([...(k.condition?.kernels ?? []), ...k.kernels])
    return k.kind === 'branch' ? allKernels([...k.yes, ...k.no]) : [k]
  })
}

function emitKernel(
  env: Environment,
  name: string,
  kernel: Kernel,
  isFixed?: (buffer: number) => boolean,
): EmittedKernel {
  switch (kernel.kind) {
    case 'row':
      return emitRow(env, name, kernel)
    case 'contract':
      return emitContract(env, name, kernel, isFixed)
    case 'scatter':
      return emitScatter(env, name, kernel)
    case 'cumulate':
      return emitCumulate(env, name, kernel)
    case 'sort':
      return emitSort(env, name, kernel)
    case 'attention':
      return emitAttention(env, name, kernel)
    case 'attentionGrad':
      return emitAttentionGrad(env, name, kernel)
    case 'loop':
      return emitLoop(env, name, kernel, (inner, isFixed) => emitKernel(env, '', inner, isFixed))
    case 'branch':
      return emitBranch(env, name, kernel, (inner) => emitKernel(env, '', inner))
  }
}

export class CpuExecutable implements Executable {
  readonly #heap: Heap
  readonly #program: Program
  readonly #emitted: Emitted & { readonly table: number; readonly scalars: number }
  readonly #threads: Threads
  readonly #run: () => void
  readonly #writeScalars: (scalars: ArrayLike<number>) => void
  #dispose: (() => void) | null

  constructor(
    heap: Heap,
    program: Program,
    emitted: Emitted & { readonly table: number; readonly scalars: number },
    threads: Threads,
    dispose: () => void,
  ) {
    this.#heap = heap
    this.#program = program
    this.#emitted = emitted
    this.#threads = threads
    const run = emitted.exports['run'] as () => void
    this.#run = emitted.sharedWork > 0 ? () => threads.run(run, emitted.sharedWork) : run
    this.#dispose = dispose
    this.#writeScalars = scalarWriter(heap, program.scalars, emitted.scalars)
  }

  run(pointers: ArrayLike<number>, scalars: ArrayLike<number>): void {
    this.#writeArguments(pointers, scalars)
    this.#run()
  }

  #writeArguments(pointers: ArrayLike<number>, scalars: ArrayLike<number>): void {
    if (!this.#dispose) throw new Error('[cpu] this program was disposed; compile it again')
    const { i32 } = this.#heap
    const first = this.#emitted.table >>> 2
    for (let i = 0; i < pointers.length; i++) i32[first + i] = pointers[i]!
    if (scalars.length > 0) this.#writeScalars(scalars)
  }

  profile(pointers: ArrayLike<number>, scalars: ArrayLike<number>, repeats = 20): KernelTime[] {
    this.#writeArguments(pointers, scalars)
    const { exports, names, places, arena } = this.#emitted
    const calls = places.map((list, i) => {
      const args = list.map((p) => (p.kind === 'param' ? pointers[p.slot]! : arena + offsetOf(p)))
      const fn = exports[names[i]!] as (...args: number[]) => void
      return () => this.#threads.run(() => fn(...args), this.#emitted.sharedWork)
    })
    const best = calls.map(() => Infinity)
    for (let r = 0; r < repeats; r++)
      calls.forEach((call, i) => {
        const start = performance.now()
        call()
        best[i] = Math.min(best[i]!, performance.now() - start)
      })
    return this.#program.kernels.map((k, i) => ({ ...describeKernel(k), milliseconds: best[i]! }))
  }

  /** A readable listing of each kernel: loops, passes, expressions and stores as they were compiled. */
  source(): string[] {
    return this.#program.kernels.map((k) => listKernel(k, this.#program))
  }

  dispose(): void {
    this.#dispose?.()
    this.#dispose = null
  }
}

/** Writes run-time scalars in the form that kernels load: 8 bytes a slot, bool as a lane mask. */
function scalarWriter(
  heap: Heap,
  dtypes: readonly DType[],
  address: number,
): (scalars: ArrayLike<number>) => void {
  if (dtypes.every((d) => d === 'float32'))
    return (scalars) => {
      const { f32 } = heap
      for (let i = 0; i < scalars.length; i++) f32[(address >>> 2) + 2 * i] = scalars[i]!
    }
  return (scalars) => {
    const view = new DataView(heap.memory.buffer, address, dtypes.length * 8)
    dtypes.forEach((dtype, i) => {
      const x = scalars[i]!
      if (dtype === 'float32') view.setFloat32(i * 8, x, true)
      else if (dtype === 'float64') view.setFloat64(i * 8, x, true)
      else if (dtype === 'int64') view.setBigInt64(i * 8, BigInt(x), true)
      else view.setInt32(i * 8, dtype === 'bool' ? (x ? -1 : 0) : dtype === 'uint8' ? x & 255 : x, true)
    })
  }
}
