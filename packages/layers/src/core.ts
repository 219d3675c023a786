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
export { BatchNormalization, type BatchNormalizationConfig } from './layers/batch-normalization.ts'
export { Bidirectional, type BidirectionalConfig } from './layers/bidirectional.ts'
export { Conv1D, Conv2D, Conv3D, type ConvConfig, type WindowConfig } from './layers/convolution.ts'
export { Dense, type DenseConfig } from './layers/dense.ts'
export {
  DepthwiseConv1D,
  DepthwiseConv2D,
  SeparableConv1D,
  SeparableConv2D,
  type DepthwiseConvConfig,
  type SeparableConvConfig,
} from './layers/depthwise-convolution.ts'
export { Dropout, type DropoutConfig } from './layers/dropout.ts'
export { Embedding, type EmbeddingConfig } from './layers/embedding.ts'
export {
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  type GlobalPoolingConfig,
} from './layers/global-pooling.ts'
export { GRU, type GRUConfig } from './layers/gru.ts'
export { Lambda } from './layers/lambda.ts'
export { LayerNormalization, type LayerNormalizationConfig } from './layers/layer-normalization.ts'
export { LSTM, type LSTMConfig } from './layers/lstm.ts'
export { Masking, type MaskingConfig } from './layers/masking.ts'
export { Add, Concatenate } from './layers/merge.ts'
export { MultiHeadAttention, type MultiHeadAttentionConfig } from './layers/multi-head-attention.ts'
export {
  Cropping1D,
  Cropping2D,
  ZeroPadding1D,
  ZeroPadding2D,
  type Cropping1DConfig,
  type Cropping2DConfig,
  type Edges,
  type ZeroPadding1DConfig,
  type ZeroPadding2DConfig,
} from './layers/padding.ts'
export {
  AveragePooling1D,
  AveragePooling2D,
  MaxPooling1D,
  MaxPooling2D,
  type PoolingConfig,
} from './layers/pooling.ts'
export {
  LeakyReLU,
  PReLU,
  ReLU,
  type LeakyReLUConfig,
  type PReLUConfig,
  type ReLUConfig,
} from './layers/rectifiers.ts'
export {
  PositionEmbedding,
  type PositionEmbeddingConfig,
  SinePositionEncoding,
  type SinePositionEncodingConfig,
  TokenAndPositionEmbedding,
  type TokenAndPositionEmbeddingConfig,
} from './layers/position.ts'
export { RMSNormalization, type RMSNormalizationConfig } from './layers/rms-normalization.ts'
export {
  type GatedConfig,
  Recurrent,
  type RecurrentConfig,
  type RecurrentOutput,
} from './layers/recurrent.ts'
export { Flatten, Reshape } from './layers/reshape.ts'
export { SimpleRNN } from './layers/simple-rnn.ts'
export { TransformerDecoder, TransformerEncoder, type TransformerBlockConfig } from './layers/transformer.ts'
export { SpatialDropout1D, SpatialDropout2D, type SpatialDropoutConfig } from './layers/spatial-dropout.ts'
export { type PerAxis, type SpatialConfig } from './layers/spatial.ts'
export { TimeDistributed, type TimeDistributedConfig } from './layers/time-distributed.ts'
export {
  Conv1DTranspose,
  Conv2DTranspose,
  type ConvTransposeConfig,
} from './layers/transposed-convolution.ts'
export {
  UpSampling1D,
  UpSampling2D,
  type UpSampling1DConfig,
  type UpSampling2DConfig,
} from './layers/up-sampling.ts'
export { maskOf, withMask } from './masks.ts'
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
export {
  type CompileConfig,
  type LossLike,
  type MetricLike,
  type NamedOptimizer,
} from './training/compiled.ts'
export { TrainingError, type TrainingErrorCode } from './training/errors.ts'
export { type EvaluateOptions } from './training/evaluate.ts'
export { type FitOptions, type ValidationData } from './training/fit.ts'
export { History } from './training/history.ts'
export { type Logs } from './training/logs.ts'
export { type PredictOptions } from './training/predict.ts'
export { type ProgressOutput } from './training/progress.ts'
export { type WeightSnapshot } from './training/weights.ts'
