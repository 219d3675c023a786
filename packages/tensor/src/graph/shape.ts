// Arithmetic on run-time shapes: sizes, strides, broadcasting, axes. Knows nothing of nodes or tensors.

import { ShapeError } from '../errors.ts'

export type Dims = readonly number[]

export function sizeOf(shape: Dims): number {
  let n = 1
  for (let i = 0; i < shape.length; i++) n *= shape[i]!
  return n
}

/** Strides in elements of a contiguous row-major array. */
export function rowMajor(shape: Dims): number[] {
  const strides = Array<number>(shape.length)
  let n = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = n
    n *= shape[i]!
  }
  return strides
}

export function sameShape(a: Dims, b: Dims): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export const showShape = (shape: Dims): string => `[${shape.join(', ')}]`

/** NumPy's rule: aligned at the right, 1 stretches. Throws with both shapes when they do not fit. */
export function broadcastShapes(op: string, a: Dims, b: Dims): number[] {
  const rank = Math.max(a.length, b.length)
  const out = Array<number>(rank)
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1
    const y = b[b.length - i] ?? 1
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(
        `[${op}] Operands could not be broadcast together with shapes ${showShape(a)} and ${showShape(b)}: ` +
          `dimensions ${x} and ${y} differ and neither is 1`,
      )
    out[rank - i] = x === 1 ? y : x
  }
  return out
}

/** An axis counted from the front, from -rank … rank-1. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new ShapeError(
      `[${op}] axis must be an integer in [${-rank}, ${rank}) for a tensor of rank ${rank}, got ${axis}`,
    )
  return axis < 0 ? axis + rank : axis
}

/** Sorted axes counted from the front; all of them when `axes` is null or undefined. */
export function normalizeAxes(op: string, axes: number | Dims | null | undefined, rank: number): number[] {
  if (axes === null || axes === undefined) return Array.from({ length: rank }, (_, i) => i)
  const list = (typeof axes === 'number' ? [axes] : axes)
    .map((a) => normalizeAxis(op, a, rank))
    .toSorted((a, b) => a - b)
  for (let i = 1; i < list.length; i++)
    if (list[i] === list[i - 1]) throw new ShapeError(`[${op}] axis ${list[i]} is named twice`)
  return list
}

export function assertShape(op: string, shape: Dims): void {
  for (const d of shape)
    if (!Number.isInteger(d) || d < 0)
      throw new ShapeError(`[${op}] a shape holds integers of 0 or more, got ${showShape(shape)}`)
}

/** Position `number` of an array of `sizes`, last axis fastest. */
export function unravel(number: number, sizes: Dims): number[] {
  const index = Array<number>(sizes.length)
  for (let i = sizes.length - 1; i >= 0; i--) {
    index[i] = number % sizes[i]!
    number = Math.floor(number / sizes[i]!)
  }
  return index
}
