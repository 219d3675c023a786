// What stands behind a dataset: something that can be walked through again and again, one epoch at a time. Array-backed
// sources also tell their rows, which lets shuffle, take, skip, repeat and batch work on row numbers.
import type { HostDType } from '../host-array.ts'

/** A stream of elements that can be started again. Implement it to feed a `Dataset` from a place of your own. */
export interface Source<T> {
  /** Number of elements: Infinity when endless, undefined when not known before the end. */
  readonly size: number | undefined
  /** A fresh pass over the elements. The same `epoch` gives the same elements in the same order. */
  iterate(epoch: number): AsyncGenerator<T, void, undefined>
  /** Dtypes of the leaves of an element, from left to right, where the source knows them. */
  readonly dtypes?: readonly HostDType[] | undefined
  /** Present when every element is a row of arrays. */
  readonly rows?: Rows | undefined
}

/** Elements that are rows of arrays, visited in an order of row numbers. */
export interface Rows {
  /** Row numbers of one epoch, in blocks of any length. */
  order(epoch: number): Iterable<Uint32Array>
  /** Brings the arrays to the host; called at the first use, the answer is kept. */
  load(): Promise<RowTable>
}

/** Arrays on the host. */
export interface RowTable {
  /** One sample. */
  row(index: number): unknown
  /** Many samples as one batch of tensors. */
  gather(indices: Uint32Array): unknown
}

/** A source over `rows`. */
export function rowSource<T>(rows: Rows, size: number, dtypes?: readonly HostDType[]): Source<T> {
  return {
    size,
    dtypes,
    rows,
    async *iterate(epoch) {
      const table = await rows.load()
      for (const block of rows.order(epoch)) for (const index of block) yield table.row(index) as T
    },
  }
}
