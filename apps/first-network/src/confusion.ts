// The confusion matrix: how often each digit was taken for each other one.
import type { Terminal } from './terminal.ts'
import { paint, percent } from './terminal.ts'

const CLASSES = 10

/** `[10][10]` counts: row = the digit that is shown, column = the digit that was predicted. */
export type ConfusionMatrix = readonly (readonly number[])[]

/** Counts pairs of labels and predictions, both `[n]` integers 0 … 9. */
export function confusionMatrix(labels: ArrayLike<number>, predicted: ArrayLike<number>): ConfusionMatrix {
  const counts = Array.from({ length: CLASSES }, () => Array.from({ length: CLASSES }, () => 0))
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]![predicted[i]!]!++
  return counts
}

export interface Confusion {
  readonly label: number
  readonly predicted: number
  readonly count: number
}

/** The pairs that were mixed up most often, most frequent first. */
export function commonConfusions(matrix: ConfusionMatrix, count: number): Confusion[] {
  return matrix
    .flatMap((row, label) => row.map((n, predicted) => ({ label, predicted, count: n })))
    .filter((pair) => pair.label !== pair.predicted && pair.count > 0)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, count)
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const rate = (part: number, whole: number): string => (whole === 0 ? '–' : percent(part / whole, 1))

/** The matrix as text: counts, how much of each digit was found, how far each prediction is to be trusted. */
export function drawConfusion(matrix: ConfusionMatrix, terminal: Terminal): string {
  const width = Math.max(5, ...matrix.flat().map((n) => String(n).length + 2))
  const numbers = matrix.map((_, i) => String(i).padStart(width)).join('')
  const largest = Math.max(1, ...commonConfusions(matrix, 1).map(({ count }) => count))
  const lines = matrix.map((row, label) => {
    const cells = row.map((n, predicted) => drawCount(n, label === predicted, n / largest, width, terminal))
    return `  ${label}  │${cells.join('')}  │ ${rate(row[label]!, sum(row)).padStart(8)}`
  })
  const columns = matrix.map((row, j) => [row[j]!, sum(matrix.map((other) => other[j]!))] as const)
  const precision = columns.map(([right, all]) =>
    (all === 0 ? '–' : (100 * (right / all)).toFixed(0)).padStart(width),
  )
  return [
    paint(terminal, 'dim', `     │${'predicted'.padStart((width * CLASSES) / 2 + 4)}`),
    `true │${numbers}  │    found`,
    `─────┼${'─'.repeat(width * CLASSES + 2)}┼─────────`,
    ...lines,
    `─────┼${'─'.repeat(width * CLASSES + 2)}┼─────────`,
    `right│${precision.join('')} %│`,
  ].join('\n')
}

function drawCount(n: number, right: boolean, weight: number, width: number, terminal: Terminal): string {
  const text = (n === 0 ? '·' : String(n)).padStart(width)
  if (right) return paint(terminal, 'green', text)
  if (n === 0) return paint(terminal, 'dim', text)
  return weight > 0.5 ? paint(terminal, 'red', text) : weight > 0.2 ? paint(terminal, 'yellow', text) : text
}
