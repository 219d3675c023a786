// How training looks while it runs: in a terminal one line that is redrawn, elsewhere one line an epoch.
import type { Logs } from './logs.ts'

/** Where lines go. */
export interface ProgressOutput {
  /** Whether a line can be redrawn. */
  readonly isTerminal: boolean
  readonly columns: number
  readonly color: boolean
  write(text: string): void
}

interface NodeStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}
interface NodeProcess {
  readonly stdout?: NodeStream
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Node's standard output, or the console. */
export function defaultOutput(): ProgressOutput {
  const { stdout, env } = (globalThis as { process?: NodeProcess }).process ?? {}
  if (!stdout?.isTTY) {
    const write = (text: string): void => console.log(text.replace(/\n$/, ''))
    return { isTerminal: false, columns: 100, color: false, write }
  }
  const color = !env?.['NO_COLOR']
  return { isTerminal: true, columns: stdout.columns ?? 80, color, write: (text) => void stdout.write(text) }
}

/** Milliseconds between two drawings of the bar. */
const REDRAW_EVERY = 100
const BAR_CELLS = 20
const GREEN = '\u001b[32m'
const PLAIN = '\u001b[0m'
const REWRITE = '\r\u001b[K'

export class Progress {
  readonly #out: ProgressOutput
  readonly #bar: boolean
  readonly #epochs: number
  #steps: number | undefined
  #started = 0
  #drawn = 0
  #epoch = 0

  /** @param bar a redrawn line; false for one line an epoch */
  constructor(out: ProgressOutput, bar: boolean, epochs: number) {
    this.#out = out
    this.#bar = bar
    this.#epochs = epochs
  }

  beginEpoch(epoch: number, steps: number | undefined): void {
    this.#epoch = epoch
    this.#steps = steps
    this.#started = performance.now()
    this.#drawn = 0
  }

  /** Whether the bar is due: then the running means are worth reading. */
  get isDue(): boolean {
    return this.#bar && performance.now() - this.#drawn >= REDRAW_EVERY
  }

  /** Redraws the bar after `done` steps. */
  draw(done: number, logs: Logs): void {
    this.#drawn = performance.now()
    this.#out.write(REWRITE + this.#clipped(this.#line(done, logs, false)))
  }

  /** The line that stays. */
  endEpoch(done: number, logs: Logs): void {
    const line = this.#line(done, logs, true)
    this.#out.write(this.#bar ? `${REWRITE}${line}\n` : `${line}\n`)
  }

  /** Ends a bar that was cut off. */
  interrupt(): void {
    if (this.#bar && this.#drawn > 0) this.#out.write('\n')
  }

  #line(done: number, logs: Logs, finished: boolean): string {
    const seconds = (performance.now() - this.#started) / 1000
    const width = String(this.#epochs).length
    const head = `Epoch ${String(this.#epoch + 1).padStart(width)}/${this.#epochs}`
    const steps =
      this.#steps === undefined
        ? `${done}`
        : `${String(done).padStart(String(this.#steps).length)}/${this.#steps}`
    const perStep = done > 0 ? duration(seconds / done) : '–'
    const left = this.#steps === undefined ? undefined : (seconds / Math.max(1, done)) * (this.#steps - done)
    const time = finished
      ? duration(seconds)
      : left === undefined
        ? duration(seconds)
        : `ETA ${duration(left)}`
    const values = Object.entries(logs).map(([name, value]) => `${name} ${number(value)}`)
    const bar = this.#bar && this.#steps !== undefined ? [this.#cells(done / this.#steps)] : []
    return [head, steps, ...bar, time, `${perStep}/step`, ...values].join('  ')
  }

  #cells(share: number): string {
    const full = Math.min(BAR_CELLS, Math.round(share * BAR_CELLS))
    const done = '━'.repeat(full)
    return (this.#out.color ? GREEN + done + PLAIN : done) + '─'.repeat(BAR_CELLS - full)
  }

  /** A line longer than the terminal would wrap and could not be redrawn. */
  #clipped(line: string): string {
    const hidden = this.#out.color ? GREEN.length + PLAIN.length : 0
    return line.slice(0, Math.max(20, this.#out.columns - 1 + hidden))
  }
}

/** `12 µs`, `2.1 ms`, `3.4 s`, `2:05`. */
export function duration(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
}

/** Four decimals, or an exponent for very small and very large numbers. */
export function number(value: number): string {
  const size = Math.abs(value)
  return value !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(3) : value.toFixed(4)
}
