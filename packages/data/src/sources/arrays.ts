// Datasets of arrays: samples are rows. Batches are made by copying rows from typed array to typed array, never by way of
// an object for each sample.
import { Tensor } from '@dl/tensor/core'
import { Dataset } from '../dataset.ts'
import { DatasetError } from '../dataset-error.ts'
import type { ArrayTree, BatchOf, SampleOf } from '../element-types.ts'
import {
  allocateHost,
  dtypeOfData,
  elementCount,
  HostArray,
  plainData,
  showShape,
  asTensor,
} from '../host-array.ts'
import type { HostData, HostDType, HostShape } from '../host-array.ts'
import { flatten, unflatten } from '../tree.ts'
import { ascending } from './row-order.ts'
import { rowSource } from './source.ts'
import type { RowTable } from './source.ts'

/** One array of a dataset: its rows have `rowShape`. */
export interface Column {
  readonly rowShape: HostShape
  readonly dtype: HostDType
  load(): HostData | Promise<HostData>
}

/**
 * A dataset whose samples are the rows of arrays: tensors, typed arrays or {@link HostArray}s with equal first dimension,
 * alone or in tuples and records. A one-dimensional array gives a number for each sample (bigint for int64, boolean for
 * bool), others a {@link HostArray} of the row. Dtypes are kept by `batch`. Tensors are read at the first iteration and
 * stay on the host from then on; typed arrays are used where they are, so leave them unchanged while iterating.
 *
 * @throws DatasetError (`shape`) when first dimensions differ, (`structure`) when a leaf is no array
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { fromArrays, hostArray } from '@dl/data'
 *
 * const images = hostArray(new Float32Array(6 * 4), [6, 4])
 * const labels = Int32Array.of(0, 1, 2, 0, 1, 2)
 * const dataset = fromArrays({ images, labels }).shuffle({ seed: 1 }).batch(4)
 * for await (const batch of dataset) console.log(batch.images.shape, batch.labels.dtype) // [4, 4] int32, then [2, 4] int32
 * ```
 */
export function fromArrays<const A extends ArrayTree>(arrays: A): Dataset<SampleOf<A>, BatchOf<A>> {
  const { leaves, paths } = flatten(arrays)
  const first = leaves.map((leaf, i) => describeLeaf(leaf, paths[i]!))
  const size = first[0]?.count ?? 0
  first.forEach(({ count }, i) => {
    if (count !== size)
      throw new DatasetError(
        'shape',
        `[fromArrays] all arrays need the same number of samples (first dimension): ` +
          `${label(paths[0]!)} has ${size}, ${label(paths[i]!)} has ${count}`,
      )
  })
  if (first.length === 0)
    throw new DatasetError('structure', '[fromArrays] expected at least one array, got none')
  return columnsDataset(arrays, first, size)
}

/** A dataset over columns that are already described; `structure` says where each column stands in an element. */
export function columnsDataset<T, B>(
  structure: unknown,
  columns: readonly Column[],
  size: number,
): Dataset<T, B> {
  let loaded: Promise<RowTable> | undefined
  const load = async (): Promise<RowTable> =>
    rowTable(structure, columns, await Promise.all(columns.map(async (column) => column.load())))
  return new Dataset(
    rowSource(
      { order: () => ascending(size), load: () => (loaded ??= load()) },
      size,
      columns.map(({ dtype }) => dtype),
    ),
  )
}

function rowTable(structure: unknown, columns: readonly Column[], data: readonly HostData[]): RowTable {
  return {
    row: (index) =>
      unflatten(
        structure,
        columns.map((column, i) => rowOf(column, data[i]!, index)),
      ),
    gather: (indices) =>
      unflatten(
        structure,
        columns.map(({ rowShape, dtype }, i) =>
          asTensor(
            gatherRows(data[i]!, dtype, elementCount(rowShape), indices),
            [indices.length, ...rowShape],
            dtype,
          ),
        ),
      ),
  }
}

function rowOf({ rowShape, dtype }: Column, data: HostData, index: number): unknown {
  if (rowShape.length === 0) return dtype === 'bool' ? data[index] !== 0 : data[index]
  const length = elementCount(rowShape)
  return new HostArray(
    data.slice(index * length, (index + 1) * length) as Uint8Array,
    rowShape,
    dtype as 'uint8',
  )
}

/** Below this many elements a loop beats making two views and calling `set`. */
const SHORT_ROW = 16

/** Rows `indices` of `data`, one after the other. Exported for sources that keep their rows in another form. */
export function gatherRows(data: HostData, dtype: HostDType, length: number, indices: Uint32Array): HostData {
  if (consecutive(indices))
    return data.slice((indices[0] ?? 0) * length, ((indices.at(-1) ?? -1) + 1) * length)
  const out = allocateHost(dtype, indices.length * length) as Float32Array
  const from = data as Float32Array
  for (let i = 0, at = 0; i < indices.length; i++, at += length) {
    const start = indices[i]! * length
    if (length < SHORT_ROW) for (let k = 0; k < length; k++) out[at + k] = from[start + k]!
    else out.set(from.subarray(start, start + length), at)
  }
  return out
}

function consecutive(indices: Uint32Array): boolean {
  for (let i = 1; i < indices.length; i++) if (indices[i] !== indices[i - 1]! + 1) return false
  return true
}

function describeLeaf(leaf: unknown, path: string): Column & { count: number } {
  if (leaf instanceof Tensor)
    return describeArray(leaf.shape, leaf.dtype as HostDType, path, () => leaf.data() as Promise<HostData>)
  if (leaf instanceof HostArray)
    return describeArray(leaf.shape as HostShape, leaf.dtype as HostDType, path, () => leaf.data as HostData)
  const dtype = dtypeOfData(leaf)
  if (dtype !== undefined)
    return describeArray([(leaf as HostData).length], dtype, path, () => plainData(leaf as HostData))
  throw new DatasetError(
    'structure',
    `[fromArrays] ${label(path)} must be a tensor, a typed array or a HostArray, got ${typeof leaf}; ` +
      `write Float32Array.from(…) for an array of numbers`,
  )
}

function describeArray(
  shape: HostShape,
  dtype: HostDType,
  path: string,
  load: Column['load'],
): Column & { count: number } {
  const [count, ...rowShape] = shape
  if (count === undefined)
    throw new DatasetError(
      'shape',
      `[fromArrays] ${label(path)} is a scalar (shape ${showShape(shape)}); an array needs a first dimension to count samples`,
    )
  return { count, rowShape, dtype, load }
}

const label = (path: string): string => (path === '' ? 'the array' : `'${path}'`)
