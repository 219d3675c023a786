// Threads as a user meets them: how many there are, that they are used, that nothing keeps a process alive, that results
// don't depend on them, and that a worker which fails or dies harms one run only.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { ContractKernel, RowKernel } from '@dl/tensor/backend'
import { afterEach, describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { CONTROL_CELL, DONE, NEXT } from '../src/threads/control.ts'
import { workerHostFunction } from '../src/threads/host-functions.ts'
import { WORKER_SOURCE } from '../src/threads/worker-source.ts'
import { Exprs, makeProgram } from './harness.ts'

const N = 1 << 18
const backends: CpuBackend[] = []
function backendWith(...args: ConstructorParameters<typeof CpuBackend>): CpuBackend {
  const backend = new CpuBackend(...args)
  backends.push(backend)
  return backend
}
afterEach(() => backends.splice(0).forEach((b) => b.dispose()))

/** y = exp(x) + x over N elements, x and y given at each run. */
function expKernel(size = N): RowKernel {
  const x = new Exprs(1)
  const a = x.push('float32', { op: 'load', buffer: 0, addr: [0, 1] })
  const e = x.push('float32', { op: 'map', fn: 'exp', args: [a] })
  const s = x.push('float32', { op: 'map', fn: 'add', args: [a, e] })
  return {
    kind: 'row',
    name: 'exp',
    sizes: [size],
    outer: 1,
    exprs: x.list,
    stores: [{ buffer: 1, expr: s, addr: [0, 1] }],
  }
}

function productKernel(n: number): ContractKernel {
  const axis = (stride: number) => ({ sizes: [n], strides: [stride] })
  const none = { sizes: [], strides: [] }
  return {
    kind: 'contract',
    name: 'product',
    dtype: 'float32',
    batch: 1,
    m: n,
    n,
    k: n,
    a: { buffer: 0, base: 0, batch: none, rows: axis(n), ks: axis(1) },
    b: { buffer: 1, base: 0, batch: none, rows: axis(1), ks: axis(n) },
    exprs: [{ op: 'acc', dtype: 'float32', inner: true, phase: 0 }],
    stores: [{ buffer: 2, expr: 0, addr: [0, 0, n, 1] }],
  }
}

interface Ready {
  readonly backend: CpuBackend
  /** Runs exp over fresh input; its result. */
  readonly run: () => Float32Array
  readonly x: number
  readonly y: number
  readonly raw: (x: number, y: number) => void
}

/** A backend with workers that know the program. */
async function ready(
  threads: number,
  tuning: ConstructorParameters<typeof CpuBackend>[1] = {},
): Promise<Ready> {
  const backend = backendWith({ threads: 1 }, { workersFirst: true, ...tuning })
  expect(await backend.setThreadCount(threads)).toBe(threads)
  const program = makeProgram(
    [
      { dtype: 'float32', size: N },
      { dtype: 'float32', size: N },
    ],
    [expKernel()],
  )
  const executable = backend.compile(program)
  const [x, y] = [backend.allocate(4 * N), backend.allocate(4 * N)]
  backend.write(
    x,
    Float32Array.from({ length: N }, (_, i) => (i % 1000) / 500 - 1),
  )
  return {
    backend,
    x,
    y,
    raw: (from, to) => executable.run([from, to], []),
    run: () => {
      backend.write(y, new Float32Array(N))
      executable.run([x, y], [])
      return backend.readSync(y, 'float32', N) as Float32Array
    },
  }
}

/** Equal bit for bit; `toEqual` takes seconds for this. */
const same = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer).equals(Buffer.from(b.buffer))

/** How the message starts when a worker is lost. */
const LOST = '[cpu] a worker thread has ended or hangs'

function thrownBy(body: () => unknown): Error | null {
  try {
    body()
  } catch (error) {
    return error as Error
  }
  return null
}

const sum = (parts: readonly number[]): number => parts.slice(1).reduce((a, b) => a + b, 0)

/** Runs until workers have done parts; false when they don't for long. */
async function worksInParallel({ backend, run }: Ready): Promise<boolean> {
  for (let i = 0; i < 400; i++) {
    run()
    if (sum(backend.partsDone) > 0) return true
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return false
}

describe('the number of threads', () => {
  it('is what was asked for, and the description says it', async () => {
    const { backend, run } = await ready(2)
    expect(backend.description).toMatch(/, 2 threads$/)
    const two = run()
    expect(await backend.setThreadCount(3)).toBe(3)
    expect(backend.threads).toBe(3)
    const three = run()
    expect(await backend.setThreadCount(1)).toBe(1)
    expect(backend.description).toMatch(/, 1 thread$/)
    expect(backend.partsDone).toEqual([])
    expect(same(three, two)).toBe(true)
    expect(same(run(), two)).toBe(true)
  })

  it.each([0, -1, 1.5, 17, Number.NaN])('is not %s', (count) => {
    const message = `[cpu] the number of threads is a whole number from 1 to 16; it was ${count}`
    expect(() => new CpuBackend({ threads: count })).toThrow(new RangeError(message))
    expect(() => backendWith().setThreadCount(count)).toThrow(new RangeError(message))
  })

  it('is one without shared memory', async () => {
    const { SharedArrayBuffer: real } = globalThis
    try {
      ;(globalThis as { SharedArrayBuffer?: unknown }).SharedArrayBuffer = undefined
      const backend = backendWith({ threads: 4 })
      expect(backend.ready).toBe(true)
      expect(backend.threads).toBe(1)
      expect(backend.description).toMatch(/, 1 thread$/)
      expect(await backend.setThreadCount(2)).toBe(1)
    } finally {
      globalThis.SharedArrayBuffer = real
    }
  })
})

describe('workers', () => {
  it('take parts of large programs and none of small ones', async () => {
    const here = await ready(2)
    expect(await worksInParallel(here)).toBe(true)
    const small = here.backend.compile(
      makeProgram(
        [
          { dtype: 'float32', size: 100 },
          { dtype: 'float32', size: 100 },
        ],
        [expKernel(100)],
      ),
    )
    const before = [...here.backend.partsDone]
    for (let i = 0; i < 100; i++) small.run([here.x, here.y], [])
    expect(here.backend.partsDone).toEqual(before)
  })

  it('start by themselves when there has been enough work', async () => {
    const backend = backendWith({ threads: 2 })
    const program = makeProgram(
      [
        { dtype: 'float32', size: N },
        { dtype: 'float32', size: N },
      ],
      [expKernel()],
    )
    const executable = backend.compile(program)
    const [x, y] = [backend.allocate(4 * N), backend.allocate(4 * N)]
    executable.run([x, y], [])
    expect(backend.partsDone).toEqual([])
    for (let i = 0; i < 400 && sum(backend.partsDone) === 0; i++) {
      for (let j = 0; j < 10; j++) executable.run([x, y], [])
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(sum(backend.partsDone)).toBeGreaterThan(0)
  })

  it('see memory that has grown since they started', async () => {
    const here = await ready(2, { splitFrom: 0 })
    const expected = here.run()
    const before = here.backend.memory().reservedBytes
    const far = here.backend.allocate(64 << 20)
    expect(here.backend.memory().reservedBytes).toBeGreaterThan(before)
    const [x, y] = [far + (32 << 20), far + (48 << 20)]
    here.backend.copy(here.x, x, 4 * N)
    here.raw(x, y)
    expect(same(here.backend.readSync(y, 'float32', N) as Float32Array, expected)).toBe(true)
    expect(sum(here.backend.partsDone)).toBeGreaterThan(0)
  })

  it('give all their memory back', async () => {
    const backend = backendWith({ threads: 1 })
    const { liveBytes, buffers } = (backend.allocate(8), backend.memory())
    await backend.setThreadCount(3)
    expect(backend.memory().liveBytes).toBeGreaterThan(liveBytes)
    await backend.setThreadCount(1)
    expect(backend.memory().liveBytes).toBe(liveBytes)
    expect(backend.memory().buffers).toBe(buffers)
  })

  it('have the program that is written in worker.ts', async () => {
    const path = '../scripts/inline-worker.mjs'
    const { inlineWorker } = (await import(path)) as { inlineWorker: () => string }
    expect(inlineWorker()).toContain(WORKER_SOURCE.replaceAll('\\', '\\\\').replaceAll("'", "\\'"))
  })

  it('compute host functions as the main thread does', async () => {
    const { SCALARS } = await import('@dl/tensor/backend')
    for (const fn of ['exp', 'log', 'tanh', 'sigmoid', 'sin', 'cos', 'pow', 'rem'] as const)
      for (const x of [-7.3, -1, 0, 0.3, 2, 5e4, Infinity, Number.NaN])
        expect(workerHostFunction(fn)!(x, 1.7)).toBe(SCALARS[fn].js(x, 1.7))
    expect(workerHostFunction('erf')).toBeUndefined()
  })
})

describe('a product', () => {
  it('has the same bits on one, two and three threads', async () => {
    const results: Float32Array[] = []
    for (const n of [200, 331])
      for (const threads of [1, 2, 3]) {
        const backend = backendWith({ threads: 1 }, { workersFirst: true })
        await backend.setThreadCount(threads)
        const size = { dtype: 'float32', size: n * n } as const
        const executable = backend.compile(makeProgram([size, size, size], [productKernel(n)]))
        const pointers = [1, 2, 3].map((salt) => {
          const at = backend.allocate(4 * n * n)
          backend.write(
            at,
            Float32Array.from({ length: n * n }, (_, i) => Math.sin(i * salt)),
          )
          return at
        })
        for (let i = 0; i < 500; i++) {
          executable.run(pointers, [])
          if (threads === 1 || sum(backend.partsDone) > 0) break
        }
        expect(sum(backend.partsDone) > 0).toBe(threads > 1)
        results.push(backend.readSync(pointers[2]!, 'float32', n * n) as Float32Array)
      }
    const [a1, a2, a3, b1, b2, b3] = results as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    expect([same(a2, a1), same(a3, a1), same(b2, b1), same(b3, b1)]).toEqual([true, true, true, true])
  })
})

describe('a failure', () => {
  it('in a worker or the main thread is one error, and the next run works: 50 times', async () => {
    const here = await ready(2)
    const expected = here.run()
    const end = here.backend.memory().reservedBytes
    const kinds = { worker: 0, main: 0 }
    for (let i = 0; i < 50; i++) {
      // the second half of the output lies behind the end of memory
      const error = thrownBy(() => here.raw(here.x, end - 2 * N))
      if (error?.message.startsWith('[cpu] worker thread 1 failed: ')) kinds.worker++
      if (error instanceof WebAssembly.RuntimeError) kinds.main++
      expect(same(here.run(), expected)).toBe(true)
    }
    expect(kinds.worker + kinds.main).toBe(50)
    expect(kinds.worker).toBeGreaterThan(0)
    expect(here.backend.partsDone.length).toBe(2)
  }, 60_000)

  it('that ends a worker between runs leaves a backend that works, and a new worker: 40 times', async () => {
    const workers: Worker[] = []
    const collect = (worker: Worker): void => void workers.push(worker)
    process.on('worker', collect)
    try {
      const here = await ready(2, { patience: 200 })
      const expected = here.run()
      for (let i = 0; i < 40; i++) {
        expect(await worksInParallel(here)).toBe(true)
        const ending = workers.at(-1)!.terminate()
        for (let j = 0; j < 3; j++) {
          let right = true
          const error = thrownBy(() => (right = same(here.run(), expected)))
          expect(error?.message ?? LOST).toMatch(LOST)
          expect(right).toBe(true)
        }
        await ending
        expect(same(here.run(), expected)).toBe(true)
      }
    } finally {
      process.off('worker', collect)
    }
  }, 60_000)

  it('of a worker that took a part and never comes back is noticed: 10 times', async () => {
    const { backend, run, raw, x, y } = await ready(2, { patience: 50 })
    const expected = run()
    for (let i = 0; i < 10; i++) {
      await backend.setThreadCount(2)
      const thief = await thiefOf(backend)
      let error: Error | null = null
      for (let j = 0; j < 1000 && !error; j++) error = thrownBy(() => raw(x, y))
      expect(error?.message).toMatch(`${LOST}: no progress for 50 ms`)
      expect(same(run(), expected)).toBe(true)
      await thief.terminate()
    }
  }, 60_000)
})

/** A thread that takes a chunk of some job and drops it, as a worker does that dies at work. */
async function thiefOf(backend: CpuBackend): Promise<Worker> {
  const memory = backend.sharedMemory!
  const control = new Int32Array(memory.buffer)[CONTROL_CELL >> 2]!
  const source = `
    const { workerData: { memory, control }, parentPort } = require('node:worker_threads')
    const next = new BigInt64Array(memory.buffer, control + ${NEXT}, 1)
    parentPort.postMessage('ready')
    for (;;) {
      const seen = Atomics.load(next, 0)
      const left = seen & 0xffffffffn
      if (left > 0n && Atomics.compareExchange(next, 0, seen, seen - 1n) === seen) break
    }`
  const thief = new Worker(source, { eval: true, workerData: { memory, control } })
  await new Promise((resolve) => thief.once('message', resolve))
  expect(DONE).not.toBe(NEXT)
  return thief
}

describe('a process', () => {
  it('ends by itself while workers sleep, and takes DL_THREADS', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dl-threads-'))
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const { buildSync } = createRequire(createRequire(join(root, 'package.json')).resolve('tsup'))(
      'esbuild',
    ) as { buildSync: (options: object) => void }
    try {
      const outfile = join(folder, 'program.mjs')
      buildSync({
        stdin: {
          contents: `
            import { cpuBackend, setThreadCount } from '@dl/backend-cpu'
            import { matMul, ones } from '@dl/tensor'
            const x = ones([256, 256])
            for (let i = 0; i < 20; i++) matMul(x, x).dataSync()
            if (process.env.WAIT) await setThreadCount(3)
            console.log(cpuBackend.description, cpuBackend.partsDone.length, matMul(x, x).dataSync()[0])`,
          resolveDir: fileURLToPath(new URL('.', import.meta.url)),
        },
        outfile,
        bundle: true,
        format: 'esm',
        platform: 'node',
        conditions: ['@dl/source'],
      })
      for (const [env, printed] of [
        [{ DL_THREADS: '2' }, /, 2 threads 2 256\n$/],
        [{ DL_THREADS: '1' }, /, 1 thread 0 256\n$/],
        [{ DL_THREADS: '2', WAIT: '1' }, /, 3 threads 3 256\n$/],
      ] as const) {
        const { stdout, stderr, status } = spawnSync(process.execPath, [outfile], {
          env: { ...process.env, ...env },
          encoding: 'utf8',
          timeout: 30_000,
        })
        expect([status, stderr]).toEqual([0, ''])
        expect(stdout).toMatch(printed)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }, 90_000)
})
