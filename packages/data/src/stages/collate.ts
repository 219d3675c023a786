// From samples to a batch: stacks the leaves of equal trees into tensors and says exactly which sample does not fit.
import { Tensor } from '@dl/tensor/core'
import { DatasetError } from '../dataset-error.ts'
import {
  allocateHost,
  dtypeOfData,
  elementCount,
  equalShapes,
  HostArray,
  showShape,
  asTensor,
} from '../host-array.ts'
import type { HostData, HostDType, HostShape } from '../host-array.ts'
import { flatten, leavesLike, showStructure, unflatten } from '../tree.ts'

interface Leaf {
  readonly dtype: HostDType
  readonly shape: HostShape
  /** A typed array, or the one element of a scalar. */
  readonly data: HostData | number | bigint | boolean
}

interface Position {
  readonly batch: number
  readonly sample: number
}

/** Makes the batches of one pass. All samples of a pass must have the structure, shapes and dtypes of the first one. */
export class Collator {
  readonly #dtypes: readonly HostDType[] | undefined
  #structure: unknown
  #paths: readonly string[] = []
  #first: readonly Leaf[] | undefined

  /** `dtypes`: those of the leaves where they are known; numbers take them instead of float32. */
  constructor(dtypes: readonly HostDType[] | undefined) {
    this.#dtypes = dtypes
  }

  /** `samples` number `start`, `start + 1`, … as batch number `batch`. */
  async collate(samples: readonly unknown[], batch: number, start: number): Promise<unknown> {
    const rows: (readonly Leaf[])[] = []
    for (let i = 0; i < samples.length; i++)
      rows.push(await this.#leavesOf(samples[i], { batch, sample: start + i }))
    return unflatten(
      this.#structure,
      this.#first!.map((first, column) => stack(first, rows, column)),
    )
  }

  async #leavesOf(sample: unknown, position: Position): Promise<readonly Leaf[]> {
    if (this.#first === undefined) {
      const { leaves, paths } = flatten(sample)
      this.#structure = sample
      this.#paths = paths
      const found = await Promise.all(leaves.map((leaf, i) => this.#readLeaf(leaf, i, position)))
      this.#structure = unflatten(
        sample,
        leaves.map(() => 0),
      ) // keeps the tree, frees the first sample
      this.#first = found.map((leaf) => ({ ...leaf, data: 0 }))
      return found
    }
    const leaves = leavesLike(this.#structure, sample)
    if (leaves === undefined)
      throw new DatasetError(
        'structure',
        `[dataset.batch] ${at(position)} is ${showStructure(sample)}, the samples before it are ` +
          `${showStructure(this.#structure)}; all samples of a dataset need the same structure`,
        { index: position.sample },
      )
    const found = await Promise.all(leaves.map((leaf, i) => this.#readLeaf(leaf, i, position)))
    found.forEach((leaf, i) => this.#compare(leaf, this.#first![i]!, this.#paths[i]!, position))
    return found
  }

  #compare(leaf: Leaf, first: Leaf, path: string, position: Position): void {
    const where = `${at(position)}${path === '' ? '' : `, '${path}',`}`
    if (!equalShapes(leaf.shape, first.shape))
      throw new DatasetError(
        'shape',
        `[dataset.batch] ${where} has shape ${showShape(leaf.shape)}, the samples before it have ` +
          `${showShape(first.shape)}; make all shapes equal with map (pad, crop, resize) or drop this sample with filter`,
        { index: position.sample },
      )
    if (leaf.dtype !== first.dtype)
      throw new DatasetError(
        'dtype',
        `[dataset.batch] ${where} has dtype ${leaf.dtype}, the samples before it have ${first.dtype}; convert with map`,
        { index: position.sample },
      )
  }

  async #readLeaf(leaf: unknown, column: number, position: Position): Promise<Leaf> {
    const known = this.#dtypes?.[column]
    if (typeof leaf === 'number') return { dtype: known ?? 'float32', shape: [], data: leaf }
    if (typeof leaf === 'boolean') return { dtype: 'bool', shape: [], data: leaf }
    if (typeof leaf === 'bigint') return { dtype: 'int64', shape: [], data: leaf }
    if (leaf instanceof HostArray) return leaf as Leaf
    const dtype = dtypeOfData(leaf)
    if (dtype !== undefined) return { dtype, shape: [(leaf as HostData).length], data: leaf as HostData }
    if (leaf instanceof Tensor)
      return {
        dtype: leaf.dtype as HostDType,
        shape: leaf.shape,
        data: (await leaf.data()) as HostData,
      }
    const path = this.#paths[column] ?? ''
    const given = leaf === null ? 'null' : typeof leaf
    throw new DatasetError(
      'structure',
      `[dataset.batch] ${at(position)}${path === '' ? '' : `, '${path}',`} is ${given}; a batch holds numbers, typed arrays, ` +
        `HostArrays and tensors: turn it into one of them with map`,
      { index: position.sample },
    )
  }
}

function stack({ dtype, shape }: Leaf, rows: readonly (readonly Leaf[])[], column: number): Tensor {
  const length = elementCount(shape)
  const out = allocateHost(dtype, rows.length * length) as Float32Array
  rows.forEach((leaves, i) => {
    const data = leaves[column]!.data as ArrayLike<number> | number
    if (typeof data === 'object') out.set(data, i * length)
    else out[i] = data
  })
  return asTensor(out, [rows.length, ...shape], dtype)
}

const at = ({ batch, sample }: Position): string => `batch ${batch}: sample ${sample}`
