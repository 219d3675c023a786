// The door of @dl/losses: loss functions, their class forms, reductions. Metrics have a door of their own.
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  type CrossentropyOptions,
  sigmoidCrossEntropy,
  type SmoothedCrossentropyOptions,
  softmaxCrossEntropy,
  sparseCategoricalCrossentropy,
} from './cross-entropy.ts'
export {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  type CrossentropyConfig,
  Huber,
  type HuberConfig,
  Loss,
  type LossConfig,
  type LossFunction,
  lossOf,
  MeanAbsoluteError,
  MeanSquaredError,
  type SmoothedCrossentropyConfig,
  SparseCategoricalCrossentropy,
} from './loss.ts'
export { type LossOptions, type Reduction } from './reduction.ts'
export { huber, type HuberOptions, meanAbsoluteError, meanSquaredError } from './regression.ts'
