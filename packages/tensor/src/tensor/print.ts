// Values as text for people: numbers aligned in columns, long axes shortened.
import type { DType, Element, TypedArray } from '../graph/dtype.ts'
import { type Dims, rowMajor } from '../graph/shape.ts'

const EDGE = 3
const LIMIT = 20

const formatElement = (v: Element, dtype: DType): string => {
  if (dtype === 'bool') return v ? 'true' : 'false'
  if (typeof v === 'bigint' || Number.isInteger(v)) return String(v)
  return String(Number(v.toPrecision(7)))
}

/** Text of a tensor's values; `verbose` adds dtype, rank and shape, as tfjs prints them. */
export function formatTensor(data: TypedArray, shape: Dims, dtype: DType, verbose = false): string {
  const strides = rowMajor(shape)
  const shown = (axis: number): number[] => {
    const n = shape[axis]!
    if (n <= LIMIT) return Array.from({ length: n }, (_, i) => i)
    return [
      ...Array.from({ length: EDGE }, (_, i) => i),
      -1,
      ...Array.from({ length: EDGE }, (_, i) => n - EDGE + i),
    ]
  }
  const cells = new Map<number, string>()
  const columns = shape.at(-1) ?? 1
  const widths = new Map<number, number>()
  const collect = (axis: number, at: number): void => {
    if (axis === shape.length) {
      const text = formatElement(data[at]!, dtype)
      cells.set(at, text)
      // a vector has nothing to align with
      if (shape.length > 1) widths.set(at % columns, Math.max(widths.get(at % columns) ?? 0, text.length))
      return
    }
    for (const i of shown(axis)) if (i >= 0) collect(axis + 1, at + i * strides[axis]!)
  }
  collect(0, 0)
  const render = (axis: number, at: number, indent: string): string => {
    if (axis === shape.length) return cells.get(at)!.padEnd(widths.get(at % columns) ?? 0)
    const parts = shown(axis).map((i) =>
      i < 0 ? '...' : render(axis + 1, at + i * strides[axis]!, `${indent} `),
    )
    const blank = '\n'.repeat(Math.max(1, shape.length - axis - 1))
    return axis === shape.length - 1 ? `[${parts.join(', ')}]` : `[${parts.join(`,${blank}${indent}     `)}]`
  }
  const body = `    ${render(0, 0, '')}`
  return verbose
    ? `Tensor\n  dtype: ${dtype}\n  rank: ${shape.length}\n  shape: [${shape.join(',')}]\n  values:\n${body}`
    : `Tensor\n${body}`
}
