// Random numbers: known answers of Threefry, independence of keys, moments of the distributions, the default generator.
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { threefry2x32 } from '../../src/graph/scalar-table.ts'
import { random } from '../../src/core.ts'

beforeAll(() => registerBackend(referenceBackend))

const unsigned = (words: readonly number[]): string[] =>
  words.map((w) => (w >>> 0).toString(16).padStart(8, '0'))

// Known-answer vectors of Random123 1.14 (kat_vectors, threefry 2x32, 20 rounds).
describe('threefry', () => {
  it.each([
    [
      [0, 0],
      [0, 0],
      ['6b200159', '99ba4efe'],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      ['1cb996fc', 'bb002be7'],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      ['c4923a9c', '483df7a0'],
    ],
  ])('key %j counter %j gives %j', (key, counter, words) => {
    expect(unsigned(threefry2x32(key[0]! | 0, key[1]! | 0, counter[0]! | 0, counter[1]! | 0))).toEqual(words)
  })
})

const moments = (x: ArrayLike<number>): { mean: number; variance: number } => {
  const values = Array.from(x)
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length }
}

describe('draws from keys', () => {
  const shape = [40, 50] as const
  it('repeat for one key and differ between keys', async () => {
    const key = random.key(42)
    const a = await random.uniform(key, shape).data()
    expect(await random.uniform(random.key(42), shape).data()).toEqual(a)
    expect(await random.uniform(random.key(43), shape).data()).not.toEqual(a)
    expect(await random.uniform(key.fold(1), shape).data()).not.toEqual(a)
    expect(await random.uniform(key.fold(1), shape).data()).toEqual(
      await random.uniform(key.split(3)[1]!, shape).data(),
    )
  })
  it('uniform: in [low, high) with the moments of the distribution', async () => {
    const x = await random.uniform(random.key(1), shape, { minValue: -2, maxValue: 4 }).data()
    expect(Math.min(...x)).toBeGreaterThanOrEqual(-2)
    expect(Math.max(...x)).toBeLessThan(4)
    const { mean, variance } = moments(x)
    expect(Math.abs(mean - 1)).toBeLessThan(0.15)
    expect(Math.abs(variance - 3)).toBeLessThan(0.3)
  })
  it('normal and truncated normal: moments and tails', async () => {
    const normal = moments(await random.normal(random.key(2), shape, { mean: 3, stddev: 2 }).data())
    expect(Math.abs(normal.mean - 3)).toBeLessThan(0.2)
    expect(Math.abs(normal.variance - 4)).toBeLessThan(0.5)
    const x = await random.truncatedNormal(random.key(3), shape).data()
    expect(Math.max(...x.map(Math.abs))).toBeLessThanOrEqual(2.0001)
    // variance of a normal truncated at two standard deviations: 1 - 4 φ(2) / (Φ(2) - Φ(-2)) = 0.7737
    expect(Math.abs(moments(x).variance - 0.7737)).toBeLessThan(0.08)
  })
  it('integers and bernoulli', async () => {
    const counts = new Map<number, number>()
    for (const v of await random.integers(random.key(4), [6000], 3, 9).data())
      counts.set(v, (counts.get(v) ?? 0) + 1)
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8])
    for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(150)
    const hits = (await random.bernoulli(random.key(5), [4000], 0.3).data()).reduce((a, b) => a + b, 0)
    expect(Math.abs(hits / 4000 - 0.3)).toBeLessThan(0.03)
  })
  it('initializers scale with the fans', async () => {
    const he = moments(await random.heNormal(random.key(6), [100, 30]).data())
    expect(Math.abs(he.variance - 2 / 100)).toBeLessThan(0.003)
    const glorot = moments(await random.glorotUniform(random.key(7), [3, 3, 10, 20]).data())
    expect(Math.abs(glorot.variance - 2 / (90 + 180))).toBeLessThan(0.001)
  })
  it.each([
    ['a seed that is no integer', () => random.key(0.5), /must be an integer/],
    ['a missing key', () => random.uniform(undefined as never, [2]), /must be a key/],
    ['an empty range', () => random.integers(random.key(1), [2], 5, 5), /low < high/],
    ['a probability of 2', () => random.bernoulli(random.key(1), [2], 2), /\[0, 1\]/],
  ])('%s throws', (_, fn, message) => {
    expect(fn).toThrow(message)
  })
})

describe('the default generator', () => {
  it('repeats after seed and is saved by its state', async () => {
    const { streamFor } = await import('../../src/random/generator.ts')
    const { unitUniform } = await import('../../src/random/stream.ts')
    const { fromNode } = await import('../../src/tensor/tensor.ts')
    const draw = async (): Promise<number[]> =>
      Array.from((await fromNode(unitUniform(streamFor(undefined), [4])).data()) as Float32Array)
    random.seed(9)
    const first = [await draw(), await draw()]
    expect(first[0]).not.toEqual(first[1])
    random.seed(9)
    expect(await draw()).toEqual(first[0])
    const saved = await random.generatorState().data()
    const next = await draw()
    await draw()
    random.generatorState().assign(saved)
    expect(await draw()).toEqual(next)
  })
})
