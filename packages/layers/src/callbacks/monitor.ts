// Watching one value of the logs: which direction is better, and whether it has improved.
import type { Logs } from '../training/logs.ts'

export interface MonitorOptions {
  /** Name in the logs; default `val_loss`. */
  readonly monitor?: string | undefined
  /** Whether less or more is better; `auto` (default) takes `max` for names with accuracy, auc, precision, recall or f1. */
  readonly mode?: 'auto' | 'min' | 'max' | undefined
  /** Smaller changes are no improvement; default 0. */
  readonly minDelta?: number | undefined
}

export class Monitor {
  readonly name: string
  readonly #sign: number
  readonly #delta: number
  readonly #op: string
  best: number | null = null

  constructor(op: string, options: MonitorOptions) {
    const { monitor = 'val_loss', mode = 'auto', minDelta = 0 } = options
    this.name = monitor
    const more = mode === 'max' || (mode === 'auto' && /acc|auc|precision|recall|f1/i.test(monitor))
    this.#sign = more ? 1 : -1
    this.#delta = Math.abs(minDelta)
    this.#op = op
  }

  /** The watched value. */
  value(logs: Logs): number {
    const value = Object.hasOwn(logs, this.name) ? logs[this.name] : undefined
    if (value === undefined)
      throw new Error(
        `[${this.#op}] there is no '${this.name}' to monitor; the logs hold ${Object.keys(logs).join(', ')}`,
      )
    return value
  }

  /** Whether `value` is better than `than` (default: the best so far) by more than minDelta. */
  isBetter(value: number, than: number | null = this.best): boolean {
    return than === null || (value - than) * this.#sign > this.#delta
  }
}
