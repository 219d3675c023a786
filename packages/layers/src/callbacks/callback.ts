// Callbacks: objects with any of these functions. All may be asynchronous; training waits for them.
import type { AnyModel } from '../model.ts'
import type { Logs } from '../training/logs.ts'

/** What a callback may know and do. */
export interface TrainingContext {
  readonly model: AnyModel
  readonly epochs: number
  /** Steps of an epoch, undefined when the dataset does not tell. */
  readonly steps: number | undefined
  /** Training ends after the current epoch. */
  stopTraining(): void
}

/**
 * A callback is any object with some of these functions.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers, sequential, type Callback } from '@dl/layers'
 * const model = sequential([layers.dense({ units: 1, inputShape: [2] })])
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
 * const report: Callback = { onEpochEnd: (epoch, logs) => console.log(epoch, logs['loss']) }
 * await model.fit(ones([4, 2]), ones([4, 1]), { epochs: 2, verbose: 0, callbacks: [report] })
 * ```
 */
export interface Callback {
  onTrainBegin?(context: TrainingContext): void | Promise<void>
  /** Also after a stop, not after an error. */
  onTrainEnd?(context: TrainingContext): void | Promise<void>
  /** Epochs are counted from 0. */
  onEpochBegin?(epoch: number, context: TrainingContext): void | Promise<void>
  onEpochEnd?(epoch: number, logs: Logs, context: TrainingContext): void | Promise<void>
  /** Reads the running means after every step, which slows training of small models down. */
  onBatchEnd?(batch: number, logs: Logs, context: TrainingContext): void | Promise<void>
}
