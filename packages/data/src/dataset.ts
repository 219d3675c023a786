// Dataset: a pipeline of elements that can be walked through epoch after epoch. This file is the public face; what each
// step does stands in stages/, where elements come from in sources/.
import { DatasetError, wholeNumber } from './dataset-error.ts'
import type { Batched } from './element-types.ts'
import type { Source } from './sources/source.ts'
import { batched } from './stages/batch.ts'
import { mapped } from './stages/map.ts'
import { prefetched } from './stages/prefetch.ts'
import { concatenated, filtered, repeated, shuffled, skipped, taken } from './stages/select.ts'
import { zipped } from './stages/zip.ts'
import { randomSeed } from './threefry.ts'
import { flatten } from './tree.ts'

export interface ShuffleOptions {
  /** Elements held to draw from; default all of an array-backed dataset, else 1024. */
  buffer?: number
  /** Whole number; the same seed gives the same orders. Default: a random one. */
  seed?: number
  /** A new order in every epoch (default), or always the first one. */
  reshuffleEachIteration?: boolean
}

/**
 * A sequence of elements, produced when asked for. `T` is the type of an element, `B` that of a batch of them.
 *
 * A dataset does not change: every method returns a new one. Each `for await` over it is one epoch: the first is epoch 0,
 * the next epoch 1, and a shuffle's order depends on its seed and the epoch alone. {@link iterate} starts at a given
 * epoch, which is how training resumes exactly. Leaving a loop early closes files and generators behind it.
 *
 * Elements are trees: arrays are tuples, plain objects are records, leaves are numbers, typed arrays, host arrays or
 * tensors. Before `batch` samples are host values; `batch` makes tensors.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { fromArrays } from '@dl/data'
 *
 * const dataset = fromArrays({ x: Float32Array.of(1, 2, 3, 4, 5), y: Int32Array.of(0, 1, 0, 1, 0) })
 *   .shuffle({ seed: 7 })
 *   .batch(2)
 * console.log(dataset.size) // 3
 * for await (const { x, y } of dataset) console.log(await x.data(), await y.data())
 * ```
 */
export class Dataset<T, B = Batched<T>> implements AsyncIterable<T> {
  /** Where the elements come from. */
  readonly source: Source<T>
  #epoch = 0

  /** Over a source of your own; `fromArrays`, `fromGenerator`, `fromFile`, `csv` make the usual ones. */
  constructor(source: Source<T>) {
    this.source = source
  }

  /** Number of elements of one epoch: Infinity when endless, undefined when not known before the end. */
  get size(): number | undefined {
    return this.source.size
  }

  /** One pass. The epoch counts up by itself: 0 for the first pass over this dataset, then 1, 2, …. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.source.iterate(this.#epoch++)
  }

  /** The pass of a given epoch, from 0; does not move the dataset's own count. */
  iterate(epoch: number): AsyncGenerator<T, void, undefined> {
    return this.source.iterate(wholeNumber('dataset.iterate', 'epoch', epoch, 0))
  }

  /**
   * `transform` of every element. With `parallel: n` up to `n` calls of an asynchronous function run at a time; results
   * keep the order of the elements. A call that throws ends the pass with a DatasetError that names the element.
   */
  map<U>(
    transform: (element: T, index: number) => U,
    options: { parallel?: number } = {},
  ): Dataset<Awaited<U>> {
    const parallel = wholeNumber('dataset.map', 'parallel', options.parallel ?? 1, 1)
    return new Dataset(mapped(this.source, transform as (element: T, index: number) => Awaited<U>, parallel))
  }

  /** The elements for which `keep` answers true. */
  filter(keep: (element: T, index: number) => boolean | Promise<boolean>): Dataset<T, B> {
    return new Dataset<T, B>(filtered(this.source, keep))
  }

  /**
   * Groups `size` consecutive elements into one whose leaves are tensors `[size, ...]`. The last batch is smaller when
   * the elements do not divide evenly; `dropRemainder` leaves it out. Numbers become float32, unless the dataset comes
   * from arrays: then dtypes are kept.
   *
   * @throws DatasetError (`shape`, `dtype`, `structure`) from the pass when a sample differs from the ones before it;
   *   it names the batch, the sample and both shapes
   */
  batch(size: number, options: { dropRemainder?: boolean } = {}): Dataset<B> {
    wholeNumber('dataset.batch', 'size', size, 1)
    return new Dataset<B>(batched<B>(this.source, size, options.dropRemainder ?? false))
  }

  /**
   * Random order. `buffer` elements are held and a random one of them leaves at each step: a buffer as large as the dataset
   * gives every order the same chance, a smaller one mixes neighbours.
   */
  shuffle(options: ShuffleOptions = {}): Dataset<T, B> {
    const { seed = randomSeed(), reshuffleEachIteration = true } = options
    const whole =
      this.source.rows === undefined || this.source.size === Infinity ? 1024 : (this.source.size ?? 1024)
    const buffer = wholeNumber('dataset.shuffle', 'buffer', options.buffer ?? Math.max(1, whole), 1)
    if (!Number.isSafeInteger(seed))
      throw new DatasetError('argument', `[dataset.shuffle] seed must be a whole number, got ${seed}`)
    return new Dataset<T, B>(shuffled(this.source, { buffer, seed, reshuffle: reshuffleEachIteration }))
  }

  /** The elements `times` times over, without end by default. A shuffle before it gives each repetition its own order. */
  repeat(times: number = Infinity): Dataset<T, B> {
    if (times !== Infinity) wholeNumber('dataset.repeat', 'times', times, 0)
    return new Dataset<T, B>(repeated(this.source, times))
  }

  /** The first `count` elements. */
  take(count: number): Dataset<T, B> {
    return new Dataset<T, B>(taken(this.source, wholeNumber('dataset.take', 'count', count, 0)))
  }

  /** All but the first `count` elements. */
  skip(count: number): Dataset<T, B> {
    return new Dataset<T, B>(skipped(this.source, wholeNumber('dataset.skip', 'count', count, 0)))
  }

  /** The elements of this dataset, then those of `other`, which must be of the same kind. */
  concatenate(other: Dataset<T, B>): Dataset<T, B> {
    return new Dataset<T, B>(concatenated(this.source, other.source))
  }

  /** Pairs `[element of this, element of other]`; ends with the shorter one. */
  zip<U, C>(other: Dataset<U, C>): Dataset<[T, U], [B, C]> {
    return new Dataset<[T, U], [B, C]>(zipped<[T, U]>([0, 0], [this.source, other.source]))
  }

  /** Lets the steps before it work ahead by up to `count` elements while the consumer is busy. */
  prefetch(count: number): Dataset<T, B> {
    return new Dataset<T, B>(prefetched(this.source, wholeNumber('dataset.prefetch', 'count', count, 1)))
  }

  /** Calls `visit` for every element of one pass and waits for it. */
  async forEach(visit: (element: T, index: number) => unknown): Promise<void> {
    let index = 0
    for await (const element of this) await visit(element, index++)
  }

  /** All elements of one pass. */
  async toArray(): Promise<T[]> {
    if (this.size === Infinity)
      throw new DatasetError('argument', '[dataset.toArray] the dataset is endless; put take(n) before it')
    const elements: T[] = []
    for await (const element of this) elements.push(element)
    return elements
  }
}

/** Datasets in tuples and records. */
export type DatasetTree = Dataset<any, any> | readonly DatasetTree[] | { readonly [key: string]: DatasetTree }
type Zipped<D> = D extends Dataset<infer T, any> ? T : { -readonly [K in keyof D]: Zipped<D[K]> }
type ZippedBatch<D> = D extends Dataset<any, infer B> ? B : { -readonly [K in keyof D]: ZippedBatch<D[K]> }

/**
 * Walks through datasets in step: an element has the structure of `datasets`, with an element of each in its place. Ends
 * with the shortest.
 *
 * @example
 * ```ts
 * import { fromArrays, zip } from '@dl/data'
 * const pairs = zip({ x: fromArrays(Float32Array.of(1, 2)), y: fromArrays(Float32Array.of(10, 20)) })
 * console.log(await pairs.toArray()) // [{ x: 1, y: 10 }, { x: 2, y: 20 }]
 * ```
 */
export function zip<const D extends DatasetTree>(datasets: D): Dataset<Zipped<D>, ZippedBatch<D>> {
  const { leaves, paths } = flatten(datasets)
  const sources = leaves.map((leaf, i) => {
    if (leaf instanceof Dataset) return leaf.source as Source<unknown>
    throw new DatasetError('argument', `[zip] expected a Dataset at '${paths[i]}', got ${typeof leaf}`)
  })
  if (sources.length === 0)
    throw new DatasetError('argument', '[zip] expected at least one Dataset, got none')
  return new Dataset(zipped<Zipped<D>>(datasets, sources))
}
