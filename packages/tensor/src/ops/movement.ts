// Operations that only move elements: new shapes, axes in another order, repetition, padding. They cost nothing at run time
// unless somebody must read the elements in the new order.
import { ShapeError } from '../errors.ts'
import { DTYPES } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import * as graph from '../graph/primitives.ts'
import { assertShape, type Dims, normalizeAxes, showShape, sizeOf } from '../graph/shape.ts'
import type {
  BroadcastTo,
  ExpandDims,
  Flatten,
  Pad,
  ReshapeOf,
  Reverse,
  Squeeze,
  Tile,
  Transpose,
} from '../tensor/op-types.ts'
import { given, result } from './operands.ts'
import { dropAxes } from './reduction.ts'

/** `shape` with -1 replaced by what is left of `size` elements. */
function inferShape(from: Dims, shape: Dims): Dims {
  const size = sizeOf(from)
  const unknown = shape.indexOf(-1)
  if (unknown < 0) {
    assertShape('reshape', shape)
    if (sizeOf(shape) !== size)
      throw new ShapeError(
        `[reshape] Size(${size}) must match the product of shape ${shape.join(',')}: ${showShape(from)} holds ${size} values, ` +
          `${showShape(shape)} holds ${sizeOf(shape)}`,
      )
    return shape
  }
  if (shape.indexOf(-1, unknown + 1) >= 0)
    throw new ShapeError(
      `[reshape] Shapes can only have 1 implicit size. Found -1 at dim ${unknown} and dim ${shape.indexOf(-1, unknown + 1)}`,
    )
  const rest = shape.filter((d) => d !== -1)
  assertShape('reshape', rest)
  const known = sizeOf(rest)
  if (known === 0)
    throw new ShapeError(
      `[reshape] Cannot infer the missing size in ${showShape(shape)} when there are 0 elements`,
    )
  if (size % known !== 0)
    throw new ShapeError(
      `[reshape] The implicit shape can't be a fractional number. Got ${size} / ${known} (from ${showShape(from)} to ${showShape(shape)})`,
    )
  return shape.map((d) => (d === -1 ? size / known : d))
}

/**
 * The same elements in another shape; one dimension may be -1 and is worked out.
 * @throws when the number of elements differs
 * @example
 * ```ts
 * reshape(tensor([1, 2, 3, 4, 5, 6]), [2, -1]).print() // [[1, 2, 3], [4, 5, 6]]
 * ```
 */
export const reshape: ReshapeOf = (x, shape) => {
  const node = given('reshape', 'x', x)
  return result(graph.reshape(node, inferShape(node.shape, shape)))
}

/**
 * All elements in one dimension.
 * @example
 * ```ts
 * flatten(tensor([[1, 2], [3, 4]])).print() // [1, 2, 3, 4]
 * ```
 */
export const flatten: Flatten = (x) => {
  const node = given('flatten', 'x', x)
  return result(graph.reshape(node, [sizeOf(node.shape)]))
}

/**
 * A dimension of 1 inserted at `axis`.
 * @param axis position in the result, -(rank + 1) … rank (default 0)
 * @throws when the axis is outside that range
 * @example
 * ```ts
 * expandDims(tensor([1, 2]), -1).print() // [[1], [2]]
 * ```
 */
export const expandDims: ExpandDims = (x, axis) => {
  const node = given('expandDims', 'x', x)
  const at = insertionAxis('expandDims', axis ?? 0, node.shape)
  return result(graph.reshape(node, [...node.shape.slice(0, at), 1, ...node.shape.slice(at)]))
}

/** Where a new axis goes: counted in the result's rank. */
export function insertionAxis(op: string, axis: number, shape: Dims): number {
  const rank = shape.length
  if (!Number.isInteger(axis) || axis < -(rank + 1) || axis > rank)
    throw new ShapeError(
      `[${op}] axis ${axis} is outside [${-(rank + 1)}, ${rank}] for a tensor of shape ${showShape(shape)}`,
    )
  return axis < 0 ? axis + rank + 1 : axis
}

/**
 * Removes dimensions of 1.
 * @param axis which ones (default, and for an empty list: all)
 * @throws when a named dimension is not 1
 * @example
 * ```ts
 * squeeze(zeros([1, 3, 1])).shape // [3]
 * ```
 */
export const squeeze: Squeeze = (x, axis) => {
  const node = given('squeeze', 'x', x)
  const { shape } = node
  if (axis === undefined || (typeof axis !== 'number' && axis.length === 0))
    return result(
      dropAxes(
        node,
        [...shape.keys()].filter((a) => shape[a] === 1),
      ),
    )
  const axes = normalizeAxes('squeeze', axis, shape.length)
  for (const a of axes)
    if (shape[a] !== 1)
      throw new ShapeError(
        `[squeeze] Can't squeeze axis ${a} since its dim '${shape[a]}' is not 1 (shape ${showShape(shape)})`,
      )
  return result(dropAxes(node, axes))
}

/**
 * Axes in another order: axis `i` of the result is axis `perm[i]` of `x`.
 * @param perm default: all axes reversed
 * @throws when `perm` is not a permutation of the axes
 * @example
 * ```ts
 * transpose(tensor([[1, 2, 3], [4, 5, 6]])).print() // [[1, 4], [2, 5], [3, 6]]
 * ```
 */
export const transpose: Transpose = (x, perm) => {
  const node = given('transpose', 'x', x)
  const rank = node.shape.length
  if (perm === undefined) return result(graph.transpose(node, [...node.shape.keys()].toReversed()))
  if (perm.length !== rank)
    throw new ShapeError(
      `[transpose] Error in transpose: rank of input ${rank} must match length of perm ${showShape(perm)} (shape ${showShape(node.shape)})`,
    )
  for (const p of perm)
    if (!Number.isInteger(p) || p < -rank || p >= rank)
      throw new ShapeError(
        `[transpose] All entries in 'perm' must be between 0 and ${rank - 1} but got ${showShape(perm)}`,
      )
  return result(
    graph.transpose(
      node,
      perm.map((p) => (p < 0 ? p + rank : p)),
    ),
  )
}

/**
 * `x` stretched to `shape` by NumPy's rule: aligned at the right, dimensions of 1 repeat.
 * @throws when a dimension is neither 1 nor that of `shape`
 * @example
 * ```ts
 * broadcastTo(tensor([1, 2]), [2, 2]).print() // [[1, 2], [1, 2]]
 * ```
 */
export const broadcastTo: BroadcastTo = (x, shape) => {
  assertShape('broadcastTo', shape)
  return result(graph.broadcastTo(given('broadcastTo', 'x', x), shape))
}

/**
 * `x` repeated `reps[a]` times along each axis.
 * @throws when `reps` has not one entry an axis
 * @example
 * ```ts
 * tile(tensor([1, 2]), [2]).print() // [1, 2, 1, 2]
 * ```
 */
export const tile: Tile = (x, reps) => {
  const node = given('tile', 'x', x)
  const { shape } = node
  if (reps.length !== shape.length)
    throw new ShapeError(
      `[tile] Error in transpose: rank of input ${shape.length} must match length of reps ${showShape(reps)}; give one number an axis`,
    )
  assertShape('tile', reps)
  // [d0, d1] → [1, d0, 1, d1] → [r0, d0, r1, d1] → [r0 d0, r1 d1]
  const apart = graph.reshape(
    node,
    shape.flatMap((d) => [1, d]),
  )
  const repeated = graph.broadcastTo(
    apart,
    shape.flatMap((d, a) => [reps[a]!, d]),
  )
  return result(
    graph.reshape(
      repeated,
      shape.map((d, a) => d * reps[a]!),
    ),
  )
}

/**
 * Elements in opposite order along `axis`.
 * @param axis axis or axes (default: all)
 * @example
 * ```ts
 * reverse(tensor([1, 2, 3])).print() // [3, 2, 1]
 * ```
 */
export const reverse: Reverse = (x, axis) => {
  const node = given('reverse', 'x', x)
  return result(graph.reverse(node, normalizeAxes('reverse', axis, node.shape.length)))
}

/**
 * `x` with a border of a constant.
 * @param paddings `[before, after]` for each axis
 * @param constantValue default 0
 * @throws when `paddings` has not one pair an axis, or a number is negative
 * @example
 * ```ts
 * pad(tensor([1, 2]), [[1, 2]], 9).print() // [9, 1, 2, 9, 9]
 * ```
 */
export const pad: Pad = (x, paddings, constantValue) => {
  const node = given('pad', 'x', x)
  if (node.shape.length === 0)
    throw new ShapeError('[pad] pad(scalar) is not defined. Pass non-scalar to pad')
  if (paddings.length !== node.shape.length)
    throw new ShapeError(
      `[pad] expects one [before, after] an axis of ${showShape(node.shape)}, got ${JSON.stringify(paddings)}`,
    )
  return result(
    graph.pad(
      node,
      paddings.map((p) => p[0]),
      paddings.map((p) => p[1]),
      undefined,
      padValue(node, constantValue ?? 0),
    ),
  )
}

const padValue = (x: Node, value: number): number | bigint =>
  typeof DTYPES[x.dtype].lowest === 'bigint' ? BigInt(value) : value
