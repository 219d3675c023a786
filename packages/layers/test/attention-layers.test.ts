// Attention layers and Transformer blocks: against PyTorch's layers with their weights, and what they promise beyond.
import '@dl/backend-cpu'
import '@dl/tensor' // chained methods
import { readFileSync } from 'node:fs'
import { judge } from '@dl/test-kit'
import { beforeAll, describe, expect, it } from 'vitest'
import { input, type Layer, layerFromConfig, layers, model, setRandomSeed } from '@dl/layers'
import { adam } from '@dl/optim'
import {
  logicalNot,
  ones,
  random,
  split,
  strictBackend,
  tensor,
  transpose,
  type Tensor,
} from '@dl/tensor/core'
import { arraysEqual } from './support/values.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Recorded {
  readonly shape: number[]
  readonly data: number[]
  readonly dtype?: string
}
interface Case {
  readonly id: string
  readonly args: Readonly<Record<string, number | boolean | string>>
  readonly inputs: Readonly<Record<string, Recorded>>
  readonly outputs: { readonly output: Recorded }
}
const value = ({ data, shape, dtype }: Recorded): Tensor =>
  tensor(data, shape, dtype === 'bool' ? 'bool' : 'float32') as Tensor

/** PyTorch's parameters by the paths that the layers here give them. */
class Parameters {
  readonly #inputs: Case['inputs']
  readonly #heads: number
  constructor({ inputs, args }: Case) {
    this.#inputs = inputs
    this.#heads = Number(args['nhead'] ?? args['num_heads'])
  }

  get(name: string): Tensor {
    return value(this.#inputs[`param.${name}`]!)
  }
  #has(name: string): boolean {
    return `param.${name}` in this.#inputs
  }

  attention(to: string, from: string): Record<string, Tensor> {
    const parts = ['query', 'key', 'value']
    const joint = this.#has(`${from}in_proj_weight`)
    const weights = joint
      ? split(this.get(`${from}in_proj_weight`), 3, 0)
      : ['q', 'k', 'v'].map((letter) => this.get(`${from}${letter}_proj_weight`))
    const biases = split(this.get(`${from}in_proj_bias`), 3, 0)
    const heads = this.#heads
    const own: Record<string, Tensor> = {}
    parts.forEach((part, i) => {
      const [out, features] = weights[i]!.shape as [number, number]
      own[`${to}${part}/kernel`] = transpose(weights[i]!, [1, 0]).reshape([features, heads, out / heads])
      own[`${to}${part}/bias`] = biases[i]!.reshape([heads, out / heads])
    })
    const output = this.get(`${from}out_proj.weight`)
    own[`${to}attention_output/kernel`] = transpose(output, [1, 0]).reshape([
      heads,
      output.shape[1]! / heads,
      output.shape[0]!,
    ])
    own[`${to}attention_output/bias`] = this.get(`${from}out_proj.bias`)
    return own
  }

  dense(to: string, from: string): Record<string, Tensor> {
    return {
      [`${to}/kernel`]: transpose(this.get(`${from}.weight`), [1, 0]),
      [`${to}/bias`]: this.get(`${from}.bias`),
    }
  }
  norm(to: string, from: string): Record<string, Tensor> {
    return { [`${to}/gamma`]: this.get(`${from}.weight`), [`${to}/beta`]: this.get(`${from}.bias`) }
  }

  block(cross: boolean): Record<string, Tensor> {
    return {
      ...this.attention('self_attention_layer/', 'self_attn.'),
      ...this.norm('self_attention_layer_norm', 'norm1'),
      ...(cross && this.attention('cross_attention_layer/', 'multihead_attn.')),
      ...(cross && this.norm('cross_attention_layer_norm', 'norm2')),
      ...this.dense('feedforward_intermediate_dense', 'linear1'),
      ...this.dense('feedforward_output_dense', 'linear2'),
      ...this.norm('feedforward_layer_norm', cross ? 'norm3' : 'norm2'),
    }
  }
}

/** Builds the layer for `inputs`, gives it all of `weights`, and calls it. */
async function run(
  layer: Layer,
  inputs: readonly Tensor[],
  weights: Record<string, Tensor>,
): Promise<Float32Array> {
  layer.ensureBuilt(inputs.length === 1 ? inputs[0]!.shape : inputs.map((x) => x.shape))
  const own = layer.namedVariables().filter((v) => v.kind === 'weight')
  expect(own.map((v) => v.path).toSorted()).toEqual(Object.keys(weights).toSorted())
  for (const { path, variable } of own) variable.assign(weights[path]!)
  const y = layer.call(inputs.length === 1 ? inputs[0]! : inputs) as Tensor
  return (await y.data()) as Float32Array
}

judge('PyTorch attention layers', { needs: 'oracles/ops/attention.json' }, (file) => {
  const cases = new Map(
    (JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }).cases.map((c) => [c.id, c]),
  )
  const given = (id: string, ...names: string[]): { c: Case; p: Parameters; x: Tensor[] } => {
    const c = cases.get(id)!
    return { c, p: new Parameters(c), x: names.map((name) => value(c.inputs[name]!)) }
  }
  const near = (actual: Float32Array, { outputs }: Case): void =>
    arraysEqual(actual, outputs.output.data, 2e-5)

  it('self-attention', async () => {
    const { c, p, x } = given('self', 'q', 'v', 'k')
    near(await run(layers.multiHeadAttention({ numHeads: 2, keyDim: 4 }), x, p.attention('', '')), c)
  })
  it('causal self-attention', async () => {
    const { c, p, x } = given('self_causal', 'q', 'v', 'k')
    const layer = layers.multiHeadAttention({ numHeads: 4, keyDim: 2, useCausalMask: true })
    near(await run(layer, x, p.attention('', '')), c)
  })
  it('cross attention to other features, with a mask of keys', async () => {
    const { c, p, x } = given('cross_kpm', 'q', 'v', 'k', 'key_padding_mask')
    const mask = logicalNot(x.pop()!).reshape([2, 1, 5])
    const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 4 })
    near(await run(layer, [...x, mask], p.attention('', '')), c)
  })
  it('an encoder block that normalizes last', async () => {
    const { c, p, x } = given('enc_post_relu', 'src')
    near(await run(layers.transformerEncoder({ numHeads: 2, intermediateDim: 12 }), x, p.block(false)), c)
  })
  it('an encoder block that normalizes first, with gelu', async () => {
    const { c, p, x } = given('enc_pre_gelu', 'src')
    const config = { numHeads: 4, intermediateDim: 12, activation: 'gelu', normalizeFirst: true } as const
    near(await run(layers.transformerEncoder(config), x, p.block(false)), c)
  })
  it('a decoder block', async () => {
    const { c, p, x } = given('dec_post', 'tgt', 'memory')
    near(await run(layers.transformerDecoder({ numHeads: 2, intermediateDim: 12 }), x, p.block(true)), c)
  })
})

const key = random.key(5)
const floats = (...shape: number[]): Tensor => random.normal(key.fold(shape.length), shape)
const valuesOf = async (x: Tensor): Promise<Float32Array> => (await x.data()) as Float32Array

describe('multiHeadAttention', () => {
  it('takes masks of three ranks', async () => {
    const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })
    const x = floats(2, 4, 6)
    const lower = tensor([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1], [4, 4], 'bool') as Tensor
    const expected = await valuesOf(layer.apply([x, x, x, lower]))
    const batch = lower.reshape([1, 4, 4]).tile([2, 1, 1])
    arraysEqual(await valuesOf(layer.apply([x, x, x, batch])), expected, 1e-6)
    arraysEqual(await valuesOf(layer.apply([x, x, x, batch.reshape([2, 1, 4, 4])])), expected, 1e-6)
    const causal = layers.multiHeadAttention({ numHeads: 2, keyDim: 3, useCausalMask: true })
    causal.ensureBuilt(x.shape)
    causal.setWeights(layer.getWeights())
    arraysEqual(await valuesOf(causal.apply(x)), expected, 1e-6)
  })

  it('attends along the last axis but one of deeper inputs', () => {
    const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 5, outputShape: 7 })
    expect(layer.apply(floats(2, 3, 4, 6)).shape).toEqual([2, 3, 4, 7])
    expect(layer.weights.map((w) => w.shape)).toEqual([
      [6, 2, 3],
      [2, 3],
      [6, 2, 3],
      [2, 3],
      [6, 2, 5],
      [2, 5],
      [2, 5, 7],
      [7],
    ])
  })

  it('drops out while training only, differently at every call', async () => {
    const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 4, dropout: 0.5, seed: 3 })
    const x = floats(1, 8, 6)
    const quiet = await valuesOf(layer.apply(x))
    arraysEqual(await valuesOf(layer.apply(x)), quiet)
    const [first, second] = [
      await valuesOf(layer.apply(x, { training: true })),
      await valuesOf(layer.apply(x, { training: true })),
    ]
    expect(first).not.toEqual(quiet)
    expect(second).not.toEqual(first)
  })

  it.each([
    [{ numHeads: 0, keyDim: 4 }, /\[multiHeadAttention\] numHeads must be a positive whole number, got 0/],
    [{ numHeads: 2, keyDim: 4, dropout: 1 }, /dropout must be in \[0, 1\), got 1/],
  ])('refuses %j', (config, message) => {
    expect(() => layers.multiHeadAttention(config)).toThrow(message)
  })
  it('refuses inputs of other features than it was built for', () => {
    const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 4 })
    layer.apply([floats(1, 3, 6), floats(1, 5, 4)])
    expect(() => layer.apply([floats(1, 3, 6), floats(1, 5, 6)])).toThrow(
      /value must have 4 features|key must have 4 features/,
    )
    expect(() => layers.multiHeadAttention({ numHeads: 2, keyDim: 4 }).apply(ones([3, 4]) as Tensor)).toThrow(
      /needs inputs \[batch, ..., length, features\]/,
    )
  })
})

describe('positions', () => {
  it('sine and cosine of each wave alternate', async () => {
    const y = await valuesOf(
      layers.sinePositionEncoding({ maxWavelength: 100 }).apply(ones([2, 3, 5]) as Tensor),
    )
    const expected = [0, 1].flatMap(() =>
      [0, 1, 2].flatMap((position) =>
        [0, 1, 2, 3, 4].map((i) => {
          const angle = position / 100 ** ((2 * Math.floor(i / 2)) / 5)
          return i % 2 ? Math.cos(angle) : Math.sin(angle)
        }),
      ),
    )
    arraysEqual(y, expected, 1e-6)
  })
  it('a token embedding has its position added', async () => {
    const layer = layers.tokenAndPositionEmbedding({ vocabularySize: 5, maxLength: 4, dim: 2 })
    layer.ensureBuilt([null, 3])
    expect(layer.namedVariables().map((v) => v.path)).toEqual([
      'token_embedding/embeddings',
      'position_embedding/embeddings',
    ])
    layer.setWeights([
      tensor([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], [5, 2]),
      tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [4, 2]),
    ] as Tensor[])
    const y = await valuesOf(layer.apply(tensor([4, 0, 2], [1, 3], 'int32') as Tensor))
    arraysEqual(y, [4.1, 4.2, 0.3, 0.4, 2.5, 2.6], 1e-6)
    expect(() => layer.apply(tensor([0, 0, 0, 0, 0], [1, 5], 'int32') as Tensor)).toThrow(
      /has 5 positions.*4 \(maxLength\)/,
    )
  })
})

describe('a small GPT', () => {
  beforeAll(() => setRandomSeed(4))

  it('learns to continue sequences, and its positions never look ahead', { timeout: 60_000 }, async () => {
    const tokens = input({ shape: [null], dtype: 'int32' })
    let x = layers.tokenAndPositionEmbedding({ vocabularySize: 7, maxLength: 16, dim: 16 }).apply(tokens)
    for (let i = 0; i < 2; i++)
      x = layers
        .transformerDecoder({ numHeads: 2, intermediateDim: 32, dropout: 0.1, normalizeFirst: true })
        .apply(x)
    const logits = layers.dense({ units: 7, activation: 'softmax' }).apply(layers.rmsNormalization().apply(x))
    const gpt = model({ inputs: tokens, outputs: logits })
    gpt.compile({
      optimizer: adam({ learningRate: 0.01 }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    })
    // each number is followed by the next one, modulo 7
    const rows = Array.from({ length: 32 }, (_, row) => Array.from({ length: 12 }, (__, i) => (row + i) % 7))
    const ids = tensor(rows.flat(), [32, 12], 'int32') as Tensor
    const next = tensor(
      rows.flat().map((id) => (id + 1) % 7),
      [32, 12],
      'int32',
    ) as Tensor
    const { history } = await gpt.fit(ids, next, { epochs: 25, batchSize: 8, verbose: 0 })
    expect(history['accuracy']!.at(-1)).toBeGreaterThan(0.98)
    const [whole, start] = [await gpt.predict(ids), await gpt.predict(ids.slice([0, 0], [32, 5]))]
    arraysEqual(
      await valuesOf((whole as Tensor).slice([0, 0, 0], [32, 5, 7])),
      await valuesOf(start as Tensor),
      1e-5,
    )
  })
})

it.each([
  () => layers.multiHeadAttention({ numHeads: 2, keyDim: 4, useCausalMask: true }),
  () => layers.transformerEncoder({ numHeads: 2, intermediateDim: 8 }),
  () => layers.transformerDecoder({ numHeads: 2, intermediateDim: 8, normalizeFirst: true }),
  () => layers.positionEmbedding({ maxLength: 5 }),
  () => layers.sinePositionEncoding(),
  () => layers.rmsNormalization({ epsilon: 1e-5 }),
])('configs make equal layers', (make) => {
  const layer = make() as Layer
  const copy = layerFromConfig(layer.className, layer.getConfig())
  expect(copy.getConfig()).toEqual(layer.getConfig())
  for (const each of [layer, copy]) each.ensureBuilt([null, 3, 8])
  expect(copy.namedVariables().map((v) => v.path)).toEqual(layer.namedVariables().map((v) => v.path))
})
