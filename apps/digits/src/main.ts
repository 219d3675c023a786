// The page: controls, charts and the drawing area on one side, the worker with the network on the other.
import { Pad } from './drawing/pad.ts'
import { Chart } from './page/chart.ts'
import { Probabilities } from './page/probabilities.ts'
import type { BackendName, Choice, NetworkName, Reply, Request } from './training/protocol.ts'

const EPOCHS = 3
const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T
const percent = (v: number): string => `${(100 * v).toFixed(1)} %`

const status = element('status')
const progress = element<HTMLProgressElement>('progress')
const [train, stop] = [element<HTMLButtonElement>('train'), element<HTMLButtonElement>('stop')]
const backendChoice = element<HTMLSelectElement>('backend')
const kept = element('kept')
const lossChart = new Chart(element('loss-chart'), 'Loss', [0, null], (v) => v.toFixed(1))
const accuracyChart = new Chart(
  element('accuracy-chart'),
  'Accuracy',
  [0, 1],
  (v) => `${Math.round(100 * v)} %`,
)
const probabilities = new Probabilities(element('probabilities'), element('answer'))

// The name tells the worker where the page is: its own file lies elsewhere.
const worker = new Worker(new URL('./training/worker.ts', import.meta.url), {
  type: 'module',
  name: encodeURIComponent(document.baseURI),
})
const ask = (request: Request): void => worker.postMessage(request)

// ---- drawing: one question at a time, the newest drawing next
let asked = 0
let answered = 0
let waiting = false
function askAboutDrawing(): void {
  if (pad.isEmpty) return probabilities.show([])
  if (asked !== answered) {
    waiting = true
    return
  }
  waiting = false
  ask({ type: 'predict', pixels: pad.digit(), id: ++asked })
}
const pad: Pad = new Pad(
  element<HTMLCanvasElement>('pad'),
  () => queueMicrotask(askAboutDrawing),
  (digit) => ask({ type: 'example', digit }),
)

// ---- what the worker says
let choices: readonly Choice[] = []
/** Steps of earlier trainings of this network. */
let before = 0
let latest = 0

function onReady(found: readonly Choice[], saved: boolean): void {
  choices = found
  backendChoice.replaceChildren(...found.map(({ label }, i) => new Option(label, String(i))))
  status.textContent = `Ready${saved ? '. A network is saved in this browser' : ''}.`
  train.disabled = false
  // only now: keeping all files for later must not compete with loading them
  if (import.meta.env.PROD && 'serviceWorker' in navigator)
    void navigator.serviceWorker.register('./offline.js')
}

function onProgress(reply: Extract<Reply, { type: 'progress' }>): void {
  latest = before + reply.step
  progress.value = reply.step / reply.steps
  element('loss').textContent = reply.loss.toFixed(3)
  lossChart.add(latest, reply.loss)
  if (reply.accuracy !== null) {
    element('accuracy').textContent = percent(reply.accuracy)
    accuracyChart.add(latest, reply.accuracy)
  }
  status.textContent = `Step ${reply.step} of ${reply.steps}, ${reply.millisecondsPerStep.toFixed(1)} ms each`
  if (!pad.isEmpty) askAboutDrawing()
}

function setTraining(on: boolean): void {
  train.disabled = on
  stop.disabled = !on
  train.textContent = on ? 'Training…' : 'Train on'
}

function download(bytes: Uint8Array): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(
    new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }),
  )
  link.download = 'digits.onnx'
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  kept.textContent = `digits.onnx has ${bytes.length.toLocaleString('en')} bytes.`
}

function onReply(reply: Reply): void {
  switch (reply.type) {
    case 'ready':
      return onReady(reply.choices, reply.saved)
    case 'status':
      status.textContent = reply.text
      return
    case 'progress':
      return onProgress(reply)
    case 'trained':
      before = latest
      setTraining(false)
      status.textContent = `${reply.stopped ? 'Stopped' : 'Done'}: ${percent(reply.accuracy)} of 10,000 unseen digits read right. Computed by ${reply.device}.`
      return askAboutDrawing()
    case 'prediction':
      answered = reply.id
      probabilities.show(reply.probabilities, 'There is no network yet: train one, load one or open a file.')
      if (waiting) askAboutDrawing()
      return
    case 'example':
      return pad.show(reply.pixels)
    case 'exported':
      return download(reply.bytes)
    case 'kept':
      kept.textContent = reply.text
      return askAboutDrawing()
    case 'failed':
      answered = asked
      setTraining(false)
      status.textContent = reply.text
      kept.textContent = reply.text
  }
}
worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => onReply(data))
worker.addEventListener('error', (event) =>
  onReply({ type: 'failed', text: `The worker failed: ${event.message}` }),
)

// ---- controls
element<HTMLFormElement>('settings').addEventListener('submit', (event) => {
  event.preventDefault()
  const { backend, threads } = choices[Number(backendChoice.value)]!
  setTraining(true)
  status.textContent = 'The first step compiles the network…'
  ask({
    type: 'train',
    settings: {
      backend: backend satisfies BackendName,
      threads,
      network: element<HTMLSelectElement>('network').value as NetworkName,
      images: element<HTMLInputElement>('images').valueAsNumber,
      epochs: EPOCHS,
    },
  })
})
const on = (id: string, work: () => void): void => element(id).addEventListener('click', work)
on('stop', () => ask({ type: 'stop' }))
on('forget', () => {
  before = latest = 0
  lossChart.clear()
  accuracyChart.clear()
  progress.value = 0
  ask({ type: 'forget' })
})
on('clear', () => pad.clear())
on('example', () => ask({ type: 'example', digit: null }))
on('save', () => ask({ type: 'save' }))
on('load', () => ask({ type: 'load' }))
on('export', () => ask({ type: 'export' }))
element<HTMLInputElement>('import').addEventListener('change', async ({ target }) => {
  const [file] = (target as HTMLInputElement).files ?? []
  if (file) ask({ type: 'import', bytes: new Uint8Array(await file.arrayBuffer()), name: file.name })
})
train.disabled = true
