// The namespace `layers`: one maker for each kind of layer.
export { activation } from './activation.ts'
export { batchNormalization } from './batch-normalization.ts'
export { bidirectional } from './bidirectional.ts'
export { conv1d, conv2d, conv3d } from './convolution.ts'
export { dense } from './dense.ts'
export {
  depthwiseConv1d,
  depthwiseConv2d,
  separableConv1d,
  separableConv2d,
} from './depthwise-convolution.ts'
export { dropout } from './dropout.ts'
export { embedding } from './embedding.ts'
export {
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalMaxPooling1d,
  globalMaxPooling2d,
} from './global-pooling.ts'
export { gru } from './gru.ts'
export { lambda } from './lambda.ts'
export { layerNormalization } from './layer-normalization.ts'
export { lstm } from './lstm.ts'
export { masking } from './masking.ts'
export { add, concatenate } from './merge.ts'
export { multiHeadAttention } from './multi-head-attention.ts'
export { cropping1d, cropping2d, zeroPadding1d, zeroPadding2d } from './padding.ts'
export { averagePooling1d, averagePooling2d, maxPooling1d, maxPooling2d } from './pooling.ts'
export { positionEmbedding, sinePositionEncoding, tokenAndPositionEmbedding } from './position.ts'
export { leakyRelu, prelu, relu } from './rectifiers.ts'
export { rmsNormalization } from './rms-normalization.ts'
export { flatten, reshape } from './reshape.ts'
export { simpleRnn } from './simple-rnn.ts'
export { spatialDropout1d, spatialDropout2d } from './spatial-dropout.ts'
export { timeDistributed } from './time-distributed.ts'
export { transformerDecoder, transformerEncoder } from './transformer.ts'
export { conv1dTranspose, conv2dTranspose } from './transposed-convolution.ts'
export { upSampling1d, upSampling2d } from './up-sampling.ts'
