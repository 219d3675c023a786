// Judge: recurrent networks of Keras 3.8 with their weights: predictions, five epochs with three optimizers each.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { expect, it } from 'vitest'
import { layers, type Sequential, sequential } from '@dl/layers'
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
const value = ({ data, shape, dtype = 'float32' }: Values): Tensor =>
  tensor(data, shape, dtype.startsWith('int') ? 'int32' : 'float32') as Tensor

const head = (): ReturnType<typeof layers.dense> => layers.dense({ units: 3, activation: 'softmax' })

const lstm2 = (): Sequential =>
  sequential([
    layers.lstm({ units: 6, returnSequences: true, inputShape: [5, 4] }),
    layers.lstm({ units: 5 }),
    head(),
  ])

const gru = (): Sequential =>
  sequential([
    layers.gru({ units: 6, returnSequences: true, inputShape: [5, 4] }),
    layers.gru({ units: 5, resetAfter: false }),
    head(),
  ])

const bidirectional = (): Sequential =>
  sequential([
    layers.bidirectional({ layer: layers.lstm({ units: 4, returnSequences: true }), inputShape: [5, 4] }),
    layers.bidirectional({ layer: layers.gru({ units: 3 }), mergeMode: 'sum' }),
    head(),
  ])

const masked = (): Sequential =>
  sequential([
    layers.embedding({ inputDim: 9, outputDim: 4, maskZero: true, inputShape: [6] }),
    layers.lstm({ units: 5 }),
    head(),
  ])

/** The place in Keras's file of the layer that holds a weight: `layers/bidirectional/forward_layer/cell`. */
function groupOf(path: string): string {
  const [layer, ...inner] = path.split('/').slice(0, -1)
  const parts = inner.map((name) => (name.endsWith('_cell') ? 'cell' : `${name.split('_')[0]}_layer`))
  return ['layers', layer, ...parts, 'vars'].join('/')
}

/** The model with Keras's weights. Files number a layer's weights; layers have the same names here and there. */
function withWeights(net: Sequential, weights: Fixture['weights']): Sequential {
  const numbers = new Map<string, number>()
  for (const { path, variable } of net.namedVariables()) {
    const group = groupOf(path)
    const number = numbers.get(group) ?? 0
    numbers.set(group, number + 1)
    variable.assign(value(weights[`${group}/${number}`]!))
  }
  expect(Object.keys(weights)).toHaveLength(net.weights.length)
  return net
}

const RUNS: [string, () => Optimizer][] = [
  ['sgd_mom', () => sgd({ learningRate: 0.05, momentum: 0.9 })],
  ['adam', () => adam({ learningRate: 0.005 })],
  ['rmsprop', () => rmsprop({ learningRate: 0.005 })],
]
const CASES = [
  ['lstm2', lstm2],
  ['gru', gru],
  ['simplernn_bidir', bidirectional],
  ['masking_lstm', masked],
] as const

for (const [name, make] of CASES) {
  const file = fileURLToPath(new URL(`fixtures/keras-${name.replaceAll('_', '-')}.json`, import.meta.url))
  const { weights, io, train } = JSON.parse(readFileSync(file, 'utf8')) as Fixture

  judge(`Keras ${name}`, { needs: `oracles/keras-cases/${name}`, fixture: file }, () => {
    it('predicts what Keras predicts', async () => {
      const outputs = await withWeights(make(), weights).predict(value(io.inputs[0]!))
      arraysEqual((await outputs.data()) as Float32Array, io.outputs[0]!.data, 1e-6)
    })

    it.each(RUNS)('fits as Keras does with %s', async (run, optimizer) => {
      const net = withWeights(make(), weights)
      net.compile({ optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
      const [x, y] = [value(train.X[0]!), value(train.y)]
      const want = train.runs[run]!
      const { history } = await net.fit(x, y, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 })
      arraysEqual(history['loss']!, want.history['loss']!, 5e-6)
      arraysEqual(history['accuracy']!, want.history['accuracy']!, 1e-6)
      const { loss, accuracy } = await net.evaluate(x, y)
      arraysEqual([loss, accuracy], want.evaluate, 2e-6)
      const after = await net.predict(value(io.inputs[0]!))
      arraysEqual((await after.data()) as Float32Array, want.predictAfter.data, 2e-6)
    })
  })
}
