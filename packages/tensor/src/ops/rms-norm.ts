// Root mean square normalization: a composite whose fallback the scheduler makes one kernel of, forward and backward.
import { defineComposite } from '../graph/composite.ts'
import { reduce, s } from '../graph/primitives.ts'
import { type Dims, normalizeAxes, sizeOf } from '../graph/shape.ts'
import type { RmsNorm } from '../tensor/op-types.ts'
import { alongAxes } from './normalization.ts'
import { floating, result } from './operands.ts'

interface RmsNormConfig {
  readonly axes: Dims
  readonly epsilon: number
  /** Whether gamma follows x among the inputs. */
  readonly scale: boolean
}
const rmsNormNode = /* @__PURE__ */ defineComposite<RmsNormConfig>({
  name: 'rmsNorm',
  fallback: ([x, gamma], { axes, epsilon, scale }) => {
    const mean = s.div(reduce('sum', s.square(x!), axes), sizeOf(axes.map((a) => x!.shape[a]!)))
    const unit = s.mul(x!, s.rsqrt(s.add(mean, epsilon)))
    return scale ? s.mul(unit, gamma!) : unit
  },
})

/**
 * `x / sqrt(mean(x²) + epsilon) * gamma` with the mean over `axis` (Zhang and Sennrich 2019): PyTorch's `rms_norm`, Keras's
 * `rms_normalization`, ONNX's `RMSNormalization`.
 * @param gamma scale with the sizes of the normalized axes, e.g. `[features]`; default none
 * @param axis axis or axes, default -1
 * @param epsilon default 1e-6
 * @throws when an axis is outside the tensor, or gamma does not fit
 * @example
 * ```ts
 * rmsNorm(tensor([3, 4]), tensor([1, 2])).print() // [0.849, 2.263]
 * ```
 */
export const rmsNorm: RmsNorm = (x, gamma, axis, epsilon) => {
  const node = floating('rmsNorm', 'x', x)
  const axes = normalizeAxes('rmsNorm', axis ?? -1, node.shape.length)
  const scale =
    gamma === undefined || gamma === null ? [] : [alongAxes('rmsNorm', 'gamma', gamma, node, axes)]
  return result(rmsNormNode([node, ...scale], { axes, epsilon: epsilon ?? 1e-6, scale: scale.length === 1 }))
}
