// Adam: moving averages of the gradient and of its square, corrected for their start at zero.
import {
  add,
  cast,
  div,
  expm1,
  maximum,
  mul,
  neg,
  sqrt,
  square,
  sub,
  zerosLike,
  type Tensor,
} from '@dl/tensor/core'
import type { UpdateRule } from '../rule.ts'

export interface AdamRuleOptions {
  /** Decay of the average of gradients; default 0.9. */
  readonly beta1?: number | undefined
  /** Decay of the average of squared gradients; default 0.999. */
  readonly beta2?: number | undefined
  /** Added to the root of the average of squares; default 1e-7, in PyTorch's form 1e-8. */
  readonly epsilon?: number | undefined
  /**
   * What epsilon is added to: the average as it is (`'keras'`, default), or corrected for its start (`'torch'`: the paper's
   * algorithm 1, and PyTorch). They differ where gradients are near epsilon.
   */
  readonly form?: 'keras' | 'torch' | undefined
  /** Uses the greatest average of squares so far; default false. */
  readonly amsgrad?: boolean | undefined
}

/** `1 - beta ^ t`, by expm1: near 0 the plain form loses half of its digits in float32. */
const correction = (beta: number, t: Tensor): Tensor => neg(expm1(mul(t, Math.log(beta))))

/** Source: D. P. Kingma and J. Ba, "Adam", 2014: section 2.1 (epsilon "hat"), as in Keras, or algorithm 1, as in PyTorch. */
export function adamRule(options: AdamRuleOptions = {}): UpdateRule {
  const { beta1 = 0.9, beta2 = 0.999, amsgrad = false, form = 'keras' } = options
  const { epsilon = form === 'torch' ? 1e-8 : 1e-7 } = options
  for (const [name, beta] of Object.entries({ beta1, beta2 }))
    if (!(beta > 0 && beta < 1)) throw new Error(`[adam] ${name} must be between 0 and 1, got ${beta}`)
  if (form !== 'keras' && form !== 'torch')
    throw new Error(`[adam] form must be 'keras' or 'torch', got ${JSON.stringify(form)}`)
  return {
    name: 'adam',
    init: (parameter) => ({
      momentum: zerosLike(parameter),
      velocity: zerosLike(parameter),
      ...(amsgrad ? { velocityMax: zerosLike(parameter) } : {}),
    }),
    step({ parameter, gradient, slots, learningRate, step }) {
      const t = add(cast(step, 'float32'), 1)
      const root = sqrt(correction(beta2, t))
      const rate = cast(mul(learningRate, div(root, correction(beta1, t))), parameter.dtype)
      // m / c1 / (√(v / c2) + ε) = m · (√c2 / c1) / (√v + ε · √c2)
      const smallest = form === 'torch' ? cast(mul(root, epsilon), parameter.dtype) : epsilon
      const momentum = average(slots['momentum']!, gradient, beta1)
      const velocity = average(slots['velocity']!, square(gradient), beta2)
      const velocityMax = slots['velocityMax'] && maximum(slots['velocityMax'], velocity)
      const scale = add(sqrt(velocityMax ?? velocity), smallest)
      return {
        parameter: sub(parameter, div(mul(momentum, rate), scale)),
        slots: { momentum, velocity, ...(velocityMax ? { velocityMax } : {}) },
      }
    },
  }
}

/** `last + (value - last) · (1 - decay)`. */
export const average = (last: Tensor, value: Tensor, decay: number): Tensor =>
  add(last, mul(sub(value, last), 1 - decay))
