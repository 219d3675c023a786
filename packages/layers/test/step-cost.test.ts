// What a training step costs beyond its arithmetic: kernels, compiled programs, memory. Counted on what really runs.
import { cpuBackend } from '@dl/backend-cpu'
import type { Program } from '@dl/tensor/backend'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { adam, cosineDecay, sgd } from '@dl/optim'
import { memory, ones, type Tensor } from '@dl/tensor/core'
import { workCounters } from '@dl/tensor/testing'
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

  it('makes no graph node, traces and compiles nothing from the second epoch on', async () => {
    const m = digits()
    const [x, y] = [images(16), labels(16)]
    await m.fit(x, y, { batchSize: 8, epochs: 2, ...quiet })
    const before = workCounters()
    await m.fit(x, y, { batchSize: 8, epochs: 20, ...quiet })
    expect(workCounters()).toEqual(before)
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

describe('the training step of convolution, batch normalization and relu', () => {
  const kernelsOf = async (normalized: boolean): Promise<Program['kernels']> => {
    const m = sequential([
      layers.conv2d({ filters: 8, kernelSize: 3, useBias: false, inputShape: [12, 12, 3] }),
      ...(normalized ? [layers.batchNormalization()] : []),
      layers.activation('relu'),
      layers.globalAveragePooling2d(),
      layers.dense({ units: 10 }),
    ])
    m.compile({ optimizer: sgd(), loss: 'meanSquaredError' })
    await m.fit(ones([8, 12, 12, 3]), ones([8, 10]), { batchSize: 8, ...quiet })
    return programs.toSorted((a, b) => b.kernels.length - a.kernels.length)[0]!.kernels
  }

  it('is 12 kernels, one more than without the normalization', async () => {
    const plain = await kernelsOf(false)
    programs = []
    const kernels = await kernelsOf(true)
    // Forward: one row a channel makes mean and variance in two passes and updates both moving averages; the normalization
    // and relu are computed where they are read, in the mean over the image. Backward: one row a channel makes both sums
    // that the gradient needs, with the updates of gamma and beta, and the gradient itself; it takes the place of the
    // gradient of relu.
    const rows = kernels.flatMap((k) => (k.kind === 'row' ? [k] : []))
    const aChannel = rows.filter((k) => k.outer === 1 && k.sizes[0] === 8 && k.sizes.length > 1)
    expect(aChannel.filter((k) => k.sizes.slice(1).reduce((n, d) => n * d, 1) === 8 * 100)).toHaveLength(2)
    expect([plain.length, kernels.length]).toEqual([11, 12])
    expect(kernels.filter((k) => k.kind === 'contract')).toHaveLength(5)
  })
})
