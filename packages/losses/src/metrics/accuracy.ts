// The accuracy family: how often predictions are right, as Keras 3 counts it.
import { argMax, cast, equal, greater, less, mean, mul, oneHot, sum, type Tensor } from '@dl/tensor/core'
import { alignLabels, classLabels } from '../labels.ts'
import { meanOf } from './mean.ts'
import type { Metric, MetricFunction, MetricOptions } from './metric.ts'

const hits = (condition: Tensor): Tensor => cast(condition, 'float32')
const overLast = (x: Tensor): Tensor => (x.rank > 1 ? mean(x, -1) : x)

export interface BinaryAccuracyOptions extends MetricOptions {
  /** Predictions above this are yes; default 0.5. */
  readonly threshold?: number | undefined
}

/**
 * Share of yes/no labels that predictions `[batch, ...]` of the same shape meet. Name `binaryAccuracy`.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { binaryAccuracy } from '@dl/losses/metrics'
 * const metric = binaryAccuracy()
 * metric.update(tensor([[1], [1], [0], [0]]), tensor([[0.9], [1], [0.3], [0.6]]))
 * metric.result().print() // 0.75
 * ```
 */
export function binaryAccuracy(options: BinaryAccuracyOptions = {}): Metric {
  const threshold = options.threshold ?? 0.5
  return meanOf(
    (labels, p) => {
      const y = alignLabels('binaryAccuracy', labels, p)
      return overLast(hits(equal(y, cast(greater(p, threshold), p.dtype))))
    },
    named(options, 'binaryAccuracy'),
  )
}

/** Share of examples whose one-hot label and prediction `[batch, ..., classes]` are greatest at one class. */
export function categoricalAccuracy(options: MetricOptions = {}): Metric {
  return meanOf(
    (labels, p) => {
      const y = alignLabels('categoricalAccuracy', labels, p)
      return hits(equal(argMax(y, -1), argMax(p, -1)))
    },
    named(options, 'categoricalAccuracy'),
  )
}

/** Share of examples whose class number is where the prediction `[batch, ..., classes]` is greatest. */
export function sparseCategoricalAccuracy(options: MetricOptions = {}): Metric {
  return meanOf(
    (labels, p) => hits(equal(classLabels('sparseCategoricalAccuracy', labels, p), argMax(p, -1))),
    named(options, 'sparseCategoricalAccuracy'),
  )
}

export interface TopKOptions extends MetricOptions {
  /** How many of the greatest predictions count; default 5. */
  readonly k?: number | undefined
}

/** 1 where fewer than k classes are predicted higher than the true one: ties count in favour, as in Keras. */
function inTopK(target: Tensor, p: Tensor, k: number): Tensor {
  const atTarget = sum(mul(oneHot(target, p.shape[p.rank - 1] ?? 1, 1, 0, p.dtype), p), -1, true)
  return hits(less(sum(hits(greater(p, atTarget)), -1), k))
}

/**
 * Share of examples whose one-hot label's class is among the `k` greatest predictions. Name `topKCategoricalAccuracy`.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { topKCategoricalAccuracy } from '@dl/losses/metrics'
 * const metric = topKCategoricalAccuracy({ k: 2 })
 * metric.update(tensor([[0, 0, 1], [1, 0, 0]]), tensor([[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]]))
 * metric.result().print() // 0.5
 * ```
 */
export function topKCategoricalAccuracy(options: TopKOptions = {}): Metric {
  const k = options.k ?? 5
  return meanOf(
    (labels, p) => {
      const y = alignLabels('topKCategoricalAccuracy', labels, p)
      return inTopK(argMax(y, -1), p, k)
    },
    named(options, 'topKCategoricalAccuracy'),
  )
}

/** As {@link topKCategoricalAccuracy} for class numbers. Name `sparseTopKCategoricalAccuracy`. */
export function sparseTopKCategoricalAccuracy(options: TopKOptions = {}): Metric {
  const k = options.k ?? 5
  return meanOf(
    (labels, p) => inTopK(classLabels('sparseTopKCategoricalAccuracy', labels, p), p, k),
    named(options, 'sparseTopKCategoricalAccuracy'),
  )
}

/**
 * Share of labels that predictions equal, both given as numbers: Keras's class `Accuracy`. In `compile` the name
 * `'accuracy'` means the binary, categorical or sparse form, by the shapes.
 */
export function accuracy(options: MetricOptions = {}): Metric {
  const values: MetricFunction = (labels, p) => overLast(hits(equal(alignLabels('accuracy', labels, p), p)))
  return meanOf(values, named(options, 'accuracy'))
}

const named = (options: MetricOptions, name: string): { name: string } => ({ name: options.name ?? name })
