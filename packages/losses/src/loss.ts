// The class form of losses: a function with its options, a reduction and a config that can be saved. `compile` takes these,
// plain functions, or names.
import type { Tensor } from '@dl/tensor/core'
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  type CrossentropyOptions,
  type SmoothedCrossentropyOptions,
  sparseCategoricalCrossentropy,
} from './cross-entropy.ts'
import { type Reduction, reduceLoss } from './reduction.ts'
import { huber, meanAbsoluteError, meanSquaredError } from './regression.ts'

/** Labels and predictions to one value for each example (or one value in all). */
export type LossFunction = (labels: Tensor, predictions: Tensor) => Tensor

export interface LossConfig {
  /** Default `sumOverBatchSize`, the mean over the batch. */
  readonly reduction?: Reduction | undefined
}

/**
 * A loss function with a reduction. Extend it with your own `values`, or wrap a function with {@link lossOf}.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { CategoricalCrossentropy } from '@dl/losses'
 * const loss = new CategoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.1 })
 * loss.call(tensor([[0, 1]]), tensor([[-2, 2]])).print() // 0.2181
 * ```
 */
export abstract class Loss<C extends LossConfig = LossConfig> {
  readonly config: C
  /** The name under which the loss is registered and saved. */
  abstract readonly name: string

  constructor(config: C = {} as C) {
    this.config = config
  }

  /** Losses of the examples, `[batch, ...]`. */
  abstract values(labels: Tensor, predictions: Tensor): Tensor

  /** The reduced loss; `sampleWeight` has the shape of the values or of their first dimensions. */
  call(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): Tensor {
    const reduction = this.config.reduction ?? 'sumOverBatchSize'
    return reduceLoss(this.name, this.values(labels, predictions), { reduction, sampleWeight })
  }
}

/** Mean squared error; see {@link meanSquaredError}. */
export class MeanSquaredError extends Loss {
  readonly name: string = 'meanSquaredError'
  values(labels: Tensor, predictions: Tensor): Tensor {
    return meanSquaredError(labels, predictions)
  }
}

/** Mean absolute error; see {@link meanAbsoluteError}. */
export class MeanAbsoluteError extends Loss {
  readonly name: string = 'meanAbsoluteError'
  values(labels: Tensor, predictions: Tensor): Tensor {
    return meanAbsoluteError(labels, predictions)
  }
}

export interface HuberConfig extends LossConfig {
  readonly delta?: number | undefined
}
/** Huber's loss; see {@link huber}. */
export class Huber extends Loss<HuberConfig> {
  readonly name: string = 'huber'
  values(labels: Tensor, predictions: Tensor): Tensor {
    return huber(labels, predictions, { delta: this.config.delta })
  }
}

export type CrossentropyConfig = LossConfig & Omit<CrossentropyOptions, 'reduction' | 'sampleWeight'>
export type SmoothedCrossentropyConfig = LossConfig &
  Omit<SmoothedCrossentropyOptions, 'reduction' | 'sampleWeight'>

/** Cross-entropy of yes/no labels; see {@link binaryCrossentropy}. */
export class BinaryCrossentropy extends Loss<SmoothedCrossentropyConfig> {
  readonly name: string = 'binaryCrossentropy'
  values(labels: Tensor, predictions: Tensor): Tensor {
    return binaryCrossentropy(labels, predictions, { ...this.config, reduction: 'none' })
  }
}

/** Cross-entropy of one-hot labels; see {@link categoricalCrossentropy}. */
export class CategoricalCrossentropy extends Loss<SmoothedCrossentropyConfig> {
  readonly name: string = 'categoricalCrossentropy'
  values(labels: Tensor, predictions: Tensor): Tensor {
    return categoricalCrossentropy(labels, predictions, { ...this.config, reduction: 'none' })
  }
}

/** Cross-entropy of class numbers; see {@link sparseCategoricalCrossentropy}. */
export class SparseCategoricalCrossentropy extends Loss<CrossentropyConfig> {
  readonly name: string = 'sparseCategoricalCrossentropy'
  values(labels: Tensor, predictions: Tensor): Tensor {
    return sparseCategoricalCrossentropy(labels, predictions, { ...this.config, reduction: 'none' })
  }
}

/** A plain function as a loss: `fn` answers with one value for each example. */
class FunctionLoss extends Loss {
  readonly name: string
  readonly #fn: LossFunction
  constructor(fn: LossFunction, config: LossConfig) {
    super(config)
    this.#fn = fn
    this.name = fn.name || 'loss'
  }
  values(labels: Tensor, predictions: Tensor): Tensor {
    return this.#fn(labels, predictions)
  }
}

/**
 * A {@link Loss} made of a function.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { abs, sub, tensor } from '@dl/tensor'
 * import { lossOf } from '@dl/losses'
 * const distance = lossOf((labels, predictions) => abs(sub(labels, predictions)), { reduction: 'sum' })
 * distance.call(tensor([1, 2]), tensor([2, 4])).print() // 3
 * ```
 */
export function lossOf(fn: LossFunction, config: LossConfig = {}): Loss {
  return new FunctionLoss(fn, config)
}
