// Masks: which layers make them, hand them on and heed them, judged by Keras 3.8 where it has numbers.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Functional, input, type Layer, layers, maskOf, model, sequential, withMask } from '@dl/layers'
import { sgd } from '@dl/optim'
import { jit, memory, ones, strictBackend, tensor, zeros, tidy, type Tensor } from '@dl/tensor/core'
import { arraysEqual } from './support/values.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Values {
  shape: number[]
  dtype: 'float32' | 'int32'
  data: number[]
}
interface Recorded {
  x: Values
  y: Values
  sampleWeight: Values
  weights: Values[]
  output: Values
  evaluate: number
  evaluateWeighted: number
  loss: number[]
  lossWeighted: number[]
}
const file = new URL('fixtures/keras-masks.json', import.meta.url)
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Recorded>
const value = ({ data, shape, dtype }: Values): Tensor => tensor(data, shape, dtype)
const numbers = async (x: Tensor): Promise<number[]> => [...(await x.data())].map(Number)

/** Padding of vectors; the mask goes through recurrent layers, a concatenation and an activation to the loss. */
function steps(): Functional {
  const x = input({ shape: [5, 3] })
  const masked = layers.masking().apply(x)
  const a = layers.lstm({ units: 4, returnSequences: true }).apply(masked)
  const b = layers.bidirectional({ layer: layers.gru({ units: 2, returnSequences: true }) }).apply(masked)
  const y = layers.activation('relu').apply(layers.concatenate().apply([a, b]))
  return model({ inputs: x, outputs: layers.timeDistributed({ layer: layers.dense({ units: 2 }) }).apply(y) })
}

/** Padding of ids; the mask goes through a sum and a normalization to a mean over steps. */
function pooled(): Functional {
  const x = input({ shape: [5], dtype: 'int32' })
  const e = layers.embedding({ inputDim: 7, outputDim: 4, maskZero: true }).apply(x)
  const sum = layers.add().apply([layers.dense({ units: 4 }).apply(e), e])
  const mean = layers.globalAveragePooling1d().apply(layers.layerNormalization({ epsilon: 1e-3 }).apply(sum))
  return model({ inputs: x, outputs: layers.dense({ units: 2 }).apply(mean) })
}

/** The mask goes through attention, which does not look at padding. */
function attended(): Functional {
  const x = input({ shape: [5], dtype: 'int32' })
  const e = layers.embedding({ inputDim: 7, outputDim: 4, maskZero: true }).apply(x)
  const seen = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 }).apply([e, e])
  const y = layers.multiHeadAttention({ numHeads: 2, keyDim: 3, useCausalMask: true }).apply([seen, seen])
  return model({
    inputs: x,
    outputs: layers.dense({ units: 2 }).apply(layers.globalAveragePooling1d().apply(y)),
  })
}

describe.each([
  ['steps', steps],
  ['pooled', pooled],
  ['attended', attended],
] as const)('a model of Keras with masks: %s', (name, make) => {
  const want = recorded[name]!
  const [x, y, sampleWeight] = [value(want.x), value(want.y), value(want.sampleWeight)]
  const withWeights = (): Functional => {
    const net = make()
    net.setWeights(want.weights.map(value))
    net.compile({ optimizer: sgd({ learningRate: 0.02 }), loss: 'mse' })
    return net
  }
  const how = { batchSize: 8, shuffle: false, verbose: 0 } as const

  it('predicts what Keras predicts', async () => {
    arraysEqual(await numbers(await withWeights().predict(x)), want.output.data, 2e-6)
  })

  it('counts in the loss what Keras counts', async () => {
    const net = withWeights()
    expect((await net.evaluate(x, y)).loss).toBeCloseTo(want.evaluate, 5)
    expect((await net.evaluate(x, y, { sampleWeight })).loss).toBeCloseTo(want.evaluateWeighted, 5)
    const plain = await net.fit(x, y, { ...how, epochs: 4 })
    arraysEqual(plain.history['loss']!, want.loss, 5e-6)
    const weighted = await net.fit(x, y, { ...how, epochs: 2, sampleWeight })
    arraysEqual(weighted.history['loss']!, want.lossWeighted, 5e-6)
  })
})

describe('masks of results', () => {
  const x = ones([1, 3, 2]) as Tensor
  const mask = tensor([[1, 0, 1]], [1, 3], 'bool')
  const other = tensor([[1, 1, 0]], [1, 3], 'bool')
  const kept: [string, Layer][] = [
    ['dense', layers.dense({ units: 2 })],
    ['dropout', layers.dropout({ rate: 0.5 })],
    ['batchNormalization', layers.batchNormalization()],
    ['layerNormalization', layers.layerNormalization()],
    ['rmsNormalization', layers.rmsNormalization()],
    ['relu', layers.relu()],
    ['leakyRelu', layers.leakyRelu()],
    ['prelu', layers.prelu()],
    ['activation', layers.activation('tanh')],
    ['lambda', layers.lambda({ call: (v) => v })],
    ['positionEmbedding', layers.positionEmbedding({ maxLength: 3 })],
    ['timeDistributed', layers.timeDistributed({ layer: layers.dense({ units: 1 }) })],
    [
      'sequential',
      sequential([layers.dense({ units: 2 }), layers.lstm({ units: 1, returnSequences: true })]),
    ],
  ]
  it.each(kept)('%s keeps it', async (_name, layer) => {
    const result = layer.apply(withMask(x, mask)) as Tensor
    expect(await numbers(maskOf(result)!)).toEqual([1, 0, 1])
    expect(maskOf(layer.apply(x) as Tensor)).toBeNull()
  })

  const lost: [string, Layer][] = [
    ['flatten', layers.flatten()],
    ['globalAveragePooling1d', layers.globalAveragePooling1d()],
    ['lstm without sequences', layers.lstm({ units: 1 })],
    ['conv1d', layers.conv1d({ filters: 1, kernelSize: 2 })],
  ]
  it.each(lost)('%s has none', (_name, layer) => {
    expect(maskOf(layer.apply(withMask(x, mask)) as Tensor)).toBeNull()
  })

  it('is turned with the outputs', async () => {
    const backwards = layers.gru({ units: 1, returnSequences: true, goBackwards: true })
    const late = tensor([[1, 1, 0]], [1, 3], 'bool')
    expect(await numbers(maskOf(backwards.apply(withMask(x, late)))!)).toEqual([0, 1, 1])
  })

  it('is joined by add and concatenate', async () => {
    const [a, b] = [withMask(x, mask), withMask(x, other)]
    expect(await numbers(maskOf(layers.add().apply([a, b]))!)).toEqual([1, 1, 1])
    expect(maskOf(layers.add().apply([a, x]))).toBeNull()
    expect(await numbers(maskOf(layers.concatenate().apply([a, b]))!)).toEqual([1, 0, 0])
    expect(await numbers(maskOf(layers.concatenate().apply([x, b]))!)).toEqual([1, 1, 0])
    expect(await numbers(maskOf(layers.concatenate({ axis: 1 }).apply([a, b]))!)).toEqual([1, 0, 1, 1, 1, 0])
  })

  it('is made by masking and by an embedding, also inside jit', async () => {
    const ids = tensor([[2, 0, 1]], [1, 3], 'int32') as Tensor
    const embed = layers.embedding({ inputDim: 3, outputDim: 2, maskZero: true })
    expect(await numbers(maskOf(embed.apply(ids))!)).toEqual([1, 0, 1])
    const read = layers.lstm({ units: 2 })
    const direct = await numbers(read.apply(embed.apply(ids)))
    const compiled = jit((v: Tensor) => read.apply(embed.apply(v)))
    arraysEqual(await numbers(compiled(ids)), direct, 1e-6)
    arraysEqual(
      await numbers(read.apply(embed.apply(tensor([[2, 1]], [1, 2], 'int32') as Tensor))),
      direct,
      1e-6,
    )
    const padded = tensor([
      [
        [1, 2],
        [-1, -1],
        [-1, 3],
      ],
    ]) as Tensor
    const masking = layers.masking({ maskValue: -1 }).apply(padded)
    expect(await numbers(maskOf(masking)!)).toEqual([1, 0, 1])
    expect(await numbers(masking)).toEqual([1, 2, 0, 0, -1, 3])
  })

  it('says so when it was disposed before its value', async () => {
    const embed = layers.embedding({ inputDim: 3, outputDim: 2, maskZero: true })
    const ids = tensor([[2, 0, 1]], [1, 3], 'int32') as Tensor
    const alone = tidy(() => embed.apply(ids))
    expect(() => layers.lstm({ units: 1 }).apply(alone)).toThrow(/\[maskOf\].*shape \[1,3,2\] was disposed/)
    const [both, its] = tidy(() => {
      const y = embed.apply(ids)
      return [y, maskOf(y)!] as const
    })
    expect(layers.lstm({ units: 1 }).apply(withMask(both, its)).shape).toEqual([1, 1])
  })

  it('leaves nothing behind', async () => {
    const embed = layers.embedding({ inputDim: 3, outputDim: 2, maskZero: true })
    const read = layers.gru({ units: 2 })
    const ids = tensor([[2, 0, 1]], [1, 3], 'int32') as Tensor
    const counts: number[] = []
    for (let i = 0; i < 4; i++) {
      const y = tidy(() => read.apply(embed.apply(ids)))
      await y.data()
      y.dispose()
      counts.push(memory().numTensors)
    }
    expect(counts[3]).toBe(counts[1])
  })

  it('must fit', () => {
    expect(() => withMask(x, zeros([1, 2]))).toThrow(/\[withMask\].*shape \[1,3,2\], got \[1,2\]/)
  })
})

describe('timeDistributed', () => {
  it('applies a layer to each step', async () => {
    const frames = Float32Array.from({ length: 2 * 3 * 4 * 4 }, (_, i) => Math.sin(i))
    const conv = layers.conv2d({ filters: 2, kernelSize: 3 })
    const layer = layers.timeDistributed({ layer: conv })
    const all = layer.apply(tensor(frames, [2, 3, 4, 4, 1]))
    expect(all.shape).toEqual([2, 3, 2, 2, 2])
    expect(layer.namedVariables().map((w) => w.path)).toEqual(['conv2d/kernel', 'conv2d/bias'])
    for (let i = 0; i < 6; i++) {
      const one = conv.apply(tensor(frames.slice(i * 16, i * 16 + 16), [1, 4, 4, 1]))
      arraysEqual((await numbers(all)).slice(i * 8, i * 8 + 8), await numbers(one), 1e-6)
    }
  })

  it('knows sequences of any length and refuses what has no steps', () => {
    const x = input({ shape: [null, 3] })
    expect(layers.timeDistributed({ layer: layers.dense({ units: 2 }) }).apply(x).shape).toEqual([
      null,
      null,
      2,
    ])
    expect(() => layers.timeDistributed({ layer: layers.flatten() }).apply(ones([2, 3]))).toThrow(
      /\[time_distributed\] needs an input \[batch, time, ...\].*\[2,3\]/,
    )
  })
})
