// Lowers the learning rate when a value no longer improves.
import type { Callback } from './callback.ts'
import { Monitor, type MonitorOptions } from './monitor.ts'

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** The learning rate is multiplied by this; default 0.1. */
  readonly factor?: number | undefined
  /** Epochs without improvement before that; default 10. */
  readonly patience?: number | undefined
  /** Epochs after a reduction that are not watched; default 0. */
  readonly cooldown?: number | undefined
  /** The learning rate never falls below this; default 0. */
  readonly minLearningRate?: number | undefined
}

/**
 * Multiplies the learning rate by `factor` after `patience` epochs without improvement (of more than `minDelta`, default
 * 1e-4), as Keras's `ReduceLROnPlateau`. Nothing is recompiled.
 *
 * @throws Error when factor is not below 1; from `fit` when the optimizer follows a schedule
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const { factor = 0.1, patience = 10, cooldown = 0, minLearningRate = 0 } = options
  if (!(factor < 1 && factor > 0))
    throw new Error(`[reduceLROnPlateau] factor must be between 0 and 1, got ${factor}`)
  let monitor = new Monitor('reduceLROnPlateau', options)
  let waited = 0
  let cooling = 0
  return {
    onTrainBegin() {
      monitor = new Monitor('reduceLROnPlateau', { minDelta: 1e-4, ...options })
      waited = 0
      cooling = 0
    },
    onEpochEnd(_epoch, logs, context) {
      const value = monitor.value(logs)
      if (cooling > 0) {
        cooling--
        waited = 0
      }
      if (monitor.isBetter(value)) {
        monitor.best = value
        waited = 0
        return
      }
      if (cooling > 0 || ++waited < patience) return
      const { optimizer } = context.model
      const rate = optimizer.learningRate
      if (typeof rate !== 'number')
        throw new Error(
          `[reduceLROnPlateau] the optimizer follows the schedule ${rate.name}; give it a number as learningRate`,
        )
      if (rate > minLearningRate) optimizer.learningRate = Math.max(rate * factor, minLearningRate)
      cooling = cooldown
      waited = 0
    },
  }
}
