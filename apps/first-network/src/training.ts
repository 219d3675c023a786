// Training from a checkpoint to a checkpoint: each finished epoch is saved before the next one begins.
import type { Sequential } from '@dl/layers'
import type { MnistSplit } from '@dl/data/mnist'
import type { Progress } from './checkpoint.ts'
import { saveCheckpoint } from './checkpoint.ts'

export interface Training {
  readonly model: Sequential
  readonly train: MnistSplit
  readonly test: MnistSplit
  /** Where training begins. */
  readonly from: Progress
  /** Number of epochs at its end. */
  readonly epochs: number
  readonly checkpoint: string
  readonly signal: AbortSignal
}

export interface Trained {
  /** Epochs that are finished, those before this run included. */
  readonly epoch: number
  readonly seconds: number
  readonly stopped: boolean
}

/** Goes on from `from` until `epochs` are done or the signal stops it; the checkpoint holds the last whole epoch. */
export async function trainFrom(training: Training): Promise<Trained> {
  const { model, train, test, from, epochs, checkpoint, signal } = training
  const { seed, batchSize } = from
  let { epoch } = from
  const start = performance.now()
  const history = await model.fit(train.images, train.labels, {
    initialEpoch: from.epoch,
    epochs,
    batchSize,
    seed,
    signal,
    validationData: [test.images, test.labels],
    validationBatchSize: 1000,
    onEpochEnd: async (index) => {
      epoch = index + 1
      await saveCheckpoint(checkpoint, model, { epoch, seed, batchSize })
    },
  })
  return { epoch, seconds: (performance.now() - start) / 1000, stopped: history.aborted }
}
