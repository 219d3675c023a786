// Writes weights to a file while training goes on.
import type { Callback } from './callback.ts'
import { Monitor, type MonitorOptions } from './monitor.ts'

export interface ModelCheckpointOptions extends MonitorOptions {
  /** A safetensors file; `{epoch}` stands for the number of the epoch, from 0. */
  readonly path: string
  /** Writes only when the monitored value is the best so far; default false. */
  readonly saveBestOnly?: boolean | undefined
}

/** Saves the weights after each epoch, or after each best one, as Keras's `ModelCheckpoint`. Node only. */
export function modelCheckpoint(options: ModelCheckpointOptions): Callback {
  const { path, saveBestOnly = false } = options
  const monitor = new Monitor('modelCheckpoint', options)
  return {
    async onEpochEnd(epoch, logs, context) {
      if (saveBestOnly) {
        const value = monitor.value(logs)
        if (!monitor.isBetter(value)) return
        monitor.best = value
      }
      await context.model.saveWeights(path.replaceAll('{epoch}', String(epoch)))
    },
  }
}
