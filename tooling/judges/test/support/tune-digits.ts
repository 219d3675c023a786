// The tuning that tooling/fixtures/digits_cnn.py does with PyTorch, as a user writes it, for Node and browsers: the network for
// the digits 0 to 7 is cut before its head, gets a ten-class head, goes five steps on test digits, and is exported.
import { SparseCategoricalCrossentropy } from '@dl/losses'
import { layers, sequential } from '@dl/layers'
import { exportOnnx, importOnnx } from '@dl/onnx'
import { tensor, type Tensor } from '@dl/tensor/core'
import fixture from '../fixtures/digits-tuning.json' with { type: 'json' }

/** What PyTorch found. */
export const pytorch: typeof fixture = fixture

/** Test digits as bytes, `[n · 784]`, and their classes. */
export interface Digits {
  readonly pixels: Uint8Array
  readonly digits: Uint8Array
}

const STEPS = 5
const BATCH = 64

/** The digits `from` up to `to` as intensities, `[n, 1, 28, 28]`. */
export const imagesOf = ({ pixels }: Digits, from: number, to: number): Tensor =>
  tensor(
    Float32Array.from(pixels.subarray(from * 784, to * 784), (ink) => ink / 255),
    [to - from, 1, 28, 28],
  )

/** A first value of the head that both sides can compute. */
const waves = {
  name: 'waves',
  config: {},
  init: (shape: readonly number[]): Tensor => {
    const values = Float32Array.from(
      { length: shape[0]! * shape[1]! },
      (_, i) => 0.01 * Math.sin(1.7 * i + 0.3),
    )
    return tensor(values, [...shape])
  },
}

export interface Tuned {
  /** Of each step, before it. */
  readonly losses: readonly number[]
  /** `[16 · 10]`: logits of the test digits 320 to 335 afterwards. */
  readonly outputs: readonly number[]
  /** The tuned network. */
  readonly bytes: Uint8Array
}

/**
 * @param part `head`: the imported part is frozen; `all`: everything learns, BatchNormalization sees statistics of the batch
 */
export async function tuneDigits(file: Uint8Array, digits: Digits, part: 'head' | 'all'): Promise<Tuned> {
  const features = (await importOnnx(file)).cut('/Flatten_output_0')
  features.trainable = part === 'all'
  const network = sequential([features, layers.dense({ units: 10, kernelInitializer: waves })])
  network.compile({
    optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9 },
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
  })
  const losses: number[] = []
  for (let from = 0; from < STEPS * BATCH; from += BATCH) {
    const labels = digits.digits.subarray(from, from + BATCH)
    const { loss } = await network.trainOnBatch(imagesOf(digits, from, from + BATCH), Int32Array.from(labels))
    losses.push(loss)
  }
  const rest = imagesOf(digits, STEPS * BATCH, STEPS * BATCH + 16)
  const outputs = await (await network.predict(rest)).data()
  return { losses, outputs: Array.from(outputs as Float32Array), bytes: exportOnnx(network) }
}

/** Largest difference of two lists of numbers. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
}
