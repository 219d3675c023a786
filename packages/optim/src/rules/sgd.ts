// Stochastic gradient descent with momentum, Nesterov's form and dampening.
import { add, cast, equal, mul, neg, sub, where, zerosLike } from '@dl/tensor/core'
import type { UpdateRule } from '../rule.ts'

export interface SgdRuleOptions {
  /** Share of the last move that is kept; default 0. */
  readonly momentum?: number | undefined
  /** Looks ahead along the momentum; default false. */
  readonly nesterov?: boolean | undefined
  /** Share of the gradient that does not enter the momentum after the first step, as in PyTorch; default 0. */
  readonly dampening?: number | undefined
}

/** `v ← momentum · v - rate · g; w ← w + v` (Nesterov: `w ← w + momentum · v - rate · g`), as in Keras. */
export function sgdRule(options: SgdRuleOptions = {}): UpdateRule {
  const { momentum = 0, nesterov = false, dampening = 0 } = options
  if (!(momentum >= 0 && momentum <= 1)) throw new Error(`[sgd] momentum must be in [0, 1], got ${momentum}`)
  if (nesterov && (momentum === 0 || dampening !== 0))
    throw new Error('[sgd] nesterov needs a momentum above 0 and no dampening')
  return {
    name: 'sgd',
    init: (parameter) => (momentum === 0 ? {} : { momentum: zerosLike(parameter) }),
    step({ parameter, gradient, slots, learningRate, step }) {
      const move = mul(gradient, learningRate)
      const last = slots['momentum']
      if (!last) return { parameter: sub(parameter, move), slots: {} }
      const entering =
        dampening === 0 ? move : mul(move, where(equal(step, 0), 1, cast(sub(1, dampening), parameter.dtype)))
      const velocity = sub(mul(last, momentum), entering)
      const total = nesterov ? add(mul(velocity, momentum), neg(move)) : velocity
      return { parameter: add(parameter, total), slots: { momentum: velocity } }
    },
  }
}
