// What all metrics share: state in Variables, so that a compiled step updates it and batches of different sizes add up.
import type { Tensor, Variable } from '@dl/tensor/core'

export interface MetricOptions {
  /** Name in logs and history. */
  readonly name?: string | undefined
}

/**
 * A measure that is accumulated over batches. `update` may run inside `jit`: its state is Variables.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { categoricalAccuracy } from '@dl/losses/metrics'
 * const metric = categoricalAccuracy()
 * metric.update(tensor([[0, 1], [1, 0]]), tensor([[0.2, 0.8], [0.1, 0.9]]))
 * metric.update(tensor([[0, 1]]), tensor([[0.2, 0.8]]))
 * metric.result().print() // 0.6667
 * ```
 */
export interface Metric {
  readonly name: string
  /** The accumulators. */
  readonly variables: readonly Variable[]
  /** Adds a batch. `sampleWeight` has the shape of the values or of their first dimensions. */
  update(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): void
  /** The measure over everything since the last `reset`: a scalar. 0 before the first update, as in Keras. */
  result(): Tensor
  /** Back to the beginning. */
  reset(): void
}

/** Labels and predictions to one value for each example. */
export type MetricFunction = (labels: Tensor, predictions: Tensor) => Tensor
