// The main job's network, trained for a moment on real digits.
import { mnist } from '@dl/data/mnist'
import { layers, sequential, setRandomSeed } from '@dl/layers'
import { exportOnnx } from '@dl/onnx'
import { slice } from '@dl/tensor/core'
import type { Candidate } from './exported-models.ts'

export async function mnistModel(): Promise<Candidate> {
  setRandomSeed(1)
  const { test } = await mnist()
  const model = sequential([
    layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ])
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
  await model.fit(test.images, test.labels, { epochs: 1, batchSize: 128, verbose: 0 })
  const images = slice(test.images, [0, 0], [100, 784])
  return {
    name: 'mnist.onnx',
    opset: 17,
    make: () => ({ bytes: exportOnnx(model), runs: [{ inputs: [images], outputs: [model.call(images)] }] }),
  }
}
