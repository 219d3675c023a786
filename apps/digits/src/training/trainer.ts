// The network of the page: learning in short stretches, so that drawings are answered in between; saving, exporting, opening.
import { setThreadCount } from '@dl/backend-cpu'
import { hostArray, type HostArray } from '@dl/data'
import { batches, MnistSplit } from '@dl/data/mnist'
import type { Sequential } from '@dl/layers'
import { exportOnnx, importOnnx } from '@dl/onnx'
import { backends, setBackend, softmax, tensor, tidy } from '@dl/tensor/core'
import { digitNetwork } from './network.ts'
import type { NetworkName, Reply, Settings } from './protocol.ts'
import { readSaved, writeSaved } from './saved.ts'

const BATCH = 64
/** Steps between two messages to the page. */
const STRETCH = 10
/** Stretches between two measurements on unseen digits, and how many digits are looked at. */
const MEASURE_EVERY = 10
const MEASURED = 1000

/** Pixels `[784]` in [0, 1] to ten numbers that a softmax turns into probabilities. */
type Predict = (pixels: Float32Array) => Promise<Float32Array>

export class Trainer {
  readonly #train: MnistSplit
  readonly #test: MnistSplit
  readonly #tell: (reply: Reply) => void
  #network: NetworkName = 'dense'
  #model: Sequential | null = null
  #predict: Predict | null = null
  #stop: AbortController | null = null
  /** Requests about drawings and files, one after the other. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(train: MnistSplit, test: MnistSplit, tell: (reply: Reply) => void) {
    this.#train = train
    this.#test = test
    this.#tell = tell
  }

  /** Trains the current network, or a new one when another was chosen, until done or stopped. */
  async train(settings: Settings): Promise<void> {
    if (this.#stop) return
    const stop = (this.#stop = new AbortController())
    try {
      if (settings.backend === 'cpu') await setThreadCount(settings.threads)
      await this.#moveTo(settings.backend)
      const model = this.#modelFor(settings.network)
      const images = Math.min(settings.images, this.#train.size)
      const split = first(this.#train, images)
      const stretches = Math.ceil((settings.epochs * images) / BATCH / STRETCH)
      await this.#fit(model, split, stretches, stop.signal)
      const accuracy = await this.#accuracy(model, this.#test.size)
      this.#tell({
        type: 'trained',
        stopped: stop.signal.aborted,
        accuracy,
        device: backends.active.description,
      })
    } finally {
      this.#stop = null
    }
  }

  stop(): void {
    this.#stop?.abort()
  }

  forget(): void {
    this.stop()
    this.#model = null
    this.#predict = null
    this.#tell({ type: 'status', text: 'The network was forgotten; train a new one.' })
  }

  /** Values do not move from a device that is only read asynchronously by themselves: they are brought along. */
  async #moveTo(backend: Settings['backend']): Promise<void> {
    if (this.#model && backends.active.name !== backend) {
      const bytes = await this.#model.checkpointToSafetensors()
      await setBackend(backend)
      this.#model = digitNetwork(this.#network)
      await this.#model.loadCheckpoint(bytes)
      this.#predict = null
      return
    }
    await setBackend(backend)
  }

  #modelFor(network: NetworkName): Sequential {
    if (!this.#model || this.#network !== network) {
      this.#model = digitNetwork(network)
      this.#network = network
    }
    this.#predict = null
    return this.#model
  }

  async #fit(model: Sequential, split: MnistSplit, stretches: number, signal: AbortSignal): Promise<void> {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const dataset = batches(split, { size: BATCH, epochs: Infinity, seed }).map(
      ({ images, labels }) => [images, labels] as const,
    )
    let since = performance.now()
    await model.fit(dataset, {
      epochs: stretches,
      stepsPerEpoch: STRETCH,
      signal,
      verbose: 0,
      onEpochEnd: async (stretch, logs) => {
        const milliseconds = (performance.now() - since) / STRETCH
        const measured = stretch % MEASURE_EVERY === 0 || stretch === stretches - 1
        const accuracy = measured ? await this.#accuracy(model, MEASURED) : null
        this.#tell({
          type: 'progress',
          step: (stretch + 1) * STRETCH,
          steps: stretches * STRETCH,
          loss: logs['loss'],
          accuracy,
          millisecondsPerStep: milliseconds,
        })
        await new Promise((resolve) => setTimeout(resolve)) // drawings that wait are answered here
        await this.#queue
        since = performance.now()
      },
    })
  }

  async #accuracy(model: Sequential, count: number): Promise<number> {
    const test = first(this.#test, count)
    const logits = await model.predict(imagesOf(test), { batchSize: 500 })
    const values = (await logits.data()) as Float32Array
    logits.dispose()
    let right = 0
    for (let i = 0; i < count; i++)
      if (argMax(values.subarray(10 * i, 10 * i + 10)) === test.digits[i]) right++
    return right / count
  }

  /** Probabilities of the ten digits, or null while there is no network. */
  predict(pixels: Float32Array): Promise<readonly number[] | null> {
    return this.#inTurn(async () => {
      const predict = (this.#predict ??= this.#model && forwardOf(this.#model))
      if (!predict) return null
      const probabilities = softmax(tensor(await predict(pixels), [1, 10]))
      const values = Array.from(await probabilities.data())
      probabilities.dispose()
      return values
    })
  }

  /** Pixels of some unseen digit. */
  example(digit: number | null): { pixels: Float32Array; digit: number } {
    const from = Math.floor(Math.random() * this.#test.size)
    for (let i = 0; i < this.#test.size; i++) {
      const at = (from + i) % this.#test.size
      if (digit !== null && this.#test.digits[at] !== digit) continue
      const bytes = this.#test.pixels.subarray(784 * at, 784 * (at + 1))
      return { pixels: Float32Array.from(bytes, (b) => b / 255), digit: this.#test.digits[at]! }
    }
    throw new Error(`there is no ${digit} among the test digits`)
  }

  /** Keeps network and optimizer in this browser. */
  async save(): Promise<void> {
    const model = this.#required('save')
    await writeSaved({ network: this.#network, checkpoint: await model.checkpointToSafetensors() })
  }

  async load(): Promise<void> {
    const saved = await readSaved()
    if (!saved) throw new Error('Nothing is saved in this browser yet.')
    this.stop()
    const model = digitNetwork(saved.network)
    await model.loadCheckpoint(saved.checkpoint)
    this.#model = model
    this.#network = saved.network
    this.#predict = null
  }

  /** The network as an ONNX file. */
  export(): Promise<Uint8Array> {
    const model = this.#required('export')
    return this.#inTurn(async () => exportOnnx(model, { outputNames: ['logits'] }))
  }

  /** From now on drawings are answered by this model. */
  async open(bytes: Uint8Array): Promise<string> {
    const model = await importOnnx(bytes)
    const [input] = model.inputs
    const [output] = model.outputs
    if (!input || !output) throw new Error('The model has no input or no output.')
    const predict: Predict = async (pixels) => {
      const results = await model.run({ [input.name]: pixels })
      const result = results[output.name]!
      const values = (await result.data()) as Float32Array
      result.dispose()
      if (values.length !== 10)
        throw new Error(
          `The model answers with ${values.length} numbers; a network for digits answers with 10.`,
        )
      return values
    }
    await predict(new Float32Array(784))
    this.#predict = predict
    return `${input.name} [${(input.shape ?? []).join(', ')}] to ${output.name}`
  }

  #required(what: string): Sequential {
    if (!this.#model) throw new Error(`There is no network to ${what} yet: train one first.`)
    return this.#model
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work)
    this.#queue = turn.catch(() => {})
    return turn
  }
}

function forwardOf(model: Sequential): Predict {
  return async (pixels) => {
    const logits = await model.predict(tidy(() => tensor(pixels, [1, 784])))
    const values = (await logits.data()) as Float32Array
    logits.dispose()
    return values
  }
}

const first = (split: MnistSplit, count: number): MnistSplit =>
  new MnistSplit(split.pixels.subarray(0, 784 * count), split.digits.subarray(0, count))

const imagesOf = ({ pixels, size }: MnistSplit): HostArray =>
  hostArray(
    Float32Array.from(pixels, (b) => b / 255),
    [size, 784],
  )

const argMax = (values: Float32Array): number => values.indexOf(Math.max(...values))
