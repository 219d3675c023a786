// Models: how layers are put together, named, built and summarised.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import { arraysEqual } from './support/values.ts'
import { add, mul, ones, tensor, variable, type CallOptions, type Module, type Tensor } from '@dl/tensor/core'
import { input, Layer, layers, Model, model, type Model as AnyModel, sequential } from '@dl/layers'

const t = (values: number[] | number[][]): Tensor => tensor(values) as Tensor
const values = async (x: Tensor): Promise<number[]> => [...((await x.data()) as Float32Array)]
const paths = (m: { namedVariables(): readonly { path: string }[] }): string[] =>
  m.namedVariables().map((w) => w.path)
const double = (): Layer => layers.lambda({ call: (x) => mul(x, 2) })

describe('sequential', () => {
  it('computes one layer after the other', async () => {
    const m = sequential([layers.dense({ units: 2, kernelInitializer: 'ones', inputShape: [3] }), double()])
    expect(await values(m.apply(ones([1, 3]) as Tensor))).toEqual([6, 6])
    expect(m.outputShape).toEqual([null, 2])
  })

  it('is built at once with an inputShape, else by the first input', () => {
    expect(sequential([layers.dense({ units: 2, inputShape: [3] })]).built).toBe(true)
    const later = sequential([layers.dense({ units: 2 }), layers.dense({ units: 1 })])
    expect(later.built).toBe(false)
    expect(() => later.outputShape).toThrow("the input's shape is not known yet")
    later.apply(ones([4, 3]) as Tensor)
    expect(later.countParams()).toBe(3 * 2 + 2 + 2 + 1)
  })

  it('numbers layers of one class and keeps given names', () => {
    const m = sequential([
      layers.dense({ units: 2, inputShape: [3] }),
      layers.dense({ units: 2, name: 'dense_1' }),
      layers.layerNormalization(),
      layers.dense({ units: 2 }),
      layers.layerNormalization(),
    ])
    expect(paths(m)).toEqual([
      'dense/kernel',
      'dense/bias',
      'dense_1/kernel',
      'dense_1/bias',
      'layer_normalization/gamma',
      'layer_normalization/beta',
      'dense_2/kernel',
      'dense_2/bias',
      'layer_normalization_1/gamma',
      'layer_normalization_1/beta',
    ])
    expect(m.layers.map((l) => l.name)).toEqual([
      'dense',
      'dense_1',
      'layer_normalization',
      'dense_2',
      'layer_normalization_1',
    ])
  })

  it('gives every new model the same paths', () => {
    const make = (): AnyModel =>
      sequential([layers.dense({ units: 2, inputShape: [3] }), layers.dense({ units: 2 })])
    expect(paths(make())).toEqual(paths(make()))
  })

  it('takes layers later, models as layers and Modules of other make', async () => {
    const gain = variable(t([3]), true, 'gain')
    const module: Module = { call: (x) => mul(x as Tensor, gain), variables: [gain] }
    const inner = sequential([layers.dense({ units: 2, kernelInitializer: 'ones', inputShape: [2] })])
    const m = sequential([inner])
    m.add(module)
    m.add(double())
    expect(await values(m.apply(ones([1, 2]) as Tensor))).toEqual([12, 12])
    expect(paths(m)).toEqual(['sequential/dense/kernel', 'sequential/dense/bias', 'module/gain'])
    expect(m.trainableWeights).toHaveLength(3)
  })
})

describe('functional', () => {
  it('computes shared layers once for each place, with weights once', async () => {
    const [a, b] = [input({ shape: [2], name: 'a' }), input({ shape: [2], name: 'b' })]
    const shared = layers.dense({ units: 1, kernelInitializer: 'ones' })
    const m = model({
      inputs: [a, b],
      outputs: layers.concatenate().apply([shared.apply(a), shared.apply(b)]),
    })
    expect(await values(m.apply([t([[1, 2]]), t([[3, 4]])]))).toEqual([3, 7])
    expect(paths(m)).toEqual(['dense/kernel', 'dense/bias'])
    expect(m.inputNames).toEqual(['a', 'b'])
    expect(m.outputNames).toEqual(['concatenate'])
  })

  it('gives several outputs in order, by the names of their layers', async () => {
    const x = input({ shape: [2] })
    const trunk = double().apply(x)
    const m = model({
      inputs: x,
      outputs: [layers.dense({ units: 1, name: 'left', kernelInitializer: 'ones' }).apply(trunk), trunk],
    })
    const [left, right] = await m.predict(
      t([
        [1, 2],
        [3, 4],
      ]),
    )
    expect(await values(left!)).toEqual([6, 14])
    expect(await values(right!)).toEqual([2, 4, 6, 8])
    expect(m.outputNames).toEqual(['left', 'lambda'])
  })

  it('walks long chains and diamonds', async () => {
    const x = input({ shape: [1] })
    let y = x
    for (let i = 0; i < 60; i++) y = layers.add().apply([y, x])
    expect(await values(model({ inputs: x, outputs: y }).apply(t([[1]])))).toEqual([61])
  })

  it('uses layers of models inside', async () => {
    const x = input({ shape: [2] })
    const hidden = layers.dense({ units: 2, kernelInitializer: 'ones' }).apply(x)
    const whole = model({ inputs: x, outputs: double().apply(hidden) })
    const features = model({ inputs: x, outputs: hidden })
    expect(await values(features.apply(ones([1, 2]) as Tensor))).toEqual([2, 2])
    const y = input({ shape: [2] })
    const stacked = model({ inputs: y, outputs: double().apply(whole.apply(y)) })
    expect(await values(stacked.apply(ones([1, 2]) as Tensor))).toEqual([8, 8])
    expect(paths(stacked)).toEqual(['functional/dense/kernel', 'functional/dense/bias'])
  })

  it('builds one graph with layers that give several results', async () => {
    class Split extends Layer {
      call(x: Tensor): readonly Tensor[] {
        return [mul(x, 2), mul(x, 3)]
      }
    }
    const x = input({ shape: [1] })
    const [two, three] = new Split().applyMany(x)
    const m = model({ inputs: x, outputs: layers.add().apply([two!, three!]) })
    expect(await values(m.apply(t([[1]])))).toEqual([5])
    expect(() => new Split().apply(x)).toThrow('[split] gives 2 results; use applyMany')
  })
})

describe('models of your own', () => {
  class Twin extends Model {
    left = layers.dense({ units: 1, kernelInitializer: 'ones' })
    right = layers.dense({ units: 1, kernelInitializer: 'ones' })
    call(x: Tensor, options?: CallOptions): Tensor {
      return add(this.left.apply(x, options), this.right.apply(x, options))
    }
  }
  it('train, predict and save like the others', async () => {
    const m = new Twin()
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const x = ones([8, 2]) as Tensor
    const { history } = await m.fit(x, ones([8, 1]) as Tensor, { epochs: 30, verbose: 0 })
    expect(history['loss']!.at(-1)).toBeLessThan(0.01)
    expect(paths(m)).toEqual(['left/kernel', 'left/bias', 'right/kernel', 'right/bias'])
    const copy = new Twin()
    copy.apply(x)
    copy.loadSafetensors(await m.weightsToSafetensors())
    arraysEqual(await values(await copy.predict(x)), await values(await m.predict(x)))
  })
})

describe('summary', () => {
  const printed = (m: AnyModel): string[] => {
    const lines: string[] = []
    m.summary({ print: (line) => lines.push(line) })
    return lines
  }
  it("draws Keras's table", () => {
    const m = sequential([
      layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
      layers.dropout({ rate: 0.2 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ])
    expect(printed(m)).toEqual([
      'Model: "sequential"',
      '┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓',
      '┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃',
      '┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩',
      '│ dense (Dense)                   │ (None, 128)            │       100,480 │',
      '├─────────────────────────────────┼────────────────────────┼───────────────┤',
      '│ dropout (Dropout)               │ (None, 128)            │             0 │',
      '├─────────────────────────────────┼────────────────────────┼───────────────┤',
      '│ dense_1 (Dense)                 │ (None, 10)             │         1,290 │',
      '└─────────────────────────────────┴────────────────────────┴───────────────┘',
      ' Total params: 101,770 (397.54 KB)',
      ' Trainable params: 101,770 (397.54 KB)',
      ' Non-trainable params: 0 (0.00 B)',
    ])
  })

  it('shows connections, frozen weights and the optimizer', async () => {
    const [a, b] = [input({ shape: [2], name: 'a' }), input({ shape: [2], name: 'b' })]
    const frozen = layers.dense({ units: 3, trainable: false })
    const joined = layers.concatenate().apply([frozen.apply(a), frozen.apply(b)])
    const m = model({ inputs: [a, b], outputs: layers.dense({ units: 1, name: 'score' }).apply(joined) })
    m.compile({ optimizer: 'adam', loss: 'mse' })
    await m.fit([ones([2, 2]) as Tensor, ones([2, 2]) as Tensor], ones([2, 1]) as Tensor, { verbose: 0 })
    const text = printed(m).join('\n')
    expect(text).toMatch(/a \(InputLayer\) +│ \(None, 2\) +│ +0 │ - /)
    expect(text).toMatch(/concatenate \(Concatenate\) +│ \(None, 6\) +│ +0 │ dense, dense /)
    expect(text).toContain('Trainable params: 7 (28.00 B)')
    expect(text).toContain('Non-trainable params: 9 (36.00 B)')
    expect(text).toContain('Optimizer params: 15 (60.00 B)')
  })

  it('says what is not built yet', () => {
    expect(printed(sequential([layers.dense({ units: 2 })])).join('\n')).toMatch(
      /dense \(Dense\) +│ \? +│ +0 \(unbuilt\)/,
    )
  })
})

describe('mistakes', () => {
  const x = input({ shape: [2], name: 'x' })
  const rows: [string, () => unknown, RegExp][] = [
    [
      'two layers of one name',
      () => sequential([layers.dense({ units: 1, name: 'a' }), layers.dense({ units: 1, name: 'a' })]),
      /\[sequential\] two layers are called 'a'/,
    ],
    [
      'an input that is not listed',
      () => model({ inputs: input({ shape: [1] }), outputs: layers.flatten().apply(x) }),
      /an output depends on input 'x' of shape \[any,2\], which is not among inputs/,
    ],
    [
      'an input of another shape',
      () => sequential([layers.dense({ units: 1, inputShape: [2] })]).apply(ones([1, 3]) as Tensor),
      /\[sequential\] input 0 must have shape \[any,2\], got \[1,3\]/,
    ],
    [
      'a missing input',
      () =>
        model({ inputs: [x, input({ shape: [1] })], outputs: layers.flatten().apply(x) }).apply(
          ones([1, 2]) as Tensor,
        ),
      /expects 2 inputs, got 1/,
    ],
    [
      'layers that do not fit',
      () => sequential([layers.reshape({ targetShape: [3], inputShape: [4] })]),
      /an example of shape \[4\] does not fit/,
    ],
    [
      'a layer after building without inputShape',
      () => {
        const m = sequential([layers.dense({ units: 1 })])
        m.apply(ones([1, 2]) as Tensor)
        m.add(layers.flatten())
      },
      /layers cannot be added after the model was built/,
    ],
  ]
  it.each(rows)('%s', (_, make, message) => {
    expect(make).toThrow(message)
  })
})
