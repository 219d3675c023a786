// Seeded random integers for shuffling: Threefry-2x32 with 20 rounds, counter-based, so that the order of any epoch is
// found from (seed, epoch) alone and training resumes without replaying what came before.
// Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011).

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const
const PARITY = 0x1bd11bda

/** One block: two 32-bit words from a key of two words and a counter of two words. Written to `out[0]`, `out[1]`. */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number, out: Uint32Array): void {
  const k2 = k0 ^ k1 ^ PARITY
  let x0 = (c0 + k0) | 0
  let x1 = (c1 + k1) | 0
  for (let group = 0; group < 5; group++) {
    const first = (group & 1) << 2
    for (let i = 0; i < 4; i++) {
      const r = ROTATIONS[first + i]!
      x0 = (x0 + x1) | 0
      x1 = ((x1 << r) | (x1 >>> (32 - r))) ^ x0
    }
    const next = (group + 1) % 3
    x0 = (x0 + (next === 0 ? k0 : next === 1 ? k1 : k2)) | 0
    x1 = (x1 + (next === 0 ? k1 : next === 1 ? k2 : k0) + group + 1) | 0
  }
  out[0] = x0
  out[1] = x1
}

/** The stream of random integers that belongs to (seed, epoch). Equal arguments give equal streams everywhere. */
export class RandomStream {
  readonly #k0: number
  readonly #k1: number
  readonly #block: Uint32Array = new Uint32Array(2)
  #counter = 0
  #left = 0

  constructor(seed: number, epoch: number) {
    threefry2x32(low(seed), high(seed), low(epoch), high(epoch), this.#block)
    this.#k0 = this.#block[0]!
    this.#k1 = this.#block[1]!
  }

  /** The next 32 random bits, as an integer from 0. */
  next(): number {
    if (this.#left === 0) {
      threefry2x32(this.#k0, this.#k1, low(this.#counter), high(this.#counter), this.#block)
      this.#counter++
      this.#left = 2
    }
    this.#left--
    return this.#block[1 - this.#left]!
  }

  /** A whole number from 0 up to `bound`, without bias: values above the bound are drawn again. `bound` ≤ 2³². */
  below(bound: number): number {
    const mask = bound <= 1 ? 0 : 0xffffffff >>> Math.clz32(bound - 1)
    for (;;) {
      const value = (this.next() & mask) >>> 0
      if (value < bound) return value
    }
  }
}

const low = (n: number): number => n | 0
const high = (n: number): number => Math.floor(n / 2 ** 32) | 0

/** A seed for those who gave none. */
export const randomSeed = (): number => Math.floor(Math.random() * 2 ** 53)
