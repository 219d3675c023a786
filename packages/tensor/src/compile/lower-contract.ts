// Contract kernels under construction: a matrix product whose operands are affine views of stored values, and an epilogue of
// any number of members with as many elements as the product.
import { boundPlaces } from '../backend/bounds.ts'
import { type Affine, type Axis, type Bound, MOST_BOUND_PLACES, type Operand } from '../backend/ir.ts'
import { sizeOf, type Dims } from '../graph/shape.ts'
import type { Lowering, MemberStore, Refusal } from './cluster.ts'
import { Body, type DraftBound, FAILED, type Problem } from './expressions.ts'
import { add, type Index, linear, reshapeIndex, scale, ZERO } from './index-map.ts'
import { dimensionIndex, type Factors, loopSizes, MOST_SPLITS, splitFactors, unsplit } from './loop-nest.ts'
import type { KernelLimits } from './lower-row.ts'
import { isMovement, isZeroPad, type Value } from './values.ts'

/** An operand before buffers have numbers. */
export interface DraftOperand extends Omit<Operand, 'buffer'> {
  readonly value: Value
}
type Group = 'batch' | 'rows' | 'ks'

export interface ContractStore extends MemberStore {
  /** `[c0, batch, m, n]`. */
  readonly addr: Affine
}

const identityOrder = (dims: Dims): number[] => dims.map((_, i) => i)

/** `value`, of shape `dims`, as a view over loops that are grouped into batch, rows and terms by `groups`. */
export function operandView(value: Value, groups: readonly Group[]): DraftOperand | Refusal {
  const dims = value.shape
  const order = identityOrder(dims)
  let factors = unsplit(dims)
  for (let attempt = 0; attempt < MOST_SPLITS; attempt++) {
    const body = new Body(loopSizes(factors, order), 0)
    body.bounds = []
    const number = body.at(value, dimensionIndex(factors, order))
    if (number !== FAILED) {
      const e = body.exprs[number]!
      if (e.op !== 'load' || e.dynamic) return { kind: 'store', value }
      const bounds = body.bounds.filter((b) => mayBeOutside(b, body.sizes))
      const view = axesOf(e.addr, bounds, factors, groups)
      return view ? { value: e.buffer, base: e.addr[0]!, ...view } : { kind: 'store', value: padBelow(value) }
    }
    const problem = body.problem!
    if (problem.kind !== 'split') return problem
    factors = splitFactors(factors, order, problem)
  }
  return { kind: 'store', value }
}

/** Whether the loops can take a coordinate out of its range. */
function mayBeOutside({ form, limit }: DraftBound, sizes: readonly number[]): boolean {
  let least = form[0]!
  let greatest = form[0]!
  for (let i = 1; i < form.length; i++) {
    const reach = form[i]! * (sizes[i - 1]! - 1)
    if (reach < 0) least += reach
    else greatest += reach
  }
  return least < 0 || greatest >= limit
}

/** The nearest pad below `value` that would be read through. */
function padBelow(value: Value): Value {
  let v = value
  while (isMovement(v) && !v.realised) v = v.src[0]!
  return isZeroPad(v) ? v : value
}

/** The view's axes; null where bounds depend on the batch or have too many places. */
function axesOf(
  addr: Affine,
  bounds: readonly DraftBound[],
  factors: Factors,
  groups: readonly Group[],
): Omit<DraftOperand, 'value' | 'base'> | null {
  const forms = [addr, ...bounds.map((b) => b.form)]
  const lists = {
    batch: new AxisLoops(forms.length),
    rows: new AxisLoops(forms.length),
    ks: new AxisLoops(forms.length),
  }
  let loop = 1
  factors.forEach((own, d) => {
    for (const size of own) {
      const steps = forms.map((form) => form[loop] ?? 0)
      lists[groups[d]!].push(size, steps)
      loop++
    }
  })
  const view = { batch: lists.batch.axis(), rows: lists.rows.axis(), ks: lists.ks.axis() }
  if (!bounds.length) return view
  const limits = bounds.map(({ form, limit }, i): Bound => ({
    limit,
    base: form[0]!,
    rows: lists.rows.steps[i + 1]!,
    ks: lists.ks.steps[i + 1]!,
  }))
  if (bounds.some((_, i) => lists.batch.steps[i + 1]!.some((c) => c !== 0))) return null
  const bounded = { base: 0, ...view, bounds: limits }
  const places = limits.reduce((sum, b) => sum + boundPlaces(bounded, b).places.length, 0)
  return places <= MOST_BOUND_PLACES ? { ...view, bounds: limits } : null
}

/** Collects loops of an axis with a step for each of several forms; neighbours that all forms walk as one loop become one. */
class AxisLoops {
  readonly #sizes: number[] = []
  readonly steps: readonly number[][]

  constructor(forms: number) {
    this.steps = Array.from({ length: forms }, () => [])
  }

  push(size: number, steps: readonly number[]): void {
    if (size === 1) return
    const last = this.#sizes.length - 1
    if (last >= 0 && this.steps.every((own, i) => own[last] === steps[i]! * size)) {
      this.#sizes[last] = this.#sizes[last]! * size
      this.steps.forEach((own, i) => (own[last] = steps[i]!))
    } else {
      this.#sizes.push(size)
      this.steps.forEach((own, i) => own.push(steps[i]!))
    }
  }

  /** Sizes, and the steps of the first form as strides. */
  axis(): Axis {
    if (!this.#sizes.length) {
      this.#sizes.push(1)
      for (const own of this.steps) own.push(0)
    }
    return { sizes: this.#sizes, strides: this.steps[0]! }
  }
}

/** One lowering of the epilogue with given loops. */
class Epilogue {
  readonly factors: Factors
  readonly order: readonly number[]
  readonly body: Body
  readonly stores: ContractStore[] = []
  readonly #product: Value
  readonly #index: Index
  readonly #address: Affine
  readonly #lastBatch: number
  readonly #lastRow: number
  #checked = 0

  constructor(product: Value, factors: Factors) {
    this.#product = product
    this.factors = factors
    this.order = identityOrder(product.shape)
    this.body = new Body(loopSizes(factors, this.order), loopSizes(factors, this.order).length)
    this.#index = dimensionIndex(factors, this.order)
    this.#address = linear(this.#index, product.shape)
    const loopsBefore = (dimension: number): number =>
      factors.slice(0, dimension).reduce((n, own) => n + own.length, 0)
    this.#lastBatch = loopsBefore(product.shape.length - 2)
    this.#lastRow = loopsBefore(product.shape.length - 1)
    const acc = this.body.push({ op: 'acc', dtype: product.dtype, inner: false, phase: 0 })
    this.body.define(product, acc, this.#address)
    this.stores.push({ member: product, expr: acc, addr: this.collapse(this.#address)! })
  }

  /** `[c0, batch, m, n]`, or null where the loops of one of them do not walk as one. */
  collapse(addr: Affine): Affine | null {
    const { sizes } = this.body
    const result = [addr[0]!]
    const bounds = [0, this.#lastBatch, this.#lastRow, this.body.loops]
    for (let group = 0; group < 3; group++) {
      let stride: number | null = null
      let extent = 1
      for (let i = bounds[group + 1]! - 1; i >= bounds[group]!; i--) {
        const c = addr[i + 1] ?? 0
        if (sizes[i] !== 1) {
          if (stride === null) stride = c / extent
          else if (c !== stride * extent) return null
        }
        extent *= sizes[i]!
      }
      result.push(stride ?? 0)
    }
    return result
  }

  lower(v: Value): boolean {
    this.body.asOf = v.placedAt
    const { body } = this
    const index = reshapeIndex(this.#index, this.#product.shape, v.shape, body)
    if (!index) {
      body.problem = body.split ? { kind: 'split', ...body.split } : { kind: 'unaligned' }
      body.split = null
      return false
    }
    const expr = v.placement ? body.at(v.src[0]!, index) : body.inside(v, index)
    if (expr === FAILED) return false
    let address = this.#address
    if (v.placement) {
      const { target, low, step } = v.placement
      body.forbid(target)
      const placed = index.map((form, axis) =>
        scale(v.shape[axis] === 1 ? ZERO : form, step[axis]!, low[axis]),
      )
      address = linear(placed, target.shape)
    } else body.define(v, expr, address)
    const addr = this.collapse(add(address, Array<number>(body.loops + 1).fill(0)))
    if (!addr || !this.#newAddressesCollapse()) {
      body.problem = { kind: 'unaligned' }
      return false
    }
    this.stores.push({ member: v, expr, addr })
    return true
  }

  #newAddressesCollapse(): boolean {
    const { exprs } = this.body
    for (let i = Math.min(this.#checked, exprs.length); i < exprs.length; i++) {
      const e = exprs[i]!
      if ((e.op === 'load' || e.op === 'index') && !this.collapse(e.addr)) return false
    }
    this.#checked = exprs.length
    return true
  }

  /** After a rollback, expressions beyond this number are new again. */
  forget(exprs: number): void {
    this.#checked = Math.min(this.#checked, exprs)
  }
}

export class ContractLowering implements Lowering {
  readonly kind = 'contract'
  readonly space = null
  readonly members: Value[]
  readonly a: DraftOperand
  readonly b: DraftOperand
  readonly #limits: KernelLimits
  #epilogue: Epilogue

  private constructor(product: Value, a: DraftOperand, b: DraftOperand, limits: KernelLimits) {
    this.members = [product]
    this.a = a
    this.b = b
    this.#limits = limits
    this.#epilogue = new Epilogue(product, unsplit(product.shape))
  }

  /** A kernel for `product`, or what has to be stored first. */
  static of(product: Value, limits: KernelLimits): ContractLowering | Refusal {
    const rank = product.shape.length
    const batch = Array<'batch'>(rank - 2).fill('batch')
    const a = operandView(product.src[0]!, [...batch, 'rows', 'ks'])
    if ('kind' in a) return a
    const b = operandView(product.src[1]!, [...batch, 'ks', 'rows'])
    if ('kind' in b) return b
    return new ContractLowering(product, a, b, limits)
  }

  /** `kernel` with more members, or null where they do not fit or are its operands. */
  static extended(
    kernel: ContractLowering,
    members: readonly Value[],
    limits: KernelLimits,
  ): ContractLowering | null {
    const [product, ...others] = kernel.members as [Value, ...Value[]]
    const isOperand = (v: Value): boolean => v === kernel.a.value || v === kernel.b.value
    if (members.some((v) => isOperand(v.placement?.target ?? v))) return null
    const larger = new ContractLowering(product, kernel.a, kernel.b, limits)
    for (const v of [...others, ...members].toSorted((x, y) => x.id - y.id)) if (larger.add(v)) return null
    return larger
  }

  get body(): Body {
    return this.#epilogue.body
  }
  get stores(): readonly ContractStore[] {
    return this.#epilogue.stores
  }
  /** Batch, rows, columns, terms. */
  get extents(): { batch: number; m: number; n: number; k: number } {
    const { shape, src } = this.members[0]!
    const rank = shape.length
    return {
      batch: sizeOf(shape.slice(0, -2)),
      m: shape[rank - 2]!,
      n: shape[rank - 1]!,
      k: src[0]!.shape[rank - 1]!,
    }
  }
  collapse(addr: Affine): Affine {
    return this.#epilogue.collapse(addr)!
  }
  reads(): ReadonlySet<Value> {
    return this.#epilogue.body.reads().add(this.a.value).add(this.b.value)
  }

  add(v: Value): Refusal | null {
    if ((v.node.prim === 'reduce' && !v.placement) || v.size !== this.members[0]!.size)
      return { kind: 'unaligned' }
    let epilogue = this.#epilogue
    const before = epilogue.body.checkpoint()
    const stores = epilogue.stores.length
    let problem = epilogue.lower(v) ? this.#overLimits(epilogue, v) : epilogue.body.problem!
    if (problem) {
      epilogue.body.rollback(before)
      epilogue.stores.length = stores
      epilogue.forget(before.exprs)
    }
    for (let attempt = 0; problem?.kind === 'split' && attempt < MOST_SPLITS; attempt++) {
      epilogue = new Epilogue(this.members[0]!, splitFactors(epilogue.factors, epilogue.order, problem))
      problem = this.#lowerAll(epilogue, v)
    }
    if (problem) return problem.kind === 'split' ? { kind: 'unaligned' } : problem
    this.#epilogue = epilogue
    this.members.push(v)
    return null
  }

  #lowerAll(epilogue: Epilogue, v: Value): Problem | null {
    for (const member of this.members.slice(1)) if (!epilogue.lower(member)) return epilogue.body.problem!
    return epilogue.lower(v) ? this.#overLimits(epilogue, v) : epilogue.body.problem!
  }

  #overLimits(epilogue: Epilogue, v: Value): Problem | null {
    const { exprs, buffers, escaping } = this.#limits
    if (epilogue.body.exprs.length > exprs) return { kind: 'caps' }
    if (buffers === 0) return null
    const read = epilogue.body.reads().add(this.a.value).add(this.b.value).size
    const scalars = epilogue.body.exprs.some((e) => e.op === 'scalar') ? 1 : 0
    return read + scalars + escaping([...this.members, v]) > buffers ? { kind: 'caps' } : null
  }
}
