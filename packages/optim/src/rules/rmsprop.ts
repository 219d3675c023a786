// RMSprop: the gradient divided by the root of a moving average of its square.
import { add, mul, rsqrt, square, sub, zerosLike } from '@dl/tensor/core'
import type { UpdateRule } from '../rule.ts'
import { average } from './adam.ts'

export interface RmspropRuleOptions {
  /** Decay of the average of squares; default 0.9. */
  readonly rho?: number | undefined
  /** Share of the last move that is kept; default 0. */
  readonly momentum?: number | undefined
  /** Added to the average of squares under the root; default 1e-7. */
  readonly epsilon?: number | undefined
  /** Divides by an estimate of the deviation instead of the root mean square; default false. */
  readonly centered?: boolean | undefined
}

/** Source: G. Hinton, "Neural networks for machine learning", lecture 6e, in Keras's form. */
export function rmspropRule(options: RmspropRuleOptions = {}): UpdateRule {
  const { rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options
  if (!(rho >= 0 && rho < 1)) throw new Error(`[rmsprop] rho must be in [0, 1), got ${rho}`)
  return {
    name: 'rmsprop',
    init: (parameter) => ({
      velocity: zerosLike(parameter),
      ...(momentum > 0 ? { momentum: zerosLike(parameter) } : {}),
      ...(centered ? { averageGradient: zerosLike(parameter) } : {}),
    }),
    step({ parameter, gradient, slots, learningRate }) {
      const velocity = average(slots['velocity']!, square(gradient), rho)
      const averageGradient = centered ? average(slots['averageGradient']!, gradient, rho) : undefined
      const spread = averageGradient ? sub(velocity, square(averageGradient)) : velocity
      const increment = mul(mul(gradient, learningRate), rsqrt(add(spread, epsilon)))
      const moved = momentum > 0 ? add(mul(slots['momentum']!, momentum), increment) : undefined
      return {
        parameter: sub(parameter, moved ?? increment),
        slots: {
          velocity,
          ...(moved ? { momentum: moved } : {}),
          ...(averageGradient ? { averageGradient } : {}),
        },
      }
    },
  }
}
