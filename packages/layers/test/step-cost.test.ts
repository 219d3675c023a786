// What a training step costs beyond its arithmetic: kernels, compiled programs, memory. Counted on what really runs.
import { cpuBackend } from '@dl/backend-cpu'
import type { Program } from '@dl/tensor/backend'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { adam, cosineDecay } from '@dl/optim'
import { memory, ones, type Tensor } from '@dl/tensor/core'
import { layers, sequential, type Sequential } from '@dl/layers'

let programs: Program[] = []
beforeEach(() => {
  programs = []
  const compile = cpuBackend.compile.bind(cpuBackend)
  vi.spyOn(cpuBackend, 'compile').mockImplementation((program) => {
    programs.push(program)
    return compile(program)
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

function digits(): Sequential {
  const m = sequential([
    layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ])
  m.compile({
    optimizer: adam({ learningRate: cosineDecay(0.001, 1000) }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  })
  return m
}
const images = (n: number): Tensor => ones([n, 784]) as Tensor
const labels = (n: number): Tensor => ones([n, 10]) as Tensor
const quiet = { verbose: 0, shuffle: false } as const

describe('the training step of the digit network', () => {
  it('is 12 kernels: 5 products and 7 small ones', async () => {
    await digits().fit(images(32), labels(32), { batchSize: 32, ...quiet })
    const { kernels } = programs.toSorted((a, b) => b.kernels.length - a.kernels.length)[0]!
    const count = (kind: string): number => kernels.filter((k) => k.kind === kind).length
    // Products: two forward (with bias, relu and dropout in them), the gradient of the hidden values, and those of the two
    // kernels, which hold Adam's update of weight and moments as their epilogue.
    // Small ones: two for the key of the dropout mask, one a row for softmax, loss and its gradient, one a row for the
    // accuracy, one for all scalars (accumulators, step, schedule), one for each bias with its update.
    expect([count('contract'), count('row')]).toEqual([5, 7])
    expect(kernels).toHaveLength(12)
  })

  it('is compiled once for each batch size and never again', async () => {
    const m = digits()
    await m.fit(images(40), labels(40), { batchSize: 16, epochs: 2, ...quiet }) // 16, 16, 8
    const after = programs.length
    expect(programs.filter((p) => p.kernels.length >= 12)).toHaveLength(2)
    await m.fit(images(40), labels(40), { batchSize: 16, epochs: 20, ...quiet })
    expect(programs.length).toBe(after)
  })

  it('leaves nothing behind: live bytes do not grow over epochs', async () => {
    const m = digits()
    const live: number[] = []
    await m.fit(images(64), labels(64), {
      batchSize: 16,
      epochs: 12,
      validationSplit: 0.25,
      ...quiet,
      onEpochEnd: () => void live.push(memory().physical.liveBytes),
    })
    // what other tests left may be collected meanwhile: less is allowed, more is not
    expect(Math.max(...live.slice(2)), String(live)).toBeLessThanOrEqual(live[2]!)
  })
})
