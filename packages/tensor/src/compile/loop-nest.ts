// The loops of a kernel while it is built: each dimension of the space it walks is one loop at first and is split into
// factors when an index asks for it.
import { type Affine } from '../backend/ir.ts'
import type { Dims } from '../graph/shape.ts'
import type { Split } from './index-map.ts'

/** Factors of each dimension, outermost first; their product is the dimension. */
export type Factors = readonly (readonly number[])[]

export const unsplit = (dims: Dims): Factors => dims.map((d) => [d])

/** How often the loops of one kernel may be split before it is given up. */
export const MOST_SPLITS = 16

/**
 * Splits loop `split.loop`, counted over the factors of the dimensions in loop order. `order[j]` is the dimension whose
 * factors come j-th in the nest.
 */
export function splitFactors(factors: Factors, order: readonly number[], split: Split): Factors {
  let loop = split.loop
  for (const dimension of order) {
    const own = factors[dimension]!
    if (loop < own.length) {
      const finer = [...own.slice(0, loop), own[loop]! / split.inner, split.inner, ...own.slice(loop + 1)]
      return factors.map((f, d) => (d === dimension ? finer : f))
    }
    loop -= own.length
  }
  throw new Error(`[compile] there is no loop ${split.loop} to split`)
}

/** Sizes of the loops in loop order. */
export const loopSizes = (factors: Factors, order: readonly number[]): number[] =>
  order.flatMap((d) => factors[d]!)

/** The index of each dimension over its own loops. */
export function dimensionIndex(factors: Factors, order: readonly number[]): Affine[] {
  const loops = order.reduce((n, d) => n + factors[d]!.length, 0)
  const index = Array<Affine>(factors.length)
  let first = 0
  for (const d of order) {
    const own = factors[d]!
    const form = Array<number>(loops + 1).fill(0)
    let stride = 1
    for (let i = own.length - 1; i >= 0; i--) {
      form[1 + first + i] = stride
      stride *= own[i]!
    }
    index[d] = form
    first += own.length
  }
  return index
}
