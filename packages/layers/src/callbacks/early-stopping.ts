// Stops training when a value no longer improves.
import type { Callback } from './callback.ts'
import { Monitor, type MonitorOptions } from './monitor.ts'
import type { WeightSnapshot } from '../training/weights.ts'

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement before training stops; default 0. */
  readonly patience?: number | undefined
  /** At the end of training goes back to the weights of the best epoch; default false. */
  readonly restoreBestWeights?: boolean | undefined
  /** A value that must be beaten. */
  readonly baseline?: number | undefined
  /** Epochs before this one are not watched; default 0. */
  readonly startFromEpoch?: number | undefined
}

/**
 * Ends training after `patience` epochs without improvement of the monitored value, as Keras's `EarlyStopping`.
 *
 * @throws Error from `fit` when the logs do not hold the monitored value
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones, zeros } from '@dl/tensor'
 * import { callbacks, layers, sequential } from '@dl/layers'
 * const model = sequential([layers.dense({ units: 1, inputShape: [2] })])
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
 * const stop = callbacks.earlyStopping({ monitor: 'loss', minDelta: 100 })
 * const history = await model.fit(ones([8, 2]), zeros([8, 1]), { epochs: 50, verbose: 0, callbacks: [stop] })
 * console.log(history.epoch.length) // 2
 * ```
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { patience = 0, restoreBestWeights = false, baseline = null, startFromEpoch = 0 } = options
  let monitor = new Monitor('earlyStopping', options)
  let waited = 0
  let bestWeights: WeightSnapshot | null = null
  return {
    onTrainBegin() {
      monitor = new Monitor('earlyStopping', options)
      waited = 0
      bestWeights = null
    },
    async onEpochEnd(epoch, logs, context) {
      const value = monitor.value(logs)
      if (epoch < startFromEpoch) return
      if (restoreBestWeights) bestWeights ??= await context.model.snapshotWeights()
      waited++
      if (monitor.isBetter(value)) {
        monitor.best = value
        if (restoreBestWeights) bestWeights = await context.model.snapshotWeights()
        if (baseline === null || monitor.isBetter(value, baseline)) waited = 0
        return
      }
      if (waited >= patience && epoch > 0) context.stopTraining()
    },
    onTrainEnd(context) {
      if (bestWeights) context.model.restoreWeights(bestWeights)
    },
  }
}
