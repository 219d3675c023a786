// The door '@dl/layers/core': everything of '@dl/layers', with empty registries of names. Programs that pass functions and
// classes instead of names bundle only what they use.
export * as callbacks from './callbacks/index.ts'
export { type Callback, type TrainingContext } from './callbacks/callback.ts'
export { type ActivationLike } from './activations.ts'
export { Functional, model, type ModelConfig } from './functional.ts'
export * as initializers from './initializers.ts'
export {
  type Buildable,
  Layer,
  type LayerConfig,
  type LayerInputs,
  type NamedVariable,
  type WeightOptions,
} from './layer.ts'
export { type LayerClass, layerFromConfig, registerLayer } from './layer-classes.ts'
export * as layers from './layers/index.ts'
export { Activation } from './layers/activation.ts'
export { Dense, type DenseConfig } from './layers/dense.ts'
export { Dropout, type DropoutConfig } from './layers/dropout.ts'
export { Embedding, type EmbeddingConfig } from './layers/embedding.ts'
export { Lambda } from './layers/lambda.ts'
export { LayerNormalization, type LayerNormalizationConfig } from './layers/layer-normalization.ts'
export { Add, Concatenate } from './layers/merge.ts'
export { Flatten, Reshape } from './layers/reshape.ts'
export { Model, type ModelOutput } from './model.ts'
export {
  type Activation as ActivationFunction,
  activationNames,
  initializerNames,
  lossNames,
  metricNames,
  optimizerNames,
  Registry,
  regularizerNames,
} from './registry.ts'
export * as regularizers from './regularizers.ts'
export { setRandomSeed } from './seeds.ts'
export { Sequential, sequential } from './sequential.ts'
export { type LayerShape } from './shapes.ts'
export { type SummaryOptions } from './summary.ts'
export { input, type InputConfig, SymbolicTensor } from './symbolic.ts'
export { type BatchDataset } from './training/batch-source.ts'
export { type Rows, type RowsTree } from './training/columns.ts'
export { type CompileConfig, type LossLike, type MetricLike } from './training/compiled.ts'
export { TrainingError, type TrainingErrorCode } from './training/errors.ts'
export { type EvaluateOptions } from './training/evaluate.ts'
export { type FitOptions, type ValidationData } from './training/fit.ts'
export { History } from './training/history.ts'
export { type Logs } from './training/logs.ts'
export { type PredictOptions } from './training/predict.ts'
export { type ProgressOutput } from './training/progress.ts'
export { type WeightSnapshot } from './training/weights.ts'
