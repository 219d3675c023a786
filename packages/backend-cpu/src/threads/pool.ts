// The threads of one backend: starts a team of workers when there is enough work for one, tells it about programs, and
// replaces it when it fails. Programs run on the calling thread, which waits for the workers inside of parallel regions only.
import type { Heap } from '../heap.ts'
import type { Threads } from '../program.ts'
import type { Workspace } from '../workspace.ts'
import { CONTROL_BYTES, CONTROL_CELL, MAX_THREADS } from './control.ts'
import { BROKEN, STALLED } from './regions.ts'
import { environment, hardwareThreads, hasWorkers } from './spawn.ts'
import { Team } from './team.ts'

/** How threads behave; for tests and measurements. */
export interface ThreadTuning {
  /** Nanoseconds of estimated work from which on a part of a program is split between threads. Default 4,000. */
  readonly splitFrom?: number
  /** Milliseconds that a run waits for a worker that makes no progress before it throws. Default 20,000. */
  readonly patience?: number
  /** Let workers take the first chunk of everything, however small. Default false. */
  readonly workersFirst?: boolean
}

/** Workers start when programs with something to share have run for so long in all: short scripts don't pay for them. */
const START_AFTER = 5_000_000
/** Programs with less work to share wake nobody. */
const WAKE_FROM = 50_000
/** The longest time that one look at the clock counts: a machine that slept was no reason to give up. */
const LONGEST_LOOK = 20

/** The number of threads that `DL_THREADS` or the machine suggests. */
export function defaultThreads(): number {
  const wanted = Number(environment('DL_THREADS') ?? Number.NaN)
  return Math.min(MAX_THREADS, Number.isInteger(wanted) && wanted > 0 ? wanted : hardwareThreads())
}

class StalledError extends Error {}

interface SharedProgram {
  readonly module: WebAssembly.Module
  readonly host: readonly string[]
}

export class Pool implements Threads {
  readonly threshold: number
  readonly workersFirst: boolean
  readonly host: Threads['host'] = new Map([
    [STALLED, () => (this.#look(), 0)],
    [
      BROKEN,
      () => {
        throw new Error('broken')
      },
    ],
  ])
  readonly #heap: Heap
  readonly #workspace: Workspace
  readonly #patience: number
  readonly #programs: Map<number, SharedProgram> = new Map()
  #threads: number
  #team: Team | null = null
  /** Pending while workers of an earlier team are still ending. */
  #ending: Promise<void> | null = null
  #numbers = 0
  #work = 0
  /** Workers could not be started: not tried again until somebody asks for threads. */
  #refused = false
  // the watch over waiting: when the clock was looked at, how far things were, and for how long they have been so
  #looked = 0
  #progress = 0
  #waited = 0

  constructor(heap: Heap, workspace: Workspace, threads: number, tuning: ThreadTuning) {
    this.#heap = heap
    this.#workspace = workspace
    this.#threads = threads
    this.threshold = tuning.splitFrom ?? 4000
    this.#patience = tuning.patience ?? 20_000
    this.workersFirst = tuning.workersFirst ?? false
  }

  /** Threads that take part in large programs, once their workers have started. */
  get threads(): number {
    return this.#possible ? this.#threads : 1
  }

  /** Chunks that each thread of the present team has done. */
  get served(): readonly number[] {
    return this.#team?.served ?? []
  }

  get #possible(): boolean {
    return this.#heap.isShared && !this.#refused && hasWorkers()
  }

  reserve(): number {
    return ++this.#numbers
  }

  add(number: number, module: WebAssembly.Module, host: readonly string[]): () => void {
    const program = { module, host }
    this.#programs.set(number, program)
    this.#team?.postAll({ kind: 'program', number, ...program })
    return () => {
      this.#programs.delete(number)
      this.#team?.postAll({ kind: 'forget', number })
    }
  }

  run(run: () => void, nanoseconds: number): void {
    const team = this.#team
    if (!team) {
      this.#work += nanoseconds
      if (this.#work >= Math.min(START_AFTER, this.threshold * 1000)) this.#start()
      return run()
    }
    if (nanoseconds >= Math.min(WAKE_FROM, this.threshold * 1000)) team.wake()
    if (this.workersFirst) team.awaitMail(100)
    try {
      run()
    } catch (error) {
      throw this.#settle(team, error)
    }
  }

  /** Changes the number of threads; resolves to how many there are when the workers have started. */
  async setThreads(threads: number): Promise<number> {
    if (threads !== this.#threads) this.#stop()
    this.#threads = threads
    this.#refused = false
    // workers keep no process alive, but somebody waits here
    const alive = setInterval(() => undefined, 1000)
    try {
      await this.#ending
      this.#start()
      await this.#team?.ready
    } finally {
      clearInterval(alive)
    }
    return this.#team ? this.#team.size + 1 : 1
  }

  /** Ends the workers. */
  async dispose(): Promise<void> {
    this.#threads = 1
    this.#stop()
    await this.#ending
  }

  #start(): void {
    if (this.#team || this.#ending || this.#threads < 2 || !this.#possible) return
    const control = this.#heap.allocate(CONTROL_BYTES)
    try {
      this.#workspace.setThreads(this.#threads)
    } catch {
      this.#heap.free(control, CONTROL_BYTES) // no room for their workspaces: one thread goes on
      this.#workspace.setThreads(1)
      this.#work = 0
      return
    }
    const team = new Team(this.#heap.memory, control, this.#threads, {
      onEnd: (reason) => {
        if (this.#team !== team) return
        if (team.size === 0) {
          this.#refused = true
          console.warn(`[cpu] worker threads can't start (${reason}); computing on one thread`)
        }
        this.#stop()
      },
    })
    for (const [number, program] of this.#programs) team.postAll({ kind: 'program', number, ...program })
    this.#team = team
    this.#heap.i32[CONTROL_CELL >>> 2] = control
  }

  /** Goes on with one thread at once; another team can start when the workers of this one have ended. */
  #stop(): void {
    const team = this.#team
    if (!team) return
    this.#team = null
    this.#work = 0
    this.#heap.i32[CONTROL_CELL >>> 2] = 0
    const ending = team.end().then(() => {
      this.#heap.free(team.control, CONTROL_BYTES)
      this.#workspace.setThreads(1)
      if (this.#ending === ending) this.#ending = null
    })
    this.#ending = ending
  }

  /** Makes the threads quiet after a run that threw; returns what to throw. */
  #settle(team: Team, error: unknown): unknown {
    const { failure } = team
    try {
      if (error instanceof StalledError) throw error
      team.settle(() => this.#look())
    } catch {
      this.#stop()
      return new Error(
        `[cpu] a worker thread has ended or hangs: no progress for ${this.#patience} ms. What this run was to write is ` +
          'undefined; the workers are replaced, and the next run works',
      )
    }
    if (failure === '') return error
    return new Error(`[cpu] ${failure}. What this run was to write is undefined; the next run works`)
  }

  /** Looks at the clock while waiting; throws when nothing has moved for too long. */
  #look(): void {
    const now = performance.now()
    const { progress } = this.#team!
    if (progress !== this.#progress) this.#waited = 0
    else this.#waited += Math.min(now - this.#looked, LONGEST_LOOK)
    this.#progress = progress
    this.#looked = now
    if (this.#waited > this.#patience) {
      this.#waited = 0
      throw new StalledError('stalled')
    }
  }
}
