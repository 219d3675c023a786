// The schema's generated code and the wrapper around it: 64-bit integers, unknown fields, damaged bytes.
import $protobuf from 'protobufjs/minimal.js'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { generate } from '../scripts/codegen.mjs'
import { OnnxError } from '../src/index.ts'
import { decodeModel, decodeTensorProto, encodeModel, encodeTensorProto } from '../src/schema/codec.ts'
import type { ModelProto } from '../src/schema/messages.ts'
import { TensorProto } from '../src/schema/onnx.generated.ts'
import { hostTensor, int64Tensor, tensorProto } from '../src/schema/tensor-values.ts'

describe('generated code', () => {
  it('is what the schema gives', () => {
    const committed = readFileSync(new URL('../src/schema/onnx.generated.ts', import.meta.url), 'utf8')
    expect(generate()).toBe(committed)
  })
  it('uses no reflection, which a strict Content-Security-Policy forbids', () => {
    expect(generate()).not.toMatch(/new Function|\bFunction\(|\beval\(/)
  })
})

describe('64-bit integers', () => {
  const extremes = [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n]
  it('travel as bigint', () => {
    const bytes = encodeTensorProto({ dims: [6n], dataType: 7, int64Data: extremes })
    expect(decodeTensorProto(bytes).int64Data).toEqual(extremes)
  })
  it('travel unsigned where the schema says so', () => {
    const bytes = encodeTensorProto({ uint64Data: [2n ** 64n - 1n] })
    expect(decodeTensorProto(bytes).uint64Data).toEqual([2n ** 64n - 1n])
  })
  it('throw when they do not fit', () => {
    expect(() => encodeTensorProto({ dims: [2n ** 63n] })).toThrow(OnnxError)
    expect(() => encodeTensorProto({ uint64Data: [-1n] })).toThrow('-1 does not fit')
  })
  it('throw in fields of 32 bits', () => {
    expect(() => encodeTensorProto({ dataType: 1n } as never)).toThrow(
      "the field 'dataType' is no 64-bit integer",
    )
  })
  it('would be lost without the wrapper', () => {
    const raw = decodeTensorProto(TensorProto.encode({ dims: [5n] }).finish())
    expect(raw.dims).not.toEqual([5n])
  })
})

describe('values', () => {
  it('keep their bytes', () => {
    const value = { dtype: 'float32', shape: [2], data: Float32Array.of(-0, Number.NaN) } as const
    const again = hostTensor(tensorProto(value, 'w'), 'w')
    expect(Object.is(again.data[0], -0)).toBe(true)
    expect(again.data[1]).toBeNaN()
    expect(hostTensor(tensorProto(int64Tensor([3, -4])), 'x').data).toEqual(BigInt64Array.of(3n, -4n))
  })
})

/** A model that adds its input to itself. */
const tiny: ModelProto = {
  irVersion: 8n,
  opsetImport: [{ version: 17n }],
  graph: {
    node: [{ opType: 'Add', input: ['x', 'x'], output: ['y'] }],
    input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'n' }] } } } }],
    output: [{ name: 'y', type: { tensorType: { elemType: 1 } } }],
  },
}

describe('fields of a newer format', () => {
  it('are reported by the message that holds them', () => {
    const bytes = encodeModel(tiny)
    const field = $protobuf.Writer.create()
      .uint32((900 << 3) | 2)
      .string('from the future')
      .finish()
    const { unknown } = decodeModel(Uint8Array.from([...bytes, ...field]))
    expect(unknown).toEqual(['model'])
    expect(decodeModel(bytes).unknown).toEqual([])
  })
})
