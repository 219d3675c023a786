// Cross-entropies: from logits in their stable form, from probabilities with Keras 3's normalisation and clipping.
import {
  add,
  clipByValue,
  defineOp,
  div,
  log,
  logSoftmax,
  mean,
  mul,
  neg,
  oneHot,
  softplus,
  sub,
  sum,
  type Tensor,
} from '@dl/tensor/core'
import { alignLabels, classLabels } from './labels.ts'
import { type LossOptions, reduceLoss } from './reduction.ts'

/** Keras's fuzz factor: probabilities are kept this far from 0 and 1. */
export const EPSILON = 1e-7

/**
 * Cross-entropy between distributions and `softmax(logits)`, one value for each example. Stable for large logits.
 *
 * @param labels distributions over classes `[batch, ..., classes]`, one-hot or soft
 * @param logits unnormalised log probabilities of the same shape
 * @returns `[batch, ...]`
 * @throws Error when the shapes differ
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { oneHot, tensor } from '@dl/tensor'
 * import { softmaxCrossEntropy } from '@dl/losses'
 * softmaxCrossEntropy(oneHot(tensor([0, 2], [2], 'int32'), 3), tensor([[9, 0, 0], [9, 0, 0]])).print() // [0.0002, 9.0002]
 * ```
 */
export function softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor {
  return crossEntropyOfLogits([alignLabels('softmaxCrossEntropy', labels, logits), logits])
}

/** An operation with a name in the graph, so that exporters can write it as one. Inputs: labels, logits. */
const crossEntropyOfLogits = /* @__PURE__ */ defineOp({
  name: 'softmaxCrossEntropy',
  fallback: ([labels, logits]) => neg(sum(mul(labels!, logSoftmax(logits!, -1)), -1)),
})

/**
 * Cross-entropy between labels in [0, 1] and `sigmoid(logits)`, elementwise: `log(1 + eˣ) - x·y`. Stable for large logits.
 *
 * @param labels probabilities of any shape
 * @param logits the same shape
 * @returns the same shape
 * @throws Error when the shapes differ
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { sigmoidCrossEntropy } from '@dl/losses'
 * sigmoidCrossEntropy(tensor([1, 0]), tensor([0, 100])).print() // [0.6931, 100]
 * ```
 */
export function sigmoidCrossEntropy(labels: Tensor, logits: Tensor): Tensor {
  const y = alignLabels('sigmoidCrossEntropy', labels, logits)
  return sub(softplus(logits), mul(logits, y))
}

export interface CrossentropyOptions extends LossOptions {
  /** True when predictions are logits, false (default) when they are probabilities. */
  readonly fromLogits?: boolean | undefined
}
export interface SmoothedCrossentropyOptions extends CrossentropyOptions {
  /** Share of each label that is spread over all classes, in [0, 1]; default 0. */
  readonly labelSmoothing?: number | undefined
}

function smoothing(op: string, amount: number): number {
  if (!(amount >= 0 && amount <= 1))
    throw new Error(`[${op}] labelSmoothing must be in [0, 1], got ${amount}`)
  return amount
}

/** Keras normalises probabilities to sum 1 over the last dimension and clips them before the logarithm. */
function crossEntropyOf(y: Tensor, predictions: Tensor, fromLogits: boolean): Tensor {
  if (fromLogits) return crossEntropyOfLogits([y, predictions])
  const normal = div(predictions, sum(predictions, -1, true))
  return neg(sum(mul(y, log(clipByValue(normal, EPSILON, 1 - EPSILON))), -1))
}

/**
 * Cross-entropy of one-hot or soft labels.
 *
 * @param labels distributions `[batch, ..., classes]`
 * @param predictions probabilities (or logits with `fromLogits`) of the same shape
 * @returns `[batch, ...]`, or what `reduction` says
 * @throws Error when the shapes differ (class numbers belong to {@link sparseCategoricalCrossentropy})
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { categoricalCrossentropy } from '@dl/losses'
 * categoricalCrossentropy(tensor([[0, 1, 0]]), tensor([[0.05, 0.95, 0]])).print() // [0.0513]
 * ```
 */
export function categoricalCrossentropy(
  labels: Tensor,
  predictions: Tensor,
  options: SmoothedCrossentropyOptions = {},
): Tensor {
  const op = 'categoricalCrossentropy'
  const amount = smoothing(op, options.labelSmoothing ?? 0)
  let y = alignLabels(op, labels, predictions)
  const classes = predictions.shape[predictions.rank - 1] ?? 1
  if (amount > 0) y = add(mul(y, 1 - amount), amount / classes)
  return reduceLoss(op, crossEntropyOf(y, predictions, options.fromLogits === true), options)
}

/**
 * Cross-entropy of class numbers. Numbers outside 0 … classes - 1 count as no class at all (`fit` checks the labels that it
 * is given and names the first bad one).
 *
 * @param labels whole numbers `[batch, ...]` or `[batch, ..., 1]`
 * @param predictions probabilities (or logits with `fromLogits`) `[batch, ..., classes]`
 * @returns `[batch, ...]`, or what `reduction` says
 * @throws Error when the shapes do not fit
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { sparseCategoricalCrossentropy } from '@dl/losses'
 * const labels = tensor([1], [1], 'int32')
 * sparseCategoricalCrossentropy(labels, tensor([[0.05, 0.95, 0]])).print() // [0.0513]
 * ```
 */
export function sparseCategoricalCrossentropy(
  labels: Tensor,
  predictions: Tensor,
  options: CrossentropyOptions = {},
): Tensor {
  const op = 'sparseCategoricalCrossentropy'
  const y = classLabels(op, labels, predictions)
  const picked = oneHot(y, predictions.shape[predictions.rank - 1] ?? 1, 1, 0, predictions.dtype)
  return reduceLoss(op, crossEntropyOf(picked, predictions, options.fromLogits === true), options)
}

/**
 * Cross-entropy of independent yes/no labels, averaged over the last dimension.
 *
 * @param labels probabilities `[batch, ...]`
 * @param predictions probabilities (or logits with `fromLogits`) of the same shape
 * @returns `[batch, ...]` without the last dimension, or what `reduction` says
 * @throws Error when the shapes differ
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { binaryCrossentropy } from '@dl/losses'
 * binaryCrossentropy(tensor([[0, 1]]), tensor([[0.4, 0.6]])).print() // [0.5108]
 * ```
 */
export function binaryCrossentropy(
  labels: Tensor,
  predictions: Tensor,
  options: SmoothedCrossentropyOptions = {},
): Tensor {
  const op = 'binaryCrossentropy'
  const amount = smoothing(op, options.labelSmoothing ?? 0)
  let y = alignLabels(op, labels, predictions)
  if (amount > 0) y = add(mul(y, 1 - amount), amount / 2)
  const values =
    options.fromLogits === true
      ? sub(softplus(predictions), mul(predictions, y))
      : fromProbabilities(y, predictions)
  return reduceLoss(op, values.rank > 1 ? mean(values, -1) : values, options)
}

function fromProbabilities(y: Tensor, probabilities: Tensor): Tensor {
  const p = clipByValue(probabilities, EPSILON, 1 - EPSILON)
  return neg(add(mul(y, log(p)), mul(sub(1, y), log(sub(1, p)))))
}
