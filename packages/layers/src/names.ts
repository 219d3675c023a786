// Fills the registries with everything that has a name. The root door runs it; `@dl/layers/core` does not.
import { adagrad, adam, adamW, rmsprop, sgd } from '@dl/optim'
import {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  Huber,
  MeanAbsoluteError,
  MeanSquaredError,
  SparseCategoricalCrossentropy,
} from '@dl/losses'
import * as metrics from '@dl/losses/metrics'
import { ACTIVATIONS } from './activations.ts'
import * as initializers from './initializers.ts'
import {
  activationNames,
  initializerNames,
  lossNames,
  metricNames,
  optimizerNames,
  type Registry,
  regularizerNames,
} from './registry.ts'
import { l1, l1l2, l2 } from './regularizers.ts'

function fill<T>(registry: Registry<T>, entries: Readonly<Record<string, T>>): void {
  for (const [name, value] of Object.entries(entries)) registry.register(name, value)
}

/** Registers every name that Keras knows and this library has, with Keras's abbreviations. */
export function registerNames(): void {
  fill(activationNames, ACTIVATIONS)
  const { zeros, ones, constant, randomUniform, randomNormal, truncatedNormal, varianceScaling } =
    initializers
  const { glorotUniform, glorotNormal, heUniform, heNormal, lecunUniform, lecunNormal, orthogonal } =
    initializers
  const basic = { zeros, ones, constant, randomUniform, randomNormal, truncatedNormal, varianceScaling }
  fill(initializerNames, {
    ...basic,
    glorotUniform,
    glorotNormal,
    heUniform,
    heNormal,
    lecunUniform,
    lecunNormal,
    orthogonal,
  })
  fill(regularizerNames, { l1, l2, l1l2 })
  fill(optimizerNames, { adagrad, adam, adamW, rmsprop, sgd })
  const mse = (): MeanSquaredError => new MeanSquaredError()
  const mae = (): MeanAbsoluteError => new MeanAbsoluteError()
  fill(lossNames, {
    meanSquaredError: mse,
    mse,
    meanAbsoluteError: mae,
    mae,
    huber: () => new Huber(),
    binaryCrossentropy: () => new BinaryCrossentropy(),
    categoricalCrossentropy: () => new CategoricalCrossentropy(),
    sparseCategoricalCrossentropy: () => new SparseCategoricalCrossentropy(),
  })
  fill(metricNames, {
    binaryAccuracy: metrics.binaryAccuracy,
    categoricalAccuracy: metrics.categoricalAccuracy,
    sparseCategoricalAccuracy: metrics.sparseCategoricalAccuracy,
    topKCategoricalAccuracy: metrics.topKCategoricalAccuracy,
    sparseTopKCategoricalAccuracy: metrics.sparseTopKCategoricalAccuracy,
    meanSquaredError: metrics.meanSquaredError,
    mse: () => metrics.meanSquaredError({ name: 'mse' }),
    meanAbsoluteError: metrics.meanAbsoluteError,
    mae: () => metrics.meanAbsoluteError({ name: 'mae' }),
    rootMeanSquaredError: metrics.rootMeanSquaredError,
  })
}
