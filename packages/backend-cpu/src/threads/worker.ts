// The program of a worker thread: it waits for jobs in the control block and takes chunks of them. Modules arrive as
// messages, so a worker that has mail goes back to its event loop for a moment. This file is a door of the package
// (`@dl/backend-cpu/worker`) and has an inline twin (`worker-source.ts`) for places that can't load files.
import {
  BELL,
  DONE,
  FAILED,
  MAIL,
  MOST_REASON,
  NEXT,
  PROGRAM,
  READY,
  REASON,
  RECEIVED,
  REGION,
  SLEEPERS,
  TAKEN,
} from './control.ts'

import { workerHostFunction } from './host-functions.ts'

/** What the main thread posts. */
export type WorkerMessage =
  | {
      readonly kind: 'start'
      readonly memory: WebAssembly.Memory
      readonly control: number
      readonly thread: number
      readonly spinMilliseconds: number
    }
  | {
      readonly kind: 'program'
      readonly number: number
      readonly module: WebAssembly.Module
      readonly host: readonly string[]
    }
  | { readonly kind: 'forget'; readonly number: number }

type Region = (control: number, job: number) => void

/** Stands in for functions that only the main thread calls. */
const notHere = (name: string) => (): never => {
  throw new Error(`worker threads have no function ${name}`)
}

class Server {
  readonly #programs: Map<number, Region[]> = new Map()
  #start: Extract<WorkerMessage, { kind: 'start' }> | null = null
  #cells: Int32Array = new Int32Array(0)
  #received = 0

  receive(message: WorkerMessage): void {
    this.#received++
    if (message.kind === 'start') {
      this.#start = message
      this.#cells = new Int32Array(message.memory.buffer, message.control)
      Atomics.add(this.#cells, READY >> 2, 1)
    } else if (message.kind === 'forget') this.#programs.delete(message.number)
    else this.#programs.set(message.number, this.#instantiate(message))
    Atomics.store(this.#cells, (RECEIVED >> 2) + this.#start!.thread, this.#received)
  }

  #instantiate({ module, host }: Extract<WorkerMessage, { kind: 'program' }>): Region[] {
    const { memory, thread } = this.#start!
    const { exports } = new WebAssembly.Instance(module, {
      m: { memory, thread },
      h: Object.fromEntries(host.map((name) => [name, workerHostFunction(name) ?? notHere(name)])),
    })
    const regions: Region[] = []
    for (let i = 0; exports[`r${i}`]; i++) regions.push(exports[`r${i}`] as Region)
    return regions
  }

  /** Works until there is mail. */
  serve(): void {
    const cells = this.#cells
    const { thread, spinMilliseconds } = this.#start!
    let job = -1
    let turns = 0
    let idleSince = performance.now()
    while (Atomics.load(cells, (MAIL >> 2) + thread) === this.#received) {
      const next = Atomics.load(cells, (NEXT >> 2) + 1)
      if (next !== job) {
        job = next
        this.#work(job)
        idleSince = 0
        turns = 0
      } else if ((++turns & 1023) === 0) {
        if (idleSince === 0) idleSince = performance.now()
        if (performance.now() - idleSince < spinMilliseconds) continue
        this.#sleep(job)
        idleSince = 0
      }
    }
  }

  /** Until the bell rings. */
  #sleep(job: number): void {
    const cells = this.#cells
    const { thread } = this.#start!
    const bell = Atomics.load(cells, BELL >> 2)
    Atomics.add(cells, SLEEPERS >> 2, 1)
    const idle =
      Atomics.load(cells, (NEXT >> 2) + 1) === job &&
      Atomics.load(cells, (MAIL >> 2) + thread) === this.#received
    if (idle) Atomics.wait(cells, BELL >> 2, bell)
    Atomics.sub(cells, SLEEPERS >> 2, 1)
  }

  #work(job: number): void {
    const cells = this.#cells
    const { control, thread } = this.#start!
    const regions = this.#programs.get(Atomics.load(cells, PROGRAM >> 2))
    const region = regions?.[Atomics.load(cells, REGION >> 2)]
    try {
      region?.(control, job)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const length = Math.min(reason.length, MOST_REASON)
      const bytes = new Uint8Array(cells.buffer, control + REASON)
      for (let i = 0; i < length; i++) bytes[4 + i] = reason.charCodeAt(i)
      Atomics.store(cells, REASON >> 2, length)
      Atomics.store(cells, FAILED >> 2, thread)
      Atomics.add(cells, DONE >> 2, Atomics.load(cells, (TAKEN >> 2) + thread))
    }
  }
}

interface Port {
  onmessage: ((event: { readonly data: WorkerMessage }) => void) | null
  postMessage(message: 'ready'): void
}

/** Where messages come from: the global scope of a worker in a page, or Node's parent port. */
function portOfWorker(): Port {
  const realm = globalThis as unknown as Port & {
    process?: { getBuiltinModule?(name: string): { readonly parentPort: Port | null } }
  }
  return realm.process?.getBuiltinModule?.('node:worker_threads').parentPort ?? realm
}

const server = new Server()
const port = portOfWorker()
port.onmessage = ({ data }) => {
  server.receive(data)
  if (data.kind === 'start') port.postMessage('ready')
  server.serve()
}
