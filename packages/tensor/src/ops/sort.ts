// Order along an axis: sorting, the greatest few, quantiles. Sorting yields positions; values are picked with them, so
// derivatives go to the elements that were picked.
import { ShapeError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import { constant, reduce, reshape, s, sort as sortNode, takeAlong, transpose } from '../graph/primitives.ts'
import { normalizeAxes, normalizeAxis, showShape, sizeOf } from '../graph/shape.ts'
import type { MedianOf, Order, Ordered, QuantileOf, TopK } from '../tensor/op-types.ts'
import type { Arg, Axes } from '../tensor/types.ts'
import { floating, given, result } from './operands.ts'
import { part } from './slice.ts'

function order(op: string, x: Arg, axis = -1): { node: Node; along: number } {
  const node = given(op, 'x', x)
  if (node.shape.length === 0)
    throw new ShapeError(`[${op}] a scalar has no axis to sort along; reshape it to [1]`)
  return { node, along: normalizeAxis(op, axis, node.shape.length) }
}

/**
 * Elements in order along an axis. Equal elements keep their order; NaN counts as greatest.
 * @param axis default -1
 * @param descending greatest first (default false)
 * @throws when the axis is outside the tensor, or `x` is a scalar
 * @example
 * ```ts
 * sort(tensor([3, 1, 2])).print() // [1, 2, 3]
 * sort(tensor([[3, 1], [2, 4]]), 0, true).print() // [[3, 4], [2, 1]]
 * ```
 */
export const sort: Ordered = (x, axis, descending) => {
  const { node, along } = order('sort', x, axis)
  return result(takeAlong(node, sortNode(node, along, descending ?? false), along))
}

/**
 * int32 positions of the elements in order along an axis: `x` at these positions is `sort(x)`.
 * @param axis default -1
 * @param descending greatest first (default false)
 * @throws when the axis is outside the tensor, or `x` is a scalar
 * @example
 * ```ts
 * argsort(tensor([30, 10, 20])).print() // [1, 2, 0]
 * ```
 */
export const argsort: Order = (x, axis, descending) => {
  const { node, along } = order('argsort', x, axis)
  return result(sortNode(node, along, descending ?? false))
}

/**
 * The `k` greatest elements of the last axis, greatest first, and their positions; where elements are equal, the lower
 * position comes first. NaN counts as greatest.
 * @param k default 1
 * @param sorted accepted for compatibility: the result is always in order
 * @returns `values` and int32 `indices`, both `[..., k]`
 * @throws when `x` is a scalar, or `k` is negative or larger than the last axis
 * @example
 * ```ts
 * const { values, indices } = topk(tensor([1, 5, 3, 4]), 2)
 * values.print() // [5, 4]
 * indices.print() // [1, 3]
 * ```
 */
export const topk: TopK = (x, k, _sorted) => {
  const node = given('topk', 'x', x)
  const count: number = k ?? 1
  const last = node.shape.length - 1
  if (last < 0)
    throw new ShapeError(
      '[topk] topk() expects the input to be of rank 1 or higher, got a scalar; reshape it to [1]',
    )
  if (!Number.isInteger(count) || count < 0)
    throw new ShapeError(`[topk] 'k' passed to topk() must be >= 0 but got ${count}; it is a whole number`)
  if (count > node.shape[last]!)
    throw new ShapeError(
      `[topk] 'k' passed to topk() must be <= the last dimension (${node.shape[last]}) but got ${count} (x ${showShape(node.shape)})`,
    )
  const indices = sortNode(node, last, true, count)
  return { values: result(takeAlong(node, indices, last)), indices: result(indices) }
}

function quantileNode(
  op: string,
  x: Arg,
  q: number,
  axis: Axes | null | undefined,
  keepDims: boolean | undefined,
): Node {
  if (!(q >= 0 && q <= 1)) throw new Error(`[${op}] q is a number from 0 to 1, got ${q}`)
  const node = floating(op, 'x', x)
  const axes = normalizeAxes(op, axis, node.shape.length)
  const others = node.shape.map((_, a) => a).filter((a) => !axes.includes(a))
  const kept = others.map((a) => node.shape[a]!)
  const count = sizeOf(axes.map((a) => node.shape[a]!))
  if (count === 0)
    throw new ShapeError(
      `[${op}] ${showShape(node.shape)} has no elements along axes ${showShape(axes)}: no quantiles`,
    )
  const lines = reshape(transpose(node, [...others, ...axes]), [...kept, count])
  const value = axes.length === 1 ? quantileAlong(node, q, axes[0]!) : quantileAlong(lines, q, kept.length)
  return reshape(value, keepDims ? node.shape.map((d, a) => (axes.includes(a) ? 1 : d)) : kept)
}

/** NumPy's 'linear' method: the place `q · (n - 1)` of the sorted line, between neighbours in proportion; NaN where one is in it. */
function quantileAlong(x: Node, q: number, axis: number): Node {
  const length = x.shape[axis]!
  const place = q * (length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, length - 1)
  const positions = sortNode(x, axis, false, above + 1)
  const at = (j: number): Node => takeAlong(x, part(positions, axis, j, 1), axis)
  const between = s.add(at(below), s.mul(s.sub(at(above), at(below)), place - below))
  const hasNaN = reduce('max', s.ne(x, x), [axis])
  return s.select(hasNaN, constant(NaN, x.dtype), place > below ? between : at(below))
}

/**
 * The value below which a share `q` of the elements lies, interpolated between neighbours as NumPy's `quantile` does. Integers
 * and bool become float32; the result is NaN where a NaN is among the elements.
 * @param q from 0 (least) to 1 (greatest)
 * @param axis axis or axes (default: all)
 * @param keepDims keep them as dimensions of 1 (default false)
 * @throws when `q` is outside [0, 1], or there are no elements
 * @example
 * ```ts
 * quantile(tensor([1, 2, 3, 4]), 0.25).print() // 1.75
 * ```
 */
export const quantile: QuantileOf = (x, q, axis, keepDims) =>
  result(quantileNode('quantile', x, q, axis, keepDims))

/**
 * The middle element, or the mean of the two in the middle. Integers and bool become float32; NaN where a NaN is among them.
 * @param axis axis or axes (default: all)
 * @param keepDims keep them as dimensions of 1 (default false)
 * @throws when there are no elements
 * @example
 * ```ts
 * median(tensor([[1, 5, 3], [4, 2, 9]]), 1).print() // [3, 4]
 * ```
 */
export const median: MedianOf = (x, axis, keepDims) => result(quantileNode('median', x, 0.5, axis, keepDims))
