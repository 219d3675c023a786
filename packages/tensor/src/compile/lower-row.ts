// Row kernels under construction: a space of dimensions, some of them reduced, and the members computed in it. A member has
// as many elements as the space, or as its outer part; every reference from one member to another must be at the index at
// which the other is computed. That test, made by lowering, is all there is to fusion.
import type { Affine } from '../backend/ir.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { Lowering, MemberStore, Refusal } from './cluster.ts'
import { Body, FAILED, type Problem } from './expressions.ts'
import { add, type Index, linear, reshapeIndex, scale, ZERO } from './index-map.ts'
import { dimensionIndex, type Factors, loopSizes, MOST_SPLITS, splitFactors, unsplit } from './loop-nest.ts'
import type { Value } from './values.ts'

/** What a kernel may hold at most. */
export interface KernelLimits {
  readonly exprs: number
  /** 0 = no limit. */
  readonly buffers: number
  /** Members that somebody outside of these members reads. */
  readonly escaping: (members: readonly Value[]) => number
}

/** Dimensions in natural order, without those of size 1. */
interface Space {
  readonly dims: Dims
  readonly reduced: readonly boolean[]
}

function spaceOf(v: Value): Space {
  const { node } = v
  const reduces = node.prim === 'reduce' && v.placement === null
  const shape = reduces ? v.src[0]!.shape : v.shape
  const axes = reduces ? node.attrs.axes : []
  const dims: number[] = []
  const reduced: boolean[] = []
  shape.forEach((d, axis) => {
    if (d === 1) return
    dims.push(d)
    reduced.push(axes.includes(axis))
  })
  return { dims, reduced }
}

/** Spaces with one key have the same elements in the same order: neighbours of one kind count as one dimension. */
function spaceKey({ dims, reduced }: Space): string {
  let key = ''
  let size = 1
  for (let i = 0; i < dims.length; i++) {
    size *= dims[i]!
    if (i + 1 === dims.length || reduced[i + 1] !== reduced[i]) {
      key += `${reduced[i] ? 'r' : 'o'}${size}`
      size = 1
    }
  }
  return key
}

/** The key of the space in which `v` would be computed alone. */
export const spaceKeyOf = (v: Value): string => spaceKey(spaceOf(v))

/** A store of a member: `addr` has one coefficient for each loop. */
export interface RowStore extends MemberStore {
  readonly addr: Affine
}

/** One lowering of members in a space with given loops. */
class RowBody {
  readonly space: Space
  readonly factors: Factors
  readonly order: readonly number[]
  readonly body: Body
  readonly stores: RowStore[] = []
  readonly #full: Index
  readonly #fullAddress: Affine
  readonly #fullSize: number
  readonly #outer: Index
  readonly #outerDims: Dims
  readonly #outerAddress: Affine

  constructor(space: Space, factors: Factors) {
    this.space = space
    this.factors = factors
    const { dims, reduced } = space
    const outerDimensions = dims.flatMap((_, i) => (reduced[i] ? [] : [i]))
    this.order = [...outerDimensions, ...dims.flatMap((_, i) => (reduced[i] ? [i] : []))]
    const outerLoops = outerDimensions.reduce((n, d) => n + factors[d]!.length, 0)
    this.body = new Body(loopSizes(factors, this.order), outerLoops)
    this.#full = dimensionIndex(factors, this.order)
    this.#fullSize = sizeOf(dims)
    this.#fullAddress = linear(this.#full, dims)
    this.#outerDims = outerDimensions.map((d) => dims[d]!)
    this.#outer = outerDimensions.map((d) => this.#full[d]!)
    this.#outerAddress = linear(this.#outer, this.#outerDims)
  }

  get loops(): number {
    return this.body.loops
  }

  /** Lowers one more member; false leaves `body.problem` set and the body to be rolled back. */
  lower(v: Value): boolean {
    this.body.asOf = v.placedAt
    if (v.placement) return this.#placement(v)
    if (v.node.prim === 'reduce') return this.#reduction(v)
    const full = v.size === this.#fullSize
    const index = full
      ? reshapeIndex(this.#full, this.space.dims, v.shape, this.body)
      : reshapeIndex(this.#outer, this.#outerDims, v.shape, this.body)
    if (!index) return this.#fail()
    const expr = this.body.inside(v, index)
    return expr !== FAILED && this.#define(v, expr, full ? this.#fullAddress : this.#outerAddress)
  }

  #reduction(v: Value): boolean {
    const source = v.src[0]!
    const index = reshapeIndex(this.#full, this.space.dims, source.shape, this.body)
    if (!index) return this.#fail()
    const arg = this.body.at(source, index)
    if (arg === FAILED) return false
    const kind = v.node.prim === 'reduce' ? v.node.attrs.kind : 'sum'
    return this.#define(v, this.body.reduce(kind, arg), this.#outerAddress)
  }

  #placement(v: Value): boolean {
    const { target, low, step } = v.placement!
    const full = v.size === this.#fullSize
    const index = full
      ? reshapeIndex(this.#full, this.space.dims, v.shape, this.body)
      : reshapeIndex(this.#outer, this.#outerDims, v.shape, this.body)
    if (!index) return this.#fail()
    const expr = this.body.at(v.src[0]!, index)
    if (expr === FAILED) return false
    this.body.forbid(target)
    const placed = index.map((form, axis) => scale(v.shape[axis] === 1 ? ZERO : form, step[axis]!, low[axis]))
    this.stores.push({ member: v, expr, addr: this.#padded(linear(placed, target.shape)) })
    return true
  }

  #define(v: Value, expr: number, address: Affine): boolean {
    this.body.define(v, expr, address)
    this.stores.push({ member: v, expr, addr: this.#padded(address) })
    return true
  }

  #padded(address: Affine): Affine {
    return address.length === this.loops + 1 ? address : add(address, Array<number>(this.loops + 1).fill(0))
  }

  #fail(): false {
    // the index of the member itself has no affine form here: it belongs elsewhere, unless a loop can be split
    this.body.problem = this.body.split ? { kind: 'split', ...this.body.split } : { kind: 'unaligned' }
    this.body.split = null
    return false
  }
}

export class RowLowering implements Lowering {
  readonly kind = 'row'
  readonly members: Value[] = []
  readonly #limits: KernelLimits
  #row: RowBody

  constructor(first: Value, limits: KernelLimits) {
    this.#limits = limits
    const space = spaceOf(first)
    this.#row = new RowBody(space, unsplit(space.dims))
  }

  /** Adds all of `members`, in this order, or none of them. */
  addAll(members: readonly Value[]): boolean {
    const row = this.#row
    const before = row.body.checkpoint()
    const stores = row.stores.length
    const count = this.members.length
    for (const v of members)
      if (this.add(v)) {
        row.body.rollback(before)
        row.stores.length = stores
        this.members.length = count
        this.#row = row
        return false
      }
    return true
  }

  get space(): string {
    return spaceKey(this.#row.space)
  }
  /** Elements of the outer part of the space. */
  get rows(): number {
    const { dims, reduced } = this.#row.space
    return dims.reduce((n, d, i) => (reduced[i] ? n : n * d), 1)
  }
  get reduces(): boolean {
    return this.#row.space.reduced.includes(true)
  }
  get body(): Body {
    return this.#row.body
  }
  get stores(): readonly RowStore[] {
    return this.#row.stores
  }
  get outerLoops(): number {
    return this.#row.body.outer
  }
  reads(): ReadonlySet<Value> {
    return this.#row.body.reads()
  }

  add(v: Value): Refusal | null {
    const space = this.#spaceWith(v)
    if (!space) return { kind: 'unaligned' }
    const next = space === this.#row.space ? this.#extend(v) : this.#rebuild(space, unsplit(space.dims), v)
    if (next instanceof RowBody) {
      this.#row = next
      this.members.push(v)
      return null
    }
    return next
  }

  /** The space once `v` is in it, or null where it cannot be. A kernel without reductions takes those of `v` over. */
  #spaceWith(v: Value): Space | null {
    const own = this.#row.space
    if (v.node.prim !== 'reduce' || v.placement) {
      const size = sizeOf(own.dims)
      return v.size === size || v.size === this.rows ? own : null
    }
    const wanted = spaceOf(v)
    if (this.reduces || !this.members.length) return spaceKey(wanted) === spaceKey(own) ? own : null
    return sizeOf(wanted.dims) === sizeOf(own.dims) ? wanted : null
  }

  /** Adds `v` to the present body, or to a finer one. */
  #extend(v: Value): RowBody | Refusal {
    const row = this.#row
    const { body } = row
    const before = body.checkpoint()
    const stores = row.stores.length
    const problem = row.lower(v) ? this.#overLimits(row, v) : body.problem!
    if (!problem) return row
    body.rollback(before)
    row.stores.length = stores
    if (problem.kind !== 'split') return problem
    return this.#rebuild(row.space, splitFactors(row.factors, row.order, problem), v)
  }

  #rebuild(space: Space, factors: Factors, v: Value): RowBody | Refusal {
    for (let attempt = 0; attempt < MOST_SPLITS; attempt++) {
      const row = new RowBody(space, factors)
      const problem = this.#lowerAll(row, v)
      if (!problem) return row
      if (problem.kind !== 'split') return problem
      factors = splitFactors(factors, row.order, problem)
    }
    return { kind: 'unaligned' }
  }

  #lowerAll(row: RowBody, v: Value): Problem | null {
    for (const member of this.members) if (!row.lower(member)) return row.body.problem!
    return row.lower(v) ? this.#overLimits(row, v) : row.body.problem!
  }

  #overLimits(row: RowBody, v: Value): Problem | null {
    const { exprs, buffers, escaping } = this.#limits
    if (row.body.exprs.length > exprs) return { kind: 'caps' }
    if (buffers === 0) return null
    const scalars = row.body.exprs.some((e) => e.op === 'scalar') ? 1 : 0
    const bound = row.body.reads().size + scalars + escaping([...this.members, v])
    return bound > buffers ? { kind: 'caps' } : null
  }
}
