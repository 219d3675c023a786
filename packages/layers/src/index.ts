// The door of @dl/layers: layers, models, training, and the names of everything that `compile` and layers take by name.
import { registerLayer } from './layer-classes.ts'
import { Activation } from './layers/activation.ts'
import { Dense } from './layers/dense.ts'
import { Dropout } from './layers/dropout.ts'
import { Embedding } from './layers/embedding.ts'
import { Lambda } from './layers/lambda.ts'
import { LayerNormalization } from './layers/layer-normalization.ts'
import { Add, Concatenate } from './layers/merge.ts'
import { Flatten, Reshape } from './layers/reshape.ts'
import { registerNames } from './names.ts'

registerNames()
registerLayer(Activation)
registerLayer(Add)
registerLayer(Concatenate)
registerLayer(Dense)
registerLayer(Dropout)
registerLayer(Embedding)
registerLayer(Flatten)
registerLayer(Lambda)
registerLayer(LayerNormalization)
registerLayer(Reshape)

export * from './core.ts'
