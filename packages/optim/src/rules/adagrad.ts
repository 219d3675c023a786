// Adagrad: the gradient divided by the root of the sum of its squares so far.
import { add, fill, mul, rsqrt, square, sub } from '@dl/tensor/core'
import type { UpdateRule } from '../rule.ts'

export interface AdagradRuleOptions {
  /** Where the sums of squares begin; default 0.1. */
  readonly initialAccumulatorValue?: number | undefined
  /** Added to the sum under the root; default 1e-7. */
  readonly epsilon?: number | undefined
}

/** Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods", 2011, in Keras's form. */
export function adagradRule(options: AdagradRuleOptions = {}): UpdateRule {
  const { initialAccumulatorValue = 0.1, epsilon = 1e-7 } = options
  if (!(initialAccumulatorValue >= 0))
    throw new Error(`[adagrad] initialAccumulatorValue must be 0 or more, got ${initialAccumulatorValue}`)
  return {
    name: 'adagrad',
    init: (parameter) => ({ accumulator: fill(parameter.shape, initialAccumulatorValue, parameter.dtype) }),
    step({ parameter, gradient, slots, learningRate }) {
      const accumulator = add(slots['accumulator']!, square(gradient))
      const move = mul(mul(gradient, learningRate), rsqrt(add(accumulator, epsilon)))
      return { parameter: sub(parameter, move), slots: { accumulator } }
    },
  }
}
