// The optimizers by name: a rule, its options and its default learning rate (Keras's).
import { Optimizer, type OptimizerOptions } from './optimizer.ts'
import { adagradRule, type AdagradRuleOptions } from './rules/adagrad.ts'
import { adamRule, type AdamRuleOptions } from './rules/adam.ts'
import { rmspropRule, type RmspropRuleOptions } from './rules/rmsprop.ts'
import { sgdRule, type SgdRuleOptions } from './rules/sgd.ts'

export type SgdOptions = OptimizerOptions & SgdRuleOptions
export type AdamOptions = OptimizerOptions & AdamRuleOptions
export type RmspropOptions = OptimizerOptions & RmspropRuleOptions
export type AdagradOptions = OptimizerOptions & AdagradRuleOptions

/**
 * Stochastic gradient descent, plain, with momentum, or with Nesterov's look-ahead. Default learning rate 0.01.
 *
 * @throws Error when an option is out of range
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { sgd } from '@dl/optim'
 * const optimizer = sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true })
 * const params = { w: tensor([1]) }
 * optimizer.update({ w: tensor([1]) }, optimizer.init(params), params).params.w.print() // [0.81]
 * ```
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  return new Optimizer('sgd', sgdRule(options), options, 0.01)
}

/**
 * Adam: steps of about the learning rate, whatever the scale of the gradient. Default learning rate 0.001.
 * Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2014.
 *
 * @throws Error when an option is out of range
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { adam } from '@dl/optim'
 * const optimizer = adam({ learningRate: 0.1 })
 * const params = [tensor([1, 1])]
 * optimizer.update([tensor([5, -3])], optimizer.init(params), params).params[0]?.print() // [0.9, 1.1]
 * ```
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return new Optimizer('adam', adamRule(options), options, 0.001)
}

/**
 * Adam with decoupled weight decay, 0.004 by default. Default learning rate 0.001.
 * Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2017.
 *
 * @throws Error when an option is out of range
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  return new Optimizer(
    'adamW',
    adamRule(options),
    { ...options, weightDecay: options.weightDecay ?? 0.004 },
    0.001,
  )
}

/**
 * RMSprop: the gradient divided by a moving root mean square. Default learning rate 0.001.
 *
 * @throws Error when an option is out of range
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  return new Optimizer('rmsprop', rmspropRule(options), options, 0.001)
}

/**
 * Adagrad: the gradient divided by the root of all its squares so far. Default learning rate 0.001.
 *
 * @throws Error when an option is out of range
 */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  return new Optimizer('adagrad', adagradRule(options), options, 0.001)
}
