// Reductions over axes. `axis` undefined or null means all; `keepDims` leaves reduced axes as dimensions of 1.
import { ShapeError } from '../errors.ts'
import type { Node, ReduceKind } from '../graph/node.ts'
import { reduce, reshape, s, stop } from '../graph/primitives.ts'
import { normalizeAxes, normalizeAxis, sizeOf } from '../graph/shape.ts'
import type { MomentsOf, NormOf, Reduction } from '../tensor/op-types.ts'
import type { Arg, Axes } from '../tensor/types.ts'
import { floating, given, numeric, result } from './operands.ts'

/** The axes themselves, then the result without them unless `keepDims`. */
function over(
  op: string,
  x: Node,
  axis: Axes | null | undefined,
  keepDims: boolean | undefined,
  compute: (x: Node, axes: readonly number[]) => Node,
): Node {
  const axes = normalizeAxes(op, axis, x.shape.length)
  const kept = compute(x, axes)
  return keepDims ? kept : dropAxes(kept, axes)
}

/** Removes axes of size 1. */
export const dropAxes = (x: Node, axes: readonly number[]): Node =>
  reshape(
    x,
    x.shape.filter((_, a) => !axes.includes(a)),
  )

const reduced = (
  op: string,
  kind: ReduceKind,
  x: Node,
  axis: Axes | null | undefined,
  keepDims: boolean | undefined,
): Node => over(op, x, axis, keepDims, (node, axes) => reduce(kind, node, axes))

/**
 * Sum of elements over `axis`. bool counts as int32.
 * @param axis axis or axes, negative ones count from the back (default: all)
 * @param keepDims keep reduced axes as dimensions of 1 (default false)
 * @throws when an axis is outside the tensor
 * @example
 * ```ts
 * const x = tensor([[1, 2], [3, 4]])
 * sum(x).print() // 10
 * sum(x, 0).print() // [4, 6]
 * ```
 */
export const sum: Reduction<'sum'> = (x, axis, keepDims) =>
  result(reduced('sum', 'sum', numeric('sum', 'x', x), axis, keepDims))

/**
 * Product of elements over `axis`. bool counts as int32.
 * @example
 * ```ts
 * prod(tensor([[1, 2], [3, 4]]), 1).print() // [2, 12]
 * ```
 */
export const prod: Reduction<'prod'> = (x, axis, keepDims) =>
  result(reduced('prod', 'prod', numeric('prod', 'x', x), axis, keepDims))

/** Mean over axes that stay as 1. */
export function meanOver(x: Node, axes: readonly number[]): Node {
  const count = sizeOf(axes.map((a) => x.shape[a]!))
  return count === 1 ? x : s.div(reduce('sum', x, axes), count)
}

/**
 * Arithmetic mean over `axis`; integers and bool become float32.
 * @example
 * ```ts
 * mean(tensor([[1, 2], [3, 4]]), -1).print() // [1.5, 3.5]
 * ```
 */
export const mean: Reduction<'mean', 'float'> = (x, axis, keepDims) =>
  result(over('mean', floating('mean', 'x', x), axis, keepDims, meanOver))

/**
 * Greatest element over `axis`; NaN wins.
 * @example
 * ```ts
 * max(tensor([[1, 2], [3, 4]]), 0).print() // [3, 4]
 * ```
 */
export const max: Reduction<'max'> = (x, axis, keepDims) =>
  result(reduced('max', 'max', numeric('max', 'x', x), axis, keepDims))

/**
 * Least element over `axis`; NaN wins.
 * @example
 * ```ts
 * min(tensor([[1, 2], [3, 4]]), 0).print() // [1, 2]
 * ```
 */
export const min: Reduction<'min'> = (x, axis, keepDims) =>
  result(reduced('min', 'min', numeric('min', 'x', x), axis, keepDims))

function boolReduced(
  op: 'any' | 'all',
  x: Arg,
  axis: Axes | null | undefined,
  keepDims: boolean | undefined,
): Node {
  const node = given(op, 'x', x, 'bool')
  if (node.dtype !== 'bool')
    throw new ShapeError(
      `[${op}] Argument 'x' passed to '${op}' must be bool tensor, but got ${node.dtype} tensor; ` +
        `compare it first (notEqual(x, 0)) or cast it to bool`,
    )
  return reduced(op, op === 'any' ? 'max' : 'min', node, axis, keepDims)
}

/**
 * True where at least one element is true.
 * @throws when `x` is not bool
 * @example
 * ```ts
 * any(tensor([[true, false], [false, false]]), 1).print() // [true, false]
 * ```
 */
export const any: Reduction<'any', 'bool'> = (x, axis, keepDims) =>
  result(boolReduced('any', x, axis, keepDims))

/**
 * True where all elements are true.
 * @throws when `x` is not bool
 * @example
 * ```ts
 * all(tensor([[true, false], [true, true]]), 1).print() // [false, true]
 * ```
 */
export const all: Reduction<'all', 'bool'> = (x, axis, keepDims) =>
  result(boolReduced('all', x, axis, keepDims))

/**
 * `log(sum(exp(x)))` without overflow, over axes that stay as 1. The greatest element is taken out first; it cancels, so it
 * needs no derivative. Where it is infinite nothing is taken out, else infinity minus infinity would give NaN.
 */
export function logSumExpOver(x: Node, axes: readonly number[]): Node {
  const greatest = stop(reduce('maxNumber', x, axes))
  const shift = s.select(s.isFinite(greatest), greatest, 0)
  return s.add(s.log(reduce('sum', s.exp(s.sub(x, shift)), axes)), shift)
}

/**
 * `log(sum(exp(x)))` over `axis`, without overflow.
 * @example
 * ```ts
 * logSumExp(tensor([1000, 1000])).print() // 1000.693
 * ```
 */
export const logSumExp: Reduction<'logSumExp', 'float'> = (x, axis, keepDims) =>
  result(over('logSumExp', floating('logSumExp', 'x', x), axis, keepDims, logSumExpOver))

/**
 * Mean and (biased) variance over `axis`.
 * @example
 * ```ts
 * const { mean: m, variance } = moments(tensor([1, 2, 3, 4]))
 * m.print() // 2.5
 * variance.print() // 1.25
 * ```
 */
export const moments: MomentsOf = (x, axis, keepDims) => {
  const node = floating('moments', 'x', x)
  const axes = normalizeAxes('moments', axis, node.shape.length)
  const [m, v] = momentsOver(node, axes)
  return keepDims
    ? { mean: result(m), variance: result(v) }
    : { mean: result(dropAxes(m, axes)), variance: result(dropAxes(v, axes)) }
}

/** Mean and biased variance over axes that stay as 1. */
export function momentsOver(x: Node, axes: readonly number[]): readonly [Node, Node] {
  const m = meanOver(x, axes)
  return [m, meanOver(s.square(s.sub(x, m)), axes)]
}

/**
 * Norm over `axis`. Over all axes or one it is a vector norm: `'euclidean'`, `'fro'` or 2 (root of the sum of squares), 1 (sum
 * of magnitudes), `Infinity` or `-Infinity` (greatest or least magnitude). Over two axes `[rows, columns]` it is a matrix
 * norm: `'euclidean'` or `'fro'`, 1 (greatest column sum of magnitudes), `Infinity` or `-Infinity` (greatest or least row
 * sum). The gradient of the Euclidean norm at 0 is 0.
 * @param ord default `'euclidean'`
 * @throws on another `ord`, or more than two axes
 * @example
 * ```ts
 * norm(tensor([3, 4])).print() // 5
 * norm(tensor([[1, -2], [3, 4]]), 1, [0, 1]).print() // 6
 * ```
 */
export const norm: NormOf = (x, ord = 'euclidean', axis, keepDims) => {
  const node = floating('norm', 'x', x)
  const list = typeof axis === 'object' && axis !== null ? axis : []
  if (list.length > 2)
    throw new ShapeError(`[norm] Error in norm: invalid axis: ${list.join(',')}; give at most two axes`)
  const [rows, columns] = list.map((a) => normalizeAxis('norm', a, node.shape.length))
  return result(
    over('norm', node, axis, keepDims, (n, axes) =>
      rows === undefined || columns === undefined
        ? vectorNorm(n, ord, axes)
        : matrixNorm(n, ord, rows, columns),
    ),
  )
}
type NormOrder = number | 'euclidean' | 'fro'

function vectorNorm(x: Node, ord: NormOrder, axes: readonly number[]): Node {
  switch (ord) {
    case 1:
      return reduce('sum', s.abs(x), axes)
    case 2:
    case 'euclidean':
    case 'fro':
      return euclidean(x, axes)
    case Infinity:
      return reduce('max', s.abs(x), axes)
    case -Infinity:
      return reduce('min', s.abs(x), axes)
    default:
      throw unknownOrder(ord, '1, 2, Infinity or -Infinity for a vector')
  }
}

function matrixNorm(x: Node, ord: NormOrder, rows: number, columns: number): Node {
  switch (ord) {
    case 1:
      return reduce('max', reduce('sum', s.abs(x), [rows]), [columns])
    case Infinity:
      return reduce('max', reduce('sum', s.abs(x), [columns]), [rows])
    case -Infinity:
      return reduce('min', reduce('sum', s.abs(x), [columns]), [rows])
    case 'euclidean':
    case 'fro':
      return euclidean(x, [rows, columns])
    default:
      throw unknownOrder(ord, '1, Infinity or -Infinity for a matrix')
  }
}

function euclidean(x: Node, axes: readonly number[]): Node {
  const squares = reduce('sum', s.square(x), axes)
  const isZero = s.eq(squares, 0)
  return s.select(isZero, 0, s.sqrt(s.select(isZero, 1, squares)))
}

const unknownOrder = (ord: NormOrder, numbers: string): Error =>
  new Error(`[norm] Error in norm: invalid ord value: ${ord}; use 'euclidean', 'fro', ${numbers}`)
