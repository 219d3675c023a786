// Layers by hand-computed values: what they compute, which weights they make, what they refuse, and their configs.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import { arraysEqual } from './support/values.ts'
import {
  add,
  jit,
  matMul,
  mul,
  ones,
  relu,
  tensor,
  variable,
  zeros,
  type Module,
  type Tensor,
} from '@dl/tensor/core'
import {
  initializers,
  Layer,
  layerFromConfig,
  layers,
  type LayerShape,
  regularizers,
  registerLayer,
  setRandomSeed,
} from '@dl/layers'

const t = (values: number[] | number[][] | number[][][]): Tensor => tensor(values) as Tensor
const values = async (x: Tensor): Promise<number[]> => [...(await x.data())].map(Number)
async function expectValues(got: Tensor, want: readonly number[], shape: readonly number[]): Promise<void> {
  expect(got.shape).toEqual(shape)
  arraysEqual(await values(got), want, 1e-5)
}
const counting = (): initializers.Initializer => ({
  name: 'counting',
  config: {},
  init: (shape) =>
    tensor(
      Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => i + 1),
      [...shape],
    ),
})

describe('what layers compute', () => {
  const rows: [string, () => Layer, Tensor | Tensor[], number[], number[]][] = [
    [
      'dense',
      () => layers.dense({ units: 2, kernelInitializer: counting(), biasInitializer: counting() }),
      t([[1, 1, 1]]),
      [10, 14],
      [1, 2],
    ],
    [
      'dense without bias',
      () => layers.dense({ units: 1, kernelInitializer: 'ones', useBias: false }),
      t([
        [1, 2],
        [3, 4],
      ]),
      [3, 7],
      [2, 1],
    ],
    [
      'dense over sequences',
      () => layers.dense({ units: 1, kernelInitializer: 'ones' }),
      t([
        [
          [1, 2],
          [3, 4],
        ],
      ]),
      [3, 7],
      [1, 2, 1],
    ],
    [
      'dense with an activation by name',
      () => layers.dense({ units: 1, kernelInitializer: 'ones', activation: 'relu' }),
      t([
        [-1, -2],
        [3, 4],
      ]),
      [0, 7],
      [2, 1],
    ],
    [
      'dense with an activation as a function',
      () => layers.dense({ units: 1, kernelInitializer: 'ones', activation: (x) => mul(x, 2) }),
      t([[3, 4]]),
      [14],
      [1, 1],
    ],
    ['activation', () => layers.activation('relu'), t([[-1, 2]]), [0, 2], [1, 2]],
    [
      'softmax',
      () => layers.activation({ activation: 'softmax' }),
      t([[0, Math.log(3)]]),
      [0.25, 0.75],
      [1, 2],
    ],
    [
      'flatten',
      () => layers.flatten(),
      t([
        [
          [1, 2],
          [3, 4],
        ],
      ]),
      [1, 2, 3, 4],
      [1, 4],
    ],
    ['flatten of one number an example', () => layers.flatten(), t([1, 2]), [1, 2], [2, 1]],
    ['reshape', () => layers.reshape({ targetShape: [2, -1] }), t([[1, 2, 3, 4]]), [1, 2, 3, 4], [1, 2, 2]],
    [
      'embedding',
      () => layers.embedding({ inputDim: 3, outputDim: 2, embeddingsInitializer: counting() }),
      tensor([2, 0], [1, 2], 'int32') as Tensor,
      [5, 6, 1, 2],
      [1, 2, 2],
    ],
    [
      'layerNormalization',
      () => layers.layerNormalization({ epsilon: 0 }),
      t([
        [1, 3],
        [10, 20],
      ]),
      [-1, 1, -1, 1],
      [2, 2],
    ],
    [
      'layerNormalization, scaled and shifted',
      () => layers.layerNormalization({ epsilon: 0, gammaInitializer: counting(), betaInitializer: 'ones' }),
      t([[1, 3]]),
      [0, 3],
      [1, 2],
    ],
    [
      'layerNormalization over two dimensions',
      () => layers.layerNormalization({ axis: [-2, -1], epsilon: 0, center: false }),
      t([
        [
          [1, 1],
          [3, 3],
        ],
      ]),
      [-1, -1, 1, 1],
      [1, 2, 2],
    ],
    ['add', () => layers.add(), [t([[1, 2]]), t([[3, 4]]), t([[1, 1]])], [5, 7], [1, 2]],
    ['concatenate', () => layers.concatenate(), [t([[1, 2]]), t([[3]])], [1, 2, 3], [1, 3]],
    [
      'concatenate along the examples',
      () => layers.concatenate({ axis: 0 }),
      [t([[1]]), t([[3]])],
      [1, 3],
      [2, 1],
    ],
    ['lambda', () => layers.lambda({ call: (x) => relu(x) }), t([[-1, 1]]), [0, 1], [1, 2]],
  ]
  it.each(rows)('%s', async (_, make, input, want, shape) => {
    await expectValues(make().apply(input) as Tensor, want, shape)
  })
})

describe('weights', () => {
  const rows: [string, () => Layer, LayerShape, Record<string, number[]>][] = [
    ['dense', () => layers.dense({ units: 4 }), [null, 3], { kernel: [3, 4], bias: [4] }],
    [
      'dense without bias',
      () => layers.dense({ units: 4, useBias: false }),
      [null, 5, 3],
      { kernel: [3, 4] },
    ],
    ['embedding', () => layers.embedding({ inputDim: 7, outputDim: 2 }), [null, 5], { embeddings: [7, 2] }],
    ['layerNormalization', () => layers.layerNormalization(), [null, 5, 3], { gamma: [3], beta: [3] }],
    ['dropout', () => layers.dropout({ rate: 0.5 }), [null, 3], {}],
  ]
  it.each(rows)('of %s', (_, make, shape, want) => {
    const layer = make()
    layer.ensureBuilt(shape)
    const weights = layer.namedVariables().filter((w) => w.kind === 'weight')
    expect(Object.fromEntries(weights.map((w) => [w.path, w.variable.shape]))).toEqual(want)
    expect(weights.every((w) => w.trainable)).toBe(true)
  })

  it('are frozen with the layer', () => {
    const layer = layers.dense({ units: 1, trainable: false })
    layer.ensureBuilt([null, 2])
    expect(layer.trainableWeights).toEqual([])
    layer.trainable = true
    expect(layer.trainableWeights).toHaveLength(2)
  })

  it('have the dtype of the layer', async () => {
    const layer = layers.dense({ units: 2, dtype: 'float64', kernelInitializer: 'glorotNormal' })
    const y = layer.apply(ones([1, 3], 'float64'))
    expect([layer.kernel.dtype, y.dtype]).toEqual(['float64', 'float64'])
    expect((await y.data()).every((v: number) => Number.isFinite(v))).toBe(true)
  })

  it('give penalties', async () => {
    const layer = layers.dense({
      units: 2,
      kernelInitializer: counting(),
      biasInitializer: counting(),
      kernelRegularizer: regularizers.l1l2({ l1: 0.5, l2: 0.1 }),
      biasRegularizer: 'l2',
    })
    layer.ensureBuilt([null, 1])
    expect((await values(layer.regularizationLoss()!))[0]).toBeCloseTo(0.5 * 3 + 0.1 * 5 + 0.01 * 5, 6)
    expect(layers.flatten().regularizationLoss()).toBeNull()
  })
})

describe('dropout', () => {
  it('does nothing outside of training, and nothing at rate 0', async () => {
    const x = ones([4, 5]) as Tensor
    expect(await values(layers.dropout({ rate: 0.9 }).apply(x))).toEqual(Array(20).fill(1))
    expect(await values(layers.dropout({ rate: 0 }).apply(x, { training: true }))).toEqual(Array(20).fill(1))
  })

  it('zeroes about the rate, scales the rest, differs from call to call and repeats with its seed', async () => {
    const x = ones([100, 100]) as Tensor
    const draw = async (seed: number): Promise<number[][]> => {
      const layer = layers.dropout({ rate: 0.25, seed })
      return [
        await values(layer.apply(x, { training: true })),
        await values(layer.apply(x, { training: true })),
      ]
    }
    const [first, second] = await draw(1)
    const zerosIn = first!.filter((v) => v === 0).length
    expect(zerosIn).toBeGreaterThan(2300)
    expect(zerosIn).toBeLessThan(2700)
    expect(first!.filter((v) => v !== 0).every((v) => Math.abs(v - 4 / 3) < 1e-6)).toBe(true)
    expect(second).not.toEqual(first)
    expect(await draw(1)).toEqual([first, second])
    expect((await draw(2))[0]).not.toEqual(first)
  })

  it('draws a new mask at every replay, the same as without jit', async () => {
    const x = ones([8, 8]) as Tensor
    const [a, b] = [layers.dropout({ rate: 0.5, seed: 3 }), layers.dropout({ rate: 0.5, seed: 3 })]
    const step = jit((v: Tensor) => a.call(v, { training: true }))
    for (let i = 0; i < 3; i++)
      expect(await values(step(x))).toEqual(await values(b.call(x, { training: true })))
  })

  it('shares its mask along dimensions of noiseShape that are 1', async () => {
    const y = await values(
      layers
        .dropout({ rate: 0.5, seed: 1, noiseShape: [null, 1] })
        .apply(ones([16, 4]) as Tensor, { training: true }),
    )
    for (let row = 0; row < 16; row++) expect(new Set(y.slice(4 * row, 4 * row + 4)).size).toBe(1)
    expect(new Set(y)).toEqual(new Set([0, 2]))
  })
})

describe('initializers', () => {
  const size = 40_000
  const rows: [string, initializers.Initializer, number, number][] = [
    ['zeros', initializers.zeros(), 0, 0],
    ['ones', initializers.ones(), 1, 0],
    ['constant', initializers.constant({ value: 0.5 }), 0.5, 0],
    [
      'randomUniform',
      initializers.randomUniform({ minValue: 0, maxValue: 1, seed: 1 }),
      0.5,
      1 / Math.sqrt(12),
    ],
    ['randomNormal', initializers.randomNormal({ mean: 2, stddev: 3, seed: 1 }), 2, 3],
    ['truncatedNormal', initializers.truncatedNormal({ stddev: 1, seed: 1 }), 0, 0.8796],
    ['glorotUniform', initializers.glorotUniform({ seed: 1 }), 0, Math.sqrt(2 / 500)],
    ['glorotNormal', initializers.glorotNormal({ seed: 1 }), 0, Math.sqrt(2 / 500)],
    ['heUniform', initializers.heUniform({ seed: 1 }), 0, Math.sqrt(2 / 100)],
    ['heNormal', initializers.heNormal({ seed: 1 }), 0, Math.sqrt(2 / 100)],
    ['lecunUniform', initializers.lecunUniform({ seed: 1 }), 0, Math.sqrt(1 / 100)],
    ['lecunNormal', initializers.lecunNormal({ seed: 1 }), 0, Math.sqrt(1 / 100)],
    [
      'varianceScaling fanOut',
      initializers.varianceScaling({ scale: 4, mode: 'fanOut', distribution: 'untruncatedNormal', seed: 1 }),
      0,
      Math.sqrt(4 / 400),
    ],
  ]
  it.each(rows)(
    '%s has its mean and deviation, and repeats with its seed',
    async (_, initializer, mean, deviation) => {
      const draw = async (): Promise<number[]> => values(initializer.init([100, 400], 'float32'))
      const x = await draw()
      const m = x.reduce((s, v) => s + v, 0) / size
      const d = Math.sqrt(x.reduce((s, v) => s + (v - m) ** 2, 0) / size)
      expect(Math.abs(m - mean)).toBeLessThan(5 * (deviation / Math.sqrt(size)) + 1e-6)
      expect(Math.abs(d - deviation)).toBeLessThan(0.03 * deviation + 1e-6)
      expect(await draw()).toEqual(x)
    },
  )

  it('without a seed follow setRandomSeed and differ from layer to layer', async () => {
    const draw = async (): Promise<number[][]> => {
      setRandomSeed(7)
      const pair = [layers.dense({ units: 3 }), layers.dense({ units: 3 })]
      for (const layer of pair) layer.ensureBuilt([null, 4])
      return Promise.all(pair.map((layer) => values(layer.kernel)))
    }
    const [a, b] = await draw()
    expect(a).not.toEqual(b)
    expect(await draw()).toEqual([a, b])
  })
})

describe('layers of your own', () => {
  class Residual extends Layer<{ units: number }> {
    inner = layers.dense({ units: this.config.units, kernelInitializer: 'ones' })
    blocks = [layers.dense({ units: 2, kernelInitializer: 'ones' }), layers.dropout({ rate: 0.5 })]
    declare scale: Tensor
    build() {
      this.scale = this.addWeight('scale', [1], { initializer: 'ones', trainable: false })
    }
    call(x: Tensor): Tensor {
      return mul(add(x, this.blocks[0]!.apply(this.inner.apply(x))), this.scale)
    }
  }

  it('find the layers in their properties', async () => {
    const layer = new Residual({ units: 3 })
    await expectValues(layer.apply(ones([1, 2]) as Tensor), [7, 7], [1, 2])
    const named = layer.namedVariables()
    expect(named.map((w) => [w.path, w.trainable, w.kind])).toEqual([
      ['scale', false, 'weight'],
      ['inner/kernel', true, 'weight'],
      ['inner/bias', true, 'weight'],
      ['blocks_0/kernel', true, 'weight'],
      ['blocks_0/bias', true, 'weight'],
      ['blocks_1/generator', false, 'state'],
    ])
    expect(layer.countParams()).toBe(1 + 6 + 3 + 6 + 2)
  })

  it('come back from their config once registered', () => {
    registerLayer(Residual)
    const copy = layerFromConfig('Residual', new Residual({ units: 5, name: 'block' }).getConfig())
    expect(copy).toBeInstanceOf(Residual)
    expect(copy.getConfig()).toEqual({ units: 5, name: 'block' })
    expect(() => layerFromConfig('Unheard', {})).toThrow(
      "no class of layers is registered as 'Unheard'; known are Activation, ",
    )
    const Residual2 = {
      Residual: class extends Layer {
        call(x: Tensor): Tensor {
          return x
        }
      },
    }.Residual
    expect(() => registerLayer(Residual2)).toThrow("another class is registered as 'Residual'")
  })

  it('know the shapes of their results before anything is computed', () => {
    const layer = new Residual({ units: 3 })
    expect(layer.outputSpecs([{ shape: [null, 2], dtype: 'float32' }])).toEqual([
      { shape: [null, 2], dtype: 'float32' },
    ])
    expect(layers.flatten().outputSpecs([{ shape: [null, null, 3], dtype: 'float32' }])[0]!.shape).toEqual([
      null,
      null,
    ])
    expect(
      layers.embedding({ inputDim: 4, outputDim: 2 }).outputSpecs([{ shape: [null, 3], dtype: 'int32' }])[0]!
        .shape,
    ).toEqual([null, 3, 2])
  })

  it('may hold any Module', async () => {
    const w = variable(t([[2]]), true, 'gain')
    const module: Module = { call: (x) => matMul(x as Tensor, w), variables: [w] }
    class Holder extends Layer {
      part = module
      call(x: Tensor): Tensor {
        return this.part.call(x) as Tensor
      }
    }
    const layer = new Holder()
    await expectValues(layer.apply(t([[3]])), [6], [1, 1])
    expect(layer.namedVariables().map((v) => v.path)).toEqual(['part/gain'])
  })
})

describe('mistakes', () => {
  const rows: [string, () => unknown, RegExp][] = [
    [
      'units of 0',
      () => layers.dense({ units: 0 }),
      /\[dense\] units must be a positive whole number, got 0/,
    ],
    [
      'an unknown activation',
      () => layers.dense({ units: 1, activation: 'rely' }).apply(ones([1, 1]) as Tensor),
      /no activation called 'rely'; known are linear, relu/,
    ],
    [
      'an unknown initializer',
      () => layers.dense({ units: 1, kernelInitializer: 'glorot' }).apply(ones([1, 1]) as Tensor),
      /no initializer called 'glorot'/,
    ],
    [
      'an unknown regularizer',
      () => layers.dense({ units: 1, kernelRegularizer: 'l3' }).apply(ones([1, 1]) as Tensor),
      /no regularizer called 'l3'; known are l1, l2, l1l2/,
    ],
    [
      'an unknown last dimension',
      () => layers.dense({ units: 1 }).ensureBuilt([null, null]),
      /needs an input \[batch, ..., features\].*got \[any,any\]/,
    ],
    [
      'another last dimension than built for',
      () => {
        const layer = layers.dense({ units: 1 })
        layer.apply(ones([1, 2]) as Tensor)
        layer.apply(ones([1, 3]) as Tensor)
      },
      /\[dense\] the input's last dimension must be 2, as the layer was built, got \[1,3\]/,
    ],
    ['a dropout rate of 1', () => layers.dropout({ rate: 1 }), /\[dropout\] rate must be in \[0, 1\), got 1/],
    [
      'an embedding without ids',
      () => layers.embedding({ inputDim: 0, outputDim: 2 }),
      /inputDim must be a positive whole number/,
    ],
    [
      'a reshape that does not fit',
      () => layers.reshape({ targetShape: [3, -1] }).apply(ones([1, 4]) as Tensor),
      /\[reshape\] an example of shape \[4\] does not fit targetShape \[3,-1\]/,
    ],
    [
      'normalising a dimension that is not last',
      () => layers.layerNormalization({ axis: 1 }).ensureBuilt([null, 2, 3]),
      /axis must name the last dimensions of \[any,2,3\], got 1/,
    ],
    [
      'adding one tensor',
      () => layers.add().apply(ones([1]) as Tensor),
      /\[add\] expects an array of at least two tensors, got one tensor/,
    ],
    [
      'random weights of int32',
      () => initializers.glorotUniform().init([1], 'int32'),
      /random weights are float32 or float64, got int32/,
    ],
    [
      'a seed that is no number',
      () => setRandomSeed(0.5),
      /\[setRandomSeed\] the seed must be a whole number/,
    ],
  ]
  it.each(rows)('%s', (_, make, message) => {
    expect(make).toThrow(message)
  })

  it('two weights of one name', () => {
    class Twice extends Layer {
      build() {
        this.addWeight('w', [1])
        this.addWeight('w', [1])
      }
      call(x: Tensor): Tensor {
        return x
      }
    }
    const layer = new Twice()
    expect(() => layer.apply(zeros([1]) as Tensor)).toThrow("[twice] has a weight called 'w' already")
  })
})
