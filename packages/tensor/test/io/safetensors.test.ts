// Weights as safetensors bytes: what is written is read back, the format is the public one, damaged files are refused.
import { describe, expect, it } from 'vitest'
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsEntry,
  SafetensorsError,
} from '../../src/io/safetensors.ts'

const ENTRIES: Record<string, SafetensorsEntry> = {
  flags: { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
  'dense_1/kernel': { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1.5, -0, NaN, Infinity) },
  big: { dtype: 'int64', shape: [1], data: BigInt64Array.of(-(2n ** 62n)) },
  step: { dtype: 'int32', shape: [], data: Int32Array.of(-7) },
  rate: { dtype: 'float64', shape: [1], data: Float64Array.of(0.1) },
  bytes: { dtype: 'uint8', shape: [0, 4], data: new Uint8Array(0) },
}

const withHeader = (
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(0),
  length?: number,
): Uint8Array => {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? json.length), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}

it('reads back what it wrote, bit for bit, with metadata', () => {
  const file = decodeSafetensors(encodeSafetensors(ENTRIES, { epoch: '3' }))
  expect(file.metadata).toEqual({ epoch: '3' })
  expect(Object.keys(file.tensors).toSorted()).toEqual(Object.keys(ENTRIES).toSorted())
  for (const [name, entry] of Object.entries(ENTRIES)) expect(file.tensors[name]).toEqual(entry)
  expect(Object.is((file.tensors['dense_1/kernel']!.data as Float32Array)[1], -0)).toBe(true)
})

it('writes the public format: length, JSON, data aligned to its elements', () => {
  const bytes = encodeSafetensors(ENTRIES)
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  expect(length % 8).toBe(0)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  expect(header['dense_1/kernel']).toMatchObject({ dtype: 'F32', shape: [2, 2] })
  for (const {
    data_offsets: [begin, end],
    dtype,
  } of Object.values(header)) {
    const size = { F32: 4, F64: 8, I64: 8, I32: 4, U8: 1, BOOL: 1 }[dtype]!
    expect(begin % size).toBe(0)
    expect((end - begin) % size).toBe(0)
  }
  expect(bytes.length).toBe(8 + length + Math.max(...Object.values(header).map((h) => h.data_offsets[1])))
})

it('reads a file whose bytes begin anywhere in a larger buffer, and does not hold on to it', () => {
  const bytes = encodeSafetensors({ w: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } })
  const shifted = new Uint8Array(bytes.length + 3)
  shifted.set(bytes, 3)
  const { data } = decodeSafetensors(shifted.subarray(3)).tensors['w']!
  shifted.fill(0)
  expect(data).toEqual(Float32Array.of(1, 2))
})

describe('refuses damaged files with a typed error', () => {
  const good = encodeSafetensors(ENTRIES)
  const entry = (fields: object): string =>
    JSON.stringify({ w: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...fields } })
  const rows: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /0 bytes/],
    ['shorter than a length', good.subarray(0, 5), /5 bytes/],
    ['cut in the header', good.subarray(0, 40), /truncated: its header/],
    ['cut in the data', good.subarray(0, good.length - 1), /truncated: '.*' ends at byte/],
    ['absurd header length', withHeader('{}', undefined, 2 ** 40), /not a safetensors file/],
    ['header is no JSON', withHeader('{"w": '), /not JSON/],
    ['header is not UTF-8', withHeader(Uint8Array.of(0xff, 0xfe)), /not JSON/],
    [
      'metadata is no object of strings',
      withHeader('{"__metadata__": {"a": 1}}'),
      /__metadata__ must be an object of strings/,
    ],
    ['header is a list', withHeader('[1]'), /JSON object/],
    ['entry lacks a field', withHeader('{"w": {"dtype": "F32"}}'), /'w' needs dtype, shape and data_offsets/],
    ['entry is null', withHeader('{"w": null}'), /'w' needs dtype/],
    [
      'unknown dtype',
      withHeader(entry({ dtype: 'F8_E4M3' }), new Uint8Array(4)),
      /'w' has dtype F8_E4M3; readable are/,
    ],
    ['negative dimension', withHeader(entry({ shape: [-1] }), new Uint8Array(4)), /'w' needs/],
    [
      'offsets do not fit the shape',
      withHeader(entry({ shape: [2] }), new Uint8Array(4)),
      /8 bytes, but its offsets are 0 to 4/,
    ],
    [
      'offsets run backwards',
      withHeader(entry({ data_offsets: [4, 0] }), new Uint8Array(4)),
      /offsets are 4 to 0/,
    ],
    [
      'offsets are no numbers',
      withHeader(entry({ data_offsets: ['0', '4'] }), new Uint8Array(4)),
      /offsets are 0 to 4/,
    ],
  ]
  it.each(rows)('%s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(SafetensorsError)
    expect(() => decodeSafetensors(bytes)).toThrow(message)
  })
})

it('takes any name', () => {
  const { tensors } = decodeSafetensors(
    withHeader('{"__proto__": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}', Uint8Array.of(7)),
  )
  expect(Object.entries(tensors)).toEqual([
    ['__proto__', { dtype: 'uint8', shape: [1], data: Uint8Array.of(7) }],
  ])
})

it('refuses to write a shape that does not hold its data', () => {
  expect(() => encodeSafetensors({ w: { dtype: 'float32', shape: [3], data: new Float32Array(2) } })).toThrow(
    "[safetensors] 'w': shape [3] holds 3 values, data has 2",
  )
})
