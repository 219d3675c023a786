// Seeded host values for tests: the same numbers on every machine, so that a failure can be repeated.
import { allocate, type DType, type Element, toElement, type TypedArray } from '../graph/dtype.ts'

/** A stream of numbers in [0, 1), the same for the same seed (mulberry32 by T. Ettinger). */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed | 0
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  /** An integer in [low, high]. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }
  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!
  }
  shuffle<T>(list: readonly T[]): T[] {
    const result = [...list]
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(0, i)
      ;[result[i], result[j]] = [result[j]!, result[i]!]
    }
    return result
  }
}

/** `length` values of a dtype, floats in [low, high), integers in that interval too where they fit. */
export function randomArray(random: Random, dtype: DType, length: number, low = -1, high = 1): TypedArray {
  const out = allocate(dtype, length) as { [index: number]: Element }
  for (let i = 0; i < length; i++) out[i] = randomElement(random, dtype, low, high)
  return out as TypedArray
}

function randomElement(random: Random, dtype: DType, low: number, high: number): Element {
  switch (dtype) {
    case 'bool':
      return random.integer(0, 1)
    case 'uint8':
      return random.integer(Math.max(0, Math.ceil(low)), Math.max(1, Math.floor(high)))
    case 'int32':
      return random.integer(Math.ceil(low), Math.floor(high))
    case 'int64':
      return BigInt(random.integer(Math.ceil(low), Math.floor(high)))
    default:
      return toElement(dtype, low + random.next() * (high - low))
  }
}

/**
 * Distinct values spread over (low, high) in random order, none closer to another, or to a multiple of 0.5, than needed to
 * keep a finite difference on one side of a kink.
 */
export function spreadArray(random: Random, length: number, low: number, high: number): Float64Array {
  const step = (high - low) / (length + 1)
  const places = random.shuffle(Array.from({ length }, (_, i) => i + 1))
  return Float64Array.from(places, (place) => {
    const value = low + place * step + (random.next() - 0.5) * 0.2 * step
    const kink = Math.round(value * 2) / 2
    return Math.abs(value - kink) < 0.01 ? kink + 0.013 : value
  })
}
