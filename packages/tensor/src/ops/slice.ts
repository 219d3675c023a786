// Parts of a tensor: slices, splits, single layers along an axis.
import { ShapeError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import * as graph from '../graph/primitives.ts'
import { type Dims, normalizeAxis, showShape } from '../graph/shape.ts'
import type { Slice, Split, Unstack } from '../tensor/op-types.ts'
import type { Axes } from '../tensor/types.ts'
import { given, result } from './operands.ts'
import { dropAxes } from './reduction.ts'

/**
 * `size[a]` elements from `begin[a]` along each axis.
 * @param begin a start for each axis, or one number for the first axis; missing ones are 0
 * @param size sizes, -1 or missing for all that follow
 * @throws when the part leaves the tensor, or `x` is a scalar
 * @example
 * ```ts
 * slice(tensor([[1, 2, 3], [4, 5, 6]]), [0, 1], [2, 2]).print() // [[2, 3], [5, 6]]
 * ```
 */
export const slice: Slice = (x, begin, size) => {
  const node = given('slice', 'x', x)
  const { shape } = node
  if (shape.length === 0) throw new ShapeError('[slice] Slicing scalar is not possible; index or reshape it')
  const starts = listOf(begin)
  const sizes = listOf(size)
  if (starts.length > shape.length || sizes.length > shape.length)
    throw new ShapeError(
      `[slice] begin ${showShape(starts)} or size ${showShape(sizes)} has more entries than ${showShape(shape)}`,
    )
  const start = shape.map((_, a) => starts[a] ?? 0)
  if (start.some((v) => v < 0))
    throw new ShapeError(
      `[slice] slice() does not support negative begin indexing. Got begin ${showShape(start)}; use stridedSlice`,
    )
  const extent = shape.map((d, a) => ((sizes[a] ?? -1) === -1 ? d - start[a]! : sizes[a]!))
  for (let a = 0; a < shape.length; a++)
    if (
      !Number.isInteger(start[a]) ||
      !Number.isInteger(extent[a]) ||
      start[a]! < 0 ||
      extent[a]! < 0 ||
      start[a]! + extent[a]! > shape[a]!
    )
      throw new ShapeError(
        `[slice] Error in slice${shape.length}D: begin[${a}] + size[${a}] (${start[a]! + extent[a]!}) would overflow ` +
          `input.shape[${a}] (${shape[a]}): begin ${showShape(start)}, size ${showShape(extent)}, shape ${showShape(shape)}`,
      )
  return result(graph.slice(node, start, extent))
}

const listOf = (x: Axes | undefined): Dims => (x === undefined ? [] : typeof x === 'number' ? [x] : x)

/** One part of `x` along `axis`. */
export function part(x: Node, axis: number, start: number, size: number): Node {
  return graph.slice(
    x,
    x.shape.map((_, a) => (a === axis ? start : 0)),
    x.shape.map((d, a) => (a === axis ? size : d)),
  )
}

/** Sizes of parts along a dimension of `dim`. */
function partSizes(dim: number, numOrSizeSplits: number | readonly number[]): readonly number[] {
  if (typeof numOrSizeSplits === 'number') {
    if (!Number.isInteger(numOrSizeSplits) || numOrSizeSplits < 1 || dim % numOrSizeSplits !== 0)
      throw new ShapeError(
        `[split] Number of splits must evenly divide the axis: ${dim} elements into ${numOrSizeSplits} parts`,
      )
    return Array<number>(numOrSizeSplits).fill(dim / numOrSizeSplits)
  }
  const known = numOrSizeSplits.filter((n) => n !== -1)
  const sum = known.reduce((a, n) => a + n, 0)
  if (numOrSizeSplits.length - known.length > 1)
    throw new ShapeError('[split] There should be only one negative value in split array')
  const rest = dim - sum
  if (
    known.some((n) => !Number.isInteger(n) || n < 0) ||
    rest < 0 ||
    (rest > 0 && known.length === numOrSizeSplits.length)
  )
    throw new ShapeError(
      `[split] The sum of sizes must match the size of the axis dimension: sizes ${showShape(numOrSizeSplits)} for ${dim} elements`,
    )
  return numOrSizeSplits.map((n) => (n === -1 ? rest : n))
}

/**
 * `x` cut into parts along `axis`.
 * @param numOrSizeSplits a number of equal parts, or the sizes of the parts (one may be -1: what is left)
 * @param axis default 0
 * @throws when the parts do not add up to the dimension
 * @example
 * ```ts
 * const [left, right] = split(tensor([[1, 2, 3], [4, 5, 6]]), [1, 2], 1)
 * right.print() // [[2, 3], [5, 6]]
 * ```
 */
export const split: Split = (x, numOrSizeSplits, axis) => {
  const node = given('split', 'x', x)
  const a = normalizeAxis('split', axis ?? 0, node.shape.length)
  let start = 0
  return partSizes(node.shape[a]!, numOrSizeSplits).map((size) => {
    start += size
    return result(part(node, a, start - size, size))
  }) as never
}

/**
 * The layers of `x` along `axis`, without that axis.
 * @param axis default 0
 * @example
 * ```ts
 * const [first, second] = unstack(tensor([[1, 2], [3, 4]]))
 * second.print() // [3, 4]
 * ```
 */
export const unstack: Unstack = (x, axis) => {
  const node = given('unstack', 'x', x)
  if (node.shape.length === 0) throw new ShapeError('[unstack] a scalar has no axis to take apart')
  const a = normalizeAxis('unstack', axis ?? 0, node.shape.length)
  return Array.from({ length: node.shape[a]! }, (_, i) => result(dropAxes(part(node, a, i, 1), [a]))) as never
}
