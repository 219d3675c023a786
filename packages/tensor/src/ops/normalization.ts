// Softmax and normalization over axes: composites whose fallback spells them out in primitives. The scheduler makes one kernel
// of each, forward and backward.
import { ShapeError } from '../errors.ts'
import { defineComposite } from '../graph/composite.ts'
import type { Node } from '../graph/node.ts'
import { cast, reduce, reshape, s, stop } from '../graph/primitives.ts'
import { type Dims, normalizeAxes, normalizeAxis, sameShape, showShape } from '../graph/shape.ts'
import type { BatchNorm, LayerNorm, Softmax } from '../tensor/op-types.ts'
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
  const scale =
    gamma === undefined || gamma === null ? [] : [alongAxes('layerNorm', 'gamma', gamma, node, axes)]
  const offset = beta === undefined || beta === null ? [] : [alongAxes('layerNorm', 'beta', beta, node, axes)]
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
export function alongAxes(op: string, name: string, parameter: Arg, x: Node, axes: Dims): Node {
  const node = cast(floating(op, name, parameter), x.dtype)
  const expected = axes.map((a) => x.shape[a]!)
  if (!sameShape(node.shape, expected))
    throw new ShapeError(
      `[${op}] ${name} must have the shape of the normalized axes, ${showShape(expected)}, got ${showShape(node.shape)} ` +
        `(x is ${showShape(x.shape)}, axes ${showShape(axes)})`,
    )
  return reshape(
    node,
    x.shape.map((d, a) => (axes.includes(a) ? d : 1)),
  )
}

/**
 * `(x - mean) / sqrt(variance + varianceEpsilon) * scale + offset` with given statistics (Ioffe and Szegedy 2015), as tfjs
 * has it; `moments` computes statistics of a batch.
 * @param mean `[channels]`, or as many dimensions as x, broadcasting to it
 * @param variance as mean
 * @param offset as mean; default none
 * @param scale as mean; default none
 * @param varianceEpsilon default 1e-3
 * @param axis which axis of x the channels are, where the statistics have one dimension; default -1
 * @throws ShapeError when mean, variance, offset and scale do not have the same rank, or do not fit x
 * @example
 * ```ts
 * batchNorm(tensor([[1, 2], [3, 6]]), tensor([2, 4]), tensor([1, 4]), null, null, 0).print() // [[-1, -1], [1, 1]]
 * ```
 */
export const batchNorm: BatchNorm = (x, mean, variance, offset, scale, varianceEpsilon, axis) => {
  const node = floating('batchNorm', 'x', x)
  const channels = normalizeAxis('batchNorm', axis ?? -1, node.shape.length)
  const center = statistic('mean', mean, node, channels)
  const others = Object.entries({ variance, scale, offset }).map(([name, given]) => {
    if (given === undefined || given === null) return []
    const parameter = statistic(name, given, node, channels)
    if (parameter.rank !== center.rank)
      throw new ShapeError(
        `[batchNorm] Batch normalization gradient requires mean and ${name} to have equal ranks, got ${center.rank} and ${parameter.rank}`,
      )
    return [parameter.node]
  })
  const inputs = [node, center.node, ...others.flat()]
  const settings = {
    epsilon: varianceEpsilon ?? 1e-3,
    scale: others[1]!.length === 1,
    offset: others[2]!.length === 1,
  }
  const isPerChannel = inputs.slice(1).every((p) => sameShape(p.shape, alongAxis(node, channels)))
  if (!isPerChannel) return result(normalized(inputs, settings))
  const vectors = inputs.slice(1).map((p) => reshape(p, [node.shape[channels]!]))
  return result(batchNormNode([node, ...vectors], { ...settings, axis: channels }))
}

interface BatchNormConfig {
  readonly epsilon: number
  /** Which of scale and offset follow x, mean and variance among the inputs. */
  readonly scale: boolean
  readonly offset: boolean
}
const batchNormNode = /* @__PURE__ */ defineComposite<BatchNormConfig & { readonly axis: number }>({
  name: 'batchNorm',
  fallback: ([x, ...vectors], config) =>
    normalized([x!, ...vectors.map((v) => reshape(v, alongAxis(x!, config.axis)))], config),
})

const alongAxis = (x: Node, axis: number): Dims => x.shape.map((d, a) => (a === axis ? d : 1))

function normalized([x, mean, variance, ...parameters]: readonly Node[], config: BatchNormConfig): Node {
  const inverse = s.rsqrt(s.add(variance!, config.epsilon))
  const scaled = s.mul(s.sub(x!, mean!), config.scale ? s.mul(inverse, parameters[0]!) : inverse)
  return config.offset ? s.add(scaled, parameters.at(-1)!) : scaled
}

/** A parameter of batchNorm with the rank of `x`, and the rank it was given in. */
function statistic(
  name: string,
  given: Arg,
  x: Node,
  axis: number,
): { readonly node: Node; readonly rank: number } {
  const node = cast(floating('batchNorm', name, given), x.dtype)
  const rank = node.shape.length
  const laid = rank === 1 && node.shape[0] === x.shape[axis] ? reshape(node, alongAxis(x, axis)) : node
  const fits = laid.shape.length === x.shape.length && laid.shape.every((d, a) => d === 1 || d === x.shape[a])
  if (!fits)
    throw new ShapeError(
      `[batchNorm] ${name} must have the shape [${x.shape[axis]}] or broadcast to x with as many dimensions, got ` +
        `${showShape(node.shape)} (x is ${showShape(x.shape)}, the channels are axis ${axis})`,
    )
  return { node: laid, rank }
}
