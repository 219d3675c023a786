// The confusion matrix: counts, the pairs mixed up most, and how it reads.
import { expect, test } from 'vitest'
import { commonConfusions, confusionMatrix, drawConfusion } from '../src/confusion.ts'
import { visibleLength } from '../src/terminal.ts'

const labels = [0, 0, 0, 4, 4, 4, 4, 9, 9, 7]
const predicted = [0, 0, 6, 4, 9, 9, 4, 9, 4, 7]

test('rows are what is shown, columns what was predicted', () => {
  const matrix = confusionMatrix(labels, predicted)
  expect(matrix[0]).toEqual([2, 0, 0, 0, 0, 0, 1, 0, 0, 0])
  expect(matrix[4]).toEqual([0, 0, 0, 0, 2, 0, 0, 0, 0, 2])
  expect(matrix[9]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
  expect(matrix.flat().reduce((a, b) => a + b)).toBe(labels.length)
})

test('the most common confusions come first, right answers never', () => {
  const matrix = confusionMatrix(labels, predicted)
  expect(commonConfusions(matrix, 2)).toEqual([
    { label: 4, predicted: 9, count: 2 },
    { label: 0, predicted: 6, count: 1 },
  ])
  expect(commonConfusions(confusionMatrix([1, 2], [1, 2]), 3)).toEqual([])
})

test.each([1, 4, 24] as const)('every line of the drawing fits into 80 columns at depth %d', (depth) => {
  const thousand = confusionMatrix(
    Array.from({ length: 10_000 }, (_, i) => i % 10),
    Array.from({ length: 10_000 }, (_, i) => (i % 97 === 0 ? 3 : i % 10)),
  )
  const lines = drawConfusion(thousand, { depth, columns: 80 }).split('\n')
  for (const line of lines) expect(visibleLength(line)).toBeLessThanOrEqual(80)
  expect(lines[1]).toMatch(/^true │ +0 +1 +2 +3 +4 +5 +6 +7 +8 +9/)
  expect(lines.join('\n').includes('\u001B')).toBe(depth > 1)
})

test('shares: found by row, right by column', () => {
  const text = drawConfusion(confusionMatrix(labels, predicted), { depth: 1, columns: 80 })
  expect(text).toMatch(/0 {2}│ +2 .* 66\.7 %/)
  expect(text).toMatch(/9 {2}│ .* 50\.0 %/)
  expect(text).toMatch(/1 {2}│ .* –/)
  expect(text.split('\n').at(-1)).toMatch(/right│ +100 +– +– +– +67/)
})
