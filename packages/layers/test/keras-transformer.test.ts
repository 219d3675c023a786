// Judge: a Transformer encoder of Keras 3.8 with its weights: predictions, five epochs with three optimizers.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { expect, it } from 'vitest'
import { type Functional, input, layers, model } from '@dl/layers'
import { adam, type Optimizer, rmsprop, sgd } from '@dl/optim'
import { strictBackend, tensor, type Tensor } from '@dl/tensor/core'
import { arraysEqual } from './support/values.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Values {
  shape: number[]
  dtype?: string
  data: number[]
}
interface Fixture {
  weights: Record<string, Values>
  io: { inputs: Values[]; outputs: Values[] }
  train: {
    X: Values[]
    y: Values
    runs: Record<string, { history: Record<string, number[]>; evaluate: number[]; predictAfter: Values }>
  }
}
const file = fileURLToPath(new URL('fixtures/keras-transformer.json', import.meta.url))
const { weights, io, train } = JSON.parse(readFileSync(file, 'utf8')) as Fixture
const value = ({ data, shape, dtype = 'float32' }: Values): Tensor =>
  tensor(data, shape, dtype.startsWith('int') ? 'int32' : 'float32') as Tensor

/** The model with Keras's weights, which have the same paths but for the numbers of layers. */
function transformer(): Functional {
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

const RUNS: [string, () => Optimizer][] = [
  ['sgd_mom', () => sgd({ learningRate: 0.05, momentum: 0.9 })],
  ['adam', () => adam({ learningRate: 0.005 })],
  ['rmsprop', () => rmsprop({ learningRate: 0.005 })],
]

judge('Keras transformer', { needs: 'oracles/keras-cases/transformer', fixture: file }, () => {
  it('predicts what Keras predicts', async () => {
    const outputs = await transformer().predict(value(io.inputs[0]!))
    arraysEqual((await outputs.data()) as Float32Array, io.outputs[0]!.data, 1e-6)
  })

  it.each(RUNS)('fits as Keras does with %s', async (run, optimizer) => {
    const net = transformer()
    net.compile({ optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    const [x, y] = [value(train.X[0]!), value(train.y)]
    const want = train.runs[run]!
    const { history } = await net.fit(x, y, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 })
    arraysEqual(history['loss']!, want.history['loss']!, 5e-6)
    arraysEqual(history['accuracy']!, want.history['accuracy']!, 1e-6)
    const { loss, accuracy } = await net.evaluate(x, y)
    arraysEqual([loss, accuracy], want.evaluate, 5e-6)
    const after = await net.predict(value(io.inputs[0]!))
    arraysEqual((await after.data()) as Float32Array, want.predictAfter.data, 5e-6)
  })
})
