// The convolutional network on a few real digits: it learns them on the CPU backend alone, and a run that goes on from a
// checkpoint ends with the bits of an uninterrupted one.
import '@dl/backend-cpu'
import { mnist, MnistSplit } from '@dl/data/mnist'
import { setRandomSeed } from '@dl/layers'
import type { Sequential } from '@dl/layers'
import { fallbackCount, random, strictBackend } from '@dl/tensor/core'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readCheckpoint, restoreCheckpoint } from '../src/checkpoint.ts'
import { compileFor, digitNetwork } from '../src/network.ts'
import { trainOn } from '../src/training.ts'

const plan = { network: 'cnn', epochs: 3, batchSize: 64, seed: 1 } as const
const TRAINING = 1900 // does not divide by 64
let folder = ''
let train: MnistSplit
let held: MnistSplit
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dl-cnn-'))
  const all = await mnist()
  train = first(TRAINING, all.train)
  held = first(500, all.test)
  strictBackend(true)
  vi.spyOn(console, 'log').mockImplementation(() => {})
})
afterAll(async () => {
  strictBackend(false)
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const first = (size: number, { pixels, digits }: MnistSplit): MnistSplit =>
  new MnistSplit(pixels.subarray(0, size * 784), digits.subarray(0, size))

function network(): Sequential {
  setRandomSeed(plan.seed)
  random.seed(plan.seed)
  const model = digitNetwork(plan.network)
  compileFor(model, plan.epochs * Math.ceil(TRAINING / plan.batchSize))
  return model
}

async function go(model: Sequential, name: string, epochs: number, initialEpoch: number): Promise<void> {
  const checkpoint = join(folder, name)
  const { signal } = new AbortController()
  await trainOn({ model, train, test: held, plan: { ...plan, epochs }, initialEpoch, checkpoint, signal })
}

test('three epochs of 1,900 digits answer at least 86 % of 500 others, and a resumed run does the same', async () => {
  const model = network()
  expect(model.countParams()).toBe(320 + 18_496 + 16_010)
  await go(model, 'whole', 3, 0)
  const { accuracy } = await model.evaluate(held.images, held.labels)
  expect(accuracy).toBeGreaterThanOrEqual(0.86)

  await go(network(), 'part', 1, 0)
  const checkpoint = await readCheckpoint(join(folder, 'part'))
  expect(checkpoint).toMatchObject({ epoch: 1, plan: { network: 'cnn' } })
  const second = network()
  await restoreCheckpoint(join(folder, 'part'), checkpoint, second)
  await go(second, 'part', 3, 1)
  const [part, whole] = [await second.weightsToSafetensors(), await model.weightsToSafetensors()]
  expect(Buffer.compare(part, whole)).toBe(0)
  expect(fallbackCount()).toBe(0)
}, 120_000)
