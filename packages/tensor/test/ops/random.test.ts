// Random operations and dropout: seeds repeat, masks scale, the gradient meets the same mask.
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'

beforeAll(() => {
  registerBackend(referenceBackend)
})

const average = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => a + b, 0) / x.length

describe('random operations', () => {
  const DRAWS: readonly (readonly [
    name: string,
    draw: (seed?: number) => tf.Tensor,
    mean: number,
    low: number,
    high: number,
  ])[] = [
    ['randomUniform', (seed) => tf.randomUniform([2000], -1, 3, 'float32', seed), 1, -1, 3],
    ['randomUniform of ints', (seed) => tf.randomUniform([2000], 0, 10, 'int32', seed), 4.5, 0, 9],
    ['randomUniformInt', (seed) => tf.randomUniformInt([2000], 1, 7, seed), 3.5, 1, 6],
    ['randomNormal', (seed) => tf.randomNormal([2000], 2, 0.5, 'float32', seed), 2, -1, 5],
    ['randomNormal in float64', (seed) => tf.randomNormal([2000], 2, 0.5, 'float64', seed), 2, -1, 5],
    ['randomNormal of ints', (seed) => tf.randomNormal([2000], 2, 2, 'int32', seed), 2, -8, 12],
    ['truncatedNormal', (seed) => tf.truncatedNormal([2000], 0, 1, 'float32', seed), 0, -2, 2],
  ]
  it.each(DRAWS)('%s: bounds, mean, seeds', async (_name, draw, mean, low, high) => {
    const x = (await draw(7).data()) as Float32Array
    expect(Math.min(...x)).toBeGreaterThanOrEqual(low)
    expect(Math.max(...x)).toBeLessThanOrEqual(high)
    expect(Math.abs(average(x) - mean)).toBeLessThan(0.04 * (high - low))
    expect(await draw(7).data()).toEqual(x)
    expect(await draw(8).data()).not.toEqual(x)
    expect(await draw().data()).not.toEqual(await draw().data())
  })
  it('random.seed makes unseeded draws repeat', async () => {
    tf.random.seed(3)
    const first = await tf.randomUniform([5]).data()
    tf.random.seed(3)
    expect(await tf.randomUniform([5]).data()).toEqual(first)
  })
})

describe('dropout', () => {
  it('zeroes about the rate and scales the rest', async () => {
    const y = await tf.dropout(tf.ones([4000]), 0.25, undefined, 1).data()
    const values = new Set(y)
    expect([...values].toSorted((p, q) => p - q)).toEqual([0, Math.fround(1 / 0.75)])
    expect(Math.abs(y.filter((v) => v === 0).length / 4000 - 0.25)).toBeLessThan(0.03)
  })
  it('rate 0 changes nothing', async () => {
    expect(await tf.dropout([1, 2], 0).data()).toEqual(Float32Array.of(1, 2))
  })
  it('noiseShape drops whole rows', async () => {
    const rows = (await tf.dropout(tf.ones([100, 3]), 0.5, [100, 1], 1).array()) as number[][]
    for (const row of rows) expect(new Set(row).size).toBe(1)
    expect(new Set(rows.map((row) => row[0])).size).toBe(2)
  })
  it('the gradient meets the mask of its own forward pass', async () => {
    tf.random.seed(1)
    const { value, pullback } = tf.vjp((x: tf.Tensor) => tf.dropout(x, 0.5), [tf.ones([64])])
    const [ct] = pullback(tf.ones([64]))
    expect(await ct.data()).toEqual(await value.data())
  })
  it('differs from call to call', async () => {
    const x = tf.ones([64])
    expect(await tf.dropout(x, 0.5).data()).not.toEqual(await tf.dropout(x, 0.5).data())
  })
})
