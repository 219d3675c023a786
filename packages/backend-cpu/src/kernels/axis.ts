// Offsets of a contraction's axes. An axis of nested loops that walks memory uniformly is a stride; any other is a table.
import type { Axis } from '@dl/tensor/backend'

/** Byte offset of each position of an axis: `i * stride`, or `table[i]`. */
export interface AxisOffsets {
  readonly count: number
  /** Bytes; meaningless when there is a table. */
  readonly stride: number
  readonly table: Int32Array | null
}

export function axisOffsets(axis: Axis, bytes: number): AxisOffsets {
  const count = axis.sizes.reduce((a, b) => a * b, 1)
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
  return { count, stride: 0, table: offsetTable(axis, count, bytes) }
}

function offsetTable(axis: Axis, count: number, bytes: number): Int32Array {
  const table = new Int32Array(count)
  const index = axis.sizes.map(() => 0)
  let offset = 0
  for (let i = 0; i < count; i++) {
    table[i] = offset * bytes
    for (let d = axis.sizes.length - 1; d >= 0; d--) {
      offset += axis.strides[d]!
      if (++index[d]! < axis.sizes[d]!) break
      offset -= axis.strides[d]! * axis.sizes[d]!
      index[d] = 0
    }
  }
  return table
}

/** Every aligned group of four positions lies side by side in memory. */
export function inRunsOfFour(axis: AxisOffsets, bytes: number): boolean {
  if (axis.count < 4) return false
  const { table } = axis
  if (!table) return axis.stride === bytes
  for (let k = 0; k + 4 <= axis.count; k += 4)
    for (let j = 1; j < 4; j++) if (table[k + j] !== table[k]! + bytes * j) return false
  return true
}

/**
 * Which panels of `width` positions lie side by side: 'all', a flag for each panel when most do, or null when packing
 * should not count on it.
 */
export function contiguousPanels(axis: AxisOffsets, width: number, bytes: number): 'all' | Int32Array | null {
  const { table } = axis
  if (!table) return axis.stride === bytes ? 'all' : null
  const flags = new Int32Array(Math.ceil(axis.count / width))
  let contiguous = 0
  for (let p = 0; p < flags.length; p++) {
    let ok = 1
    for (let j = 1; j < width && p * width + j < axis.count; j++)
      if (table[p * width + j] !== table[p * width]! + bytes * j) ok = 0
    flags[p] = ok
    contiguous += ok
  }
  return contiguous * 2 > flags.length ? flags : null
}
