// Code of row kernels: elementwise chains, reductions, softmax-like rows, pads and copies. The plan (row-plan.ts) says
// which loops run and where lanes lie; this file writes the loops and the passes over each row.
import type { Expr, ReduceKind, RowKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import type { Value } from '../vector/emitter.ts'
import { wordsOf } from '../vector/emitter.ts'
import type { Environment } from './environment.ts'
import { ExpressionEmitter } from './expressions.ts'
import type { Scope } from './expressions.ts'
import { emitFill } from './fill.ts'
import { combine, combineLanes, identity } from './reduction.ts'
import { planRow } from './row-plan.ts'
import type { RowPlan } from './row-plan.ts'

/** A function of the module whose parameters are the pointers of `buffers`. */
export interface EmittedKernel {
  readonly fn: FunctionWriter
  readonly buffers: readonly number[]
}

/** Buffers that expressions and stores touch, each once. */
export function buffersOf(kernel: {
  readonly exprs: readonly Expr[]
  readonly stores: readonly { readonly buffer: number }[]
}): number[] {
  const buffers = new Set<number>()
  for (const x of kernel.exprs) if (x.op === 'load') buffers.add(x.buffer)
  for (const s of kernel.stores) buffers.add(s.buffer)
  return [...buffers]
}

export function emitRow(env: Environment, name: string, kernel: RowKernel): EmittedKernel {
  const buffers = buffersOf(kernel)
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  new RowEmitter(
    env,
    f,
    planRow(kernel, (a, b) => env.sameMemory(a, b)),
    new Map(buffers.map((b, i) => [b, i])),
  ).emit()
  return { fn: f, buffers }
}

type Reduction = { readonly index: number; readonly kind: ReduceKind; readonly arg: number }

class RowEmitter {
  readonly #env: Environment
  readonly #f: FunctionWriter
  readonly #plan: RowPlan
  readonly #x: ExpressionEmitter
  readonly #pointers: ReadonlyMap<number, number>
  /** Expression → local with the address of its row scratch. */
  readonly #scratch: Map<number, number> = new Map()

  constructor(env: Environment, f: FunctionWriter, plan: RowPlan, pointers: ReadonlyMap<number, number>) {
    this.#env = env
    this.#f = f
    this.#plan = plan
    this.#pointers = pointers
    const counters = plan.sizes.map(() => f.permanent(I32))
    this.#x = new ExpressionEmitter(env, f, plan, counters, pointers, {
      recall: (i, scope) => this.#recall(i, scope),
      computed: (i, value, scope) => this.#keep(i, value, scope),
    })
  }

  emit(): void {
    const { sizes, outer, lane, along, unroll, vertical, stores, exprs } = this.#plan
    this.#emitFills()
    this.#placeScratch()
    const outerLoops = range(0, outer)
    const inside = vertical ? lane : along === lane ? -1 : along
    const around = outerLoops.filter((l) => l !== inside)
    this.#nest(around, () => {
      const loops = bits(around)
      const frame: Scope = { ...this.#scope(null, loops), along: lane }
      if (inside < 0) return this.#row(frame, unroll)
      this.#x.hoist([...stores.map((s) => s.expr), ...reductions(exprs).map((r) => r.arg)], frame)
      const all = loops | (1 << inside)
      if (vertical)
        this.#laneLoop(sizes[lane]!, unroll, (u, lanes) =>
          this.#row({ ...this.#scope(frame, all), lanes, unroll: u, along: lane }, u),
        )
      else
        this.#alongLoop(inside, (u) => this.#row({ ...this.#scope(frame, all), unroll: u, along: inside }, 1))
    })
  }

  #scope(parent: Scope | null, loops: number): Scope {
    return {
      parent,
      loops,
      lanes: 0,
      unroll: 1,
      along: this.#plan.lane,
      running: -1,
      memo: new Map(),
      bases: new Map(),
      phase: Infinity,
    }
  }

  // ---- one row (or one block of rows)

  #row(scope: Scope, unroll: number): void {
    const { stores, storePhase, phases } = this.#plan
    const mark = this.#f.mark()
    for (let phase = 0; phase < phases; phase++) this.#pass(phase, scope, unroll)
    const late = stores.filter((_, i) => storePhase[i] === -1)
    this.#x.hoist(
      late.map((s) => s.expr),
      scope,
    )
    const values = late.map((s) => this.#x.value(s.expr, scope))
    late.forEach((s, i) => this.#x.store(s, values[i]!, scope))
    this.#f.release(mark)
  }

  /** One pass over the reduced loops: the reductions that become known, and the stores of this phase. */
  #pass(phase: number, scope: Scope, unroll: number): void {
    const { exprs, stores, storePhase, sizes, outer, vertical, lane, along } = this.#plan
    const reds = reductions(exprs).filter((r) => exprs[r.index]!.phase === phase + 1)
    const sts = stores.filter((_, i) => storePhase[i] === phase)
    if (reds.length === 0 && sts.length === 0) return
    const roots = [...reds.map((r) => r.arg), ...sts.map((s) => s.expr)]
    this.#x.hoist(roots, scope)
    const vectors = vertical || along !== lane ? scope.unroll : unroll
    const accumulators = reds.map((r) => this.#startAccumulator(r, vectors))
    const loops = range(outer, sizes.length)
    // sums over several reduced loops: a partial sum for each turn of the outer ones
    const blocked = loops.length > 1
    const partial = reds.map((r, i) =>
      blocked && r.kind === 'sum' ? this.#startAccumulator(r, vectors) : accumulators[i]!,
    )
    const body = (inner: Scope): void => {
      const mark = this.#f.mark()
      const values = roots.map((i) => this.#x.value(i, inner))
      reds.forEach((r, i) => this.#accumulate(r, partial[i]!, values[i]!, inner))
      sts.forEach((s, i) => this.#x.store(s, values[reds.length + i]!, inner))
      this.#f.release(mark)
    }
    const running = vertical ? sizes.length - 1 : lane
    const inner: Scope = { ...this.#scope(scope, scope.loops | bits(loops)), running, phase, along }
    this.#nest(
      loops.filter((l) => l !== running),
      () => {
        const bases = new Map<string, number>()
        const vertically: Scope = { ...inner, bases, lanes: vertical ? scope.lanes : 0, unroll: scope.unroll }
        const stored = (i: number): boolean => this.#scratch.has(i) && phase > exprs[i]!.phase
        this.#x.prepareAddresses(roots, sts, vertically, stored)
        const fresh = (lanes: number, u: number): Scope => ({
          ...inner,
          lanes,
          unroll: u,
          memo: new Map(),
          bases: new Map(bases),
        })
        if (vertical) this.#count(running, sizes[running]!, () => body(fresh(scope.lanes, scope.unroll)))
        else if (along !== lane)
          this.#laneLoop(sizes[lane]!, 1, (_, lanes) => body(fresh(lanes, scope.unroll)))
        else this.#laneLoop(sizes[lane]!, unroll, (u, lanes) => body(fresh(lanes, u)))
        reds.forEach((r, k) => {
          if (partial[k] !== accumulators[k]) this.#addPartial(r, accumulators[k]!, partial[k]!)
        })
      },
    )
    reds.forEach((r, i) => {
      const { dtype } = exprs[r.index]!
      const total = vertical ? accumulators[i]! : combineLanes(this.#x.e, r.kind, dtype, accumulators[i]!)
      scope.memo.set(r.index, total)
    })
  }

  #startAccumulator(r: Reduction, vectors: number): Value {
    const { dtype } = this.#plan.exprs[r.index]!
    const start = this.#x.literal(dtype, identity(r.kind, dtype))
    const words = wordsOf(dtype) * vectors
    return Array.from({ length: words }, (_, w) => {
      const local = this.#f.vector()
      this.#f.get(start[w % start.length]!).set(local)
      return local
    })
  }

  #accumulate(r: Reduction, accumulator: Value, value: Value, scope: Scope): void {
    const { dtype } = this.#plan.exprs[r.index]!
    const e = this.#x.e
    const words = wordsOf(dtype)
    let v = value
    if (!this.#plan.vertical && scope.lanes < 4) {
      const mask = e.laneMask(scope.lanes)
      v = e.choose(words === 2 ? e.widenMask(mask) : mask, v, this.#x.literal(dtype, identity(r.kind, dtype)))
    }
    const taking = accumulator.slice(0, words * scope.unroll)
    const result = combine(e, r.kind, dtype, taking, v)
    result.forEach((local, w) => this.#f.get(local).set(accumulator[w]!))
  }

  /** Adds a block's sum to the whole and starts the next block. */
  #addPartial(r: Reduction, total: Value, partial: Value): void {
    const { dtype } = this.#plan.exprs[r.index]!
    const zero = this.#x.literal(dtype, identity(r.kind, dtype))
    const sum = combine(this.#x.e, r.kind, dtype, total, partial)
    sum.forEach((local, w) =>
      this.#f
        .get(local)
        .set(total[w]!)
        .get(zero[w % zero.length]!)
        .set(partial[w]!),
    )
  }

  // ---- row scratch

  #placeScratch(): void {
    const { saved, sizes, outer, vertical, unroll, lane } = this.#plan
    if (saved.size === 0) return
    const rows = range(outer, sizes.length).reduce(
      (n, l) => n * (l === lane ? Math.ceil(sizes[l]! / 4) * 4 : sizes[l]!),
      1,
    )
    let offset = 0
    for (const [i, words] of saved) {
      const local = this.#f.permanent(I32)
      this.#f.i32(this.#env.workspaceCell).memory(OP.i32Load).plus(offset).set(local)
      this.#scratch.set(i, local)
      offset += rows * 4 * words * (vertical ? 4 * unroll : 1) + 64
    }
    this.#env.workspace(offset)
  }

  /** Pushes the scratch address of the running element; neighbouring vectors are `16 * words` bytes apart. */
  #scratchAddress(i: number, scope: Scope): number {
    const { saved, sizes, outer, vertical, lane } = this.#plan
    const words = saved.get(i)!
    const local = this.#f.local()
    this.#f.get(this.#scratch.get(i)!)
    let stride = vertical ? 16 * words * scope.unroll : 4 * words
    for (let l = sizes.length - 1; l >= outer; l--) {
      this.#f.get(this.#x.counters[l]!).scale(stride).add()
      stride *= l === lane ? Math.ceil(sizes[l]! / 4) * 4 : sizes[l]!
    }
    this.#f.set(local)
    return local
  }

  #recall(i: number, scope: Scope): Value | null {
    if (!this.#scratch.has(i) || scope.running < 0 || scope.phase <= this.#plan.exprs[i]!.phase) return null
    const at = this.#scratchAddress(i, scope)
    return range(0, this.#plan.saved.get(i)! * scope.unroll).map((w) => {
      const o = this.#f.vector()
      this.#f
        .get(at)
        .load(w * 16)
        .set(o)
      return o
    })
  }

  #keep(i: number, value: Value, scope: Scope): void {
    if (!this.#scratch.has(i) || scope.running < 0 || scope.phase !== this.#plan.exprs[i]!.phase) return
    const at = this.#scratchAddress(i, scope)
    const words = this.#plan.saved.get(i)! * scope.unroll
    for (let w = 0; w < words; w++)
      this.#f
        .get(at)
        .get(value[w % value.length]!)
        .store(w * 16)
  }

  // ---- loops

  #emitFills(): void {
    const done = new Set<number>()
    for (const s of this.#plan.stores) {
      if (s.fill === undefined || done.has(s.buffer)) continue
      done.add(s.buffer)
      const { dtype, size } = this.#env.buffers[s.buffer]!
      emitFill(this.#x, this.#pointers.get(s.buffer)!, dtype, size, s.fill)
    }
  }

  #count(loop: number, size: number, body: () => void): void {
    if (size === 0) return
    const counter = this.#x.counters[loop]!
    this.#f.i32(0).set(counter)
    if (size === 1) body()
    else this.#f.forConstant(counter, size, 1, body)
  }

  #nest(loops: readonly number[], body: () => void): void {
    const [first, ...rest] = loops
    const mark = this.#f.mark()
    if (first === undefined) body()
    else this.#count(first, this.#plan.sizes[first]!, () => this.#nest(rest, body))
    this.#f.release(mark)
  }

  /** The lane loop in at most three parts: interleaved vectors, single vectors, one vector with fewer lanes. */
  #laneLoop(size: number, unroll: number, body: (unroll: number, lanes: number) => void): void {
    const vectors = Math.floor(size / 4)
    this.#f.i32(0).set(this.#x.counters[this.#plan.lane]!)
    let done = this.#part(0, Math.floor(vectors / unroll), 4 * unroll, () => body(unroll, 4))
    const rest = vectors % unroll
    if (vectors < unroll) done = this.#part(done, rest > 0 ? 1 : 0, 4 * rest, () => body(rest, 4))
    else done = this.#part(done, rest, 4, () => body(1, 4))
    if (size > done) body(1, size - done)
  }

  /** Runs `turns` steps of the lane loop from `start`; leaves the counter behind the last one, which it returns. */
  #part(start: number, turns: number, step: number, body: () => void): number {
    const counter = this.#x.counters[this.#plan.lane]!
    const end = start + turns * step
    if (turns === 1) {
      body()
      this.#f.i32(end).set(counter)
    } else if (turns > 1) this.#f.forConstant(counter, end, step, body)
    return end
  }

  /** The loop along which vectors interleave in a transposed copy: four at a time, then the rest one by one. */
  #alongLoop(loop: number, body: (unroll: number) => void): void {
    const counter = this.#x.counters[loop]!
    const size = this.#plan.sizes[loop]!
    const whole = size - (size % 4)
    this.#f.i32(0).set(counter)
    if (whole > 0) this.#f.forConstant(counter, whole, 4, () => body(4))
    if (size > whole) this.#f.forConstant(counter, size, 1, () => body(1))
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
const bits = (loops: readonly number[]): number => loops.reduce((set, l) => set | (1 << l), 0)
const reductions = (exprs: readonly Expr[]): Reduction[] =>
  exprs.flatMap((x, index) => (x.op === 'reduce' ? [{ index, kind: x.kind, arg: x.args[0] }] : []))
