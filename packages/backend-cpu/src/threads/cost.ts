// Estimates of how long work takes on one thread, in nanoseconds, from sizes alone. They only have to be right within a
// factor of a few: they decide what is worth a second thread and how large its chunks are. Measured on a 3 GHz x86 core.
import { bytesOf, SCALARS } from '@dl/tensor/backend'
import type { Expr, Store } from '@dl/tensor/backend'

/** A unit of cost of the scalar table, an element. */
const FUNCTION = 0.04
/** A byte that is read or written, in or near the cache. */
const BYTE = 0.03
/** An element of a load at an index that is known at run time only. */
const GATHERED = 1
/** A multiplication and addition of the packed product. */
export const PRODUCT_STEP = 0.045
/** An element that is packed for it. */
export const PACKED_ELEMENT = 0.4

/** One element of all expressions and stores. */
export function elementCost(exprs: readonly Expr[], stores: readonly Store[]): number {
  let cost = 0
  for (const x of exprs) {
    if (x.op === 'map') cost += SCALARS[x.fn].cost * FUNCTION
    else if (x.op === 'reduce') cost += FUNCTION
    else if (x.op === 'load') cost += bytesOf(x.dtype) * BYTE + (x.dynamic ? GATHERED : 0)
  }
  for (const s of stores) cost += bytesOf(exprs[s.expr]!.dtype) * BYTE
  return cost
}

/** Writing so many bytes. */
export const fillCost = (bytes: number): number => bytes * BYTE
