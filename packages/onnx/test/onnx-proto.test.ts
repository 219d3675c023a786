// onnx-proto, made by others from ONNX 1.10's schema (IR 8), reads what we write and writes what we read.
import '@dl/backend-cpu'
import { onnx } from 'onnx-proto'
import { beforeAll, expect, it } from 'vitest'
import { add, conv, matMul, ones, ready, softmax, type Tensor, variable } from '@dl/tensor/core'
import { layers, sequential } from '@dl/layers'
import { exportOnnx } from '../src/index.ts'
import { decodeModel, encodeModel } from '../src/schema/codec.ts'
import type { ModelProto } from '../src/schema/messages.ts'

beforeAll(() => ready())

/** Messages in plain values: 64-bit integers as text, bytes as lists, empty lists left out. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Array.from(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const isLong = 'low' in value && 'high' in value
  if (isLong) return (value as { toString(): string }).toString()
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null && !(Array.isArray(field) && field.length === 0))
      .map(([name, field]) => [name, plain(field)]),
  )
}

const notes: ModelProto = {
  irVersion: 8n,
  producerName: 'π',
  modelVersion: -(2n ** 63n),
  opsetImport: [
    { domain: '', version: 17n },
    { domain: 'ai.onnx.ml', version: 2n ** 63n - 1n },
  ],
  metadataProps: [{ key: '__proto__', value: '' }],
  graph: {
    name: 'g',
    node: [
      {
        opType: 'If',
        input: ['c', ''],
        output: ['y'],
        attribute: [
          { name: 'floats', type: 6, floats: [0.5, -0, Infinity] },
          { name: 'ints', type: 7, ints: [0n, -1n, 2n ** 53n + 1n] },
          { name: 'strings', type: 8, strings: [Uint8Array.of(0xff), Uint8Array.of()] },
          {
            name: 'then_branch',
            type: 5,
            g: { name: 'inner', initializer: [{ dims: [2n], dataType: 7, int64Data: [1n, -1n] }] },
          },
        ],
      },
    ],
    initializer: [
      { name: 'w', dims: [2n], dataType: 1, floatData: [1, 2] },
      { name: 'u', dims: [1n], dataType: 13, uint64Data: [2n ** 64n - 1n] },
      {
        name: 'e',
        dims: [1n],
        dataType: 1,
        dataLocation: 1,
        externalData: [{ key: 'location', value: 'w.bin' }],
      },
    ],
    input: [
      {
        name: 'c',
        type: { tensorType: { elemType: 9, shape: { dim: [{ dimParam: 'n' }, { dimValue: 3n }] } } },
      },
    ],
    output: [{ name: 'y' }],
  },
}
const files: Readonly<Record<string, () => Uint8Array>> = {
  'a model of layers': () =>
    exportOnnx(sequential([layers.dense({ units: 3, activation: 'softmax', inputShape: [4] })]), {
      metadata: { author: 'me' },
      description: 'd',
    }),
  'a function': () => {
    const w = variable(ones([4, 3]), true, 'w')
    return exportOnnx((x: Tensor) => softmax(add(matMul(x, w), 1)), {
      opset: 13,
      inputs: [{ shape: [null, 4] }],
    })
  },
  'a convolution': () => {
    const kernel = variable(ones([3, 3, 2, 4]), true, 'kernel')
    return exportOnnx((x: Tensor) => conv(x, kernel), { opset: 15, inputs: [{ shape: [null, 6, 6, 2] }] })
  },
  'everything that a field can hold': () => encodeModel(notes),
}

it.each(Object.entries(files))('%s', (_, make) => {
  const bytes = make()
  const theirs = onnx.ModelProto.decode(bytes)
  const ours = decodeModel(bytes).model
  expect(plain(theirs)).toEqual(plain(ours))
  const rewritten = onnx.ModelProto.encode(theirs).finish()
  expect(plain(decodeModel(rewritten).model)).toEqual(plain(ours))
  expect(decodeModel(rewritten).unknown).toEqual([])
})
