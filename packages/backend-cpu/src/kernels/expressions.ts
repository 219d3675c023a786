// Emits the expressions of a kernel at the loop level where each becomes known. A scope is one level: the loops that run
// around it, how many lanes are live there, and what was computed there already. Row kernels and the epilogue of
// contractions drive the same evaluator.
import { bytesOf } from '@dl/tensor/backend'
import type { Affine, DType, DynamicIndex, Element, Expr, Store } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { OP, SIMD } from '../assembler/opcodes.ts'
import { map } from '../vector/arithmetic.ts'
import { cast } from '../vector/convert.ts'
import { expOfNonPositive } from '../vector/elementary.ts'
import { VectorEmitter } from '../vector/emitter.ts'
import type { Value } from '../vector/emitter.ts'
import {
  loadContiguous,
  loadLanes,
  loadSplat,
  offsetBy,
  storeContiguous,
  storeLanes,
  transpose4,
} from './access.ts'
import type { Environment } from './environment.ts'

export interface Scope {
  readonly parent: Scope | null
  /** Bit set of the loops that run around this level. */
  readonly loops: number
  /** Live lanes, 1 … 4; 0 when the lane loop does not run here and values are the same in all lanes. */
  readonly lanes: number
  /** Interleaved vectors. */
  readonly unroll: number
  /** Loop along which the interleaved vectors lie: the lane loop, or the other side of a transposed copy. */
  readonly along: number
  /** The innermost loop, whose share of an address is added at each access; -1 when all shares are in the base. */
  readonly running: number
  readonly memo: Map<number, Value>
  readonly bases: Map<string, number>
  /** Which pass over the row this is. */
  readonly phase: number
}

export interface ExpressionHooks {
  /** The finished sum of a contraction. */
  readonly accumulator?: (scope: Scope) => Value
  /** Takes over an expression in a scope (row scratch); null to go on as usual. */
  readonly recall?: (index: number, scope: Scope) => Value | null
  readonly computed?: (index: number, value: Value, scope: Scope) => void
}

/** Bit sets of the loops that each expression depends on. A reduction is known once per row: it depends on `rowLoops`. */
export function dependencies(exprs: readonly Expr[], rowLoops: number, allLoops: number): number[] {
  const deps: number[] = []
  const visit = (i: number): number =>
    (deps[i] ??= own(exprs[i]!) | argumentsOf(exprs[i]!).reduce((d, a) => d | visit(a), 0))
  const own = (x: Expr): number => {
    if (x.op === 'load' || x.op === 'index') return loopsOf(x.addr)
    return x.op === 'acc' ? allLoops : 0
  }
  exprs.forEach((x, i) => x.op === 'reduce' && (deps[i] = rowLoops))
  exprs.forEach((_, i) => visit(i))
  return deps
}

/** Bit set of the loops with a coefficient. */
export function loopsOf(addr: Affine): number {
  let bits = 0
  for (let i = 1; i < addr.length; i++) if (addr[i] !== 0) bits |= 1 << (i - 1)
  return bits
}

/** The expressions that `x` reads. */
export function argumentsOf(x: Expr): readonly number[] {
  if (x.op === 'map' || x.op === 'reduce') return x.args
  if (x.op === 'load' && x.dynamic) return x.dynamic.map((d) => d.value)
  return []
}

export class ExpressionEmitter {
  readonly e: VectorEmitter
  readonly f: FunctionWriter
  readonly exprs: readonly Expr[]
  readonly deps: readonly number[]
  /** Local of each loop's counter. */
  readonly counters: readonly number[]
  /** Loop that lanes run along. */
  readonly lane: number
  readonly #env: Environment
  /** Buffer number → parameter that holds its pointer. */
  readonly #pointers: ReadonlyMap<number, number>
  readonly #hooks: ExpressionHooks

  constructor(
    env: Environment,
    f: FunctionWriter,
    kernel: { readonly exprs: readonly Expr[]; readonly deps: readonly number[]; readonly lane: number },
    counters: readonly number[],
    pointers: ReadonlyMap<number, number>,
    hooks: ExpressionHooks = {},
  ) {
    this.#env = env
    this.f = f
    this.e = new VectorEmitter(f, env.module, env.relaxed)
    this.exprs = kernel.exprs
    this.deps = kernel.deps
    this.lane = kernel.lane
    this.counters = counters
    this.#pointers = pointers
    this.#hooks = hooks
  }

  /** A constant element in all lanes. */
  literal(dtype: DType, value: Element): Value {
    switch (dtype) {
      case 'float32':
        return this.e.f32(Number(value))
      case 'float64':
        return this.e.f64(Number(value))
      case 'int64':
        return this.e.i64(BigInt.asIntN(64, BigInt(value)))
      case 'int32':
        return this.e.i32(Number(value) | 0)
      case 'uint8':
        return this.e.i32(Number(value) & 255)
      case 'bool':
        return this.e.i32(value ? -1 : 0)
    }
  }

  /** The value of expression `i` in `scope`, emitted at the outermost scope of the chain where it is known. */
  value(i: number, scope: Scope): Value {
    const x = this.exprs[i]!
    if (x.op === 'const') return this.literal(x.dtype, x.value)
    if (x.op === 'scalar') return this.#scalar(x.slot)
    const home = this.#home(i, scope)
    const known = home.memo.get(i)
    if (known) return known
    if (home !== scope) throw new Error(`[cpu] expression ${i} (${x.op}) was not computed at its loop level`)
    const value = this.#hooks.recall?.(i, scope) ?? this.#compute(i, x, scope)
    scope.memo.set(i, value)
    return value
  }

  #compute(i: number, x: Expr, scope: Scope): Value {
    switch (x.op) {
      case 'load':
        return this.load(x.buffer, x.dtype, x.addr, x.dynamic ?? [], scope)
      case 'index':
        return this.#index(x.addr, x.dtype, scope)
      case 'acc':
        return this.#hooks.accumulator!(scope)
      case 'map': {
        const value = this.#map(x, scope)
        this.#hooks.computed?.(i, value, scope)
        return value
      }
      default:
        throw new Error(`[cpu] ${x.op} has no value here`)
    }
  }

  #map(x: Extract<Expr, { op: 'map' }>, scope: Scope): Value {
    const args = x.args.map((a) => this.value(a, scope))
    const last = this.exprs[x.args.at(-1)!]!
    if (x.fn === 'exp' && x.dtype === 'float32' && this.#isNotPositive(x.args[0]!))
      return expOfNonPositive(this.e, args[0]!)
    return map(this.e, x.fn, last.dtype, x.dtype, args, last.op === 'const' ? last.value : undefined)
  }

  /** `a - max(a)` of a row, the argument of exp in every softmax and log-sum-exp. */
  #isNotPositive(i: number): boolean {
    const x = this.exprs[i]!
    if (x.op !== 'map' || x.fn !== 'sub') return false
    const max = this.exprs[x.args[1]!]!
    return (
      max.op === 'reduce' && (max.kind === 'max' || max.kind === 'maxNumber') && max.args[0] === x.args[0]
    )
  }

  #home(i: number, scope: Scope): Scope {
    let home = scope
    for (let s: Scope | null = scope; s; s = s.parent) if ((this.deps[i]! & ~s.loops) === 0) home = s
    return home
  }

  #scalar(slot: number): Value {
    const dtype = this.#env.scalarDtypes[slot]!
    const wide = dtype === 'float64' || dtype === 'int64'
    const code = wide ? SIMD.load64Splat : SIMD.load32Splat
    const local = this.e.constant(`scalar${slot}`, (f) =>
      f.i32(this.#env.scalarAddress(slot)).simdMemory(code),
    )
    return wide ? [local, local] : [local]
  }

  /** Emits everything below `roots` that `scope` can know, so that inner scopes find it. */
  hoist(roots: readonly number[], scope: Scope): void {
    const seen = new Set<number>()
    const walk = (i: number): void => {
      if (seen.has(i)) return
      seen.add(i)
      if ((this.deps[i]! & ~scope.loops) === 0) this.value(i, scope)
      else for (const a of argumentsOf(this.exprs[i]!)) walk(a)
    }
    roots.forEach(walk)
  }

  /** Emits the loop-invariant parts of the addresses that `scope` will use. Call before the running loop starts. */
  prepareAddresses(
    roots: readonly number[],
    stores: readonly Store[],
    scope: Scope,
    stop: (i: number) => boolean,
  ): void {
    const seen = new Set<number>()
    const walk = (i: number): void => {
      if (seen.has(i)) return
      seen.add(i)
      const x = this.exprs[i]!
      if (this.#home(i, scope) !== scope || stop(i)) return
      if (x.op === 'load') this.#base(x.addr, x.buffer, bytesOf(x.dtype), x.dynamic ?? [], scope)
      for (const a of argumentsOf(x)) walk(a)
    }
    roots.forEach(walk)
    for (const s of stores) this.#base(s.addr, s.buffer, bytesOf(this.exprs[s.expr]!.dtype), [], scope)
  }

  // ---- addresses

  /** Local with the byte address of `addr` without the running loop's share. */
  #base(addr: Affine, buffer: number, bytes: number, dynamic: readonly DynamicIndex[], scope: Scope): number {
    const uniform = dynamic.filter((d) => this.#uniform(d.value, scope))
    const key = `${buffer}|${addr.join()}|${uniform.map((d) => `${d.value}:${d.stride}`).join()}`
    const known = scope.bases.get(key)
    if (known !== undefined) return known
    const f = this.f
    const local = f.local()
    scope.bases.set(key, local)
    f.get(this.#pointers.get(buffer)!).plus(addr[0]! * bytes)
    for (let l = 0; l < this.counters.length; l++) {
      const c = addr[l + 1] ?? 0
      if (c !== 0 && l !== scope.running && (scope.loops >> l) & 1)
        f.get(this.counters[l]!)
          .scale(c * bytes)
          .add()
    }
    for (const d of uniform) this.#pushUniformIndex(d, bytes, scope).add()
    f.set(local)
    return local
  }

  /** The index is the same for all lanes and vectors, and known before the running loop starts. */
  #uniform(i: number, scope: Scope): boolean {
    const deps = this.deps[i]!
    if (scope.lanes > 0 && (deps >> this.lane) & 1) return false
    if (scope.unroll > 1 && (deps >> scope.along) & 1) return false
    const { op } = this.exprs[i]!
    return op === 'const' || op === 'scalar' || this.#home(i, scope) !== scope || scope.running < 0
  }

  /** Pushes the byte offset of an index that is the same in all lanes. */
  #pushUniformIndex(d: DynamicIndex, bytes: number, scope: Scope): FunctionWriter {
    const f = this.f
    const index = f.local()
    const limit = f.local()
    f.get(this.value(d.value, scope)[0]!).lane(SIMD.i32x4Extract, 0).set(index)
    f.i32(0).set(limit)
    f.get(index).get(limit).get(index).get(limit).op(OP.i32GtS).op(OP.select).set(index)
    f.i32(d.limit - 1).set(limit)
    return f.min(index, limit).scale(d.stride * bytes)
  }

  /** Pushes the address for vector 0, lane 0. */
  #push(base: number, addr: Affine, bytes: number, scope: Scope): void {
    this.f.get(base)
    const c = scope.running < 0 ? 0 : (addr[scope.running + 1] ?? 0)
    if (c !== 0)
      this.f
        .get(this.counters[scope.running]!)
        .scale(c * bytes)
        .add()
  }

  /** Elements between neighbouring lanes. */
  #laneStride(addr: Affine, scope: Scope): number {
    return scope.lanes > 0 ? (addr[this.lane + 1] ?? 0) : 0
  }

  /** Elements between interleaved vectors. */
  #vectorStride(addr: Affine, scope: Scope): number {
    if (scope.unroll === 1) return 0
    const c = addr[scope.along + 1] ?? 0
    return scope.along === this.lane ? 4 * c : c
  }

  // ---- memory

  load(buffer: number, dtype: DType, addr: Affine, dynamic: readonly DynamicIndex[], scope: Scope): Value {
    const bytes = bytesOf(dtype)
    const base = this.#base(addr, buffer, bytes, dynamic, scope)
    const inside = dynamic.filter((d) => !this.#uniform(d.value, scope))
    if (inside.length > 0) return this.#gather(dtype, addr, base, inside, scope)
    const c = this.#laneStride(addr, scope)
    const step = this.#vectorStride(addr, scope)
    const start = this.f.local()
    this.#push(base, addr, bytes, scope)
    this.f.set(start)
    const push = (): void => void this.f.get(start)
    const at = (elements: number): (() => number) => offsetBy(this.e, push, elements * bytes)
    if (c === 0 && step === 0) return loadSplat(this.e, dtype, at(0))
    if (c !== 0 && c !== 1 && step === 1 && scope.unroll === 4 && bytes === 4) {
      const rows: number[] = []
      for (let l = 0; l < 4; l++)
        rows.push(loadContiguous(this.e, dtype, at(Math.min(l, scope.lanes - 1) * c))[0]!)
      return transpose4(this.e, rows)
    }
    const words: number[] = []
    for (let u = 0; u < scope.unroll; u++) {
      if (c === 0) words.push(...loadSplat(this.e, dtype, at(u * step)))
      else if (c === 1) words.push(...loadContiguous(this.e, dtype, at(u * step)))
      else words.push(...loadLanes(this.e, dtype, scope.lanes, (l) => at(u * step + l * c)))
    }
    return words
  }

  /** A load whose index differs from lane to lane, or is only known inside the running loop. */
  #gather(dtype: DType, addr: Affine, base: number, dynamic: readonly DynamicIndex[], scope: Scope): Value {
    const bytes = bytesOf(dtype)
    const e = this.e
    let offsets: Value | null = null
    for (const d of dynamic) {
      const clamped = e.op(
        SIMD.i32x4MinS,
        e.op(SIMD.i32x4MaxS, this.value(d.value, scope), e.i32(0)),
        e.i32(d.limit - 1),
      )
      const scaled = e.op(SIMD.i32x4Mul, clamped, e.i32(d.stride * bytes))
      offsets = offsets ? e.op(SIMD.i32x4Add, offsets, scaled) : scaled
    }
    const start = this.f.local()
    this.#push(base, addr, bytes, scope)
    this.f.set(start)
    const [c, step] = [this.#laneStride(addr, scope), this.#vectorStride(addr, scope)]
    const address = (u: number, l: number): (() => number) => {
      const push = (): void =>
        void this.f
          .get(start)
          .get(offsets![u % offsets!.length]!)
          .lane(SIMD.i32x4Extract, l)
          .add()
      return offsetBy(e, push, (u * step + l * c) * bytes)
    }
    const words: number[] = []
    for (let u = 0; u < scope.unroll; u++) {
      if (scope.lanes === 0) words.push(...loadSplat(e, dtype, address(u, 0)))
      else words.push(...loadLanes(e, dtype, scope.lanes, (l) => address(u, l)))
    }
    return words
  }

  /** Writes `value`; without a lane loop, or at a place that lanes share, once. */
  store(store: Store, value: Value, scope: Scope): void {
    const dtype = this.exprs[store.expr]!.dtype
    const bytes = bytesOf(dtype)
    const base = this.#base(store.addr, store.buffer, bytes, [], scope)
    const [c, step] = [this.#laneStride(store.addr, scope), this.#vectorStride(store.addr, scope)]
    const start = this.f.local()
    this.#push(base, store.addr, bytes, scope)
    this.f.set(start)
    const push = (): void => void this.f.get(start)
    const words = dtype === 'float64' || dtype === 'int64' ? 2 : 1
    const vectors = step === 0 ? 1 : scope.unroll
    for (let u = 0; u < vectors; u++) {
      const word = (w: number): number => value[(u * words + w) % value.length]!
      const vector = words === 2 ? [word(0), word(1)] : [word(0)]
      const at = u * step * bytes
      if (c === 1) storeContiguous(this.e, dtype, scope.lanes, push, at, vector)
      else {
        const lanes = c === 0 ? 1 : scope.lanes
        storeLanes(this.e, dtype, lanes, (l) => offsetBy(this.e, push, at + l * c * bytes), vector)
      }
    }
  }

  /** The affine form itself as numbers. */
  #index(addr: Affine, dtype: DType, scope: Scope): Value {
    const f = this.f
    const start = f.vector()
    f.i32(addr[0]!)
    for (let l = 0; l < this.counters.length; l++) {
      const c = addr[l + 1] ?? 0
      if (c !== 0 && (scope.loops >> l) & 1) f.get(this.counters[l]!).scale(c).add()
    }
    f.simd(SIMD.i32x4Splat).set(start)
    const [c, step] = [this.#laneStride(addr, scope), this.#vectorStride(addr, scope)]
    const words: number[] = []
    for (let u = 0; u < (step === 0 ? 1 : scope.unroll); u++) {
      if (c === 0 && u * step === 0) words.push(start)
      else words.push(...this.e.op(SIMD.i32x4Add, [start], this.e.ramp(u * step, c)))
    }
    return dtype === 'int32' ? words : cast(this.e, 'int32', dtype, words)
  }
}
