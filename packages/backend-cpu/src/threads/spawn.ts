// Starts worker threads, in Node and in pages, behind one small interface.
import { WORKER_SOURCE } from './worker-source.ts'
import type { WorkerMessage } from './worker.ts'

/** A worker as the pool sees it. */
export interface WorkerHandle {
  post(message: WorkerMessage): void
  /** Ends it; resolves when it has ended, as far as that can be known. */
  end(): Promise<void>
}

/** The part of Node that is used here, so that no types of Node are needed. */
interface NodeWorker {
  postMessage(message: unknown): void
  on(event: 'message' | 'error' | 'exit', listener: (what: unknown) => void): void
  unref(): void
  terminate(): Promise<unknown>
}
interface NodeModules {
  'node:worker_threads': { readonly Worker: new (source: string, options: object) => NodeWorker }
  'node:os': { availableParallelism?(): number; cpus(): readonly unknown[] }
}
interface NodeProcess {
  readonly env: { readonly [name: string]: string | undefined }
  getBuiltinModule?<K extends keyof NodeModules>(name: K): NodeModules[K] | undefined
}
const process = (globalThis as { process?: NodeProcess }).process

function builtin<K extends keyof NodeModules>(name: K): NodeModules[K] | undefined {
  return process?.getBuiltinModule?.(name)
}

/** A setting from the environment of the process; undefined in pages. */
export const environment = (name: string): string | undefined => process?.env?.[name]

/** Threads that the machine runs at once. */
export function hardwareThreads(): number {
  const os = builtin('node:os')
  const count = os
    ? (os.availableParallelism?.() ?? os.cpus().length)
    : (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency
  return Math.max(1, count ?? 1)
}

/** Whether workers can be started at all. */
export const hasWorkers = (): boolean =>
  builtin('node:worker_threads') !== undefined || typeof Worker !== 'undefined'

export interface WorkerEvents {
  /** It has started to serve. */
  readonly onReady: () => void
  /** It has ended without having been asked to, or can't start. Called once, never before {@link spawnWorker} returns. */
  readonly onEnd: (reason: string) => void
}

/** Starts a worker. */
export function spawnWorker(name: string, events: WorkerEvents): WorkerHandle {
  const node = builtin('node:worker_threads')
  return node ? spawnInNode(node.Worker, name, events) : new PageWorker(events)
}

function spawnInNode(
  WorkerThread: NodeModules['node:worker_threads']['Worker'],
  name: string,
  { onReady, onEnd }: WorkerEvents,
): WorkerHandle {
  let asked = false
  let reason = ''
  const worker = new WorkerThread(WORKER_SOURCE, { eval: true, execArgv: [], env: {}, name })
  worker.on('message', onReady)
  worker.on('error', (error) => (reason = error instanceof Error ? error.message : String(error)))
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      resolve()
      if (!asked) onEnd(reason || `it exited with code ${String(code)}`)
    })
  })
  worker.unref()
  return {
    post: (message) => worker.postMessage(message),
    end: () => {
      asked = true
      void worker.terminate()
      return ended
    },
  }
}

/**
 * A same-origin file first, which every content security policy allows that allows scripts of the page; where the file is
 * not there (a bundler left it out), the same program from a blob.
 */
class PageWorker implements WorkerHandle {
  readonly #events: WorkerEvents
  #worker: Worker | null = null
  /** Address of the inline program, when that is what runs. */
  #blob = ''
  /** Everything posted until it is clear which of the two runs. */
  #sent: WorkerMessage[] | null = []
  #over = false

  constructor(events: WorkerEvents) {
    this.#events = events
    // bundlers find the file by this very form
    this.#try(() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'dl-cpu' }))
  }

  #try(make: () => Worker): void {
    try {
      const worker = make()
      worker.onmessage = () => this.#started()
      worker.onerror = (event) => {
        event.preventDefault()
        if (this.#worker === worker) this.#failed(event.message || 'its script could not be loaded')
      }
      this.#worker = worker
      for (const message of this.#sent!) worker.postMessage(message)
    } catch (error) {
      queueMicrotask(() => this.#failed(error instanceof Error ? error.message : String(error)))
    }
  }

  #started(): void {
    this.#sent = null
    this.#events.onReady()
  }

  #failed(reason: string): void {
    if (this.#over) return
    if (this.#sent && this.#blob === '') {
      const blob = (this.#blob = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' })))
      return this.#try(() => new Worker(blob, { name: 'dl-cpu' }))
    }
    void this.end()
    this.#events.onEnd(reason)
  }

  post(message: WorkerMessage): void {
    this.#sent?.push(message)
    this.#worker?.postMessage(message)
  }

  end(): Promise<void> {
    this.#over = true
    this.#worker?.terminate()
    if (this.#blob !== '') URL.revokeObjectURL(this.#blob)
    return Promise.resolve()
  }
}
