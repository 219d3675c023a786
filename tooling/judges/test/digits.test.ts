// The main job's file, judged: a network trained on the digits is exported, and ONNX Runtime reads the 10,000 test images with it.
import '@dl/backend-cpu'
import { mnist } from '@dl/data/mnist'
import { layers, sequential, setRandomSeed } from '@dl/layers'
import { exportOnnx } from '@dl/onnx'
import * as ort from 'onnxruntime-node'
import { expect, it } from 'vitest'

it('ONNX Runtime finds the accuracy on the test digits that evaluate reports', async () => {
  setRandomSeed(1)
  const { train, test } = await mnist()
  const model = sequential([
    layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ])
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  await model.fit(train.images, train.labels, { epochs: 1, batchSize: 128, verbose: 0 })
  const { accuracy } = await model.evaluate(test.images, test.labels)

  const session = await ort.InferenceSession.create(exportOnnx(model))
  const pixels = await test.images.data()
  const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', pixels, [test.size, 784]) }
  const probabilities = (await session.run(feeds))[session.outputNames[0]!]!.data as Float32Array
  let right = 0
  for (let i = 0; i < test.size; i++) {
    const row = probabilities.subarray(10 * i, 10 * i + 10)
    if (row.indexOf(Math.max(...row)) === test.digits[i]) right++
  }
  expect(right / test.size).toBeCloseTo(accuracy, 6)
  expect(right / test.size).toBeGreaterThan(0.93)
}, 120_000)
