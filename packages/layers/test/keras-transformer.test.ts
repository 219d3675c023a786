// Judge: a Transformer encoder of Keras 3.8 with its weights: predictions, five epochs with three optimizers.
import '@dl/backend-cpu'
import { expect } from 'vitest'
import { type Functional, input, layers, model } from '@dl/layers'
import { strictBackend } from '@dl/tensor/core'
import { judgeByKeras, type KerasWeights, value } from './support/keras-case.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

/** The model with Keras's weights, which have the same paths but for the numbers of layers. */
function transformer(weights: KerasWeights): Functional {
  const ids = input({ shape: [6], dtype: 'int32' })
  const x = layers.embedding({ inputDim: 12, outputDim: 8, name: 'embedding_1' }).apply(ids)
  const normal = layers.layerNormalization({ epsilon: 1e-6 }).apply(x)
  const attended = layers.multiHeadAttention({ numHeads: 2, keyDim: 4 }).apply([normal, normal])
  const y = layers.add().apply([x, attended])
  const inner = layers.dense({ units: 16, activation: 'gelu', name: 'dense_15' })
  const outer = layers.dense({ units: 8, name: 'dense_16' })
  const forward = outer.apply(inner.apply(layers.layerNormalization().apply(y)))
  const pooled = layers.globalAveragePooling1d().apply(layers.add().apply([y, forward]))
  const head = layers.dense({ units: 3, activation: 'softmax', name: 'dense_17' })
  const net = model({ inputs: ids, outputs: head.apply(pooled) })
  const variables = net.namedVariables()
  expect(variables.map((v) => v.path).toSorted()).toEqual(Object.keys(weights).toSorted())
  for (const { path, variable } of variables) variable.assign(value(weights[path]!))
  return net as Functional
}

judgeByKeras('transformer', transformer, () => 5e-6)
