// The namespace `layers`: one maker for each kind of layer.
export { activation } from './activation.ts'
export { dense } from './dense.ts'
export { dropout } from './dropout.ts'
export { embedding } from './embedding.ts'
export { lambda } from './lambda.ts'
export { layerNormalization } from './layer-normalization.ts'
export { add, concatenate } from './merge.ts'
export { flatten, reshape } from './reshape.ts'
