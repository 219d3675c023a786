// Where seeds come from when nobody gives one: a sequence that `setRandomSeed` starts, so that one call makes initial
// weights, dropout and shuffling of a whole program repeat.
import { random } from '@dl/tensor/core'

let base = Math.floor(Math.random() * 2 ** 31)
let count = 0

/**
 * Makes everything random after this call repeat from run to run: initial weights, dropout masks, the order of examples
 * in `fit`, and what the default generator of `@dl/tensor` draws.
 *
 * @param seed a whole number
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { layers, sequential, setRandomSeed } from '@dl/layers'
 * const sample = async () => {
 *   setRandomSeed(1)
 *   return sequential([layers.dense({ units: 1, inputShape: [2] })]).weights[0]!.data()
 * }
 * console.log((await sample())[0] === (await sample())[0]) // true
 * ```
 */
export function setRandomSeed(seed: number): void {
  if (!Number.isSafeInteger(seed))
    throw new Error(`[setRandomSeed] the seed must be a whole number, got ${seed}`)
  random.seed(seed)
  base = seed
  count = 0
}

/** The next seed of the sequence, a non-negative int32. */
export function nextSeed(): number {
  count++
  let h = Math.imul(base ^ Math.imul(count, 0x9e3779b1), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) & 0x7fffffff
}
