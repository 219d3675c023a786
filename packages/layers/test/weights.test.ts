// Weights and checkpoints: files that come back bit for bit, training that goes on as if it had never stopped, and what
// does not fit.
import '@dl/backend-cpu'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adam } from '@dl/optim'
import {
  decodeSafetensors,
  encodeSafetensors,
  random,
  SafetensorsError,
  tensor,
  type Tensor,
} from '@dl/tensor/core'
import { layers, sequential, setRandomSeed, TrainingError, type Sequential } from '@dl/layers'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dl-weights-'))
})
afterEach(() => rm(folder, { recursive: true }))

function network(seed: number): Sequential {
  setRandomSeed(seed)
  const m = sequential([
    layers.dense({ units: 8, activation: 'relu', inputShape: [4] }),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 3, activation: 'softmax' }),
  ])
  m.compile({
    optimizer: adam({ learningRate: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  })
  return m
}
const x = tensor(
  Float32Array.from({ length: 4 * 50 }, (_, i) => Math.sin(i * 1.7)),
  [50, 4],
) as Tensor
const y = Int32Array.from({ length: 50 }, (_, i) => i % 3)
const bits = async (m: Sequential): Promise<readonly unknown[]> =>
  Promise.all(m.variables.map((v) => v.data()))

describe('weights', () => {
  it('come back from a file bit for bit, under their paths', async () => {
    const [a, b] = [network(1), network(2)]
    const path = join(folder, 'weights.safetensors')
    await a.saveWeights(path)
    expect(Object.keys(decodeSafetensors(await readFile(path)).tensors)).toEqual([
      'dense/kernel',
      'dense/bias',
      'dense_1/kernel',
      'dense_1/bias',
    ])
    expect(await readdir(folder)).toEqual(['weights.safetensors'])
    await b.loadWeights(path)
    const [p, q] = [await a.predict(x), await b.predict(x)]
    expect(await q.data()).toEqual(await p.data())
  })

  it('can be put back from a snapshot', async () => {
    const m = network(1)
    const before = await bits(m)
    const saved = await m.snapshotWeights()
    await m.fit(x, y, { verbose: 0 })
    expect(await bits(m)).not.toEqual(before)
    m.restoreWeights(saved)
    expect(await bits(m)).toEqual(before)
  })

  it('go from one model to another as tensors', async () => {
    const [a, b] = [network(1), network(2)]
    const held = a.getWeights()
    const before = await bits(a)
    b.setWeights(held)
    await a.fit(x, y, { verbose: 0 })
    expect(await Promise.all(held.map((w) => w.data()))).toEqual(
      await Promise.all(b.weights.map((w) => w.data())),
    )
    a.setWeights(held)
    expect((await bits(a)).slice(0, 2)).toEqual(before.slice(0, 2))
    const [first, ...others] = held
    expect(() => b.setWeights(others)).toThrow(/'sequential.*' has 4 weights, got 3 values/)
    expect(() => b.setWeights([...others, first!])).toThrow(
      /weight 0 of .* \(dense\/kernel\) is float32 \[4,8\], got float32 \[8\]/,
    )
    expect(() => layers.dense({ units: 1 }).setWeights(held)).toThrow(/not built yet/)
  })

  it('that do not fit are refused whole', async () => {
    const m = network(1)
    const before = await bits(m)
    const { tensors } = decodeSafetensors(await m.weightsToSafetensors())
    const { 'dense/bias': bias, ...rest } = tensors
    const rows: [Record<string, typeof bias>, RegExp][] = [
      [rest, /\[loadSafetensors\] the file does not fit the model: it lacks dense\/bias/],
      [{ ...tensors, other: bias! }, /the model has no other/],
      [
        { ...rest, 'dense/bias': { dtype: 'float32', shape: [4], data: new Float32Array(4) } },
        /'dense\/bias' is float32 \[8\] in the model and float32 \[4\] in the file/,
      ],
      [
        { ...rest, 'dense/bias': { dtype: 'float64', shape: [8], data: new Float64Array(8) } },
        /float64 \[8\] in the file/,
      ],
    ]
    for (const [entries, message] of rows) {
      const load = (): void =>
        m.loadSafetensors(encodeSafetensors(entries as Record<string, NonNullable<typeof bias>>))
      expect(load).toThrow(message)
      expect(load).toThrow(TrainingError)
    }
    expect(await bits(m)).toEqual(before)
  })

  it('of a truncated or missing file are refused', async () => {
    const m = network(1)
    const path = join(folder, 'cut.safetensors')
    const bytes = await m.weightsToSafetensors()
    await writeFile(path, bytes.subarray(0, bytes.length - 5))
    await expect(m.loadWeights(path)).rejects.toThrow(SafetensorsError)
    await expect(m.loadWeights(path)).rejects.toThrow(/\[safetensors\] the file is truncated/)
    await expect(m.loadWeights(join(folder, 'none'))).rejects.toThrow(/ENOENT/)
  })

  it('of a model that is not built cannot be saved', () => {
    expect(() => sequential([layers.dense({ units: 1 })]).weightsToSafetensors()).toThrow(
      /the model has no weights yet/,
    )
  })
})

describe('checkpoints', () => {
  it('let training go on bit for bit: weights, moments, dropout, order, generator', async () => {
    const fit = (m: Sequential, from: number, to: number) =>
      m.fit(x, y, { initialEpoch: from, epochs: to, batchSize: 16, seed: 9, verbose: 0 })
    random.seed(4)
    const whole = network(1)
    await fit(whole, 0, 2)
    await fit(whole, 2, 5)

    random.seed(4)
    const first = network(1)
    await fit(first, 0, 2)
    const path = join(folder, 'run.safetensors')
    await first.saveCheckpoint(path, { epoch: '2' })

    random.seed(77)
    const second = network(5)
    expect(await second.loadCheckpointFile(path)).toEqual({ epoch: '2' })
    await fit(second, 2, 5)
    expect(await bits(second)).toEqual(await bits(whole))
    const [a, b] = [await whole.checkpointToSafetensors(), await second.checkpointToSafetensors()]
    expect(decodeSafetensors(b)).toEqual(decodeSafetensors(a))
  })

  it('can be taken before the first step', async () => {
    const [a, b] = [network(1), network(2)]
    await b.loadCheckpoint(await a.checkpointToSafetensors())
    expect(await bits(b)).toEqual(await bits(a))
    for (const m of [a, b]) await m.fit(x, y, { seed: 1, verbose: 0 })
    expect(await bits(b)).toEqual(await bits(a))
  })

  it('keep a learning rate that was changed', async () => {
    const [a, b] = [network(1), network(1)]
    a.optimizer.learningRate = 0.1234
    await b.loadCheckpoint(await a.checkpointToSafetensors())
    expect(b.optimizer.learningRate).toBe(0.1234)
  })

  it('refuse files that are none, or of another model', async () => {
    const m = network(1)
    await expect(m.loadCheckpoint(await m.weightsToSafetensors())).rejects.toThrow(
      /the file is no checkpoint: it lacks 'random\/state'/,
    )
    await expect(m.loadCheckpoint(new Uint8Array(3))).rejects.toThrow(SafetensorsError)
    const other = sequential([layers.dense({ units: 3, inputShape: [4] })])
    other.compile({ optimizer: 'sgd', loss: 'mse' })
    await expect(m.loadCheckpoint(await other.checkpointToSafetensors())).rejects.toThrow(
      /the file does not fit the model/,
    )
  })
})
