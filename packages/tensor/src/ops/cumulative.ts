// Running reductions along an axis.
import type { CumulateKind, Node } from '../graph/node.ts'
import { concat, cumulate, reverse as reverseNode, s, slice, stop } from '../graph/primitives.ts'
import { normalizeAxis } from '../graph/shape.ts'
import type { Cumulation, ExtremeCumulation, FloatCumulation } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { floating, numeric, result } from './operands.ts'

function running(
  op: string,
  kind: CumulateKind,
  x: Arg,
  axis: number | undefined,
  exclusive: boolean | undefined,
  reverse: boolean | undefined,
): Node {
  const node = numeric(op, 'x', x)
  return cumulate(kind, node, normalizeAxis(op, axis ?? 0, node.shape.length), { exclusive, reverse })
}

/**
 * Running sum along an axis. bool counts as int32; integers wrap.
 * @param axis default 0
 * @param exclusive leave each element out of its own sum, so that the first is 0 (default false)
 * @param reverse start at the end (default false)
 * @throws when the axis is outside the tensor
 * @example
 * ```ts
 * const x = tensor([1, 2, 3, 4])
 * cumsum(x).print() // [1, 3, 6, 10]
 * cumsum(x, 0, true).print() // [0, 1, 3, 6]
 * cumsum(x, 0, false, true).print() // [10, 9, 7, 4]
 * ```
 */
export const cumsum: Cumulation = (x, axis, exclusive, reverse) =>
  result(running('cumsum', 'sum', x, axis, exclusive, reverse))

/**
 * Running product along an axis. bool counts as int32; integers wrap. Derivatives are exact where elements are 0.
 * @param axis default 0
 * @param exclusive leave each element out of its own product, so that the first is 1 (default false)
 * @param reverse start at the end (default false)
 * @throws when the axis is outside the tensor
 * @example
 * ```ts
 * cumprod(tensor([1, 2, 3, 4])).print() // [1, 2, 6, 24]
 * ```
 */
export const cumprod: Cumulation = (x, axis, exclusive, reverse) =>
  result(running('cumprod', 'prod', x, axis, exclusive, reverse))

/**
 * Greatest element so far along an axis; a NaN stays. Where elements tie, the derivative goes to the latest one.
 * @param axis default 0
 * @param reverse start at the end (default false)
 * @throws when the axis is outside the tensor
 * @example
 * ```ts
 * cummax(tensor([1, 3, 2, 5])).print() // [1, 3, 3, 5]
 * ```
 */
export const cummax: ExtremeCumulation = (x, axis, reverse) =>
  result(running('cummax', 'max', x, axis, false, reverse))

/**
 * Least element so far along an axis; a NaN stays. Where elements tie, the derivative goes to the latest one.
 * @param axis default 0
 * @param reverse start at the end (default false)
 * @throws when the axis is outside the tensor
 * @example
 * ```ts
 * cummin(tensor([4, 2, 3, 1])).print() // [4, 2, 2, 1]
 * ```
 */
export const cummin: ExtremeCumulation = (x, axis, reverse) =>
  result(running('cummin', 'min', x, axis, false, reverse))

/**
 * `log(cumsum(exp(x)))` along an axis, without overflow. Integers and bool become float32.
 * @param axis default 0
 * @param reverse start at the end (default false)
 * @throws when the axis is outside the tensor
 * @example
 * ```ts
 * logCumSumExp(tensor([0, 0, 0])).print() // [0, 0.693, 1.099]
 * ```
 */
export const logCumSumExp: FloatCumulation = (x, axis, reverse) => {
  const node = floating('logCumSumExp', 'x', x)
  const a = normalizeAxis('logCumSumExp', axis ?? 0, node.shape.length)
  const turned = (y: Node): Node => (reverse ? reverseNode(y, [a]) : y)
  return result(turned(doubled(turned(node), a)))
}

/** After the step with `distance` d each element covers the 2d elements up to it: no sum is ever far from its largest term. */
function doubled(x: Node, axis: number): Node {
  const length = x.shape[axis]!
  const part = (y: Node, from: number, count: number): Node =>
    slice(
      y,
      y.shape.map((_, a) => (a === axis ? from : 0)),
      y.shape.map((d, a) => (a === axis ? count : d)),
    )
  let sums = x
  for (let distance = 1; distance < length; distance *= 2) {
    const joined = logAddExp(part(sums, distance, length - distance), part(sums, 0, length - distance))
    sums = concat([part(sums, 0, distance), joined], axis)
  }
  return sums
}

function logAddExp(a: Node, b: Node): Node {
  const greater = stop(s.max(a, b))
  // infinite: nothing to take out, and ∞ − ∞ would be NaN
  const shift = s.select(s.le(s.abs(greater), largest(a)), greater, 0)
  return s.add(shift, s.log(s.add(s.exp(s.sub(a, shift)), s.exp(s.sub(b, shift)))))
}
const largest = ({ dtype }: Node): number => (dtype === 'float64' ? Number.MAX_VALUE : 3.4028234663852886e38)
