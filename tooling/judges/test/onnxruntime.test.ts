// ONNX Runtime as the judge of exported files: it must accept each one and compute what we compute, at several batch sizes.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  add,
  argMax,
  avgPoolNd,
  cast,
  concat,
  conv,
  cumsum,
  type DType,
  elu,
  erf,
  expm1,
  gather,
  gelu,
  hardSigmoid,
  isFinite,
  layerNorm,
  leakyRelu,
  less,
  log1p,
  logSoftmax,
  matMul,
  max,
  maximum,
  maxPoolNd,
  mish,
  mul,
  ones,
  pad,
  pow,
  ready,
  reshape,
  reverse,
  round,
  selu,
  silu,
  slice,
  softmax,
  softplus,
  softsign,
  sort,
  stridedSlice,
  sum,
  tensor,
  type Tensor,
  tile,
  topk,
  transpose,
  type TypedArray,
  variable,
  where,
} from '@dl/tensor/core'
import { layers, sequential } from '@dl/layers'
import { exportOnnx, importOnnx } from '@dl/onnx'
import { judge } from '@dl/test-kit'

beforeAll(() => ready())

async function runtimeOutputs(bytes: Uint8Array, inputs: readonly Tensor[]): Promise<readonly ort.Tensor[]> {
  const session = await ort.InferenceSession.create(bytes)
  const feeds: Record<string, ort.Tensor> = {}
  for (const [i, name] of session.inputNames.entries()) {
    const x = inputs[i]!
    feeds[name] = new ort.Tensor(x.dtype as DType, (await x.data()) as never, [...x.shape])
  }
  const results = await session.run(feeds)
  const outputs = session.outputNames.map((name) => results[name]!)
  await session.release()
  return outputs
}

async function expectSame(got: ort.Tensor, want: Tensor): Promise<void> {
  expect([got.type, got.dims]).toEqual([want.dtype, want.shape])
  const values = (await want.data()) as TypedArray
  const [a, b] = [got.data as ArrayLike<number | bigint>, values as ArrayLike<number | bigint>]
  for (let i = 0; i < values.length; i++)
    expect(Math.abs(Number(a[i]) - Number(b[i]))).toBeLessThanOrEqual(
      1e-5 * Math.max(1, Math.abs(Number(b[i]))),
    )
}

/** Numbers that repeat, of both signs. */
const sample = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((n, d) => n * d, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + 0.3) * 2),
    [...shape],
  )
}

describe('a model of layers', () => {
  it.each([13, 17, 20, 21, 23])('at operator set %i', async (opset) => {
    const model = sequential([
      layers.dense({ units: 8, activation: 'gelu', inputShape: [4] }),
      layers.layerNormalization({}),
      layers.dense({ units: 3, activation: 'softmax' }),
    ])
    const bytes = exportOnnx(model, { opset })
    for (const batch of [1, 3]) {
      const x = sample([batch, 4])
      const [output] = await runtimeOutputs(bytes, [x])
      await expectSame(output!, model.call(x))
    }
  })
})

describe('functions, with a free batch', () => {
  const w = variable(sample([4, 3]), true, 'w')
  const b = variable(sample([3]), true, 'b')
  const rows = (x: Tensor): number => x.shape[0] as number
  const FUNCTIONS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
    'a product and a bias': (x) => add(matMul(x, w), b),
    'products of all rows': (x) => matMul(x, x, false, true),
    'activations, smooth': (x) => concat([gelu(x), silu(x), mish(x), softplus(x), softsign(x)], 1),
    'activations, in pieces': (x) => concat([elu(x), selu(x), leakyRelu(x), hardSigmoid(x)], 1),
    'functions without an operator': (x) => add(expm1(x), where(isFinite(x), log1p(mul(x, x)), 0)),
    'error function, powers and rounding': (x) => add(erf(x), add(pow(x, 2), round(x))),
    probabilities: (x) => concat([softmax(x), logSoftmax(x)], 0),
    'layer normalization': (x) => layerNorm(x),
    'slices, reversed and padded': (x) =>
      pad(
        reverse(stridedSlice(x, [0, 0], [rows(x), 4], [1, 2]), 1),
        [
          [1, 2],
          [0, 1],
        ],
        7,
      ),
    'the batch without its first row': (x) => slice(x, [1, 0], [rows(x) - 1, 4]),
    'tiles and constants of its size': (x) => concat([tile(x, [1, 2]), ones([rows(x), 1])], 1),
    'reductions and positions': (x) => add(max(x, 1), cast(argMax(x, 1), 'float32')),
    'sorted rows, the greatest two and running sums': (x) =>
      concat([sort(x), topk(x, 2).values, cumsum(x, 1, true), cumsum(x, 0, false, true)], 1),
    'picked rows': (x) => gather(w, argMax(x, 1), 0),
    'matrices of the batch': (x) =>
      matMul(reshape(x, [rows(x), 2, 2]), transpose(reshape(x, [rows(x), 2, 2]), [0, 2, 1])),
    comparisons: (x) => where(less(x, sum(x, 1, true)), maximum(x, 0), x),
  }
  it.each(Object.entries(FUNCTIONS))('%s', async (_, fn) => {
    for (const opset of [13, 18, 23]) {
      const bytes = exportOnnx(fn, { opset, inputs: [{ shape: [null, 4] }] })
      for (const batch of [2, 5]) {
        const x = sample([batch, 4])
        const [output] = await runtimeOutputs(bytes, [x])
        await expectSame(output!, fn(x))
      }
    }
  })
})

describe('windows', () => {
  const kernel = variable(sample([3, 3, 2, 4]), true, 'kernel')
  const grouped = variable(sample([3, 2, 1, 4]), true, 'grouped')
  const bias = variable(sample([4]), true, 'bias')
  const FUNCTIONS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
    'a convolution and a bias': (x) => add(conv(x, kernel, { padding: 'same', strides: 2 }), bias),
    'a convolution with dilation and uneven padding': (x) =>
      conv(x, kernel, {
        padding: [
          [0, 2],
          [1, 0],
        ],
        dilations: [2, 1],
      }),
    'a convolution in groups': (x) => conv(x, grouped, { groups: 2 }),
    'a convolution with channels first': (x) =>
      add(
        conv(transpose(x, [0, 3, 1, 2]), kernel, { dataFormat: 'channelsFirst' }),
        reshape(bias, [4, 1, 1]),
      ),
    maxima: (x) => maxPoolNd(x, { size: 3, strides: 2, padding: 1 }),
    means: (x) =>
      avgPoolNd(x, {
        size: [2, 3],
        strides: 2,
        padding: [
          [0, 1],
          [1, 1],
        ],
      }),
    'means that count padding': (x) => avgPoolNd(x, { size: 3, strides: 1, padding: 1, countPadding: true }),
    'means of what is there': (x) => avgPoolNd(x, { size: 2, ceil: true }),
  }
  it.each(Object.entries(FUNCTIONS))('%s', async (_, fn) => {
    for (const opset of [13, 17, 21]) {
      const bytes = exportOnnx(fn, { opset, inputs: [{ shape: [null, 7, 6, 2] }] })
      for (const batch of [1, 3]) {
        const x = sample([batch, 7, 6, 2])
        const [output] = await runtimeOutputs(bytes, [x])
        await expectSame(output!, fn(x))
      }
    }
  })
})

judge(
  'ONNX Runtime on PyTorch models that were exported again',
  { needs: 'oracles/torch-cases' },
  (cases) => {
    const INPUTS: Readonly<Record<string, (batch: number) => Tensor[]>> = {
      mlp: (batch) => [sample([batch, 16])],
      cnn_bn: (batch) => [sample([batch, 1, 12, 12])],
      resnet_block: (batch) => [sample([batch, 3, 8, 8])],
      transformer_enc: (batch) => [words(batch, 7)],
      transformer_encdec: (batch) => [words(batch, 6), words(batch, 5)],
    }
    const words = (batch: number, length: number): Tensor => {
      const picks = BigInt64Array.from({ length: batch * length }, (_, i) => BigInt((i * 7 + 3) % 11))
      return tensor(picks, [batch, length], 'int64')
    }
    it.each(Object.entries(INPUTS))(
      '%s',
      async (name, inputs) => {
        for (const file of ['model.onnx', 'model.op11.onnx', 'train.onnx']) {
          const model = await importOnnx(readFileSync(join(cases, name, file)))
          const bytes = exportOnnx(model)
          for (const batch of [1, 3]) {
            const xs = inputs(batch)
            const [output] = await runtimeOutputs(bytes, xs)
            await expectSame(output!, model.call(xs) as Tensor)
          }
        }
      },
      60_000,
    )
  },
)
