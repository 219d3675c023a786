// The door of @dl/layers: layers, models, training, and the names of everything that `compile` and layers take by name.
import { registerLayer } from './layer-classes.ts'
import { Activation } from './layers/activation.ts'
import { BatchNormalization } from './layers/batch-normalization.ts'
import { Bidirectional } from './layers/bidirectional.ts'
import { Conv1D, Conv2D, Conv3D } from './layers/convolution.ts'
import { Dense } from './layers/dense.ts'
import {
  DepthwiseConv1D,
  DepthwiseConv2D,
  SeparableConv1D,
  SeparableConv2D,
} from './layers/depthwise-convolution.ts'
import { Dropout } from './layers/dropout.ts'
import { Embedding } from './layers/embedding.ts'
import {
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
} from './layers/global-pooling.ts'
import { GRU } from './layers/gru.ts'
import { Lambda } from './layers/lambda.ts'
import { LayerNormalization } from './layers/layer-normalization.ts'
import { LSTM } from './layers/lstm.ts'
import { Masking } from './layers/masking.ts'
import { Add, Concatenate } from './layers/merge.ts'
import { MultiHeadAttention } from './layers/multi-head-attention.ts'
import { Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D } from './layers/padding.ts'
import { AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D } from './layers/pooling.ts'
import { PositionEmbedding, SinePositionEncoding, TokenAndPositionEmbedding } from './layers/position.ts'
import { LeakyReLU, PReLU, ReLU } from './layers/rectifiers.ts'
import { RMSNormalization } from './layers/rms-normalization.ts'
import { Flatten, Reshape } from './layers/reshape.ts'
import { SimpleRNN } from './layers/simple-rnn.ts'
import { SpatialDropout1D, SpatialDropout2D } from './layers/spatial-dropout.ts'
import { TimeDistributed } from './layers/time-distributed.ts'
import { TransformerDecoder, TransformerEncoder } from './layers/transformer.ts'
import { Conv1DTranspose, Conv2DTranspose } from './layers/transposed-convolution.ts'
import { UpSampling1D, UpSampling2D } from './layers/up-sampling.ts'
import { registerNames } from './names.ts'

registerNames()
registerLayer(Activation)
registerLayer(Add)
registerLayer(AveragePooling1D)
registerLayer(AveragePooling2D)
registerLayer(BatchNormalization)
registerLayer(Bidirectional)
registerLayer(Concatenate)
registerLayer(Conv1D)
registerLayer(Conv1DTranspose)
registerLayer(Conv2D)
registerLayer(Conv2DTranspose)
registerLayer(Conv3D)
registerLayer(Cropping1D)
registerLayer(Cropping2D)
registerLayer(Dense)
registerLayer(DepthwiseConv1D)
registerLayer(DepthwiseConv2D)
registerLayer(Dropout)
registerLayer(Embedding)
registerLayer(Flatten)
registerLayer(GlobalAveragePooling1D)
registerLayer(GlobalAveragePooling2D)
registerLayer(GlobalMaxPooling1D)
registerLayer(GlobalMaxPooling2D)
registerLayer(GRU)
registerLayer(Lambda)
registerLayer(LayerNormalization)
registerLayer(LeakyReLU)
registerLayer(LSTM)
registerLayer(Masking)
registerLayer(MaxPooling1D)
registerLayer(MaxPooling2D)
registerLayer(MultiHeadAttention)
registerLayer(PositionEmbedding)
registerLayer(PReLU)
registerLayer(RMSNormalization)
registerLayer(ReLU)
registerLayer(Reshape)
registerLayer(SeparableConv1D)
registerLayer(SeparableConv2D)
registerLayer(SimpleRNN)
registerLayer(SinePositionEncoding)
registerLayer(SpatialDropout1D)
registerLayer(SpatialDropout2D)
registerLayer(TimeDistributed)
registerLayer(TokenAndPositionEmbedding)
registerLayer(TransformerDecoder)
registerLayer(TransformerEncoder)
registerLayer(UpSampling1D)
registerLayer(UpSampling2D)
registerLayer(ZeroPadding1D)
registerLayer(ZeroPadding2D)

export * from './core.ts'
