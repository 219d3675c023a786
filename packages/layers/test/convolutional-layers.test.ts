// Layers over sequences and images by hand-computed values: what they compute, their weights, the shapes they promise, what
// they refuse. Keras judges whole networks of them in keras-cnn.test.ts.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import {
  add,
  div,
  grad,
  jit,
  moments,
  ones,
  pow,
  range,
  reshape,
  sqrt,
  strictBackend,
  sub,
  sum,
  type Tensor,
  tensor,
} from '@dl/tensor/core'
import {
  initializers,
  input,
  type Layer,
  layerFromConfig,
  layers,
  type LayerShape,
  model,
  sequential,
} from '@dl/layers'
import { arraysEqual } from './support/values.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

/** 1, 2, 3, … in this shape. */
const counted = (shape: number[]): Tensor =>
  reshape(range(1, shape.reduce((n, d) => n * d, 1) + 1), shape) as Tensor
const values = async (x: Tensor): Promise<number[]> => [...(await x.data())].map(Number)
const made = { kernelInitializer: 'ones', depthwiseInitializer: 'ones', pointwiseInitializer: 'ones' }
const first = { dataFormat: 'channelsFirst' } as const

describe('what layers compute', () => {
  const rows: [string, () => Layer, Tensor, number[], number[]][] = [
    [
      'conv1d',
      () => layers.conv1d({ filters: 1, kernelSize: 2, ...made }),
      counted([1, 4, 1]),
      [3, 5, 7],
      [1, 3, 1],
    ],
    [
      'conv1d, causal with dilation',
      () => layers.conv1d({ filters: 1, kernelSize: 2, padding: 'causal', dilationRate: 2, ...made }),
      counted([1, 4, 1]),
      [1, 2, 4, 6],
      [1, 4, 1],
    ],
    [
      'conv2d with bias and activation',
      () =>
        layers.conv2d({
          filters: 1,
          kernelSize: 2,
          biasInitializer: initializers.constant({ value: -20 }),
          activation: 'relu',
          ...made,
        }),
      counted([1, 3, 3, 1]),
      [0, 0, 4, 8], // sums 12, 16, 24, 28
      [1, 2, 2, 1],
    ],
    [
      'conv2d, same, strides',
      () => layers.conv2d({ filters: 1, kernelSize: 3, padding: 'same', strides: 2, ...made }),
      counted([1, 3, 3, 1]),
      [12, 16, 24, 28],
      [1, 2, 2, 1],
    ],
    [
      'conv2d in groups',
      () => layers.conv2d({ filters: 2, kernelSize: 1, groups: 2, ...made }),
      counted([1, 1, 2, 4]),
      [3, 7, 11, 15],
      [1, 1, 2, 2],
    ],
    [
      'conv2d, channels first, with bias',
      () => layers.conv2d({ filters: 2, kernelSize: [1, 2], ...first, ...made, biasInitializer: 'ones' }),
      counted([1, 2, 1, 3]),
      [13, 17, 13, 17],
      [1, 2, 1, 2],
    ],
    [
      'conv3d',
      () => layers.conv3d({ filters: 1, kernelSize: 2, ...made }),
      counted([1, 2, 2, 2, 1]),
      [36],
      [1, 1, 1, 1, 1],
    ],
    [
      'depthwiseConv1d',
      () => layers.depthwiseConv1d({ kernelSize: 2, ...made }),
      counted([1, 3, 2]),
      [4, 6, 8, 10],
      [1, 2, 2],
    ],
    [
      'depthwiseConv2d with a multiplier',
      () => layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, ...made }),
      counted([1, 2, 2, 2]),
      [16, 16, 20, 20],
      [1, 1, 1, 4],
    ],
    [
      'depthwiseConv2d, channels first, one channel',
      () => layers.depthwiseConv2d({ kernelSize: 2, ...first, ...made }),
      counted([1, 1, 2, 2]),
      [10],
      [1, 1, 1, 1],
    ],
    [
      'separableConv1d',
      () => layers.separableConv1d({ filters: 1, kernelSize: 2, ...made }),
      counted([1, 3, 2]),
      [10, 18],
      [1, 2, 1],
    ],
    [
      'separableConv2d, channels first, with bias',
      () => layers.separableConv2d({ filters: 2, kernelSize: 2, biasInitializer: 'ones', ...first, ...made }),
      counted([1, 2, 2, 2]),
      [37, 37],
      [1, 2, 1, 1],
    ],
    [
      'conv1dTranspose',
      () => layers.conv1dTranspose({ filters: 1, kernelSize: 3, strides: 2, ...made }),
      counted([1, 2, 1]),
      [1, 1, 3, 2, 2],
      [1, 5, 1],
    ],
    [
      'conv1dTranspose, same',
      () => layers.conv1dTranspose({ filters: 1, kernelSize: 3, strides: 2, padding: 'same', ...made }),
      counted([1, 2, 1]),
      [1, 1, 3, 2], // 1 of the full result is cut off, at the end as TensorFlow does
      [1, 4, 1],
    ],
    [
      'conv1dTranspose, same, with outputPadding',
      () =>
        layers.conv1dTranspose({
          filters: 1,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          outputPadding: 0,
          ...made,
        }),
      counted([1, 2, 1]),
      [1, 3, 2],
      [1, 3, 1],
    ],
    [
      'conv1dTranspose with a kernel below the stride',
      () => layers.conv1dTranspose({ filters: 1, kernelSize: 1, strides: 2, ...made }),
      counted([1, 2, 1]),
      [1, 0, 2, 0],
      [1, 4, 1],
    ],
    [
      'conv2dTranspose, channels first',
      () => layers.conv2dTranspose({ filters: 1, kernelSize: 2, strides: 2, ...first, ...made }),
      counted([1, 2, 1, 2]),
      [4, 4, 6, 6, 4, 4, 6, 6],
      [1, 1, 2, 4],
    ],
    ['maxPooling1d', () => layers.maxPooling1d(), counted([1, 5, 1]), [2, 4], [1, 2, 1]],
    [
      'maxPooling2d, same',
      () => layers.maxPooling2d({ poolSize: 2, padding: 'same' }),
      counted([1, 3, 3, 1]),
      [5, 6, 8, 9],
      [1, 2, 2, 1],
    ],
    [
      'maxPooling2d, channels first, overlapping',
      () => layers.maxPooling2d({ poolSize: [1, 2], strides: 1, ...first }),
      counted([1, 1, 2, 3]),
      [2, 3, 5, 6],
      [1, 1, 2, 2],
    ],
    ['averagePooling1d', () => layers.averagePooling1d(), counted([1, 4, 1]), [1.5, 3.5], [1, 2, 1]],
    [
      'averagePooling2d, same: padding does not count',
      () => layers.averagePooling2d({ padding: 'same' }),
      counted([1, 3, 3, 1]),
      [3, 4.5, 7.5, 9],
      [1, 2, 2, 1],
    ],
    ['globalMaxPooling1d', () => layers.globalMaxPooling1d(), counted([1, 3, 2]), [5, 6], [1, 2]],
    ['globalMaxPooling2d', () => layers.globalMaxPooling2d(first), counted([1, 2, 1, 2]), [2, 4], [1, 2]],
    ['globalAveragePooling1d', () => layers.globalAveragePooling1d(), counted([1, 3, 2]), [3, 4], [1, 2]],
    [
      'globalAveragePooling2d, keepdims',
      () => layers.globalAveragePooling2d({ keepdims: true }),
      counted([1, 1, 3, 2]),
      [3, 4],
      [1, 1, 1, 2],
    ],
    [
      'zeroPadding1d',
      () => layers.zeroPadding1d({ padding: [2, 1] }),
      counted([1, 1, 2]),
      [0, 0, 0, 0, 1, 2, 0, 0],
      [1, 4, 2],
    ],
    [
      'zeroPadding2d',
      () => layers.zeroPadding2d({ padding: [[1, 0], 1] }),
      counted([1, 1, 1, 1]),
      [0, 0, 0, 0, 1, 0],
      [1, 2, 3, 1],
    ],
    [
      'zeroPadding2d, channels first',
      () => layers.zeroPadding2d({ padding: [0, 1], ...first }),
      counted([1, 2, 1, 1]),
      [0, 1, 0, 0, 2, 0],
      [1, 2, 1, 3],
    ],
    ['cropping1d', () => layers.cropping1d({ cropping: [1, 0] }), counted([1, 3, 1]), [2, 3], [1, 2, 1]],
    [
      'cropping2d',
      () =>
        layers.cropping2d({
          cropping: [
            [1, 0],
            [0, 1],
          ],
        }),
      counted([1, 2, 3, 1]),
      [4, 5],
      [1, 1, 2, 1],
    ],
    [
      'upSampling1d',
      () => layers.upSampling1d({ size: 3 }),
      counted([1, 1, 2]),
      [1, 2, 1, 2, 1, 2],
      [1, 3, 2],
    ],
    [
      'upSampling2d',
      () => layers.upSampling2d({ size: [1, 2] }),
      counted([1, 2, 2, 1]),
      [1, 1, 2, 2, 3, 3, 4, 4],
      [1, 2, 4, 1],
    ],
    [
      'upSampling2d, channels first, bilinear', // PyTorch: interpolate([[1, 2]], scale_factor=2, align_corners=False)
      () => layers.upSampling2d({ size: [1, 2], interpolation: 'bilinear', ...first }),
      counted([1, 1, 1, 2]),
      [1, 1.25, 1.75, 2],
      [1, 1, 1, 4],
    ],
    [
      'relu with bound and slope',
      () => layers.relu({ maxValue: 2, negativeSlope: 0.5 }),
      tensor([-2, 1, 3]),
      [-1, 1, 2],
      [3],
    ],
    [
      'relu with threshold',
      () => layers.relu({ threshold: 1, negativeSlope: 0.5 }),
      tensor([-1, 0.5, 1]),
      [-1, -0.25, 1],
      [3],
    ],
    ['leakyRelu', () => layers.leakyRelu(), tensor([-1, 2]), [-0.3, 2], [2]],
    ['prelu', () => layers.prelu({ alphaInitializer: 'ones' }), tensor([[-1, 2]]), [-1, 2], [1, 2]],
    [
      'batchNormalization by its moving averages',
      () => layers.batchNormalization({ movingMeanInitializer: 'ones', epsilon: 3, betaInitializer: 'ones' }),
      counted([1, 1, 2, 2]),
      [1, 1.5, 2, 2.5],
      [1, 1, 2, 2],
    ],
  ]
  it.each(rows)('%s', async (_, make, x, want, shape) => {
    const y = make().apply(x) as Tensor
    expect(y.shape).toEqual(shape)
    arraysEqual(await values(y), want, 1e-5)
  })

  it.each(rows)(
    '%s: the shape is known before, and the config makes an equal layer',
    (_, make, x, _want, shape) => {
      const layer = make()
      const copy = layerFromConfig(layer.className, layer.getConfig())
      const spec = copy.outputSpecs([{ shape: [null, ...x.shape.slice(1)], dtype: 'float32' }])[0]!
      expect(spec.shape).toEqual([null, ...shape.slice(1)])
      expect(copy.getConfig()).toEqual(layer.getConfig())
    },
  )
})

describe('weights have the paths and shapes of Keras', () => {
  const image: LayerShape = [null, 8, 8, 4]
  const rows: [string, Layer, LayerShape, Record<string, number[]>][] = [
    ['conv1d', layers.conv1d({ filters: 6, kernelSize: 3 }), [null, 8, 4], { kernel: [3, 4, 6], bias: [6] }],
    [
      'conv2d',
      layers.conv2d({ filters: 6, kernelSize: [3, 5], groups: 2 }),
      image,
      { kernel: [3, 5, 2, 6], bias: [6] },
    ],
    ['conv2d', layers.conv2d({ filters: 6, kernelSize: 1, useBias: false }), image, { kernel: [1, 1, 4, 6] }],
    [
      'conv2d',
      layers.conv2d({ filters: 6, kernelSize: 2, ...first }),
      [null, 3, 8, 8],
      { kernel: [2, 2, 3, 6], bias: [6] },
    ],
    [
      'conv3d',
      layers.conv3d({ filters: 6, kernelSize: 2 }),
      [null, 8, 8, 8, 4],
      { kernel: [2, 2, 2, 4, 6], bias: [6] },
    ],
    [
      'depthwise_conv2d',
      layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
      image,
      { kernel: [3, 3, 4, 2], bias: [8] },
    ],
    [
      'separable_conv2d',
      layers.separableConv2d({ filters: 6, kernelSize: 3, depthMultiplier: 2 }),
      image,
      { depthwise_kernel: [3, 3, 4, 2], pointwise_kernel: [1, 1, 8, 6], bias: [6] },
    ],
    [
      'conv1d_transpose',
      layers.conv1dTranspose({ filters: 6, kernelSize: 3 }),
      [null, 8, 4],
      { kernel: [3, 6, 4], bias: [6] },
    ],
    [
      'conv2d_transpose',
      layers.conv2dTranspose({ filters: 6, kernelSize: 3 }),
      image,
      { kernel: [3, 3, 6, 4], bias: [6] },
    ],
    ['p_re_lu', layers.prelu({ sharedAxes: [1, 2] }), [null, null, null, 4], { alpha: [1, 1, 4] }],
    [
      'batch_normalization',
      layers.batchNormalization({ axis: 1 }),
      image,
      { gamma: [8], beta: [8], moving_mean: [8], moving_variance: [8] },
    ],
    [
      'batch_normalization',
      layers.batchNormalization({ center: false, scale: false }),
      image,
      { moving_mean: [4], moving_variance: [4] },
    ],
    ['max_pooling2d', layers.maxPooling2d(), image, {}],
    ['global_average_pooling1d', layers.globalAveragePooling1d(), [null, 8, 4], {}],
    ['leaky_re_lu', layers.leakyRelu(), image, {}],
  ]
  it.each(rows)('%s', (name, layer, shape, want) => {
    layer.ensureBuilt(shape)
    expect(layer.name).toBe(name)
    const weights = layer.namedVariables().filter((w) => w.kind === 'weight')
    expect(Object.fromEntries(weights.map((w) => [w.path, w.variable.shape]))).toEqual(want)
    for (const w of weights) expect(w.trainable, w.path).toBe(!w.path.startsWith('moving'))
  })

  it('give penalties', async () => {
    const layer = layers.conv2d({ filters: 1, kernelSize: 2, kernelRegularizer: 'l2', ...made })
    layer.ensureBuilt([null, 4, 4, 1])
    arraysEqual(await values(layer.regularizationLoss()!), [0.04], 1e-6)
  })

  it('are counted in the summary, moving averages as not trainable', () => {
    const lines: string[] = []
    const net = sequential([
      layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 3] }),
      layers.batchNormalization(),
      layers.maxPooling2d(),
      layers.globalAveragePooling2d(),
      layers.dense({ units: 2 }),
    ])
    net.summary({ print: (line) => lines.push(line) })
    const text = lines.join('\n')
    expect(text).toMatch(/conv2d \(Conv2D\) +│ \(None, 6, 6, 4\) +│ +112 /)
    expect(text).toMatch(/batch_normalization \(BatchNormalization\) +│ \(None, 6, 6, 4\) +│ +16 /)
    expect(text).toMatch(/max_pooling2d \(MaxPooling2D\) +│ \(None, 3, 3, 4\)/)
    expect(text).toContain('Trainable params: 130 ')
    expect(text).toContain('Non-trainable params: 8 ')
  })

  it('follow from inputs of any size', () => {
    const x = input({ shape: [null, null, 3] })
    const y = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(x)
    expect(y.shape).toEqual([null, null, null, 4])
    const net = model({ inputs: x, outputs: layers.globalMaxPooling2d().apply(y) })
    expect((net.call(ones([2, 5, 6, 3])) as Tensor).shape).toEqual([2, 4])
  })
})

describe('batchNormalization', () => {
  const x = tensor([
    [1, 2],
    [3, 6],
  ]) // means 2, 4; biased variances 1, 4

  it('normalises by the batch while training and moves its averages', async () => {
    const layer = layers.batchNormalization({ momentum: 0.9, epsilon: 0 })
    arraysEqual(await values(layer.apply(x, { training: true })), [-1, -1, 1, 1], 1e-6)
    arraysEqual(await values(layer.movingMean), [0.2, 0.4], 1e-6)
    arraysEqual(await values(layer.movingVariance), [1, 1.3], 1e-6)
    layer.apply(x)
    arraysEqual(await values(layer.movingMean), [0.2, 0.4], 1e-6)
  })

  it('keeps statistics along its axis', async () => {
    const layer = layers.batchNormalization({ axis: 1, momentum: 0 })
    layer.apply(counted([1, 2, 1, 2]), { training: true })
    arraysEqual(await values(layer.movingMean), [1.5, 3.5], 1e-6)
    arraysEqual(await values(layer.movingVariance), [0.25, 0.25], 1e-6)
  })

  it('that is frozen uses its averages and leaves them', async () => {
    const layer = layers.batchNormalization({ trainable: false, epsilon: 0 })
    arraysEqual(await values(layer.apply(x, { training: true })), [1, 2, 3, 6], 1e-6)
    arraysEqual(await values(layer.movingMean), [0, 0])
  })

  it('moves its averages at every replay of a compiled step', async () => {
    const layer = layers.batchNormalization({ momentum: 0.5 })
    layer.ensureBuilt([null, 2])
    const step = jit((v: Tensor) => layer.call(v, { training: true }))
    for (const want of [
      [1, 2],
      [1.5, 3],
      [1.75, 3.5],
    ]) {
      await step(x as Tensor).data()
      arraysEqual(await values(layer.movingMean), want, 1e-6)
    }
  })

  it('has gradients that sum to zero over the batch, for the mean is taken out', async () => {
    const layer = layers.batchNormalization()
    layer.ensureBuilt([null, 1])
    const cubes = (v: Tensor): Tensor => sum(pow(layer.call(v, { training: true }), 3)) as Tensor
    const gradient = await values(grad(cubes)(tensor([[1], [3], [8]]) as Tensor))
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.1)
    expect(Math.abs(gradient.reduce((total, g) => total + g, 0))).toBeLessThan(1e-5)
  })

  it('has the first and second derivatives of its formula', async () => {
    const layer = layers.batchNormalization()
    layer.ensureBuilt([null, 1])
    const plain = (v: Tensor): Tensor => {
      const { mean, variance } = moments(v, [0])
      return div(sub(v, mean), sqrt(add(variance, 1e-3))) as Tensor
    }
    const x = tensor([[0.5], [-1], [2], [0.25]]) as Tensor
    for (const order of [1, 2]) {
      const of = (normalize: (v: Tensor) => Tensor): Tensor => {
        const cubes = (v: Tensor): Tensor => sum(pow(normalize(v), 3)) as Tensor
        const slopes = (v: Tensor): Tensor => sum(pow(grad(cubes)(v), 2)) as Tensor
        return grad(order === 1 ? cubes : slopes)(x)
      }
      const got = await values(of((v) => layer.call(v, { training: true })))
      const want = await values(of(plain))
      expect(Math.max(...want.map(Math.abs))).toBeGreaterThan(0.1)
      arraysEqual(got, want, 1e-4)
    }
  })
})

describe('spatial dropout', () => {
  it.each([
    [
      '1d',
      () => layers.spatialDropout1d({ rate: 0.5, seed: 1 }),
      [8, 6, 4],
      (i: number) => Math.floor(i / 24) * 4 + (i % 4),
    ],
    [
      '2d',
      () => layers.spatialDropout2d({ rate: 0.5, seed: 1 }),
      [8, 2, 3, 4],
      (i: number) => Math.floor(i / 24) * 4 + (i % 4),
    ],
    [
      '2d, channels first',
      () => layers.spatialDropout2d({ rate: 0.5, seed: 1, ...first }),
      [8, 4, 2, 3],
      (i: number) => Math.floor(i / 6),
    ],
  ] as const)('%s drops whole channels', async (_, make, shape, channelOf) => {
    const y = await values(make().apply(ones([...shape]) as Tensor, { training: true }))
    const channels = new Map<number, Set<number>>()
    y.forEach((v, i) => channels.set(channelOf(i), (channels.get(channelOf(i)) ?? new Set()).add(v)))
    expect(channels.size).toBe(32)
    for (const seen of channels.values()) expect(seen.size).toBe(1)
    expect(new Set(y)).toEqual(new Set([0, 2]))
    expect(await values(make().apply(ones([...shape]) as Tensor))).toEqual(y.map(() => 1))
  })
})

describe('mistakes', () => {
  const image = ones([1, 4, 4, 3]) as Tensor
  const rows: [string, () => unknown, string | RegExp][] = [
    [
      'no filters',
      () => layers.conv2d({ filters: 0, kernelSize: 3 }),
      '[conv2d] filters must be a positive whole number, got 0',
    ],
    [
      'a kernel of three sizes',
      () => layers.conv2d({ filters: 1, kernelSize: [1, 2, 3] }),
      '[conv2d] kernelSize must be a whole number of 1 or more, or 2 of them, got [1,2,3]',
    ],
    [
      'a stride of 0',
      () => layers.conv1d({ filters: 1, kernelSize: 3, strides: 0 }),
      '[conv1d] strides must be a whole number of 1 or more, got 0',
    ],
    [
      'causal images',
      () => layers.conv2d({ filters: 1, kernelSize: 3, padding: 'causal' }),
      "[conv2d] padding must be 'valid' or 'same', got \"causal\"",
    ],
    [
      'tfjs’s data format',
      () => layers.conv2d({ filters: 1, kernelSize: 3, dataFormat: 'NHWC' as 'channelsLast' }),
      "[conv2d] dataFormat must be 'channelsLast' or 'channelsFirst'",
    ],
    [
      'filters that groups do not divide',
      () => layers.conv2d({ filters: 3, kernelSize: 1, groups: 2 }),
      '[conv2d] filters must divide by groups, got 3 and 2',
    ],
    [
      'channels that groups do not divide',
      () => layers.conv2d({ filters: 2, kernelSize: 1, groups: 2 }).apply(image),
      '[conv2d] 3 channels do not divide by 2 groups',
    ],
    [
      'an image for conv1d',
      () => layers.conv1d({ filters: 1, kernelSize: 1 }).apply(image),
      '[conv1d] needs an input [batch, steps, channels], got [1,4,4,3]',
    ],
    [
      'unknown channels',
      () => layers.conv2d({ filters: 1, kernelSize: 1 }).ensureBuilt([null, 4, 4, null]),
      /needs an input \[batch, height, width, channels\] with a known number of channels, got \[any,4,4,any\]/,
    ],
    [
      'other channels than built for',
      () => {
        const layer = layers.conv2d({ filters: 1, kernelSize: 1, ...first })
        layer.apply(image)
        layer.apply(ones([1, 3, 4, 4]) as Tensor)
      },
      "[conv2d] was built for 4 channels, got 3 (shape [1,3,4,4]); check dataFormat, now 'channelsFirst'",
    ],
    [
      'outputPadding of a stride',
      () => layers.conv2dTranspose({ filters: 1, kernelSize: 3, outputPadding: 1 }),
      '[conv2d_transpose] outputPadding must be below strides, got 1,1 and 1,1',
    ],
    [
      'a vector for a pool',
      () => layers.maxPooling2d().apply(ones([1, 4]) as Tensor),
      '[max_pooling2d] needs an input [batch, height, width, channels], got [1,4]',
    ],
    [
      'cropping everything',
      () => layers.cropping2d({ cropping: 2 }).apply(image),
      /cropping2d\] cropping .* leaves nothing of an input \[1,4,4,3\]/,
    ],
    [
      'half a pad',
      () => layers.zeroPadding2d({ padding: 0.5 }),
      '[zero_padding2d] padding must be a whole number of 0 or more, or a number or [before, after] for each of 2 axes, got 0.5',
    ],
    [
      'a momentum of 2',
      () => layers.batchNormalization({ momentum: 2 }),
      '[batch_normalization] momentum must be in [0, 1], got 2',
    ],
    [
      'an axis that is not there',
      () => layers.batchNormalization({ axis: 5 }).apply(image),
      /axis 5 exists and has a known size, got \[1,4,4,3\]/,
    ],
    [
      'a negative slope below 0',
      () => layers.relu({ negativeSlope: -1 }),
      '[re_lu] negativeSlope must be 0 or more, got -1',
    ],
    [
      'a shared batch',
      () => layers.prelu({ sharedAxes: [0] }).apply(image),
      /sharedAxes must be axes of \[1,4,4,3\] after the batch, got 0/,
    ],
    ['a rate of 1', () => layers.spatialDropout2d({ rate: 1 }), 'rate must be in [0, 1), got 1'],
  ]
  it.each(rows)('%s', (_, make, message) => {
    expect(make).toThrow(message)
  })
})
