// Judge: three convolutional networks of Keras 3.8 with their weights: predictions, five epochs with three optimizers each.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { expect, it } from 'vitest'
import { type Functional, input, layers, model, type Sequential, sequential } from '@dl/layers'
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
const value = ({ data, shape, dtype }: Values): Tensor =>
  tensor(data, shape, dtype === 'int64' ? 'int32' : 'float32') as Tensor

const cnnBn = (): Sequential =>
  sequential([
    layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', inputShape: [10, 9, 2] }),
    layers.batchNormalization(),
    layers.relu(),
    layers.maxPooling2d(),
    layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', depthMultiplier: 2 }),
    layers.separableConv2d({ filters: 6, kernelSize: 3, activation: 'elu' }),
    layers.averagePooling2d({ padding: 'same' }),
    layers.flatten(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ])

const convSameStride = (): Sequential =>
  sequential([
    layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same', inputShape: [8, 7, 2] }),
    layers.leakyRelu({ negativeSlope: 0.2 }),
    // `padding: 'same'` in the file; Keras ran on PyTorch, where the element too many goes at the start, not at the end
    layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2 }),
    layers.cropping2d({
      cropping: [
        [1, 0],
        [1, 0],
      ],
    }),
    layers.prelu({ sharedAxes: [1, 2] }),
    layers.conv2d({ filters: 2, kernelSize: 2, dilationRate: 2 }),
    layers.upSampling2d(),
    layers.cropping2d({ cropping: 1 }),
    layers.zeroPadding2d({ padding: [1, 2] }),
    layers.globalMaxPooling2d(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ])

function resnet(): Functional {
  const x = input({ shape: [8, 8, 3] })
  const stem = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', useBias: false }).apply(x)
  const start = layers.relu().apply(layers.batchNormalization().apply(stem))
  const main = layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, padding: 'same' }).apply(start)
  const branches = [
    layers.batchNormalization().apply(main),
    layers.conv2d({ filters: 8, kernelSize: 1, strides: 2 }).apply(start),
  ]
  const joined = layers.activation('relu').apply(layers.add().apply(branches))
  const pooled = layers.globalAveragePooling2d().apply(joined)
  return model({ inputs: x, outputs: layers.dense({ units: 3, activation: 'softmax' }).apply(pooled) })
}

/** The model with Keras's weights. Files number a layer's weights; layers have the same names here and there. */
function withWeights(net: Sequential | Functional, weights: Fixture['weights']): Sequential | Functional {
  const numbers = new Map<string, number>()
  for (const { path, variable } of net.namedVariables()) {
    const layer = path.slice(0, path.indexOf('/'))
    const number = numbers.get(layer) ?? 0
    numbers.set(layer, number + 1)
    variable.assign(value(weights[`layers/${layer}/vars/${number}`]!))
  }
  expect(Object.keys(weights)).toHaveLength(net.weights.length)
  return net
}

const RUNS: [string, () => Optimizer][] = [
  ['sgd_mom', () => sgd({ learningRate: 0.05, momentum: 0.9 })],
  ['adam', () => adam({ learningRate: 0.005 })],
  ['rmsprop', () => rmsprop({ learningRate: 0.005 })],
]
/**
 * The last number bounds what is said with moving averages after training. Adam turns the gradient of a bias before a
 * normalization, rounding noise around 0, into whole steps; the batch's mean takes the bias out again (losses agree to 1e-6),
 * the moving average follows it late.
 */
const CASES = [
  ['cnn_bn', cnnBn, 1e-4],
  ['conv_same_stride', convSameStride, 1e-6],
  ['resnet', resnet, 5e-4],
] as const

for (const [name, make, late] of CASES) {
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
      const after = await net.predict(value(io.inputs[0]!))
      const bound = run === 'adam' ? late : 2e-6
      arraysEqual([loss, accuracy], want.evaluate, bound)
      arraysEqual((await after.data()) as Float32Array, want.predictAfter.data, bound)
    })
  })
}
