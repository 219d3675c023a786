// Offsets of a contraction's axes. An axis of nested loops that walks memory uniformly is a stride; any other is a table.
// Bounds of an operand (zero padding) become a word of bits for each row and each term.
import { boundPlaces } from '@dl/tensor/backend'
import type { Axis, Operand } from '@dl/tensor/backend'

/** Byte offset of each position of an axis: `i * stride`, or `table[i]`. */
export interface AxisOffsets {
  readonly count: number
  /** Bytes; meaningless when there is a table. */
  readonly stride: number
  readonly table: Int32Array | null
}

const countOf = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1)

export function axisOffsets(axis: Axis, bytes: number): AxisOffsets {
  const count = countOf(axis.sizes)
  let stride: number | null = null
  let inside = 1
  let uniform = true
  for (let i = axis.sizes.length - 1; i >= 0; i--) {
    const size = axis.sizes[i]!
    if (size !== 1) {
      stride ??= axis.strides[i]! / inside
      if (axis.strides[i] !== stride * inside) uniform = false
    }
    inside *= size
  }
  if (uniform) return { count, stride: (stride ?? 0) * bytes, table: null }
  return { count, stride: 0, table: positions(axis.sizes, axis.strides, count, bytes) }
}

/** `start + scale · Σ steps[d] · index[d]` for each position of nested loops. */
function positions(
  sizes: readonly number[],
  steps: readonly number[],
  count: number,
  scale: number,
  start = 0,
): Int32Array {
  const table = new Int32Array(count)
  if (start !== 0) table[0] = start
  // the loops from the inside out: what is known so far is repeated for each turn of the next one
  let known = Math.min(count, 1)
  for (let d = sizes.length - 1; d >= 0; d--) {
    const [size, step] = [sizes[d]!, steps[d]! * scale]
    for (let turn = 1; turn < size; turn++)
      for (let i = 0; i < known; i++) table[turn * known + i] = table[i]! + turn * step
    known *= size
  }
  return table
}

/** Sets of bits for rows and terms: the element at (row, term) lies inside all bounds if the two sets share none. */
export interface BoundBits {
  readonly rows: Int32Array
  readonly ks: Int32Array
}

export function boundBits(operand: Operand): BoundBits | null {
  const { rows, ks, bounds = [] } = operand
  if (!bounds.length) return null
  const bits = { rows: new Int32Array(countOf(rows.sizes)), ks: new Int32Array(countOf(ks.sizes)) }
  let bit = 0
  for (const bound of bounds) {
    const { side, places } = boundPlaces(operand, bound)
    const at = {
      rows: positions(rows.sizes, bound.rows, bits.rows.length, 1, bound.base),
      ks: positions(ks.sizes, bound.ks, bits.ks.length, 1),
    }
    const masks = places.map((place) => [place, 1 << bit++] as const)
    const other = side === 'rows' ? 'ks' : 'rows'
    addBits(bits[side], at[side], masks, (v, place) => v === place)
    addBits(bits[other], at[other], masks, (v, place) => v + place < 0 || v + place >= bound.limit)
  }
  if (bit > 32) throw new Error(`[cpu] the bounds of an operand have ${bit} places, at most 32 are possible`)
  return bits
}

/** Adds the mask of each place for which a value says yes. Values are few and positions many: each value is asked once. */
function addBits(
  bits: Int32Array,
  values: Int32Array,
  masks: readonly (readonly [place: number, mask: number])[],
  says: (value: number, place: number) => boolean,
): void {
  let [lowest, highest] = [Infinity, -Infinity]
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!
    if (v < lowest) lowest = v
    if (v > highest) highest = v
  }
  const maskOf = new Int32Array(Math.max(0, highest - lowest + 1))
  for (let i = 0; i < maskOf.length; i++)
    for (const [place, mask] of masks) if (says(lowest + i, place)) maskOf[i]! |= mask
  for (let i = 0; i < values.length; i++) bits[i]! |= maskOf[values[i]! - lowest]!
}

/**
 * The greatest length such that every aligned group of that many positions lies side by side in memory; `count` when all do.
 */
export function runLength({ table, stride, count }: AxisOffsets, bytes: number): number {
  if (!table) return stride === bytes ? count : 1
  let length = 0
  for (let i = 1; i < count && length !== 1; i++)
    if (table[i] !== table[i - 1]! + bytes) length = greatestCommonDivisor(length, i)
  return length || count
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b) [a, b] = [b, a % b]
  return a
}

/**
 * For each panel of `width` positions where its second stretch of neighbours in memory starts: `width` when there is one
 * stretch only, 0 when there are more than two. 'all' when every panel is one stretch.
 */
export function panelStretches(axis: AxisOffsets, width: number, bytes: number): 'all' | Int32Array {
  const { table, stride, count } = axis
  const starts = new Int32Array(Math.ceil(count / width)).fill(width)
  if (!table) return stride === bytes || count === 1 ? 'all' : starts.fill(0)
  for (let p = 0; p < starts.length; p++)
    for (let j = 1; j < width && p * width + j < count; j++)
      if (table[p * width + j] !== table[p * width + j - 1]! + bytes) starts[p] = starts[p] === width ? j : 0
  return starts.every((s) => s === width) ? 'all' : starts
}
