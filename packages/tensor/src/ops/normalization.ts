// Softmax and normalization over axes. Spelled out in primitives: the scheduler makes one kernel of each.
import type { Node } from '../graph/node.ts'
import { cast, reduce, reshape, s, stop } from '../graph/primitives.ts'
import { type Dims, normalizeAxes, normalizeAxis, sameShape, showShape } from '../graph/shape.ts'
import type { LayerNorm, Softmax } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { floating, result } from './operands.ts'
import { logSumExpOver, momentsOver } from './reduction.ts'

/** `exp(x) / sum(exp(x))` along `axis`. The greatest element is taken out first; it cancels, so it needs no derivative. */
function softmaxOver(x: Node, axis: number): Node {
  const e = s.exp(s.sub(x, stop(reduce('maxNumber', x, [axis]))))
  return s.div(e, reduce('sum', e, [axis]))
}

/**
 * `exp(x) / sum(exp(x))` along an axis: positive values that sum to 1.
 * @param dim the axis, default -1
 * @throws when the axis is outside the tensor
 * @example
 * ```ts
 * softmax(tensor([1, 2, 3])).print() // [0.09, 0.245, 0.665]
 * ```
 */
export const softmax: Softmax = (logits, dim) => {
  const x = floating('softmax', 'logits', logits)
  return result(softmaxOver(x, normalizeAxis('softmax', dim ?? -1, x.shape.length)))
}

/**
 * `log(softmax(x))`, without the rounding of taking both.
 * @param axis default -1
 * @throws when the axis is outside the tensor
 * @example
 * ```ts
 * logSoftmax(tensor([1, 2, 3])).print() // [-2.408, -1.408, -0.408]
 * ```
 */
export const logSoftmax: Softmax = (logits, axis) => {
  const x = floating('logSoftmax', 'logits', logits)
  const a = normalizeAxis('logSoftmax', axis ?? -1, x.shape.length)
  return result(logSoftmaxOver(x, a))
}

function logSoftmaxOver(x: Node, axis: number): Node {
  const shifted = s.sub(x, stop(reduce('maxNumber', x, [axis])))
  return s.sub(shifted, s.log(reduce('sum', s.exp(shifted), [axis])))
}

/**
 * `(x - mean) / sqrt(variance + epsilon) * gamma + beta` with mean and variance over `axis` (Ba et al. 2016).
 * @param gamma scale with the sizes of the normalized axes, e.g. `[features]`; default none
 * @param beta offset with the sizes of the normalized axes; default none
 * @param axis axis or axes, default -1
 * @param epsilon default 1e-5
 * @throws when an axis is outside the tensor, or gamma or beta do not fit
 * @example
 * ```ts
 * layerNorm(tensor([[1, 2, 3], [4, 6, 8]]), tensor([1, 1, 1]), tensor([0, 0, 0])).print()
 * ```
 */
export const layerNorm: LayerNorm = (x, gamma, beta, axis, epsilon) => {
  const node = floating('layerNorm', 'x', x)
  const axes = normalizeAxes('layerNorm', axis ?? -1, node.shape.length)
  const [mean, variance] = momentsOver(node, axes)
  let y = s.mul(s.sub(node, mean), s.rsqrt(s.add(variance, epsilon ?? 1e-5)))
  if (gamma !== undefined && gamma !== null) y = s.mul(y, alongAxes('gamma', gamma, y, axes))
  if (beta !== undefined && beta !== null) y = s.add(y, alongAxes('beta', beta, y, axes))
  return result(y)
}

/** A parameter with the sizes of `axes`, laid along those axes of `x`. */
function alongAxes(name: string, parameter: Arg, x: Node, axes: Dims): Node {
  const node = cast(floating('layerNorm', name, parameter), x.dtype)
  const expected = axes.map((a) => x.shape[a]!)
  if (!sameShape(node.shape, expected))
    throw new Error(
      `[layerNorm] ${name} must have the shape of the normalized axes, ${showShape(expected)}, got ${showShape(node.shape)} ` +
        `(x is ${showShape(x.shape)}, axes ${showShape(axes)})`,
    )
  return reshape(
    node,
    x.shape.map((d, a) => (axes.includes(a) ? d : 1)),
  )
}
