// Code of row kernels: elementwise chains, reductions, softmax-like rows, pads and copies. The plan (row-plan.ts) says
// which loops run and where lanes lie; this file writes the loops and the passes over each row.
import { bytesOf } from '@dl/tensor/backend'
import type { Expr, ReduceKind, RowKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import type { ValueType } from '../assembler/opcodes.ts'
import type { Value } from '../vector/emitter.ts'
import { wordsOf } from '../vector/emitter.ts'
import type { Environment } from './environment.ts'
import { ExpressionEmitter } from './expressions.ts'
import type { Scope } from './expressions.ts'
import { emitFills } from './fill.ts'
import { combine, combineLanes, identity } from './reduction.ts'
import { reductionInParts } from './row-parts.ts'
import { collapsed, isShortSum, planRow } from './row-plan.ts'
import type { RowLoops, RowPlan } from './row-plan.ts'
import { splitRow } from './row-split.ts'
import type { RowSplit } from './row-split.ts'

/** A function of the module whose parameters are the pointers of `buffers`. */
export interface EmittedKernel {
  readonly fn: FunctionWriter
  readonly buffers: readonly number[]
  /** For loops: to be called before the first turn, with the same arguments. */
  readonly prepare?: FunctionWriter
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
  const locals = new Map(buffers.map((b, i) => [b, i]))
  emitFills(env, f, kernel.stores, locals)
  if (!emitInParts(env, f, kernel, locals)) emitLoops(env, f, kernel, locals)
  return { fn: f, buffers }
}

/** The loops of a kernel where `f` stands; `locals` hold the pointers of its buffers. */
function emitLoops(
  env: Environment,
  f: FunctionWriter,
  kernel: RowLoops,
  locals: ReadonlyMap<number, number>,
): void {
  const plan = planRow(kernel, (a, b) => env.sameMemory(a, b))
  const split = splitOf(plan, env.finestUnits)
  if (!env.splits(split)) return new RowEmitter(env, f, plan, locals, null).emit()
  const buffers = buffersOf(kernel)
  const [from, to] = [buffers.length, buffers.length + 1]
  const types: ValueType[] = [...buffers.map((): ValueType => I32), I32, I32]
  const body = env.module.function('', types)
  const { unroll } = split
  new RowEmitter(env, body, { ...plan, unroll }, new Map(buffers.map((b, i) => [b, i])), {
    ...split,
    from,
    to,
  }).emit()
  env.parallel(f, { body, args: buffers.map((b) => locals.get(b)!), units: split.units, cost: split.cost })
}

/** From so many nanoseconds on, reductions with fewer units than that are cut into parts. */
const [CUT_FROM, FEW_UNITS] = [20_000, 8]

/** A large reduction with few rows as two kernels over the sums of parts; false when it is none. */
function emitInParts(
  env: Environment,
  f: FunctionWriter,
  kernel: RowKernel,
  locals: ReadonlyMap<number, number>,
): boolean {
  if (!kernel.exprs.some((x) => x.op === 'reduce')) return false
  const split = splitOf(
    planRow(kernel, (a, b) => env.sameMemory(a, b)),
    false,
  )
  const worthIt = split.units * split.cost >= CUT_FROM && split.units < FEW_UNITS
  if (!worthIt && !env.finestUnits) return false
  const count = env.buffers.length
  const cut = reductionInParts(collapsed(kernel), count)
  if (!cut) return false
  const inside: Environment = {
    ...env,
    buffers: [...env.buffers, ...cut.reductions.map((dtype) => ({ dtype, size: cut.size }))],
    sameMemory: (a, b) => a === b || (a < count && b < count && env.sameMemory(a, b)),
  }
  const places = new Map(locals)
  let bytes = 0
  cut.reductions.forEach((dtype, i) => {
    const pointer = f.permanent()
    env.pushSharedWorkspace(f)
    f.plus(bytes).set(pointer)
    places.set(count + i, pointer)
    bytes += Math.ceil((cut.size * bytesOf(dtype)) / 64) * 64 + 64
  })
  env.sharedWorkspace(bytes)
  emitLoops(inside, f, cut.parts, places)
  emitLoops(inside, f, cut.whole, places)
  return true
}

/** The outer loop that runs inside of the others: that of lanes or of interleaved vectors; -1 without one. */
const insideLoop = ({ vertical, lane, along }: RowPlan): number =>
  vertical ? lane : along === lane ? -1 : along

const aroundLoops = (plan: RowPlan): number[] => range(0, plan.outer).filter((l) => l !== insideLoop(plan))

function splitOf(plan: RowPlan, finest: boolean): RowSplit {
  const free = plan.vertical || (plan.along === plan.lane && reductions(plan.exprs).length === 0)
  return splitRow(plan, aroundLoops(plan), free, finest)
}

/** The units that a body does, and the parameters that say which. */
type Share = RowSplit & { readonly from: number; readonly to: number }

type Reduction = { readonly index: number; readonly kind: ReduceKind; readonly arg: number }

class RowEmitter {
  readonly #env: Environment
  readonly #f: FunctionWriter
  readonly #plan: RowPlan
  readonly #x: ExpressionEmitter
  /** Expression → local with the address of its row scratch. */
  readonly #scratch: Map<number, number> = new Map()
  /** The part to do; null = all. */
  readonly #share: Share | null
  /** Locals with the part of the lane loop to do; null = all of it. */
  #laneRange: { readonly from: number; readonly to: number } | null = null

  constructor(
    env: Environment,
    f: FunctionWriter,
    plan: RowPlan,
    pointers: ReadonlyMap<number, number>,
    share: Share | null,
  ) {
    this.#env = env
    this.#f = f
    this.#plan = plan
    this.#share = share
    const counters = plan.sizes.map(() => f.permanent(I32))
    this.#x = new ExpressionEmitter(env, f, plan, counters, pointers, {
      recall: (i, scope) => this.#recall(i, scope),
      computed: (i, value, scope) => this.#keep(i, value, scope),
    })
  }

  emit(): void {
    const { sizes, lane, unroll, vertical, stores, exprs } = this.#plan
    this.#placeScratch()
    const inside = insideLoop(this.#plan)
    const around = aroundLoops(this.#plan)
    this.#units(around, () => {
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

  /** The outer loops `around`, all of their turns or those of the units to do. */
  #units(around: readonly number[], body: () => void): void {
    const share = this.#share
    if (!share) return this.#nest(around, body)
    const f = this.#f
    const { loops, block, blocks, from, to } = share
    const rest = around.filter((l) => !loops.includes(l))
    if (block > 0) this.#laneRange = { from: f.permanent(I32), to: f.permanent(I32) }
    if (loops.length === 0) {
      // neighbouring blocks are one range
      if (block > 0)
        this.#setLaneRange(
          () => f.get(from),
          () => f.get(to),
        )
      return this.#nest(rest, body)
    }
    const unit = f.permanent(I32)
    f.get(from)
    f.forUntil(unit, to, 1, () => {
      this.#decode(unit, blocks)
      this.#nest(rest, body)
    })
  }

  /** Sets the counters of the split loops, and the lane range, to those of a unit. */
  #decode(unit: number, blocks: number): void {
    const f = this.#f
    const { loops, block } = this.#share!
    const left = f.local()
    f.get(unit).set(left)
    if (block > 0) {
      const number = f.local()
      f.get(left).i32(blocks).op(OP.i32RemU).set(number)
      f.get(left).i32(blocks).op(OP.i32DivU).set(left)
      this.#setLaneRange(
        () => f.get(number),
        () => f.get(number).i32(1).add(),
      )
    }
    for (const l of loops.toReversed()) {
      const size = this.#plan.sizes[l]!
      if (l === loops[0]) f.get(left).set(this.#x.counters[l]!)
      else {
        f.get(left).i32(size).op(OP.i32RemU).set(this.#x.counters[l]!)
        f.get(left).i32(size).op(OP.i32DivU).set(left)
      }
    }
  }

  #setLaneRange(firstBlock: () => void, endBlock: () => void): void {
    const f = this.#f
    const { from, to } = this.#laneRange!
    const { block } = this.#share!
    firstBlock()
    f.i32(block).mul().set(from)
    endBlock()
    f.i32(block).mul().set(to)
    f.atMost(to, this.#plan.sizes[this.#plan.lane]!)
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
    // long sums over several reduced loops: a partial sum for each turn of the outer ones
    const blocked = loops.length > 1 && !isShortSum(this.#plan)
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
      this.#env.pushWorkspace(this.#f)
      this.#f.plus(offset).set(local)
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
    if (this.#laneRange) return this.#lanesInRange(this.#laneRange, size, unroll, body)
    const vectors = Math.floor(size / 4)
    this.#f.i32(0).set(this.#x.counters[this.#plan.lane]!)
    let done = this.#part(0, Math.floor(vectors / unroll), 4 * unroll, () => body(unroll, 4))
    const rest = vectors % unroll
    if (vectors < unroll) done = this.#part(done, rest > 0 ? 1 : 0, 4 * rest, () => body(rest, 4))
    else done = this.#part(done, rest, 4, () => body(1, 4))
    if (size > done) body(1, size - done)
  }

  /** The part of the lane loop in a range that starts at a block and ends at one, or at the end of the loop. */
  #lanesInRange(
    range: { readonly from: number; readonly to: number },
    size: number,
    unroll: number,
    body: (unroll: number, lanes: number) => void,
  ): void {
    const f = this.#f
    const counter = this.#x.counters[this.#plan.lane]!
    const mark = f.mark()
    const end = f.local()
    const steps = (step: number, run: () => void): void => {
      // whole steps only
      f.get(range.to)
        .i32(step - 1)
        .sub()
        .set(end)
      f.get(counter)
      f.forUntil(counter, end, step, run)
    }
    f.get(range.from).set(counter)
    steps(4 * unroll, () => body(unroll, 4))
    if (unroll > 1) steps(4, () => body(1, 4))
    if (size % 4 > 0)
      f.get(counter)
        .get(range.to)
        .op(OP.i32LtS)
        .if(() => body(1, size % 4))
    f.release(mark)
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
