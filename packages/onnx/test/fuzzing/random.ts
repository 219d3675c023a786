// Random choices that repeat with their seed.

export class Choices {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  }

  /** In [0, 1); the generator is mulberry32. */
  real(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  /** A whole number in [0, below). */
  below(limit: number): number {
    return Math.floor(this.real() * limit)
  }
  chance(probability: number): boolean {
    return this.real() < probability
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}
