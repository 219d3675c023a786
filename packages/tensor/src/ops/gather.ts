// Picking elements by index, and one-hot rows. Indices in JavaScript arrays are checked at the call; indices in tensors are not
// known there: gather clamps them, oneHot gives a row of `offValue`.
import { DTypeError } from '../errors.ts'
import { type DType, DTYPES, isInteger } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import {
  cast,
  constant,
  gather as gatherNode,
  iota,
  reshape,
  s,
  transpose as transposeNode,
} from '../graph/primitives.ts'
import { type Dims, normalizeAxis, rowMajor, showShape, sizeOf } from '../graph/shape.ts'
import type { Gather, GatherND, OneHot } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { given, isTensor, result } from './operands.ts'
import { dropAxes } from './reduction.ts'
import { part } from './slice.ts'

/** int32 indices; those that stand in a JavaScript array must lie in [0, limit). */
function indexNode(op: string, indices: Arg, limit: number): Node {
  const node = given(op, 'indices', indices)
  if (!isTensor(indices)) checkIndices(op, indices, limit)
  if (node.dtype === 'int64') {
    const last = Math.min(limit, DTYPES.int32.highest as number)
    return cast(s.min(s.max(node, -1), last), 'int32') // clamped, not wrapped
  }
  if (isInteger(node.dtype)) return cast(node, 'int32')
  if (!isTensor(indices)) return cast(node, 'int32') // whole numbers, as just checked
  throw new DTypeError(
    `[${op}] indices must be integers, got a ${node.dtype} tensor of shape ${showShape(node.shape)}; cast them to int32`,
  )
}

function checkIndices(op: string, indices: unknown, limit: number): void {
  if (typeof indices === 'number' || typeof indices === 'bigint') {
    const i = Number(indices)
    if (!Number.isInteger(i) || i < 0 || i >= limit)
      throw new Error(
        `[${op}] index ${i} is outside [0, ${limit}): indices are whole numbers from 0 to ${limit - 1}`,
      )
  } else for (const i of indices as Iterable<unknown>) checkIndices(op, i, limit)
}

/**
 * Slices of `x` along `axis` picked by `indices`.
 * @param indices integers of any shape; in a tensor, those outside are clamped
 * @param axis default 0
 * @param batchDims how many leading axes of `x` and `indices` belong together (default 0)
 * @returns `x.shape` with `axis` replaced by the shape of `indices` (without its batch axes)
 * @throws when indices are not integers, an index in an array is out of range, or batch axes differ
 * @example
 * ```ts
 * gather(tensor([[1, 2], [3, 4], [5, 6]]), [2, 0]).print() // [[5, 6], [1, 2]]
 * ```
 */
export const gather: Gather = (x, indices, axis, batchDims) => {
  const node = given('gather', 'x', x)
  if (node.shape.length === 0) throw new Error('[gather] a scalar has no axis to pick from')
  const a = normalizeAxis('gather', axis ?? 0, node.shape.length)
  const picks = indexNode('gather', indices, node.shape[a]!)
  const batch = batchDims ?? 0
  return result(
    batch === 0
      ? gatherNode(node, picks, a)
      : batchedGather(node, picks, a, batch < 0 ? batch + picks.shape.length : batch),
  )
}

/** Batch axes and the gathered axis become one axis of blocks; the indices of each batch move into its block. */
function batchedGather(x: Node, indices: Node, axis: number, batchDims: number): Node {
  const batch = x.shape.slice(0, batchDims)
  assertBatchDims(x.shape, indices.shape, axis, batchDims)
  const front = moveAxis(x, axis, batchDims)
  const depth = x.shape[axis]!
  const rest = front.shape.slice(batchDims + 1)
  const inner = indices.shape.slice(batchDims)
  const n = sizeOf(batch)
  const offsets = s.mul(iota([n, 1], 0), depth)
  const limited = s.max(s.min(reshape(indices, [n, sizeOf(inner)]), depth - 1), 0)
  const picked = gatherNode(reshape(front, [n * depth, ...rest]), s.add(limited, offsets), 0)
  // [batch, inner, middle, rest] → [batch, middle, inner, rest]: the picked axes return to where `axis` was
  const middle = axis - batchDims
  const full = reshape(picked, [...batch, ...inner, ...rest])
  const order = [...full.shape.keys()]
  const innerAxes = order.splice(batchDims, inner.length)
  order.splice(batchDims + middle, 0, ...innerAxes)
  return transposeNode(full, order)
}

function assertBatchDims(x: Dims, indices: Dims, axis: number, batchDims: number): void {
  const shapes = `x ${showShape(x)}, indices ${showShape(indices)}`
  if (batchDims < 0 || batchDims > indices.length)
    throw new Error(
      `[gather] Expect batchDims in the range of [${-indices.length}, ${indices.length}], but got ${batchDims} (${shapes})`,
    )
  if (batchDims > axis)
    throw new Error(
      `[gather] batchDims (${batchDims}) must be less than or equal to axis (${axis}) (${shapes})`,
    )
  for (let i = 0; i < batchDims; i++)
    if (x[i] !== indices[i])
      throw new Error(
        `[gather] x.shape[${i}]: ${x[i]} should be equal to indices.shape[${i}]: ${indices[i]} (${shapes})`,
      )
}

const moveAxis = (x: Node, from: number, to: number): Node => {
  const perm = [...x.shape.keys()]
  perm.splice(to, 0, ...perm.splice(from, 1))
  return transposeNode(x, perm)
}

/**
 * Slices of `x` at the positions in the last axis of `indices`.
 * @param indices integers `[..., depth]`, `depth` at most the rank of `x`; each position is clamped
 * @returns `indices.shape` without its last axis, then `x.shape` without its first `depth` axes
 * @throws when indices are not integers or name more axes than `x` has
 * @example
 * ```ts
 * gatherND(tensor([[1, 2], [3, 4]]), tensor([[0, 1], [1, 0]], [2, 2], 'int32')).print() // [2, 3]
 * ```
 */
export const gatherND: GatherND = (x, indices) => {
  const node = given('gatherND', 'x', x)
  const positions = indexNode('gatherND', indices, Infinity)
  const last = positions.shape.length - 1
  const depth = positions.shape[last]
  if (depth === undefined || depth > node.shape.length)
    throw new Error(
      `[gatherND] index innermost dimension length must be <= tensor rank; saw: ${depth} vs. ${node.shape.length} ` +
        `(indices ${showShape(positions.shape)}, x ${showShape(node.shape)})`,
    )
  const indexed = node.shape.slice(0, depth)
  const rows = reshape(node, [sizeOf(indexed), ...node.shape.slice(depth)])
  return result(gatherNode(rows, linearIndex(positions, last, indexed), 0))
}

function linearIndex(positions: Node, axis: number, shape: Dims): Node {
  const strides = rowMajor(shape)
  let linear = constant(0, 'int32', positions.shape.slice(0, -1))
  for (const [i, d] of shape.entries()) {
    const along = dropAxes(part(positions, axis, i, 1), [axis])
    linear = s.add(linear, s.mul(s.max(s.min(along, d - 1), 0), strides[i]!))
  }
  return linear
}

/**
 * Rows of `depth` elements: `onValue` at the index, `offValue` elsewhere (everywhere, when an index is out of range).
 * @param indices integers of any shape
 * @param onValue default 1
 * @param offValue default 0
 * @param dtype default `'int32'`, as in tfjs
 * @returns `[...indices.shape, depth]`
 * @throws when `depth` is below 2, indices are not integers, or an index in an array is out of range
 * @example
 * ```ts
 * oneHot([0, 2], 3).print() // [[1, 0, 0], [0, 0, 1]]
 * ```
 */
export const oneHot: OneHot = (indices, depth, onValue, offValue, dtype) => {
  if (!Number.isInteger(depth) || depth < 2)
    throw new Error(`[oneHot] Error in oneHot: depth must be >=2, but it is ${depth}`)
  const node = indexNode('oneHot', indices, depth)
  const type: DType = dtype ?? 'int32'
  const column = reshape(node, [...node.shape, 1])
  const hit = s.eq(column, iota([depth], 0))
  const [on, off] = [onValue ?? 1, offValue ?? 0]
  return result(
    on === 1 && off === 0 ? cast(hit, type) : s.select(hit, constant(on, type), constant(off, type)),
  )
}
