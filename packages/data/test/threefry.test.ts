// Threefry against the known answers of the Random123 library (kat_vectors, threefry2x32, 20 rounds), and what shuffles
// are made of: unbiased bounded integers and orders that depend on (seed, epoch) alone.
import { describe, expect, test } from 'vitest'
import { permutation, ShuffleBuffer } from '../src/shuffle-buffer.ts'
import { RandomStream, threefry2x32 } from '../src/threefry.ts'

const KNOWN = [
  { key: [0, 0], counter: [0, 0], answer: [0x6b200159, 0x99ba4efe] },
  { key: [0xffffffff, 0xffffffff], counter: [0xffffffff, 0xffffffff], answer: [0x1cb996fc, 0xbb002be7] },
  { key: [0x13198a2e, 0x03707344], counter: [0x243f6a88, 0x85a308d3], answer: [0xc4923a9c, 0x483df7a0] },
] as const

test.each(KNOWN)(
  'threefry2x32 of key $key and counter $counter is the published answer',
  ({ key, counter, answer }) => {
    const out = new Uint32Array(2)
    threefry2x32(key[0], key[1], counter[0], counter[1], out)
    expect([...out]).toEqual(answer)
  },
)

describe('RandomStream', () => {
  test.each([1, 2, 3, 10, 255, 256, 257, 60_000, 2 ** 31, 2 ** 31 + 1, 2 ** 32])(
    'below(%d) stays below',
    (bound) => {
      const random = new RandomStream(5, 0)
      let largest = 0
      for (let i = 0; i < 1000; i++) {
        const value = random.below(bound)
        expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true)
        largest = Math.max(largest, value)
      }
      expect(largest).toBeGreaterThanOrEqual(bound * 0.9 - 1)
    },
  )

  test('below(6) is uniform: chi-squared over 60,000 draws stays under the 99.9 % quantile', () => {
    const random = new RandomStream(11, 3)
    const counts = Array.from({ length: 6 }, () => 0)
    for (let i = 0; i < 60_000; i++) counts[random.below(6)]!++
    const chi = counts.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)
    expect(chi).toBeLessThan(20.5)
  })

  test.each([
    [0, 0, 1, 0],
    [0, 0, 0, 1],
    [7, 0, 7 + 2 ** 32, 0],
    [-1, 0, 1, 0],
    [1, 2, 2, 1],
  ])('streams of (%d, %d) and (%d, %d) differ', (seedA, epochA, seedB, epochB) => {
    const [a, b] = [new RandomStream(seedA, epochA), new RandomStream(seedB, epochB)]
    const draws = Array.from({ length: 8 }, () => [a.next(), b.next()] as const)
    expect(draws.filter(([x, y]) => x === y)).toHaveLength(0)
  })
})

describe('permutation', () => {
  test.each([0, 1, 2, 3, 100, 60_000])('of %d numbers holds each once', (n) => {
    const sorted = permutation(n, 1, 0).toSorted()
    expect(sorted.length).toBe(n)
    expect(sorted.every((value, i) => value === i)).toBe(true)
  })

  test('is the same for the same seed and epoch, and another one otherwise', () => {
    expect(permutation(50, 9, 4)).toEqual(permutation(50, 9, 4))
    expect(permutation(50, 9, 4)).not.toEqual(permutation(50, 9, 5))
    expect(permutation(50, 9, 4)).not.toEqual(permutation(50, 8, 4))
  })

  test('gives every order of four numbers the same chance', () => {
    const counts = new Map<string, number>()
    for (let epoch = 0; epoch < 24_000; epoch++) {
      const order = permutation(4, 3, epoch).join()
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)
    expect(chi).toBeLessThan(49.7) // 99.9 % quantile with 23 degrees of freedom
  })

  test('is the order in which a full shuffle buffer empties', () => {
    const buffer = new ShuffleBuffer<number>(20, 2, 6)
    for (let i = 0; i < 13; i++) buffer.fill(i)
    expect([...buffer.drain()]).toEqual([...permutation(13, 2, 6)])
  })
})
