// The workers that serve one control block, and the main thread's side of the protocol: mail, bell, and making everybody
// stop after a failure.
import {
  BELL,
  CONTROL_BYTES,
  DONE,
  FAILED,
  MAIL,
  NEXT,
  READY,
  REASON,
  RECEIVED,
  SERVED,
  SLEEPERS,
  TAKEN,
  UNITS,
} from './control.ts'
import { spawnWorker } from './spawn.ts'
import type { WorkerHandle } from './spawn.ts'
import type { WorkerMessage } from './worker.ts'

/** How long an idle worker waits before it sleeps; waking it takes 20–70 µs. */
const SPIN_MILLISECONDS = 0.2

export interface TeamEvents {
  /** A worker ended without having been asked to, or never started. */
  readonly onEnd: (reason: string) => void
}

export class Team {
  /** Address of the control block. */
  readonly control: number
  readonly #cells: Int32Array
  readonly #next: BigInt64Array
  readonly #workers: WorkerHandle[] = []
  #settleReady: (() => void) | null = null
  /** Resolves when all workers have started, or when they won't. */
  readonly ready: Promise<void> = new Promise((resolve) => (this.#settleReady = resolve))

  /**
   * @param control address of a block of `CONTROL_BYTES`
   * @param threads how many, the main one included
   */
  constructor(memory: WebAssembly.Memory, control: number, threads: number, events: TeamEvents) {
    this.control = control
    this.#cells = new Int32Array(memory.buffer, control, CONTROL_BYTES / 4).fill(0)
    this.#next = new BigInt64Array(memory.buffer, control + NEXT, 1)
    let missing = threads - 1
    for (let thread = 1; thread < threads; thread++) {
      const worker = spawnWorker(`dl-cpu-${thread}`, {
        onReady: () => --missing === 0 && this.#settleReady!(),
        onEnd: (reason) => events.onEnd(reason),
      })
      this.#workers.push(worker)
      this.#post(thread, { kind: 'start', memory, control, thread, spinMilliseconds: SPIN_MILLISECONDS })
    }
  }

  /** Workers that have started. */
  get size(): number {
    return Atomics.load(this.#cells, READY >> 2)
  }

  /** Chunks that each thread has done, the main one first. */
  get served(): number[] {
    return Array.from({ length: this.#workers.length + 1 }, (_, t) => this.#cells[(SERVED >> 2) + t]!)
  }

  /** A number that changes with every chunk that is done. */
  get progress(): number {
    return Atomics.load(this.#cells, DONE >> 2) + Atomics.load(this.#cells, (NEXT >> 2) + 1) * 65_536
  }

  postAll(message: WorkerMessage): void {
    for (let t = 1; t <= this.#workers.length; t++) this.#post(t, message)
    this.#ring()
  }

  /** Workers look at their mail before they wait for it: the count goes first. */
  #post(thread: number, message: WorkerMessage): void {
    Atomics.add(this.#cells, (MAIL >> 2) + thread, 1)
    this.#workers[thread - 1]!.post(message)
  }

  /** Waits until every worker has taken in what was posted to it, for so many milliseconds at most. */
  awaitMail(milliseconds: number): void {
    const end = performance.now() + milliseconds
    const behind = (t: number): boolean =>
      Atomics.load(this.#cells, (RECEIVED >> 2) + t) !== Atomics.load(this.#cells, (MAIL >> 2) + t)
    for (let t = 1; t <= this.#workers.length; t++) while (behind(t) && performance.now() < end);
  }

  /** Wakes workers that sleep. */
  wake(): void {
    if (Atomics.load(this.#cells, SLEEPERS >> 2) > 0) this.#ring()
  }

  #ring(): void {
    Atomics.add(this.#cells, BELL >> 2, 1)
    Atomics.notify(this.#cells, BELL >> 2)
  }

  /** What a failed worker said; empty when none failed. */
  get failure(): string {
    const thread = Atomics.load(this.#cells, FAILED >> 2)
    if (thread === 0) return ''
    const bytes = new Uint8Array(this.#cells.buffer, this.control + REASON)
    let text = ''
    for (let i = 0; i < this.#cells[REASON >> 2]!; i++) text += String.fromCharCode(bytes[4 + i]!)
    return `worker thread ${thread} failed: ${text}`
  }

  /**
   * After a failure: nobody takes another chunk, and those that were taken are finished.
   * @param stalled asked again and again while waiting; may throw
   */
  settle(stalled: () => void): void {
    const [cells, next] = [this.#cells, this.#next]
    let seen = Atomics.load(next, 0)
    for (;;) {
      const before = Atomics.compareExchange(next, 0, seen, (seen >> 32n) << 32n)
      if (before === seen) break
      seen = before
    }
    const taken = cells[UNITS >> 2]! - Number(seen & 0xffffffffn) - cells[TAKEN >> 2]!
    while (Atomics.load(cells, DONE >> 2) < taken) stalled()
    cells[TAKEN >> 2] = 0
    Atomics.store(cells, FAILED >> 2, 0)
  }

  /** Ends all workers; resolves when none of them can touch the memory any more. */
  async end(): Promise<void> {
    this.#settleReady!()
    await Promise.all(this.#workers.map((w) => w.end()))
  }
}
