// kernelTimes on the CPU backend: one row for each kernel that computing the value takes, and nothing left behind.
import '../src/index.ts'
import { registerBackend } from '@dl/tensor/backend'
import { interpretingBackend } from '@dl/tensor/testing'
import { beforeAll, expect, it } from 'vitest'
import { kernelTimes, matMul, memory, ready, setBackend, softmax, tensor, zeros } from '@dl/tensor'

beforeAll(() => ready())

it('times the kernels of a value, which stays uncomputed', async () => {
  const [x, w] = [tensor(new Float32Array(64 * 32), [64, 32]), tensor(new Float32Array(32 * 16), [32, 16])]
  const y = softmax(matMul(x, w))
  const before = memory()
  const times = kernelTimes(y, { repeats: 3 })
  expect(times.map(({ kind, shape }) => [kind, shape])).toEqual([
    ['contract', '1x64x16x32'],
    ['row', '64 / 16'],
  ])
  for (const { milliseconds } of times) expect(milliseconds).toBeGreaterThanOrEqual(0)
  expect(memory().numTensors).toBe(before.numTensors)
  expect((await y.data())[0]).toBeCloseTo(1 / 16, 6)
  expect(kernelTimes(y)).toEqual([])
})

it('computes several values together', () => {
  const x = zeros([8]).add(1)
  expect(kernelTimes([x.exp(), x.sin()], { repeats: 1 }).length).toBe(1)
})

it('says so when the backend cannot', async () => {
  registerBackend(interpretingBackend())
  await setBackend('interpreter')
  expect(() => kernelTimes(zeros([3]).add(1))).toThrow(
    /\[kernelTimes\] the backend 'interpreter' does not time/,
  )
  await setBackend('cpu')
})
