// The table that `summary()` prints, as Keras 3 draws it.
import type { Variable } from '@dl/tensor/core'
import type { Layer, NamedVariable } from './layer.ts'
import type { LayerShape } from './shapes.ts'

export interface SummaryRow {
  readonly name: string
  /** Null for an input. */
  readonly layer: Layer | null
  readonly outputShape: LayerShape | null
  /** Names of the layers before it; empty in a chain. */
  readonly connectedTo: readonly string[]
  /** A layer that has a row already: its parameters are not counted again. */
  readonly repeated?: boolean
}

export interface SummaryOptions {
  /** Takes the lines; default console.log. */
  readonly print?: ((line: string) => void) | undefined
}

export interface Summarized {
  readonly name: string
  readonly rows: readonly SummaryRow[]
  readonly variables: readonly NamedVariable[]
  readonly optimizerVariables: readonly Variable[]
}

const HEADS = ['Layer (type)', 'Output Shape', 'Param #', 'Connected to'] as const

/** Prints name, table and totals. */
export function printSummary(model: Summarized, options: SummaryOptions): void {
  const { print = console.log } = options
  const branched = model.rows.some((row) => row.connectedTo.length > 1)
  const table = model.rows.map((row) => cells(row, branched))
  const heads = HEADS.slice(0, branched ? 4 : 3)
  const least = branched ? [19, 17, 12, 18] : [31, 22, 13]
  const widths = heads.map((head, i) =>
    Math.max(least[i]!, head.length, ...table.map((row) => row[i]!.length)),
  )
  const line = (left: string, fill: string, middle: string, right: string): string =>
    left + widths.map((w) => fill.repeat(w + 2)).join(middle) + right
  const row = (bar: string, content: readonly string[]): string =>
    bar +
    content.map((cell, i) => ` ${i === 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)} `).join(bar) +
    bar
  print(`Model: "${model.name}"`)
  print(line('┏', '━', '┳', '┓'))
  print(row('┃', heads))
  print(line('┡', '━', '╇', '┩'))
  table.forEach((content, i) => {
    if (i > 0) print(line('├', '─', '┼', '┤'))
    print(row('│', content))
  })
  print(line('└', '─', '┴', '┘'))
  for (const total of totals(model)) print(total)
}

function cells(row: SummaryRow, branched: boolean): string[] {
  const { layer, outputShape } = row
  const shape = outputShape ? tuple(outputShape) : '?'
  const params =
    !layer || row.repeated ? '0' : layer.built ? layer.countParams().toLocaleString('en-US') : '0 (unbuilt)'
  const content = [`${row.name} (${layer?.className ?? 'InputLayer'})`, shape, params]
  return branched ? [...content, row.connectedTo.join(', ') || '-'] : content
}

const tuple = (shape: LayerShape): string =>
  `(${shape.map((d) => d ?? 'None').join(', ')}${shape.length === 1 ? ',' : ''})`

function totals({ variables, optimizerVariables }: Summarized): string[] {
  const weights = variables.filter((w) => w.kind === 'weight')
  const sum = (what: string, list: readonly Variable[]): string => {
    const count = list.reduce((n, v) => n + v.size, 0)
    return ` ${what}: ${count.toLocaleString('en-US')} (${bytes(list.reduce((n, v) => n + v.size * BYTES[v.dtype as string]!, 0))})`
  }
  const of = (list: readonly NamedVariable[]): Variable[] => list.map((w) => w.variable)
  const lines = [
    sum('Total params', [...of(weights), ...optimizerVariables]),
    sum('Trainable params', of(weights.filter((w) => w.trainable))),
    sum('Non-trainable params', of(weights.filter((w) => !w.trainable))),
  ]
  return optimizerVariables.length > 0 ? [...lines, sum('Optimizer params', optimizerVariables)] : lines
}

const BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
}

/** `397.54 KB`, as Keras writes it. */
function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let size = count
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return `${size.toFixed(2)} ${units[unit]}`
}
