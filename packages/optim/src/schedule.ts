// Learning rates as functions of the step. They are graphs over the step counter, so a compiled training step follows its
// schedule without ever being traced again.
import {
  add,
  cast,
  cos,
  div,
  exp,
  floor,
  less,
  lessEqual,
  minimum,
  mul,
  pow,
  scalar,
  sub,
  where,
  type Tensor,
} from '@dl/tensor/core'

/** A learning rate that depends on the step. */
export interface Schedule {
  readonly name: string
  /** The arguments it was made with, as plain values. */
  readonly config: Readonly<Record<string, unknown>>
  /** The learning rate, a float32 scalar, at a step counted from 0 (an integer or float scalar). */
  at(step: Tensor): Tensor
}

function positive(op: string, name: string, value: number): number {
  if (!(value > 0)) throw new Error(`[${op}] ${name} must be positive, got ${value}`)
  return value
}

/**
 * The same learning rate at every step.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { scalar } from '@dl/tensor'
 * import { constant } from '@dl/optim'
 * constant(0.01).at(scalar(100)).print() // 0.01
 * ```
 */
export function constant(learningRate: number): Schedule {
  return { name: 'constant', config: { learningRate }, at: () => scalar(learningRate) }
}

export interface CosineDecayOptions {
  /** The learning rate at the end, as a share of the initial one (of `warmupTarget`, if given); default 0. */
  readonly alpha?: number | undefined
  /** Steps of linear warm-up from the initial rate to `warmupTarget` before the decay begins; default 0. */
  readonly warmupSteps?: number | undefined
  /** The rate after the warm-up; without it there is none. */
  readonly warmupTarget?: number | undefined
}

/**
 * Half a cosine from `initialLearningRate` down to `alpha` times it over `decaySteps`, then constant; with `warmupTarget`
 * a linear warm-up comes first. Keras's `CosineDecay`. Source: I. Loshchilov and F. Hutter, "SGDR", 2016.
 *
 * @throws Error when a number of steps is not positive
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { scalar } from '@dl/tensor'
 * import { cosineDecay } from '@dl/optim'
 * const schedule = cosineDecay(0.1, 100)
 * schedule.at(scalar(0)).print() // 0.1
 * schedule.at(scalar(50)).print() // 0.05
 * ```
 */
export function cosineDecay(
  initialLearningRate: number,
  decaySteps: number,
  options: CosineDecayOptions = {},
): Schedule {
  const { alpha = 0, warmupSteps = 0, warmupTarget } = options
  positive('cosineDecay', 'decaySteps', decaySteps)
  const peak = warmupTarget ?? initialLearningRate
  const decayed = (step: Tensor): Tensor => {
    const share = div(minimum(step, decaySteps), decaySteps)
    const cosine = mul(add(cos(mul(share, Math.PI)), 1), 0.5)
    return mul(add(mul(cosine, 1 - alpha), alpha), peak)
  }
  const at = (step: Tensor): Tensor => {
    const t = cast(step, 'float32')
    if (warmupTarget === undefined || warmupSteps === 0) return decayed(t)
    const rising = add(mul(t, (warmupTarget - initialLearningRate) / warmupSteps), initialLearningRate)
    return where(less(t, warmupSteps), rising, decayed(sub(t, warmupSteps)))
  }
  return { name: 'cosineDecay', config: { initialLearningRate, decaySteps, ...options }, at }
}

export interface WarmupCosineOptions {
  /** The learning rate at the end as a share of the peak; default 0. */
  readonly alpha?: number | undefined
}

/**
 * From 0 in a line up to `peak` over `warmupSteps`, then half a cosine down over `decaySteps`: the usual schedule for
 * Transformers.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { scalar } from '@dl/tensor'
 * import { warmupCosine } from '@dl/optim'
 * warmupCosine(0.1, 10, 90).at(scalar(5)).print() // 0.05
 * ```
 */
export function warmupCosine(
  peak: number,
  warmupSteps: number,
  decaySteps: number,
  options: WarmupCosineOptions = {},
): Schedule {
  positive('warmupCosine', 'warmupSteps', warmupSteps)
  const { at } = cosineDecay(0, decaySteps, { ...options, warmupSteps, warmupTarget: peak })
  return { name: 'warmupCosine', config: { peak, warmupSteps, decaySteps, ...options }, at }
}

export interface StaircaseOptions {
  /** True to change only at multiples of `decaySteps`; default false. */
  readonly staircase?: boolean | undefined
}

const stairs = (share: Tensor, options: StaircaseOptions): Tensor =>
  options.staircase === true ? floor(share) : share

/**
 * `initialLearningRate · decayRate ^ (step / decaySteps)`. Keras's `ExponentialDecay`.
 *
 * @throws Error when decaySteps or decayRate is not positive
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { scalar } from '@dl/tensor'
 * import { exponentialDecay } from '@dl/optim'
 * exponentialDecay(0.1, 10, 0.5).at(scalar(20)).print() // 0.025
 * ```
 */
export function exponentialDecay(
  initialLearningRate: number,
  decaySteps: number,
  decayRate: number,
  options: StaircaseOptions = {},
): Schedule {
  positive('exponentialDecay', 'decaySteps', decaySteps)
  const logRate = Math.log(positive('exponentialDecay', 'decayRate', decayRate))
  const at = (step: Tensor): Tensor =>
    mul(exp(mul(stairs(div(cast(step, 'float32'), decaySteps), options), logRate)), initialLearningRate)
  return { name: 'exponentialDecay', config: { initialLearningRate, decaySteps, decayRate, ...options }, at }
}

/**
 * `initialLearningRate / (1 + decayRate · step / decaySteps)`. Keras's `InverseTimeDecay`; with `decaySteps` 1 PyTorch's
 * `lr_decay` of Adagrad.
 *
 * @throws Error when decaySteps is not positive
 */
export function inverseTimeDecay(
  initialLearningRate: number,
  decaySteps: number,
  decayRate: number,
  options: StaircaseOptions = {},
): Schedule {
  positive('inverseTimeDecay', 'decaySteps', decaySteps)
  const at = (step: Tensor): Tensor => {
    const share = stairs(div(cast(step, 'float32'), decaySteps), options)
    return div(initialLearningRate, add(mul(share, decayRate), 1))
  }
  return { name: 'inverseTimeDecay', config: { initialLearningRate, decaySteps, decayRate, ...options }, at }
}

/**
 * `initialLearningRate` falling to `endLearningRate` over `decaySteps` as `(1 - step / decaySteps) ^ power`, then constant.
 * Keras's `PolynomialDecay`.
 *
 * @throws Error when decaySteps is not positive
 */
export function polynomialDecay(
  initialLearningRate: number,
  decaySteps: number,
  options: { readonly endLearningRate?: number | undefined; readonly power?: number | undefined } = {},
): Schedule {
  const { endLearningRate = 1e-4, power = 1 } = options
  positive('polynomialDecay', 'decaySteps', decaySteps)
  const at = (step: Tensor): Tensor => {
    const left = sub(1, div(minimum(cast(step, 'float32'), decaySteps), decaySteps))
    return add(
      mul(power === 1 ? left : pow(left, power), initialLearningRate - endLearningRate),
      endLearningRate,
    )
  }
  return { name: 'polynomialDecay', config: { initialLearningRate, decaySteps, ...options }, at }
}

/**
 * `values[0]` up to and including step `boundaries[0]`, then `values[1]`, and so on. Keras's `PiecewiseConstantDecay`.
 *
 * @param boundaries increasing steps
 * @param values one more than boundaries
 * @throws Error when the numbers of boundaries and values do not fit, or boundaries do not increase
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { scalar } from '@dl/tensor'
 * import { piecewiseConstant } from '@dl/optim'
 * const schedule = piecewiseConstant([100, 200], [0.1, 0.01, 0.001])
 * schedule.at(scalar(100)).print() // 0.1
 * schedule.at(scalar(101)).print() // 0.01
 * ```
 */
export function piecewiseConstant(boundaries: readonly number[], values: readonly number[]): Schedule {
  if (values.length !== boundaries.length + 1)
    throw new Error(
      `[piecewiseConstant] expects one value more than boundaries, got ${boundaries.length} boundaries and ${values.length} values`,
    )
  if (boundaries.some((b, i) => i > 0 && b <= boundaries[i - 1]!))
    throw new Error(`[piecewiseConstant] boundaries must increase, got ${boundaries.join(', ')}`)
  const at = (step: Tensor): Tensor => {
    const t = cast(step, 'float32')
    let rate: Tensor = scalar(values[values.length - 1]!)
    for (let i = boundaries.length - 1; i >= 0; i--)
      rate = where(lessEqual(t, boundaries[i]!), values[i]!, rate)
    return rate
  }
  return { name: 'piecewiseConstant', config: { boundaries, values }, at }
}
