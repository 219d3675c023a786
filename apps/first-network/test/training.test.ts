// Training in this process, on few digits: everything runs on the backend's own kernels, and a checkpoint after any epoch
// leads to the same bits.
import '@dl/backend-cpu'
import { MnistSplit } from '@dl/data/mnist'
import { setRandomSeed } from '@dl/layers'
import type { Sequential } from '@dl/layers'
import { fallbackCount, random, strictBackend } from '@dl/tensor/core'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readCheckpoint, restoreCheckpoint, saveCheckpoint } from '../src/checkpoint.ts'
import { compileFor, digitNetwork } from '../src/network.ts'
import { trainOn } from '../src/training.ts'
import type { Trained } from '../src/training.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dl-training-'))
  strictBackend(true)
  vi.spyOn(console, 'log').mockImplementation(() => {})
})
afterAll(async () => {
  strictBackend(false)
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

/** Stripes: digit `d` has ink in the rows 2d and 2d + 1. 130 of them do not divide by 32. */
const stripes = (n: number): MnistSplit =>
  new MnistSplit(
    Uint8Array.from({ length: n * 784 }, (_, i) => {
      const digit = Math.floor(i / 784) % 10
      return Math.floor((i % 784) / 56) === digit ? 200 + (i % 50) : i % 9
    }),
    Uint8Array.from({ length: n }, (_, i) => i % 10),
  )
const train = stripes(130)
const held = stripes(20)
const plan = { network: 'dense', epochs: 4, batchSize: 32, seed: 3 } as const
const quiet = new AbortController().signal

function network(): Sequential {
  setRandomSeed(plan.seed)
  random.seed(plan.seed)
  const model = digitNetwork(plan.network)
  compileFor(model, plan.epochs * Math.ceil(train.size / plan.batchSize))
  return model
}
const go = (
  model: Sequential,
  name: string,
  epochs: number,
  initialEpoch = 0,
  signal = quiet,
): Promise<Trained> =>
  trainOn({
    model,
    train,
    test: held,
    plan: { ...plan, epochs },
    initialEpoch,
    checkpoint: join(folder, name),
    signal,
  })

test('four epochs learn the stripes without a fallback', async () => {
  const model = network()
  expect(await go(model, 'whole', 4)).toMatchObject({ epoch: 4, stopped: false })
  const { accuracy } = await model.evaluate(held.images, held.labels)
  expect(accuracy).toBe(1)
  expect(fallbackCount()).toBe(0)
})

test.each([0, 1, 2, 3])('a new network that goes on from epoch %d ends with the same bits', async (epoch) => {
  const model = network()
  await go(model, 'whole', 4)
  const whole = await model.weightsToSafetensors()

  const first = network()
  const path = join(folder, 'part')
  if (epoch > 0) await go(first, 'part', epoch)
  await saveCheckpoint(path, first, plan, epoch)
  setRandomSeed(99) // whatever else happened in between
  random.seed(99)
  const second = digitNetwork(plan.network)
  compileFor(second, plan.epochs * Math.ceil(train.size / plan.batchSize))
  const checkpoint = await readCheckpoint(path)
  expect(checkpoint).toMatchObject({ epoch, plan })
  await restoreCheckpoint(path, checkpoint, second)
  await go(second, 'part', 4, epoch)
  expect(Buffer.compare(await second.weightsToSafetensors(), whole)).toBe(0)
})

test('a signal stops training and the checkpoint holds the last whole epoch', async () => {
  const stop = new AbortController()
  stop.abort()
  const model = network()
  await saveCheckpoint(join(folder, 'stopped'), model, plan, 0)
  expect(await go(model, 'stopped', 4, 0, stop.signal)).toMatchObject({ epoch: 0, stopped: true })
  expect((await readCheckpoint(join(folder, 'stopped'))).epoch).toBe(0)
})
