// The body of one kernel under construction: values lowered at an index to expressions over the loops, each expression once.
// Additions can be taken back, so that the scheduler may try a value and see.
import type { Affine, DynamicIndex, Expr } from '../backend/ir.ts'
import { type DType, DTYPE_CODE, type Element, toElement } from '../graph/dtype.ts'
import { mix, type ReduceKind } from '../graph/node.ts'
import { type FormulaOps, SCALARS, type ScalarName } from '../graph/scalar-table.ts'
import {
  add,
  type Index,
  linear,
  moveIndex,
  type Nest,
  sameAffine,
  sameIndex,
  type Split,
} from './index-map.ts'
import { isMovement, isZeroPad, storeTime, throughReshapes, type Value } from './values.ts'

/** Why something could not be lowered. */
export type Problem =
  /** A loop must be split; start again with a finer nest. */
  | ({ readonly kind: 'split' } & Split)
  /** No affine index exists unless this value is stored. */
  | { readonly kind: 'store'; readonly value: Value }
  /** A member of the kernel is read at another index than it is computed at. */
  | { readonly kind: 'unaligned' }
  /** More expressions or buffers than a kernel may have. */
  | { readonly kind: 'caps' }

type LoadExpr = Extract<Expr, { op: 'load' }>
/** An expression whose buffer is still a value. */
export type DraftExpr = Exclude<Expr, LoadExpr> | (Omit<LoadExpr, 'buffer'> & { readonly buffer: Value })

export const FAILED = -1

interface Seen {
  readonly index: Index
  readonly expr: number
}
interface MemberEntry {
  readonly expr: number
  readonly address: Affine
}
/** A state to which a body can return. */
export interface Checkpoint {
  readonly exprs: number
  readonly seen: number
  readonly symbols: number
  readonly members: number
  readonly targets: number
}

interface Symbol {
  readonly value: number
  readonly limit: number
}
/** A coordinate that must lie in 0 … limit - 1 for an element to be read; outside it is 0. */
export interface DraftBound {
  readonly form: Affine
  readonly limit: number
}

export class Body implements Nest {
  readonly loops: number
  readonly sizes: number[]
  split: Split | null = null
  /** Only values that had a buffer at this time are loaded. */
  asOf: number = storeTime()
  problem: Problem | null = null
  /** Where zero pads that are read through leave their bounds; null where a pad has to be stored to be read. */
  bounds: DraftBound[] | null = null
  readonly exprs: DraftExpr[] = []
  /** Loops before this number are outer loops, the rest is reduced. */
  readonly outer: number
  readonly #hashHeads = new Map<number, number>()
  readonly #hashNext: number[] = []
  readonly #hashes: number[] = []
  readonly #seen = new Map<Value, Seen[]>()
  readonly #seenOrder: Value[] = []
  readonly #symbols: Symbol[] = []
  readonly #members = new Map<Value, MemberEntry>()
  readonly #memberOrder: Value[] = []
  /** Pads and concatenations that this kernel writes to: it must not read them. */
  readonly #targets = new Set<Value>()
  readonly #targetOrder: Value[] = []

  constructor(sizes: readonly number[], outer: number) {
    this.loops = sizes.length
    this.sizes = sizes.slice()
    this.outer = outer
  }

  // ---- lowering
  /** The expression for `v` at `index`, or FAILED with `problem` set. */
  at(v: Value, index: Index): number {
    const seen = this.#seen.get(v)
    if (seen) for (const s of seen) if (sameIndex(s.index, index)) return s.expr
    const expr = this.#isStored(v) ? this.#reference(v, linear(index, v.shape)) : this.inside(v, index)
    if (expr !== FAILED) {
      if (seen) seen.push({ index, expr })
      else this.#seen.set(v, [{ index, expr }])
      this.#seenOrder.push(v)
    }
    return expr
  }

  /** The same for the operation of `v` itself, whether or not `v` is stored. */
  inside(v: Value, index: Index): number {
    const { node } = v
    switch (node.prim) {
      case 'const':
        return this.constant(node.attrs.value, v.dtype)
      case 'scalar':
        return this.push({ op: 'scalar', slot: node.attrs.leaf.id, dtype: v.dtype, inner: false, phase: 0 })
      case 'iota':
        return this.#iota(index[node.attrs.axis]!, v.dtype)
      case 'map':
        return this.#map(v, node.attrs.fn, index)
      case 'gather':
        return this.#gather(v, node.attrs.axis, index)
      case 'buffer':
        return this.#reference(v, linear(index, v.shape))
      case 'reshape': {
        const base = throughReshapes(v.src[0]!)
        if (this.#isStored(base)) return this.#reference(base, linear(index, v.shape))
        return this.#move(v, index)
      }
      case 'transpose':
      case 'broadcast':
      case 'slice':
      case 'reverse':
      case 'window':
      case 'stop':
        return this.#move(v, index)
      case 'pad':
        return this.#throughPad(v, index)
      default:
        throw new Error(`[compile] ${node.prim} cannot stand inside a kernel`)
    }
  }

  #isStored(v: Value): boolean {
    return v.node.prim === 'buffer' || (v.realised && v.realisedAt <= this.asOf)
  }

  #move(v: Value, index: Index): number {
    let base = v.src[0]!
    while (isMovement(base) && !this.#isStored(base)) base = base.src[0]!
    if (base.node.prim === 'const' || base.node.prim === 'scalar') return this.inside(base, index)
    const source = moveIndex(v.node, index, this)
    return source ? this.at(v.src[0]!, source) : this.indexFailed(v.src[0]!)
  }

  /** The source of a pad, with its coordinates kept as bounds. */
  #throughPad(v: Value, index: Index): number {
    if (!this.bounds || !isZeroPad(v)) {
      this.problem = { kind: 'store', value: v }
      return FAILED
    }
    const [part] = v.parts as [Value]
    const { low } = part.placement!
    const source = index.map((form, axis) => add(form, [-low[axis]!]))
    source.forEach((form, axis) => {
      if (part.shape[axis] !== v.shape[axis]) this.bounds!.push({ form, limit: part.shape[axis]! })
    })
    return this.at(part.src[0]!, source)
  }

  /** Turns a failed index map into a problem: split the loop that it names, else store `value`. */
  indexFailed(value: Value): number {
    this.problem = this.split ? { kind: 'split', ...this.split } : { kind: 'store', value }
    this.split = null
    return FAILED
  }

  #reference(v: Value, address: Affine): number {
    const member = this.#members.get(v)
    if (member) {
      if (sameAffine(member.address, address)) return member.expr
      this.problem = { kind: 'unaligned' }
      return FAILED
    }
    if (this.#targets.has(v)) {
      this.problem = { kind: 'unaligned' }
      return FAILED
    }
    return this.#load(v, address)
  }

  #load(v: Value, address: Affine): number {
    const { loops } = this
    let dynamic: DynamicIndex[] | undefined
    let inner = false
    let phase = 0
    for (let i = loops + 1; i < address.length; i++)
      if (address[i] !== 0) {
        const { value, limit } = this.#symbols[i - loops - 1]!
        ;(dynamic ??= []).push({ value, limit, stride: address[i]! })
        inner ||= this.exprs[value]!.inner
        phase = Math.max(phase, this.exprs[value]!.phase)
      }
    const addr = this.#overLoops(address)
    inner ||= this.#isInner(addr)
    return this.push({ op: 'load', buffer: v, addr, dynamic, dtype: v.dtype, inner, phase })
  }

  /** Exactly one coefficient a loop, symbols left out. */
  #overLoops(address: Affine): number[] {
    const addr = Array<number>(this.loops + 1).fill(0)
    for (let i = 0; i < addr.length && i < address.length; i++) addr[i] = address[i]!
    return addr
  }

  #isInner(addr: Affine): boolean {
    for (let i = this.outer + 1; i < addr.length; i++) if (addr[i] !== 0) return true
    return false
  }

  #iota(form: Affine, dtype: DType): number {
    const addr = this.#overLoops(form)
    let sum = this.push({ op: 'index', addr, dtype, inner: this.#isInner(addr), phase: 0 })
    for (let i = this.loops + 1; i < form.length; i++)
      if (form[i] !== 0) {
        const { value, limit } = this.#symbols[i - this.loops - 1]!
        const clamped = this.apply(
          'min',
          'int32',
          this.apply('max', 'int32', value, this.constant(0, 'int32')),
          this.constant(limit - 1, 'int32'),
        )
        const cast = dtype === 'int32' ? clamped : this.apply('cast', dtype, clamped)
        sum = this.apply(
          'add',
          dtype,
          sum,
          this.apply('mul', dtype, cast, this.constant(toElement(dtype, form[i]!), dtype)),
        )
      }
    return sum
  }

  #map(v: Value, fn: ScalarName, index: Index): number {
    const args = Array<number>(v.src.length)
    for (let i = 0; i < args.length; i++) {
      const arg = this.at(v.src[i]!, index)
      if (arg === FAILED) return FAILED
      args[i] = arg
    }
    return this.apply(fn, v.dtype, ...args)
  }

  #gather(v: Value, axis: number, index: Index): number {
    const [source, indices] = v.src as [Value, Value]
    const rank = indices.shape.length
    const row = this.at(indices, index.slice(axis, axis + rank))
    if (row === FAILED) return FAILED
    const picked = this.#symbol(row, source.shape[axis]!)
    return this.at(source, [...index.slice(0, axis), picked, ...index.slice(axis + rank)])
  }

  /** A run-time index as one more variable of affine forms. */
  #symbol(value: number, limit: number): Affine {
    let at = this.#symbols.findIndex((s) => s.value === value && s.limit === limit)
    if (at < 0) {
      at = this.#symbols.length
      this.#symbols.push({ value, limit })
      this.sizes.push(limit)
    }
    const form = Array<number>(this.loops + at + 2).fill(0)
    form[this.loops + at + 1] = 1
    return form
  }

  // ---- expressions
  constant(value: Element, dtype: DType): number {
    return this.push({ op: 'const', value, dtype, inner: false, phase: 0 })
  }

  /** `fn(args…)` of dtype `dtype`; a formula of the scalar table is expanded. */
  apply(fn: ScalarName, dtype: DType, ...args: number[]): number {
    const { formula } = SCALARS[fn]
    if (formula) return formula(this.#formulaOps(this.exprs[args[args.length - 1]!]!.dtype), ...args)
    let inner = false
    let phase = 0
    for (const a of args) {
      const e = this.exprs[a]!
      inner ||= e.inner
      phase = Math.max(phase, e.phase)
    }
    return this.push({ op: 'map', fn, args, dtype, inner, phase })
  }

  #formulaOps(dtype: DType): FormulaOps<number> {
    return {
      constant: (value) => this.constant(toElement(dtype, value), dtype),
      map: (fn, ...args) => {
        const last = this.exprs[args[args.length - 1]!]!.dtype
        return this.apply(fn, SCALARS[fn].result === 'bool' ? 'bool' : last, ...args)
      },
    }
  }

  reduce(kind: ReduceKind, arg: number): number {
    const { dtype, phase } = this.exprs[arg]!
    return this.push({ op: 'reduce', kind, args: [arg], dtype, inner: false, phase: phase + 1 })
  }

  push(e: DraftExpr): number {
    const hash = hashExpr(e)
    const head = this.#hashHeads.get(hash) ?? FAILED
    for (let i = head; i !== FAILED; i = this.#hashNext[i]!) if (sameExpr(this.exprs[i]!, e)) return i
    const number = this.exprs.length
    this.exprs.push(e)
    this.#hashNext.push(head)
    this.#hashes.push(hash)
    this.#hashHeads.set(hash, number)
    return number
  }

  // ---- members
  /** From now on `v` is read as expression `expr`, provided that the address is `address`. */
  define(v: Value, expr: number, address: Affine): void {
    this.#members.set(v, { expr, address })
    this.#memberOrder.push(v)
  }

  /** `target` is written here and cannot be read. */
  forbid(target: Value): void {
    if (this.#targets.has(target)) return
    this.#targets.add(target)
    this.#targetOrder.push(target)
  }

  /** Values that are loaded from memory. */
  reads(): Set<Value> {
    const values = new Set<Value>()
    for (const e of this.exprs) if (e.op === 'load') values.add(e.buffer)
    return values
  }

  checkpoint(): Checkpoint {
    return {
      exprs: this.exprs.length,
      seen: this.#seenOrder.length,
      symbols: this.#symbols.length,
      members: this.#memberOrder.length,
      targets: this.#targetOrder.length,
    }
  }

  rollback(to: Checkpoint): void {
    while (this.exprs.length > to.exprs) {
      this.exprs.pop()
      const next = this.#hashNext.pop()!
      const hash = this.#hashes.pop()!
      if (next === FAILED) this.#hashHeads.delete(hash)
      else this.#hashHeads.set(hash, next)
    }
    while (this.#seenOrder.length > to.seen) this.#seen.get(this.#seenOrder.pop()!)!.pop()
    while (this.#memberOrder.length > to.members) this.#members.delete(this.#memberOrder.pop()!)
    while (this.#targetOrder.length > to.targets) this.#targets.delete(this.#targetOrder.pop()!)
    this.#symbols.length = to.symbols
    this.sizes.length = this.loops + to.symbols
  }
}

// ---- equality of expressions
const names = new Map<string, number>()
function nameHash(name: string): number {
  let h = names.get(name)
  if (h === undefined) names.set(name, (h = mix(names.size, 31)))
  return h
}

function hashExpr(e: DraftExpr): number {
  let h = mix(nameHash(e.op), DTYPE_CODE[e.dtype])
  switch (e.op) {
    case 'load':
      h = mix(h, e.buffer.id)
      for (const c of e.addr) h = mix(h, c)
      if (e.dynamic) for (const d of e.dynamic) h = mix(mix(h, d.value), d.stride)
      return h
    case 'index':
      for (const c of e.addr) h = mix(h, c)
      return h
    case 'const':
      return mix(h, Number(e.value))
    case 'scalar':
      return mix(h, e.slot)
    case 'map':
      h = mix(h, nameHash(e.fn))
      for (const a of e.args) h = mix(h, a)
      return h
    case 'reduce':
      return mix(mix(h, nameHash(e.kind)), e.args[0])
    case 'acc':
      return h
  }
}

function sameExpr(a: DraftExpr, b: DraftExpr): boolean {
  if (a.op !== b.op || a.dtype !== b.dtype) return false
  switch (a.op) {
    case 'load': {
      const other = b as typeof a
      if (a.buffer !== other.buffer || !sameAffine(a.addr, other.addr)) return false
      const [x, y] = [a.dynamic ?? [], other.dynamic ?? []]
      return x.length === y.length && x.every((d, i) => sameDynamic(d, y[i]!))
    }
    case 'index':
      return sameAffine(a.addr, (b as typeof a).addr)
    case 'const':
      return Object.is(a.value, (b as typeof a).value)
    case 'scalar':
      return a.slot === (b as typeof a).slot
    case 'map': {
      const other = b as typeof a
      return (
        a.fn === other.fn &&
        a.args.length === other.args.length &&
        a.args.every((x, i) => x === other.args[i])
      )
    }
    case 'reduce':
      return a.kind === (b as typeof a).kind && a.args[0] === (b as typeof a).args[0]
    case 'acc':
      return true
  }
}
const sameDynamic = (a: DynamicIndex, b: DynamicIndex): boolean =>
  a.value === b.value && a.limit === b.limit && a.stride === b.stride
