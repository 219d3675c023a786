// Weighted means over batches, and every metric that is the mean of a function of labels and predictions.
import {
  add,
  divNoNan,
  mul,
  scalar,
  sqrt,
  sum,
  tidy,
  variable,
  zerosLike,
  type Tensor,
  type Variable,
} from '@dl/tensor/core'
import { meanAbsoluteError, meanSquaredError } from '../regression.ts'
import { weightsLike } from '../reduction.ts'
import type { Metric, MetricFunction, MetricOptions } from './metric.ts'

/**
 * The weighted mean of values. It is what `fit` keeps its loss in; as a metric in `compile` it needs a function: see
 * {@link meanOf}.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { Mean } from '@dl/losses/metrics'
 * const mean = new Mean()
 * mean.add(tensor([1, 3]))
 * mean.add(tensor(8), 2)
 * mean.result().print() // 5
 * ```
 */
export class Mean {
  readonly name: string
  readonly #total: Variable
  readonly #count: Variable

  constructor(options: MetricOptions = {}) {
    this.name = options.name ?? 'mean'
    this.#total = variable(scalar(0), false, `${this.name}/total`)
    this.#count = variable(scalar(0), false, `${this.name}/count`)
  }

  get variables(): readonly Variable[] {
    return [this.#total, this.#count]
  }

  /** Adds values of any shape; `weight` is a number, or a tensor of their shape or of its first dimensions. */
  add(values: Tensor, weight?: Tensor | number): void {
    const weights = typeof weight === 'object' ? weightsLike('mean', weight, values) : undefined
    const factor = typeof weight === 'number' ? weight : 1
    this.#total.assign(add(this.#total, mul(sum(weights ? mul(values, weights) : values), factor)))
    this.#count.assign(weights ? add(this.#count, sum(weights)) : add(this.#count, values.size * factor))
  }

  result(): Tensor {
    return divNoNan(this.#total, this.#count)
  }

  reset(): void {
    tidy(() => {
      for (const v of this.variables) v.assign(zerosLike(v))
    })
  }
}

/** The mean of a function's values over all examples of all batches. */
class MeanOf implements Metric {
  readonly name: string
  readonly #mean: Mean
  readonly #values: MetricFunction
  readonly #finish: (mean: Tensor) => Tensor

  constructor(values: MetricFunction, name: string, finish: (mean: Tensor) => Tensor = (x) => x) {
    this.name = name
    this.#mean = new Mean({ name })
    this.#values = values
    this.#finish = finish
  }
  get variables(): readonly Variable[] {
    return this.#mean.variables
  }
  update(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): void {
    tidy(() => this.#mean.add(this.#values(labels, predictions), sampleWeight))
  }
  result(): Tensor {
    return this.#finish(this.#mean.result())
  }
  reset(): void {
    this.#mean.reset()
  }
}

/**
 * A metric that is the mean of your function, which answers with one value for each example.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { abs, cast, less, sub, tensor } from '@dl/tensor'
 * import { meanOf } from '@dl/losses/metrics'
 * const close = meanOf((y, p) => cast(less(abs(sub(y, p)), 0.5), 'float32'), { name: 'close' })
 * close.update(tensor([1, 2, 3, 4]), tensor([1.1, 2.9, 3, 4.2]))
 * close.result().print() // 0.75
 * ```
 */
export function meanOf(values: MetricFunction, options: MetricOptions = {}): Metric {
  return new MeanOf(values, options.name ?? (values.name || 'mean'))
}

/** Keras's `Mean`: `mean({ name })` accumulates values with `add`. */
export function mean(options: MetricOptions = {}): Mean {
  return new Mean(options)
}

/** Mean squared error over all batches; name `meanSquaredError`. */
export function meanSquaredErrorMetric(options: MetricOptions = {}): Metric {
  return new MeanOf((y, p) => meanSquaredError(y, p), options.name ?? 'meanSquaredError')
}

/** Mean absolute error over all batches; name `meanAbsoluteError`. */
export function meanAbsoluteErrorMetric(options: MetricOptions = {}): Metric {
  return new MeanOf((y, p) => meanAbsoluteError(y, p), options.name ?? 'meanAbsoluteError')
}

/** Root of the mean squared error over all batches; name `rootMeanSquaredError`. */
export function rootMeanSquaredError(options: MetricOptions = {}): Metric {
  return new MeanOf(
    (y, p) => meanSquaredError(y, p),
    options.name ?? 'rootMeanSquaredError',
    (x) => sqrt(x),
  )
}
