// The worker behind the page: receives requests, owns the trainer, reports. Everything that computes happens here.
/// <reference lib="webworker" />
import '@dl/backend-webgpu'
import { mnist } from '@dl/data/mnist'
import { setBackend } from '@dl/tensor/core'
import type { Choice, Reply, Request } from './protocol.ts'
import { readSaved } from './saved.ts'
import { Trainer } from './trainer.ts'

declare const self: DedicatedWorkerGlobalScope

const tell = (reply: Reply): void => self.postMessage(reply)
const problem = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What this browser computes on, best first. */
async function choices(): Promise<Choice[]> {
  const found: Choice[] = []
  try {
    await setBackend('webgpu')
    found.push({ backend: 'webgpu', threads: 1, label: 'GPU (WebGPU)' })
  } catch {
    // no WebGPU here
  }
  const threads = self.crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency) : 1
  if (threads > 1) found.push({ backend: 'cpu', threads, label: `CPU, ${threads} threads` })
  found.push({ backend: 'cpu', threads: 1, label: 'CPU, one thread' })
  await setBackend('cpu')
  return found
}

async function start(): Promise<Trainer> {
  const { train, test } = await mnist({ from: new URL('./digits/', pageAddress()) })
  const trainer = new Trainer(train, test, tell)
  tell({ type: 'ready', choices: await choices(), saved: (await readSaved()) !== undefined })
  return trainer
}

/** The folder of the page; the worker's own file lies in a folder of its own. */
const pageAddress = (): URL => new URL(decodeURIComponent(self.name))

const ready = start()

async function answer(request: Request): Promise<void> {
  const trainer = await ready
  switch (request.type) {
    case 'train':
      return trainer.train(request.settings)
    case 'stop':
      return trainer.stop()
    case 'forget':
      return trainer.forget()
    case 'predict': {
      const probabilities = await trainer.predict(request.pixels)
      return tell({ type: 'prediction', probabilities: probabilities ?? [], id: request.id })
    }
    case 'example':
      return tell({ type: 'example', ...trainer.example(request.digit) })
    case 'save':
      await trainer.save()
      return tell({ type: 'kept', text: 'Saved in this browser.' })
    case 'load':
      await trainer.load()
      return tell({ type: 'kept', text: 'Loaded. Training goes on from here.' })
    case 'export':
      return tell({ type: 'exported', bytes: await trainer.export() })
    case 'import': {
      const signature = await trainer.open(request.bytes)
      return tell({ type: 'kept', text: `Drawings are now read by ${request.name}: ${signature}.` })
    }
  }
}

self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  answer(data).catch((error: unknown) => tell({ type: 'failed', text: problem(error) }))
})
ready.catch((error: unknown) =>
  tell({ type: 'failed', text: `The digits could not be loaded: ${problem(error)}` }),
)
