// The record of a fit.
import type { Logs } from './logs.ts'

export class History {
  /** Numbers of the epochs that were finished. */
  readonly epoch: number[] = []
  /** Loss and metrics by name, one value for each finished epoch; those of validation data begin with `val_`. */
  readonly history: Record<string, number[]> = {}
  /** True when a signal stopped training before the end of an epoch; that epoch is not recorded. */
  aborted = false

  /** Adds an epoch. */
  record(epoch: number, logs: Logs): void {
    this.epoch.push(epoch)
    for (const [name, value] of Object.entries(logs)) (this.history[name] ??= []).push(value)
  }
}
