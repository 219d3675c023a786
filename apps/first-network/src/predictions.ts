// What the network says about images, on the host: the digit it takes each for, and how sure it is.
import type { DrawnDigit } from './digits.ts'

const CLASSES = 10

export interface Predictions {
  /** `[n]` digits. */
  readonly digits: Uint8Array
  /** `[n]` probabilities of these digits. */
  readonly confidence: Float32Array
}

/** The most likely class of each row of `probabilities`, `[n · 10]`. */
export function mostLikely(probabilities: Float32Array): Predictions {
  const n = probabilities.length / CLASSES
  const digits = new Uint8Array(n)
  const confidence = new Float32Array(n)
  for (let i = 0; i < n; i++) {
    const row = probabilities.subarray(i * CLASSES, (i + 1) * CLASSES)
    row.forEach((p, digit) => {
      if (p <= confidence[i]!) return
      confidence[i] = p
      digits[i] = digit
    })
  }
  return { digits, confidence }
}

/** Images as bytes, `[n · 784]`, and what they show, `[n]`. */
export interface LabelledImages {
  readonly pixels: Uint8Array
  readonly digits: Uint8Array
}

function drawn(images: LabelledImages, predictions: Predictions, i: number): DrawnDigit {
  return {
    pixels: images.pixels.subarray(i * 784, (i + 1) * 784),
    label: images.digits[i]!,
    predicted: predictions.digits[i]!,
    confidence: predictions.confidence[i]!,
  }
}

/** The first `count` images, each of another digit as long as there are ten. */
export function firstOfEach(images: LabelledImages, predictions: Predictions, count: number): DrawnDigit[] {
  const chosen: number[] = []
  for (let i = 0; i < images.digits.length && chosen.length < count; i++) {
    const known = chosen.slice(Math.floor(chosen.length / CLASSES) * CLASSES)
    if (known.every((j) => images.digits[j] !== images.digits[i])) chosen.push(i)
  }
  return chosen.map((i) => drawn(images, predictions, i))
}

/** The `count` wrong answers of which the network was most sure. */
export function surestMistakes(
  images: LabelledImages,
  predictions: Predictions,
  count: number,
): DrawnDigit[] {
  return Array.from(images.digits, (label, i) => ({ i, wrong: label !== predictions.digits[i] }))
    .filter(({ wrong }) => wrong)
    .toSorted((a, b) => predictions.confidence[b.i]! - predictions.confidence[a.i]!)
    .slice(0, count)
    .map(({ i }) => drawn(images, predictions, i))
}
