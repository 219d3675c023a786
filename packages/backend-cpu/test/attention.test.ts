// What the attention kernels promise beyond their values: memory that does not grow with the square of the length, and equal
// bits for any number of threads.
import { registerBackend, setBackend } from '@dl/tensor/backend'
import * as dl from '@dl/tensor'
import type { Tensor } from '@dl/tensor'
import { expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'

type Three = [Tensor, Tensor, Tensor]
const key = dl.random.key(41)
const floats = (n: number, ...shape: number[]): Tensor => dl.random.normal(key.fold(n), shape)
const inputs = (...shape: number[]): Three => [floats(0, ...shape), floats(1, ...shape), floats(2, ...shape)]

async function onBackend<T>(backend: CpuBackend, run: () => Promise<T>): Promise<T> {
  registerBackend(backend)
  await setBackend(backend.name)
  try {
    return await run()
  } finally {
    await setBackend('cpu')
  }
}

/** Row `i` of softmax(q kᵀ / √d) v in float64. */
function rowOf([q, k, v]: readonly Float32Array[], i: number, length: number, depth: number): number[] {
  const scores = Array.from({ length }, (_, j) => {
    let sum = 0
    for (let d = 0; d < depth; d++) sum += q![i * depth + d]! * k![j * depth + d]!
    return sum / Math.sqrt(depth)
  })
  const greatest = Math.max(...scores)
  const weights = scores.map((s) => Math.exp(s - greatest))
  const total = weights.reduce((a, b) => a + b)
  return Array.from({ length: depth }, (_, d) => {
    let sum = 0
    for (let j = 0; j < length; j++) sum += weights[j]! * v![j * depth + d]!
    return sum / total
  })
}

it(
  '8192 queries and keys, forward and backward, take at most 32 MB beside inputs',
  { timeout: 240_000 },
  () => {
    const backend = new CpuBackend()
    return onBackend(backend, async () => {
      const [length, depth] = [8192, 64]
      const x = inputs(1, 1, length, depth)
      const ct = floats(3, 1, 1, length, depth)
      const host = [] as Float32Array[]
      for (const t of [...x, ct]) host.push((await t.data()) as Float32Array)
      const before = backend.memory().liveBytes
      const { value, grads } = dl.valueAndGrads((...y: Three) => dl.scaledDotProductAttention(...y))(x, ct)
      const out = (await value.data()) as Float32Array
      for (const g of grads) await g.data()
      expect(backend.memory().peakBytes - before).toBeLessThan(32 * 2 ** 20)
      for (const i of [0, 4097, 8191])
        rowOf(host, i, length, depth).forEach((e, d) =>
          expect(Math.abs(out[i * depth + d]! - e)).toBeLessThan(2e-5),
        )
    })
  },
)

it('gives equal bits for any number of threads', { timeout: 60_000 }, async () => {
  const results = async (threads: number): Promise<Float32Array[]> => {
    const backend = new CpuBackend({ threads })
    await backend.setThreadCount(threads)
    const values = await onBackend(backend, async () => {
      const x = inputs(2, 3, 130, 16)
      const mask = dl.greater(floats(4, 2, 1, 130, 130), -1)
      const attend = (...y: Three): Tensor =>
        dl.scaledDotProductAttention(...y, { mask, causal: true, dropout: 0.1, seed: 3 })
      const step = dl.jit((...y: Three) => {
        const { value, grads } = dl.valueAndGrads(attend)(y, floats(3, 2, 3, 130, 16))
        return [value, ...grads]
      })
      const all: Float32Array[] = []
      for (let run = 0; run < 3; run++) for (const t of step(...x)) all.push((await t.data()) as Float32Array)
      return all
    })
    expect(backend.partsDone.length).toBe(threads > 1 ? threads : 0)
    backend.dispose()
    return values
  }
  const [one, two, three] = [await results(1), await results(2), await results(3)]
  expect(two).toEqual(one)
  expect(three).toEqual(one)
})
