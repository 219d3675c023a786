// Writing elements by index, the counterpart of gatherND: positions stand in the last axis of `indices`. Positions outside are
// dropped, as in StableHLO.
import { DTypeError, ShapeError } from '../errors.ts'
import { isInteger } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { cast, constant, reshape, s, scatterAdd } from '../graph/primitives.ts'
import { assertShape, type Dims, rowMajor, sameShape, showShape, sizeOf } from '../graph/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Arg, Sizes } from '../tensor/types.ts'
import { given, isTensor, result, withoutBool } from './operands.ts'
import { dropAxes } from './reduction.ts'
import { part } from './slice.ts'

/** Updates as rows of a matrix of rows, and the row that each goes to; -1 for positions outside. */
interface Rows {
  readonly shape: readonly [number, number]
  readonly targets: Node
  readonly updates: Node
}

function rowsOf(op: string, indices: Arg, updates: Node, shape: Dims): Rows {
  const list = given(op, 'indices', indices, isTensor(indices) ? undefined : 'int32')
  // a vector holds places along the first axis
  const positions = list.shape.length === 1 ? reshape(list, [list.shape[0]!, 1]) : list
  if (!isInteger(positions.dtype))
    throw new DTypeError(`[${op}] indices must be integers, got ${positions.dtype}; cast them to int32`)
  const last = positions.shape.length - 1
  const depth = positions.shape[last]
  if (depth === undefined || depth > shape.length)
    throw new ShapeError(
      `[${op}] the last axis of indices (shape ${showShape(positions.shape)}) names ${depth ?? 'no'} axes of a tensor of shape ` +
        `${showShape(shape)}; give positions [..., depth] with depth at most ${shape.length}`,
    )
  const expected = [...positions.shape.slice(0, -1), ...shape.slice(depth)]
  if (!sameShape(updates.shape, expected))
    throw new ShapeError(
      `[${op}] updates must have shape ${showShape(expected)} for indices ${showShape(positions.shape)} into ${showShape(shape)}, ` +
        `got ${showShape(updates.shape)}`,
    )
  const [rows, width] = [sizeOf(shape.slice(0, depth)), sizeOf(shape.slice(depth))]
  const targets = rowIndex(cast(positions, 'int32'), last, shape.slice(0, depth))
  const count = sizeOf(targets.shape)
  return {
    shape: [rows, width],
    targets: reshape(targets, [count]),
    updates: reshape(updates, [count, width]),
  }
}

function rowIndex(positions: Node, axis: number, shape: Dims): Node {
  const strides = rowMajor(shape)
  let linear = constant(0, 'int32', positions.shape.slice(0, -1))
  let inside = constant(true, 'bool', linear.shape)
  for (const [i, d] of shape.entries()) {
    const along = dropAxes(part(positions, axis, i, 1), [axis])
    inside = s.and(inside, s.and(s.ge(along, 0), s.lt(along, d)))
    linear = s.add(linear, s.mul(along, strides[i]!))
  }
  return s.select(inside, linear, -1)
}

/**
 * A tensor of zeros with `updates` added at positions: those that stand there twice add up.
 * @param indices integers `[..., depth]`: positions along the first `depth` axes, or `[n]`: along the first; those outside are dropped
 * @param updates `indices.shape` without its last axis, then `shape` without its first `depth` axes
 * @param shape of the result
 * @throws when indices are not integers or shapes do not fit
 * @example
 * ```ts
 * scatterND(tensor([[1], [3], [1]], [3, 1], 'int32'), [10, 20, 5], [5]).print() // [0, 15, 0, 20, 0]
 * ```
 */
export function scatterND(indices: Arg, updates: Arg, shape: Sizes): Tensor {
  assertShape('scatterND', shape)
  const rows = rowsOf('scatterND', indices, withoutBool(given('scatterND', 'updates', updates)), shape)
  const sum = scatterAdd(constant(0, rows.updates.dtype, rows.shape), rows.targets, rows.updates, 0)
  return result(reshape(sum, shape))
}

/**
 * `x` with the elements at positions replaced by `updates`. Positions should differ: where one stands twice, the sum of its
 * updates is written.
 * @param x a tensor of any shape
 * @param indices integers `[..., depth]`: positions along the first `depth` axes, or `[n]`: along the first; those outside are dropped
 * @param updates `indices.shape` without its last axis, then `x.shape` without its first `depth` axes; of the dtype of `x`
 * @throws when indices are not integers, or shapes or dtypes do not fit
 * @example
 * ```ts
 * tensorScatterUpdate([1, 2, 3, 4], tensor([[1], [3]], [2, 1], 'int32'), [9, 8]).print() // [1, 9, 3, 8]
 * ```
 */
export function tensorScatterUpdate(x: Arg, indices: Arg, updates: Arg): Tensor {
  const op = 'tensorScatterUpdate'
  const target = given(op, 'x', x)
  const values = given(op, 'updates', updates, target.dtype)
  if (values.dtype !== target.dtype)
    throw new DTypeError(`[${op}] updates must be ${target.dtype} like x, got ${values.dtype}; cast them`)
  const rows = rowsOf(op, indices, withoutBool(values), target.shape)
  const { dtype } = rows.updates
  const sum = scatterAdd(constant(0, dtype, rows.shape), rows.targets, rows.updates, 0)
  const ones = constant(1, 'int32', [rows.targets.shape[0]!, 1])
  const hits = scatterAdd(constant(0, 'int32', [rows.shape[0], 1]), rows.targets, ones, 0)
  const written = s.select(s.gt(hits, 0), cast(sum, target.dtype), reshape(target, rows.shape))
  return result(reshape(written, target.shape))
}
