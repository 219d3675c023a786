// Training from checkpoint to checkpoint: each finished epoch is saved before the next one begins.
import type { Sequential } from '@dl/layers'
import type { MnistSplit } from '@dl/data/mnist'
import type { Plan } from './checkpoint.ts'
import { saveCheckpoint } from './checkpoint.ts'

export interface Training {
  readonly model: Sequential
  readonly train: MnistSplit
  readonly test: MnistSplit
  readonly plan: Plan
  /** Epochs that are finished before. */
  readonly initialEpoch: number
  /** File of the checkpoint. */
  readonly checkpoint: string
  readonly signal: AbortSignal
}

export interface Trained {
  /** Epochs that are finished, those before this run included. */
  readonly epoch: number
  /** Time spent in this run. */
  readonly seconds: number
  readonly stopped: boolean
}

/** Batch size where nothing is learned and only speed counts. */
export const EVALUATION_BATCH = 250

/** Trains until the plan is done or the signal stops it; the checkpoint then holds the last whole epoch. */
export async function trainOn(training: Training): Promise<Trained> {
  const { model, train, test, plan, initialEpoch, checkpoint, signal } = training
  let epoch = initialEpoch
  const start = performance.now()
  const history = await model.fit(train.images, train.labels, {
    epochs: plan.epochs,
    batchSize: plan.batchSize,
    seed: plan.seed,
    initialEpoch,
    signal,
    validationData: [test.images, test.labels],
    validationBatchSize: EVALUATION_BATCH,
    onEpochEnd: async (index) => {
      epoch = index + 1
      await saveCheckpoint(checkpoint, model, plan, epoch)
    },
  })
  return {
    epoch,
    seconds: (performance.now() - start) / 1000,
    stopped: history.aborted && epoch < plan.epochs,
  }
}
