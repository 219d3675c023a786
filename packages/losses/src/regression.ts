// Losses between numbers: squared, absolute and Huber's error, averaged over the last dimension as in Keras.
import { abs, lessEqual, mean, mul, square, sub, where, type Tensor } from '@dl/tensor/core'
import { alignLabels } from './labels.ts'
import { type LossOptions, reduceLoss } from './reduction.ts'

/** `x` without its last dimension, averaged; a vector is one value for each example already. */
const overLast = (x: Tensor): Tensor => (x.rank > 1 ? mean(x, -1) : x)

/**
 * Mean of `(labels - predictions)²` over the last dimension.
 *
 * @param labels numbers `[batch, ...]`
 * @param predictions the same shape
 * @returns `[batch, ...]` without the last dimension, or what `reduction` says
 * @throws Error when the shapes differ
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { meanSquaredError } from '@dl/losses'
 * meanSquaredError(tensor([[0, 1], [0, 0]]), tensor([[1, 1], [1, 0]])).print() // [0.5, 0.5]
 * ```
 */
export function meanSquaredError(labels: Tensor, predictions: Tensor, options: LossOptions = {}): Tensor {
  const y = alignLabels('meanSquaredError', labels, predictions)
  return reduceLoss('meanSquaredError', overLast(square(sub(y, predictions))), options)
}

/**
 * Mean of `|labels - predictions|` over the last dimension. Shapes, results and errors as {@link meanSquaredError}.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { meanAbsoluteError } from '@dl/losses'
 * meanAbsoluteError(tensor([[0, 1], [0, 0]]), tensor([[1, 1], [3, 0]])).print() // [0.5, 1.5]
 * ```
 */
export function meanAbsoluteError(labels: Tensor, predictions: Tensor, options: LossOptions = {}): Tensor {
  const y = alignLabels('meanAbsoluteError', labels, predictions)
  return reduceLoss('meanAbsoluteError', overLast(abs(sub(y, predictions))), options)
}

export interface HuberOptions extends LossOptions {
  /** Error up to which the loss is quadratic; default 1. */
  readonly delta?: number | undefined
}

/**
 * Huber's loss: `e² / 2` for errors up to `delta`, `delta · (|e| - delta / 2)` beyond, averaged over the last dimension.
 * Source: P. J. Huber, "Robust estimation of a location parameter", 1964.
 *
 * @throws Error when the shapes differ or delta is not positive
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { huber } from '@dl/losses'
 * huber(tensor([[0, 0]]), tensor([[1, 4]])).print() // [2]
 * ```
 */
export function huber(labels: Tensor, predictions: Tensor, options: HuberOptions = {}): Tensor {
  const { delta = 1 } = options
  if (!(delta > 0)) throw new Error(`[huber] delta must be positive, got ${delta}`)
  const size = abs(sub(alignLabels('huber', labels, predictions), predictions))
  const quadratic = mul(square(size), 0.5)
  const linear = mul(sub(size, delta / 2), delta)
  return reduceLoss('huber', overLast(where(lessEqual(size, delta), quadratic, linear)), options)
}
