// Which digits are shown after training.
import { expect, test } from 'vitest'
import { firstOfEach, mostLikely, surestMistakes } from '../src/predictions.ts'

const row = (digit: number, p: number): number[] =>
  Array.from({ length: 10 }, (_, i) => (i === digit ? p : (1 - p) / 9))
const shown = [3, 3, 5, 3, 7, 5]
const said = [row(3, 0.9), row(5, 0.6), row(5, 0.5), row(8, 0.95), row(7, 0.4), row(3, 0.3)].flat()
const images = {
  digits: Uint8Array.from(shown),
  pixels: Uint8Array.from({ length: 6 * 784 }, (_, i) => Math.floor(i / 784)),
}
const predictions = mostLikely(Float32Array.from(said))

test('the most likely class and its probability', () => {
  expect([...predictions.digits]).toEqual([3, 5, 5, 8, 7, 3])
  expect([...predictions.confidence]).toEqual([0.9, 0.6, 0.5, 0.95, 0.4, 0.3].map(Math.fround))
})

test('the first image of each digit', () => {
  const digits = firstOfEach(images, predictions, 4)
  expect(digits.map(({ label, predicted }) => [label, predicted])).toEqual([
    [3, 3],
    [5, 5],
    [7, 7],
  ])
  expect(digits[1]!.pixels.every((byte) => byte === 2)).toBe(true)
})

test('the mistakes, surest first', () => {
  const mistakes = surestMistakes(images, predictions, 2)
  expect(mistakes.map(({ label, predicted }) => [label, predicted])).toEqual([
    [3, 8],
    [3, 5],
  ])
  expect(surestMistakes(images, predictions, 9)).toHaveLength(3)
})
