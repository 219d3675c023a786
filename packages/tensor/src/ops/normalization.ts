// Softmax and normalization over axes: composites whose fallback spells them out in primitives. The scheduler makes one kernel
// of each, forward and backward.
import { ShapeError } from '../errors.ts'
import { defineComposite } from '../graph/composite.ts'
import type { Node } from '../graph/node.ts'
import { cast, reduce, reshape, s, stop } from '../graph/primitives.ts'
import { type Dims, normalizeAxes, normalizeAxis, sameShape, showShape } from '../graph/shape.ts'
import type { LayerNorm, Softmax } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { floating, result } from './operands.ts'
import { momentsOver } from './reduction.ts'

interface AxisConfig {
  readonly axis: number
}
// The greatest element is taken out before exp; it cancels, so it needs no derivative.
const shifted = (x: Node, axis: number): Node => s.sub(x, stop(reduce('maxNumber', x, [axis])))

const softmaxNode = /* @__PURE__ */ defineComposite<AxisConfig>({
  name: 'softmax',
  fallback: ([x], { axis }) => {
    const e = s.exp(shifted(x!, axis))
    return s.div(e, reduce('sum', e, [axis]))
  },
})

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
  return result(softmaxNode([x], { axis: normalizeAxis('softmax', dim ?? -1, x.shape.length) }))
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
  return result(logSoftmaxNode([x], { axis: normalizeAxis('logSoftmax', axis ?? -1, x.shape.length) }))
}
const logSoftmaxNode = /* @__PURE__ */ defineComposite<AxisConfig>({
  name: 'logSoftmax',
  fallback: ([x], { axis }) => {
    const below = shifted(x!, axis)
    return s.sub(below, s.log(reduce('sum', s.exp(below), [axis])))
  },
})

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
  const scale = gamma === undefined || gamma === null ? [] : [alongAxes('gamma', gamma, node, axes)]
  const offset = beta === undefined || beta === null ? [] : [alongAxes('beta', beta, node, axes)]
  const config = { axes, epsilon: epsilon ?? 1e-5, scale: scale.length === 1, offset: offset.length === 1 }
  return result(layerNormNode([node, ...scale, ...offset], config))
}

interface LayerNormConfig {
  readonly axes: Dims
  readonly epsilon: number
  /** Which of gamma and beta follow x among the inputs. */
  readonly scale: boolean
  readonly offset: boolean
}
const layerNormNode = /* @__PURE__ */ defineComposite<LayerNormConfig>({
  name: 'layerNorm',
  fallback: ([x, ...parameters], { axes, epsilon, scale, offset }) => {
    const [mean, variance] = momentsOver(x!, axes)
    const unit = s.mul(s.sub(x!, mean), s.rsqrt(s.add(variance, epsilon)))
    const scaled = scale ? s.mul(unit, parameters[0]!) : unit
    return offset ? s.add(scaled, parameters.at(-1)!) : scaled
  },
})

/** A parameter with the sizes of `axes`, laid along those axes of `x`. */
function alongAxes(name: string, parameter: Arg, x: Node, axes: Dims): Node {
  const node = cast(floating('layerNorm', name, parameter), x.dtype)
  const expected = axes.map((a) => x.shape[a]!)
  if (!sameShape(node.shape, expected))
    throw new ShapeError(
      `[layerNorm] ${name} must have the shape of the normalized axes, ${showShape(expected)}, got ${showShape(node.shape)} ` +
        `(x is ${showShape(x.shape)}, axes ${showShape(axes)})`,
    )
  return reshape(
    node,
    x.shape.map((d, a) => (axes.includes(a) ? d : 1)),
  )
}
