// Judge: three convolutional networks of Keras 3.8 with their weights: predictions, five epochs with three optimizers each.
import '@dl/backend-cpu'
import { type Functional, input, layers, model, type Sequential, sequential } from '@dl/layers'
import { strictBackend } from '@dl/tensor/core'
import { assignNumbered, judgeByKeras } from './support/keras-case.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

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

/** Where Keras's file keeps the weights of a layer. */
const groupOf = (path: string): string => `layers/${path.slice(0, path.indexOf('/'))}/vars`

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

for (const [name, make, late] of CASES)
  judgeByKeras(
    name,
    (weights) => {
      const net = make()
      assignNumbered(net, weights, groupOf)
      return net
    },
    (optimizer) => (optimizer === 'adam' ? late : 2e-6),
  )
