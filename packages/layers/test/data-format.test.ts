// Channels first and channels last are one network in two layouts: equal predictions, equal losses while training, equal
// weights afterwards.
import '@dl/backend-cpu'
import { expect, it } from 'vitest'
import { layers, sequential, type Sequential, setRandomSeed } from '@dl/layers'
import { sgd } from '@dl/optim'
import { random, strictBackend, type Tensor, transpose } from '@dl/tensor/core'
import { arraysEqual } from './support/values.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

function network(dataFormat: 'channelsLast' | 'channelsFirst'): Sequential {
  setRandomSeed(5)
  const axis = dataFormat === 'channelsLast' ? -1 : 1
  const inputShape = dataFormat === 'channelsLast' ? [9, 8, 4] : [4, 9, 8]
  return sequential([
    layers.zeroPadding2d({ padding: [[1, 0], 1], dataFormat, inputShape }),
    layers.conv2d({ filters: 6, kernelSize: 3, groups: 2, padding: 'same', dataFormat }),
    layers.batchNormalization({ axis }),
    layers.relu({ negativeSlope: 0.1 }),
    layers.maxPooling2d({ dataFormat }),
    layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', dataFormat }),
    layers.conv2dTranspose({ filters: 5, kernelSize: [3, 2], strides: 2, padding: 'same', dataFormat }),
    layers.cropping2d({ cropping: [[1, 0], 1], dataFormat }),
    layers.separableConv2d({ filters: 4, kernelSize: 2, strides: [2, 1], activation: 'tanh', dataFormat }),
    layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same', dataFormat }),
    layers.upSampling2d({ size: [1, 2], interpolation: 'bilinear', dataFormat }),
    layers.conv2d({ filters: 3, kernelSize: [1, 2], dilationRate: [1, 2], dataFormat }),
    layers.globalAveragePooling2d({ dataFormat }),
    layers.dense({ units: 2 }),
  ])
}

it('the layout of channels changes no number', async () => {
  const key = random.key(3)
  const last = random.normal(key, [16, 9, 8, 4]) as Tensor
  const inputs = [last, transpose(last, [0, 3, 1, 2])] as const
  const labels = random.normal(key.fold(1), [16, 2]) as Tensor
  const [a, b] = [network('channelsLast'), network('channelsFirst')]
  const compare = async (x: Tensor, y: Tensor, bound: number): Promise<void> =>
    arraysEqual((await x.data()) as Float32Array, (await y.data()) as Float32Array, bound)
  await compare(await a.predict(inputs[0]), await b.predict(inputs[1]), 1e-5)
  const losses: number[][] = []
  for (const [i, net] of [a, b].entries()) {
    net.compile({ optimizer: sgd({ learningRate: 0.05 }), loss: 'meanSquaredError' })
    const { history } = await net.fit(inputs[i]!, labels, {
      epochs: 4,
      batchSize: 8,
      shuffle: false,
      verbose: 0,
    })
    losses.push(history['loss']!)
  }
  arraysEqual(losses[0]!, losses[1]!, 1e-5)
  expect(losses[0]![3]).toBeLessThan(losses[0]![0]! - 0.02)
  expect(a.namedVariables().map((w) => w.path)).toEqual(b.namedVariables().map((w) => w.path))
  for (const [i, w] of a.weights.entries()) await compare(w as Tensor, b.weights[i] as Tensor, 1e-4)
})
