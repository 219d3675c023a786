// Batches: both ways of making them give the same tensors, dtypes are kept, and samples that do not fit are named.
import { tensor } from '@dl/tensor/core'
import type { Tensor } from '@dl/tensor/core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { DatasetError, fromArrays, fromGenerator, hostArray } from '../src/index.ts'
import type { Dataset, HostArray } from '../src/index.ts'

const show = async (x: Tensor): Promise<unknown> => [
  x.dtype,
  x.shape,
  [...((await x.data()) as Float32Array)],
]
const failure = async (dataset: Dataset<any, any>): Promise<DatasetError> => {
  const error: unknown = await dataset
    .forEach(() => {})
    .then(
      () => undefined,
      (cause: unknown) => cause,
    )
  expect(error).toBeInstanceOf(DatasetError)
  return error as DatasetError
}

describe('rows of arrays', () => {
  const dtypes = [
    [Float32Array.of(1.5, 2, 3, 4, 5), 'float32'],
    [Float64Array.of(1.5, 2, 3, 4, 5), 'float64'],
    [Int32Array.of(1, -2, 3, 4, 5), 'int32'],
    [BigInt64Array.of(1n, -2n, 3n, 4n, 5n), 'int64'],
    [Uint8Array.of(1, 2, 3, 4, 255), 'uint8'],
    [Uint8ClampedArray.of(1, 2, 3, 4, 255), 'uint8'],
    [Buffer.from([1, 2, 3, 4, 255]), 'uint8'],
    [Int8Array.of(1, -2, 3, 4, 5), 'int32'],
    [Int16Array.of(1, -2, 3, 4, 5), 'int32'],
    [Uint16Array.of(1, 65535, 3, 4, 5), 'int32'],
  ] as const
  test.each(dtypes)('%o becomes %s', async (values, dtype) => {
    const [first, last] = await fromArrays(values).batch(3).toArray()
    expect(await show(first!)).toEqual([dtype, [3], [...values.subarray(0, 3)]])
    expect(await show(last!)).toEqual([dtype, [2], [...values.subarray(3)]])
    const [filtered] = await fromArrays(values)
      .filter(() => true)
      .batch(3)
      .toArray() // the other path
    expect(await show(filtered!)).toEqual(await show(first!))
  })

  test('bool stays bool, a row keeps its shape, a tensor is read', async () => {
    const dataset = fromArrays({
      flag: hostArray(Uint8Array.of(1, 0, 1), [3], 'bool'),
      image: hostArray(
        Float32Array.from({ length: 12 }, (_, i) => i),
        [3, 2, 2],
      ),
      score: tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]),
    })
    for (const variant of [dataset, dataset.filter(() => true)]) {
      const [batch] = await variant.skip(1).batch(2).toArray()
      expect(await show(batch!.flag)).toEqual(['bool', [2], [0, 1]])
      expect(await show(batch!.image)).toEqual(['float32', [2, 2, 2], [4, 5, 6, 7, 8, 9, 10, 11]])
      expect(await show(batch!.score)).toEqual(['float32', [2, 2], [3, 4, 5, 6]])
    }
    const [row] = await dataset.take(1).toArray()
    expect(row!.flag).toBe(true)
    expect(row!.image).toMatchObject({ shape: [2, 2], dtype: 'float32', data: Float32Array.of(0, 1, 2, 3) })
  })

  test('a sample is a copy: changing it leaves the dataset alone', async () => {
    const source = Float32Array.of(1, 2, 3, 4)
    const dataset = fromArrays(hostArray(source, [2, 2]))
    for await (const row of dataset) row.data.fill(0)
    expect([...source]).toEqual([1, 2, 3, 4])
  })

  test.each([
    [10, 3, false, [3, 3, 3, 1]],
    [10, 3, true, [3, 3, 3]],
    [9, 3, false, [3, 3, 3]],
    [2, 3, false, [2]],
    [2, 3, true, []],
    [0, 3, false, []],
    [20_000, 9000, false, [9000, 9000, 2000]],
  ])('%d samples in batches of %d (dropRemainder %s)', async (n, size, dropRemainder, sizes) => {
    const dataset = fromArrays(new Float32Array(n))
    for (const variant of [dataset, dataset.filter(() => true)]) {
      const batches = await variant.batch(size, { dropRemainder }).toArray()
      expect(batches.map((batch) => batch.shape[0])).toEqual(sizes)
    }
    expect(dataset.batch(size, { dropRemainder }).size).toBe(sizes.length)
  })

  test('shuffled batches are the shuffled samples', async () => {
    const values = Float32Array.from({ length: 300 }, (_, i) => i)
    const wide = hostArray(
      Float32Array.from({ length: 300 * 20 }, (_, i) => i),
      [300, 20],
    )
    const dataset = fromArrays([values, wide]).shuffle({ seed: 5 })
    const samples = await dataset.toArray()
    const again = fromArrays([values, wide]).shuffle({ seed: 5 }).batch(64)
    const batches = await Promise.all(
      (await again.toArray()).map(async ([v, w]) => [await v.data(), await w.data()]),
    )
    expect(batches.flatMap(([v]) => [...v!])).toEqual(samples.map(([v]) => v))
    expect(batches.flatMap(([, w]) => [...w!])).toEqual(samples.flatMap(([, w]) => [...w.data]))
  })

  test('first dimensions that differ are refused at once, and so are leaves that are no arrays', () => {
    expect(() => fromArrays({ x: new Float32Array(3), y: new Float32Array(4) })).toThrow(
      "[fromArrays] all arrays need the same number of samples (first dimension): 'x' has 3, 'y' has 4",
    )
    expect(() => fromArrays([new Float32Array(3), 5 as never])).toThrow(
      /'\[1\]' must be a tensor, a typed array/,
    )
    expect(() => fromArrays(hostArray(Float32Array.of(1), []))).toThrow(/is a scalar/)
    expect(() => hostArray(new Float32Array(5), [2, 3])).toThrow('shape [2,3] holds 6 elements, data has 5')
    expect(() => hostArray(new Float32Array(2) as never, [2], 'bool')).toThrow(/bool needs a Uint8Array/)
  })

  test('60,000 × 784 floats are shuffled and batched in a small part of a training epoch', async () => {
    const dataset = fromArrays({
      images: hostArray(new Float32Array(60_000 * 784), [60_000, 784]),
      labels: new Int32Array(60_000),
    })
    const batches = dataset.shuffle({ seed: 1 }).batch(128)
    let seen = 0
    const start = performance.now()
    for await (const { images } of batches) seen += images.shape[0]
    const ms = performance.now() - start
    expect(seen).toBe(60_000)
    expect(ms).toBeLessThan(1500) // 100–200 ms here; the bound only catches per-sample objects on a slow machine
  })
})

const from = (samples: readonly unknown[]): Dataset<any, any> => fromGenerator(() => samples)
const image = (h: number, w: number): HostArray => hostArray(new Float32Array(h * w), [h, w])

describe('samples of a generator', () => {
  test('numbers are float32, booleans bool, bigints int64, typed arrays rows, tensors read', async () => {
    const samples = [0, 1, 2].map((i) => ({
      n: i + 0.5,
      b: i === 1,
      l: BigInt(i),
      v: Int32Array.of(i, i + 1),
      t: tensor(Float32Array.of(i, i), [1, 2]),
      pair: [i, hostArray(Uint8Array.of(i), [1, 1])],
    }))
    const [batch] = await from(samples).batch(3).toArray()
    expect(await show(batch.n)).toEqual(['float32', [3], [0.5, 1.5, 2.5]])
    expect(await show(batch.b)).toEqual(['bool', [3], [0, 1, 0]])
    expect(await show(batch.l)).toEqual(['int64', [3], [0n, 1n, 2n]])
    expect(await show(batch.v)).toEqual(['int32', [3, 2], [0, 1, 1, 2, 2, 3]])
    expect(await show(batch.t)).toEqual(['float32', [3, 1, 2], [0, 0, 1, 1, 2, 2]])
    expect(await show(batch.pair[0])).toEqual(['float32', [3], [0, 1, 2]])
    expect(await show(batch.pair[1])).toEqual(['uint8', [3, 1, 1], [0, 1, 2]])
  })

  test('keys may stand in any order', async () => {
    const [batch] = await from([
      { a: 1, b: 2 },
      { b: 20, a: 10 },
    ])
      .batch(2)
      .toArray()
    expect(await show(batch.a)).toEqual(['float32', [2], [1, 10]])
  })

  const good = Array.from({ length: 9 }, () => ({ image: image(28, 28), label: 1 }))
  const misfits: [string, unknown, Partial<DatasetError>][] = [
    [
      'shape',
      { image: image(27, 28), label: 1 },
      {
        code: 'shape',
        message:
          "[dataset.batch] batch 3: sample 9, 'image', has shape [27,28], the samples before it have [28,28]; " +
          'make all shapes equal with map (pad, crop, resize) or drop this sample with filter',
      },
    ],
    ['rank', { image: image(28, 28), label: Float32Array.of(1) }, { code: 'shape' }],
    ['dtype', { image: hostArray(new Uint8Array(784), [28, 28]), label: 1 }, { code: 'dtype' }],
    ['structure', { image: image(28, 28) }, { code: 'structure' }],
    ['kind of leaf', { image: image(28, 28), label: 'one' }, { code: 'structure' }],
    ['nesting', [image(28, 28), 1], { code: 'structure' }],
  ]
  test.each(misfits)(
    'a last sample of another %s is named with its batch, even when it is alone in it',
    async (_, odd, error) => {
      for (const size of [3, 4]) {
        const found = await failure(from([...good, odd]).batch(size))
        expect(found).toMatchObject(size === 3 ? error : { code: error.code })
        expect(found.index).toBe(9)
      }
    },
  )

  test('text cannot be batched', async () => {
    const error = await failure(from(['a', 'b']).batch(2))
    expect(error.message).toBe(
      '[dataset.batch] batch 0: sample 0 is string; a batch holds numbers, typed arrays, HostArrays and tensors: ' +
        'turn it into one of them with map',
    )
  })
})

test('types of samples and batches', () => {
  const t = tensor(new Float32Array(6), [3, 2])
  const arrays = fromArrays({
    images: hostArray(new Float32Array(12), [3, 2, 2]),
    labels: Int32Array.of(1, 2, 3),
    ids: BigInt64Array.of(1n, 2n, 3n),
    t,
  })
  type Sample = typeof arrays extends Dataset<infer T, any> ? T : never
  expectTypeOf<Sample['labels']>().toEqualTypeOf<number>()
  expectTypeOf<Sample['ids']>().toEqualTypeOf<bigint>()
  expectTypeOf<Sample['images']>().toEqualTypeOf<HostArray<[2, 2], 'float32'>>()
  expectTypeOf<Sample['t']>().toEqualTypeOf<HostArray<[2], 'float32'>>()
  const batches = arrays.filter(() => true).batch(2)
  type Batch = typeof batches extends Dataset<infer T, any> ? T : never
  expectTypeOf<Batch['labels']>().toEqualTypeOf<Tensor<[number], 'int32'>>()
  expectTypeOf<Batch['images']>().toEqualTypeOf<Tensor<[number, 2, 2], 'float32'>>()
  expectTypeOf<Batch['t']>().toEqualTypeOf<Tensor<[number, 2], 'float32'>>()
})
