// Counting whole numbers: how often each occurs, or what weights it gathers.
import { ShapeError, DTypeError } from '../errors.ts'
import { isInteger } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { cast, constant, iota, reshape, s, scatterAdd } from '../graph/primitives.ts'
import { showShape, sizeOf } from '../graph/shape.ts'
import type { Bincount, DenseBincount } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { given, result, withoutBool } from './operands.ts'

/** Whole numbers and what each of them counts. */
function counted(op: string, x: Arg, weights: Arg, size: number): { node: Node; each: Node } {
  const node = given(op, 'x', x, 'int32')
  if (!isInteger(node.dtype))
    throw new DTypeError(`[${op}] Error in ${op}: input dtype must be int32, but got ${node.dtype}; cast it`)
  if (!Number.isInteger(size) || size < 0)
    throw new ShapeError(`[${op}] size must be non-negative, but got ${size}. It is the number of bins`)
  const weight = withoutBool(given(op, 'weights', weights))
  const none = sizeOf(weight.shape) === 0
  if (!none && sizeOf(weight.shape) !== sizeOf(node.shape))
    throw new ShapeError(
      `[${op}] Error in ${op}: weights must have the same shape as x or 0-length, but got x shape: ` +
        `${showShape(node.shape)}, weights shape: ${showShape(weight.shape)}.`,
    )
  const each = none ? constant(1, weight.dtype, node.shape) : reshape(weight, node.shape)
  return { node: cast(node, 'int32'), each }
}

/** Sums of `each` by number, a row of `size` bins for each of `rows`. Numbers outside of the bins are dropped. */
function sums(node: Node, each: Node, rows: number, size: number): Node {
  const columns = sizeOf(node.shape) / Math.max(rows, 1)
  const numbers = reshape(node, [rows, columns])
  const inside = s.and(s.ge(numbers, 0), s.lt(numbers, size))
  const bins = s.select(inside, s.add(numbers, s.mul(iota([rows, columns], 0), size)), -1)
  const updates = reshape(each, [rows * columns])
  return scatterAdd(constant(0, each.dtype, [rows * size]), reshape(bins, [rows * columns]), updates, 0)
}

/**
 * How often each of 0 … size - 1 occurs in `x`, or the sum of the weights where it does; other numbers do not count.
 * @param x int32, any shape
 * @param weights of the shape of `x`, or empty: each counts 1
 * @param size number of bins
 * @returns `[size]`, of the dtype of `weights`
 * @throws when `x` is not an integer tensor, `size` is negative, or the shapes differ
 * @example
 * ```ts
 * bincount(tensor([1, 1, 3], [3], 'int32'), [], 4).print() // [0, 2, 0, 1]
 * ```
 */
export const bincount: Bincount = (x, weights, size) => {
  const { node, each } = counted('bincount', x, weights, size)
  return result(sums(node, each, 1, size))
}

/**
 * `bincount` of a vector, or of each row of a matrix.
 * @param x int32, `[n]` or `[rows, n]`
 * @param weights of the shape of `x`, or empty: each counts 1
 * @param size number of bins
 * @param binaryOutput 1 for numbers that occur, 0 for those that do not (default false)
 * @returns `[size]` or `[rows, size]`, of the dtype of `weights`
 * @throws when `x` is not an integer tensor of rank 1 or 2, `size` is negative, or the shapes differ
 * @example
 * ```ts
 * denseBincount(tensor([[1, 1], [0, 2]], [2, 2], 'int32'), [], 3).print() // [[0, 2, 0], [1, 0, 1]]
 * ```
 */
export const denseBincount: DenseBincount = (x, weights, size, binaryOutput) => {
  const { node, each } = counted('denseBincount', x, weights, size)
  const { shape } = node
  if (shape.length > 2)
    throw new ShapeError(
      `[denseBincount] Error in denseBincount: input must be at most rank 2, but got rank ${shape.length}. ` +
        `Its shape is ${showShape(shape)}`,
    )
  const rows = shape.length === 2 ? shape[0]! : 1
  const bins = binaryOutput
    ? cast(s.gt(sums(node, constant(1, 'int32', shape), rows, size), 0), each.dtype)
    : sums(node, each, rows, size)
  return result(reshape(bins, shape.length === 2 ? [rows, size] : [size]))
}
