// IDX: every element type of the format, gzipped or not, and files that are broken.
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { DatasetError, idx } from '../src/index.ts'

/** An IDX file as the specification describes it: written with a DataView, big-endian. */
function encode(
  type: number,
  shape: readonly number[],
  bytes: number,
  write: (view: DataView, at: number, i: number) => void,
): Uint8Array {
  const count = shape.reduce((a, b) => a * b, 1)
  const out = new Uint8Array(4 + 4 * shape.length + count * bytes)
  const view = new DataView(out.buffer)
  out[2] = type
  out[3] = shape.length
  shape.forEach((d, i) => view.setUint32(4 + 4 * i, d))
  for (let i = 0; i < count; i++) write(view, 4 + 4 * shape.length + i * bytes, i)
  return out
}
const values = (read: (i: number) => number): number[] => Array.from({ length: 6 }, (_, i) => read(i))

const TYPES: [string, number, number, (v: DataView, at: number, x: number) => void, number[]][] = [
  ['uint8', 0x08, 1, (v, at, x) => v.setUint8(at, x), values((i) => 250 + i)],
  ['int8', 0x09, 1, (v, at, x) => v.setInt8(at, x), values((i) => i - 128)],
  ['int16', 0x0b, 2, (v, at, x) => v.setInt16(at, x), values((i) => i * 5000 - 12_345)],
  ['int32', 0x0c, 4, (v, at, x) => v.setInt32(at, x), values((i) => i * 1e8 - 123_456_789)],
  ['float32', 0x0d, 4, (v, at, x) => v.setFloat32(at, x), values((i) => Math.fround(i / 3 - 1))],
  ['float64', 0x0e, 8, (v, at, x) => v.setFloat64(at, x), values((i) => i / 3 - 1)],
]

describe.each(TYPES)('%s', (dtype, type, bytes, write, expected) => {
  const file = encode(type, [2, 3], bytes, (view, at, i) => write(view, at, expected[i]!))
  test.each([
    ['bytes', (): Uint8Array => file],
    ['bytes at an odd offset', (): Uint8Array => new Uint8Array([9, ...file]).subarray(1)],
    ['a blob', (): Blob => new Blob([file as Uint8Array<ArrayBuffer>])],
    ['gzip', (): Uint8Array => gzipSync(file)],
    ['a response with gzip', (): Response => new Response(gzipSync(file))],
  ])('from %s', async (_, source) => {
    const array = await idx(source())
    expect(array.dtype).toBe(dtype)
    expect(array.shape).toEqual([2, 3])
    expect([...(array.data as Float32Array)]).toEqual(expected)
  })
})

test('a scalar and an empty array are arrays too', async () => {
  expect(await idx(encode(0x08, [], 1, (v, at) => v.setUint8(at, 7)))).toMatchObject({
    shape: [],
    data: Uint8Array.of(7),
  })
  expect(await idx(encode(0x0d, [0, 28], 4, () => {}))).toMatchObject({
    shape: [0, 28],
    data: new Float32Array(),
  })
})

test('shorts become int32 tensors', async () => {
  const array = await idx(encode(0x0b, [2], 2, (v, at, i) => v.setInt16(at, -i)))
  const x = array.toTensor()
  expect(x.dtype).toBe('int32')
  expect([...((await x.data()) as Int32Array)]).toEqual([0, -1])
})

describe('broken files', () => {
  const good = encode(0x08, [3, 2], 1, (v, at, i) => v.setUint8(at, i))
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(), /is not an IDX file: .* got only 0 bytes/],
    ['another magic number', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10), /got 89 50 4e 47/],
    ['an unknown type', Uint8Array.of(0, 0, 0x0a, 1, 0, 0, 0, 1, 1), /got 00 00 0a 01/],
    ['half a header', good.subarray(0, 9), /truncated: a header of rank 2 has 12 bytes, got 9/],
    [
      'missing elements',
      good.subarray(0, 15),
      /truncated: uint8 \[3,2\] takes 18 bytes with the header, got 15/,
    ],
    ['bytes after the end', new Uint8Array([...good, 0]), /bytes after its end: .* 18 bytes .* got 19/],
    ['half a gzip file', gzipSync(good).subarray(0, 20), /broken or truncated gzip file/],
  ]
  test.each(cases)('%s', async (_, bytes, message) => {
    const error: unknown = await idx(bytes).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(DatasetError)
    expect(error).toMatchObject({ code: 'format' })
    expect((error as Error).message).toMatch(message)
  })

  test('a file that is not there', async () => {
    await expect(idx('/no/such/file')).rejects.toThrow(/^\[idx\] cannot read \/no\/such\/file: ENOENT/)
  })
})
