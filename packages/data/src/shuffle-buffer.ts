// The shuffle itself: a bounded buffer from which a random element leaves whenever one arrives. With a buffer as large as
// the dataset it is Fisher and Yates's shuffle. Rows of arrays and elements of streams pass through the same code, so
// the same seed gives the same order on both paths.
import { RandomStream } from './threefry.ts'

export class ShuffleBuffer<T> {
  readonly #capacity: number
  readonly #random: RandomStream
  readonly #held: T[] = []

  constructor(capacity: number, seed: number, epoch: number) {
    this.#capacity = capacity
    this.#random = new RandomStream(seed, epoch)
  }

  /** True until the buffer holds its capacity. */
  get filling(): boolean {
    return this.#held.length < this.#capacity
  }

  /** Adds an element while the buffer is {@link filling}. */
  fill(element: T): void {
    this.#held.push(element)
  }

  /** Puts an element into the full buffer in place of a random one, which is returned. */
  exchange(element: T): T {
    const at = this.#random.below(this.#capacity)
    const leaving = this.#held[at]!
    this.#held[at] = element
    return leaving
  }

  /** What is left, in random order, once nothing arrives any more. */
  *drain(): Generator<T, void, undefined> {
    const held = this.#held
    while (held.length > 0) {
      const at = this.#random.below(held.length)
      const leaving = held[at]!
      const last = held.pop()!
      if (at < held.length) held[at] = last
      yield leaving
    }
  }
}

/**
 * The numbers 0 … n − 1 in the random order of (seed, epoch): the order in which `shuffle` with a full buffer visits
 * `n` samples in that epoch.
 *
 * @example
 * ```ts
 * import { permutation } from '@dl/data'
 * console.log(permutation(5, 42, 0)) // always the same five numbers
 * console.log(permutation(5, 42, 1)) // the next epoch's
 * ```
 */
export function permutation(n: number, seed: number, epoch: number): Uint32Array {
  const random = new RandomStream(seed, epoch)
  const order = new Uint32Array(n)
  for (let i = 0; i < n; i++) order[i] = i
  const result = new Uint32Array(n)
  for (let left = n; left > 0; left--) {
    const at = random.below(left)
    result[n - left] = order[at]!
    order[at] = order[left - 1]!
  }
  return result
}
