// Judge: a small network that Keras 3.8 trained, its weights, predictions and fit histories with three optimizers.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { expect, it } from 'vitest'
import { layers, regularizers, sequential, type Sequential } from '@dl/layers'
import { adam, type Optimizer, rmsprop, sgd } from '@dl/optim'
import { strictBackend, tensor, type Tensor } from '@dl/tensor/core'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Array {
  shape: number[]
  dtype: string
  data: number[]
}
interface Fixture {
  layers: { units: number; activation: string; l2: number }[]
  weights: Record<string, Array>
  io: { inputs: Array[]; outputs: Array[] }
  train: {
    X: Array[]
    y: Array
    runs: Record<string, { history: Record<string, number[]>; evaluate: number[]; predictAfter: Array }>
  }
}
const file = fileURLToPath(new URL('fixtures/keras-mlp.json', import.meta.url))
const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture
const value = ({ data, shape, dtype }: Array): Tensor =>
  tensor(data, shape, dtype === 'int64' ? 'int32' : 'float32') as Tensor

function kerasModel(): Sequential {
  const model = sequential(
    fixture.layers.map(({ units, activation, l2 }, i) =>
      layers.dense({
        units,
        activation,
        kernelRegularizer: l2 > 0 ? regularizers.l2(l2) : undefined,
        inputShape: i === 0 ? [5] : undefined,
      }),
    ),
  )
  for (const [i, name] of ['dense', 'dense_1', 'dense_2'].entries())
    for (const part of [0, 1]) {
      const { data, shape } = fixture.weights[`layers/${name}/vars/${part}`]!
      model.weights[2 * i + part]!.assign(tensor(data, shape))
    }
  return model
}

function expectClose(got: ArrayLike<number>, want: readonly number[], bound: number): void {
  expect(got.length).toBe(want.length)
  want.forEach((w, i) =>
    expect(Math.abs(got[i]! - w), `value ${i}: ${got[i]} instead of ${w}`).toBeLessThanOrEqual(bound),
  )
}

judge('Keras MLP', { needs: 'oracles/keras-cases/mlp', fixture: file }, () => {
  it('predicts what Keras predicts', async () => {
    const outputs = await kerasModel().predict(value(fixture.io.inputs[0]!))
    expectClose(await outputs.data(), fixture.io.outputs[0]!.data, 1e-6)
  })

  const RUNS: [string, () => Optimizer][] = [
    ['sgd_mom', () => sgd({ learningRate: 0.05, momentum: 0.9 })],
    ['adam', () => adam({ learningRate: 0.005 })],
    ['rmsprop', () => rmsprop({ learningRate: 0.005 })],
  ]
  it.each(RUNS)('fits as Keras does with %s', async (name, optimizer) => {
    const model = kerasModel()
    model.compile({ optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    const x = value(fixture.train.X[0]!)
    const y = value(fixture.train.y)
    const run = fixture.train.runs[name]!
    const { history } = await model.fit(x, y, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 })
    expectClose(history['loss']!, run.history['loss']!, 1e-4)
    expectClose(history['accuracy']!, run.history['accuracy']!, 1e-6)
    const { loss, accuracy } = await model.evaluate(x, y)
    expectClose([loss, accuracy], run.evaluate, 1e-4)
    const after = await model.predict(value(fixture.io.inputs[0]!))
    expectClose(await after.data(), run.predictAfter.data, 1e-4)
  })
})
