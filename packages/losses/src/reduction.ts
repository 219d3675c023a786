// How the losses of single examples become one number: sample weights and Keras 3's reductions.
import { cast, div, expandDims, mean, mul, ones, ShapeError, sum, type Tensor } from '@dl/tensor/core'

/**
 * - `none`: one value for each example.
 * - `sum`: their sum.
 * - `mean`, `sumOverBatchSize`: the (weighted) sum divided by the number of examples, as in Keras.
 * - `meanWithSampleWeight`: the weighted sum divided by the sum of the weights.
 */
export type Reduction = 'none' | 'sum' | 'mean' | 'sumOverBatchSize' | 'meanWithSampleWeight'

export interface LossOptions {
  /** Default `none`: a loss function answers with one value for each example. */
  readonly reduction?: Reduction | undefined
  /** Factors for the examples, `[batch]` or the shape of the unreduced loss. */
  readonly sampleWeight?: Tensor | undefined
}

/** Applies weights and reduction to losses of shape `[batch, ...]`. */
export function reduceLoss(op: string, values: Tensor, options: LossOptions): Tensor {
  const { reduction = 'none', sampleWeight } = options
  const weights = sampleWeight && weightsLike(op, sampleWeight, values)
  const weighted = weights ? mul(values, weights) : values
  switch (reduction) {
    case 'none':
      return weighted
    case 'sum':
      return sum(weighted)
    case 'mean':
    case 'sumOverBatchSize':
      return mean(weighted)
    case 'meanWithSampleWeight':
      return weights ? div(sum(weighted), sum(weights)) : mean(weighted)
    default:
      throw new Error(
        `[${op}] reduction must be none, sum, mean, sumOverBatchSize or meanWithSampleWeight, got ${String(reduction satisfies never)}`,
      )
  }
}

/** `sampleWeight` stretched to the shape of `values`: weights of examples hold for everything in an example. */
export function weightsLike(op: string, sampleWeight: Tensor, values: Tensor): Tensor {
  let weights: Tensor = cast(sampleWeight, values.dtype)
  const fits =
    weights.rank <= values.rank &&
    weights.shape.every((d: number, i: number) => d === values.shape[i] || d === 1)
  if (!fits)
    throw new ShapeError(
      `[${op}] sampleWeight must have the shape [${values.shape.join(',')}] of the losses or that of its first dimensions, ` +
        `got [${weights.shape.join(',')}]`,
    )
  while (weights.rank < values.rank) weights = expandDims(weights, -1)
  return mul(weights, ones(values.shape, values.dtype))
}
