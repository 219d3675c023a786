// Recurrent layers: every option against Keras 3.8, and what no fixed numbers show: dropout, first weights, shapes of models,
// what is refused, and what a step costs.
import { cpuBackend } from '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import type { Program } from '@dl/tensor/backend'
import { describe, expect, it, vi } from 'vitest'
import {
  initializers,
  input,
  type Layer,
  type LayerConfig,
  layerFromConfig,
  layers,
  model,
  type RecurrentConfig,
  sequential,
  withMask,
} from '@dl/layers'
import { adam } from '@dl/optim'
import {
  matMul,
  memory,
  ones,
  reshape,
  strictBackend,
  tensor,
  transpose,
  zeros,
  type Tensor,
} from '@dl/tensor/core'
import { arraysEqual } from './support/values.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Values {
  shape: number[]
  data: number[]
}
interface Case {
  name: string
  layer: string
  config: Record<string, unknown>
  bidirectional?: Record<string, unknown>
  inputs: Values[]
  mask?: Values
  weights: Values[]
  outputs: Values[]
}
const file = new URL('fixtures/keras-recurrent-values.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }
const value = ({ data, shape }: Values): Tensor => tensor(data, shape)
const numbers = async (x: Tensor): Promise<number[]> => [...(await x.data())].map(Number)

function layerOf({ layer, config, bidirectional }: Case): Layer {
  const made = layerFromConfig(layer, config)
  return bidirectional ? layerFromConfig('Bidirectional', { layer: made, ...bidirectional }) : made
}

describe('what Keras computes', () => {
  it.each(cases.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
    const layer = layerOf(c)
    const inputs = c.inputs.map(value)
    if (c.mask) inputs[0] = withMask(inputs[0]!, value(c.mask))
    const given = inputs.length > 1 ? inputs : inputs[0]!
    layer.ensureBuilt(inputs.length > 1 ? inputs.map((x) => x.shape) : inputs[0]!.shape)
    layer.setWeights(c.weights.map(value))
    const result = layer.apply(given)
    const outputs = (Array.isArray(result) ? result : [result]) as Tensor[]
    expect(outputs.map((y) => y.shape)).toEqual(c.outputs.map((y) => y.shape))
    for (const [i, y] of outputs.entries()) arraysEqual(await numbers(y), c.outputs[i]!.data, 2e-6)
  })
})

describe('first weights', () => {
  it('are orthonormal for the state', async () => {
    for (const shape of [
      [5, 20],
      [6, 6],
      [2, 4, 3],
    ]) {
      const w = initializers.orthogonal({ seed: 3 }).init(shape, 'float32')
      const [rows, columns] = [shape.slice(0, -1).reduce((n, d) => n * d, 1), shape.at(-1)!]
      const flat = reshape(w, [rows, columns]) as Tensor
      const product = rows <= columns ? matMul(flat, transpose(flat)) : matMul(transpose(flat), flat)
      const n = Math.min(rows, columns)
      arraysEqual(
        await numbers(product),
        Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
        1e-6,
      )
    }
    const [a, b] = [1, 1].map((seed) => initializers.orthogonal({ seed, gain: 2 }).init([3, 3], 'float32'))
    expect(await numbers(a!)).toEqual(await numbers(b!))
    expect(await numbers(a!)).not.toEqual(
      await numbers(initializers.orthogonal({ seed: 2, gain: 2 }).init([3, 3], 'float32')),
    )
    expect((await numbers(a!)).reduce((n, v) => n + v * v, 0)).toBeCloseTo(3 * 4, 4)
    expect(() => initializers.orthogonal().init([3], 'float32')).toThrow(/two or more dimensions, got \[3\]/)
  })

  it('let an LSTM remember', async () => {
    const biases = async (unitForgetBias?: boolean): Promise<number[]> => {
      const layer = layers.lstm({
        units: 2,
        biasInitializer: initializers.constant({ value: 3 }),
        unitForgetBias,
      })
      layer.ensureBuilt([null, null, 1])
      return numbers(layer.weights[2]! as Tensor)
    }
    expect(await biases()).toEqual([3, 3, 1, 1, 3, 3, 3, 3])
    expect(await biases(false)).toEqual(Array(8).fill(3))
  })

  it('have the paths and shapes of Keras', () => {
    const layer = layers.bidirectional({ layer: layers.gru({ units: 2 }) })
    layer.ensureBuilt([null, null, 3])
    expect(layer.namedVariables().map((w) => [w.path, w.variable.shape])).toEqual(
      ['forward_gru', 'backward_gru'].flatMap((name) => [
        [`${name}/gru_cell/kernel`, [3, 6]],
        [`${name}/gru_cell/recurrent_kernel`, [2, 6]],
        [`${name}/gru_cell/bias`, [2, 6]],
      ]),
    )
  })
})

describe('dropout while training', () => {
  const [batch, time, features] = [4, 3, 200]
  const sums = { activation: 'linear', useBias: false, returnSequences: true, seed: 1 } as const

  it('of the input leaves out the same features at every step, and others at every call', async () => {
    const kernelInitializer: initializers.Initializer = {
      name: 'identity',
      config: {},
      init: ([n]) =>
        tensor(
          Float32Array.from({ length: n! * n! }, (_, i) => (i % (n! + 1) ? 0 : 1)),
          [n!, n!],
        ),
    }
    const layer = layers.simpleRnn({
      ...sums,
      units: features,
      kernelInitializer,
      recurrentInitializer: 'zeros',
      dropout: 0.25,
    })
    const x = ones([batch, time, features]) as Tensor
    expect(new Set(await numbers(layer.apply(x)))).toEqual(new Set([1]))
    const seen = await numbers(layer.apply(x, { training: true }))
    expect(new Set(seen)).toEqual(new Set([0, Math.fround(1 / 0.75)]))
    const row = (b: number, t: number): number[] =>
      seen.slice((b * time + t) * features, (b * time + t + 1) * features)
    for (let b = 0; b < batch; b++) for (let t = 1; t < time; t++) expect(row(b, t)).toEqual(row(b, 0))
    expect(row(1, 0)).not.toEqual(row(0, 0))
    const share = seen.filter((v) => v === 0).length / seen.length
    expect(Math.abs(share - 0.25)).toBeLessThan(0.06)
    expect(await numbers(layer.apply(x, { training: true }))).not.toEqual(seen)
  })

  it('of the state hides the same units from every step', async () => {
    // each unit counts its own steps: h' = x + h ⊙ mask
    const recurrentInitializer: initializers.Initializer = {
      name: 'identity',
      config: {},
      init: ([n]) =>
        tensor(
          Float32Array.from({ length: n! * n! }, (_, i) => (i % (n! + 1) ? 0 : 1)),
          [n!, n!],
        ),
    }
    const layer = layers.simpleRnn({
      ...sums,
      units: 8,
      kernelInitializer: 'ones',
      recurrentInitializer,
      recurrentDropout: 0.5,
    })
    const x = ones([batch, time, 1]) as Tensor
    const plain = await numbers(layer.apply(x))
    expect([...new Set(plain)]).toEqual([1, 2, 3])
    const seen = await numbers(layer.apply(x, { training: true }))
    for (let b = 0; b < batch; b++)
      for (let u = 0; u < 8; u++) {
        const steps = [0, 1, 2].map((t) => seen[(b * time + t) * 8 + u])
        expect([
          [1, 1, 1],
          [1, 3, 7],
        ]).toContainEqual(steps)
      }
    expect(new Set(seen)).toEqual(new Set([1, 3, 7]))
  })

  it.each([
    ['lstm', layers.lstm],
    ['gru', layers.gru],
    ['simpleRnn', layers.simpleRnn],
  ] as const)('trains %s', async (_name, make: (config: RecurrentConfig & LayerConfig) => Layer) => {
    const config = { units: 3, dropout: 0.2, recurrentDropout: 0.2, inputShape: [4, 2], seed: 1 }
    const net = sequential([make(config), layers.dense({ units: 1 })])
    net.compile({ optimizer: adam({ learningRate: 0.02 }), loss: 'mse' })
    const { history } = await net.fit(ones([16, 4, 2]), ones([16, 1]), { epochs: 30, verbose: 0 })
    expect(history['loss']!.at(-1)).toBeLessThan(0.3 * history['loss']![0]!)
  })
})

describe('in models', () => {
  it('knows the shapes of sequences of any length', () => {
    const x = input({ shape: [null, 3] })
    const steps = layers.lstm({ units: 4, returnSequences: true }).apply(x)
    const both = layers.bidirectional({ layer: layers.gru({ units: 5 }) }).apply(steps)
    expect([steps.shape, both.shape]).toEqual([
      [null, null, 4],
      [null, 10],
    ])
  })

  it('hands the states of an encoder to a decoder, and trains both', async () => {
    const [source, target] = [
      input({ shape: [5, 2], name: 'source' }),
      input({ shape: [3, 2], name: 'target' }),
    ]
    const [, h, c] = layers.lstm({ units: 4, returnState: true }).applyMany(source)
    const decoded = layers.lstm({ units: 4, returnSequences: true }).apply([target, h!, c!])
    const net = model({ inputs: [source, target], outputs: layers.dense({ units: 1 }).apply(decoded) })
    expect(net.outputShape).toEqual([null, 3, 1])
    net.compile({ optimizer: adam({ learningRate: 0.02 }), loss: 'mse' })
    const data = { source: ones([8, 5, 2]), target: zeros([8, 3, 2]) }
    const { history } = await net.fit(data, ones([8, 3, 1]), { epochs: 20, verbose: 0 })
    expect(history['loss']!.at(-1)).toBeLessThan(0.7 * history['loss']![0]!)
  })

  it('makes an equal layer of a config', () => {
    const layer = layers.bidirectional({ layer: layers.lstm({ units: 2, dropout: 0.1 }), mergeMode: 'sum' })
    const copy = layerFromConfig(layer.className, layer.getConfig())
    expect(copy.getConfig()).toEqual(layer.getConfig())
    copy.ensureBuilt([null, 4, 3])
    layer.ensureBuilt([null, 4, 3])
    expect(copy.countParams()).toBe(layer.countParams())
  })

  it('adds the penalties of its weights', async () => {
    const layer = layers.gru({
      units: 2,
      kernelInitializer: 'ones',
      recurrentInitializer: 'ones',
      kernelRegularizer: 'l2',
      recurrentRegularizer: 'l1',
    })
    layer.ensureBuilt([null, null, 3])
    expect((await layer.regularizationLoss()!.data())[0]).toBeCloseTo(0.01 * 18 + 0.01 * 12, 5)
  })
})

describe('what is refused', () => {
  const rows: [string, () => unknown, RegExp][] = [
    ['units', () => layers.lstm({ units: 0 }), /\[lstm\] units must be a positive whole number, got 0/],
    ['dropout', () => layers.gru({ units: 1, dropout: 1 }), /\[gru\] dropout must be in \[0, 1\), got 1/],
    [
      'recurrentDropout',
      () => layers.simpleRnn({ units: 1, recurrentDropout: -1 }),
      /\[simple_rnn\] recurrentDropout must be in/,
    ],
    [
      'rank',
      () => layers.lstm({ units: 1 }).apply(ones([2, 3])),
      /\[lstm\] needs an input \[batch, time, features\].*\[2,3\]/,
    ],
    [
      'another number of features',
      () => {
        const layer = layers.lstm({ units: 1 })
        layer.apply(ones([2, 3, 4]))
        layer.apply(ones([2, 3, 5]))
      },
      /\[lstm\] the input must be \[batch, time, 4\], as the layer was built, got \[2,3,5\]/,
    ],
    [
      'one state of two',
      () => layers.lstm({ units: 1 }).apply([ones([2, 3, 4]), ones([2, 1])]),
      /\[lstm\] expects the sequence alone or with 2 states, got 1/,
    ],
    [
      'a merge mode',
      () => layers.bidirectional({ layer: layers.lstm({ units: 1 }), mergeMode: 'max' as 'sum' }),
      /\[bidirectional\] mergeMode must be 'concat' or 'sum'.*got "max"/,
    ],
    [
      'a layer that goes backwards',
      () => layers.bidirectional({ layer: layers.lstm({ units: 1, goBackwards: true }) }),
      /\[bidirectional\] layer must go forwards/,
    ],
    [
      'layers that return different things',
      () =>
        layers.bidirectional({
          layer: layers.lstm({ units: 1 }),
          backwardLayer: layers.lstm({ units: 1, goBackwards: true, returnSequences: true }),
        }),
      /backwardLayer must have returnSequences false and returnState false, as layer has, got true and false/,
    ],
    [
      'states in a sequential model',
      () => sequential([layers.lstm({ units: 1, returnState: true, inputShape: [2, 3] })]),
      /'lstm' gives 3 results/,
    ],
  ]
  it.each(rows)('%s', (_name, run, message) => expect(run).toThrow(message))
})

describe('a training step', () => {
  it('has two loops, of two kernels a step, and leaves nothing behind', async () => {
    const programs: Program[] = []
    const compile = cpuBackend.compile.bind(cpuBackend)
    const spy = vi.spyOn(cpuBackend, 'compile').mockImplementation((program) => {
      programs.push(program)
      return compile(program)
    })
    const net = sequential([layers.lstm({ units: 16, inputShape: [10, 8] }), layers.dense({ units: 1 })])
    net.compile({ optimizer: 'adam', loss: 'mse' })
    const live: number[] = []
    await net.fit(ones([64, 10, 8]), ones([64, 1]), {
      epochs: 8,
      batchSize: 16,
      verbose: 0,
      onEpochEnd: () => void live.push(memory().physical.liveBytes),
    })
    spy.mockRestore()
    const { kernels } = programs.toSorted((a, b) => b.kernels.length - a.kernels.length)[0]!
    const loops = kernels.flatMap((k) => (k.kind === 'loop' ? [k.kernels.map((inner) => inner.kind)] : []))
    expect(loops).toEqual([
      ['contract', 'row'],
      ['row', 'contract'],
    ])
    expect(kernels).toHaveLength(12)
    expect(Math.max(...live.slice(2)), String(live)).toBeLessThanOrEqual(live[2]!)
  })
})
