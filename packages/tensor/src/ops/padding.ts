// Paddings of windows: what `'same'`, `'causal'`, numbers and pairs mean in elements before and after.
import { ShapeError } from '../errors.ts'
import { type Dims, showShape } from '../graph/shape.ts'

/** `'valid'`, `'same'`, `'causal'`, one number for all sides, or `[before, after]` for each spatial axis. */
export type Padding = 'valid' | 'same' | 'causal' | number | readonly (readonly [number, number])[]

/** A setting for each of `n` axes; whole numbers of `least` or more. */
export function perAxis(op: string, name: string, value: number | Dims, n: number, least = 1): number[] {
  const values = typeof value === 'number' ? Array<number>(n).fill(value) : [...value]
  if (values.length !== n || values.some((v) => !Number.isInteger(v) || v < least))
    throw new ShapeError(
      `[${op}] ${name} must be ${n} whole numbers of ${least} or more, got ${showShape(values)}`,
    )
  return values
}

/**
 * Elements before and after each axis.
 * @param reach elements from the first to the last of a window
 */
export function resolvePadding(
  op: string,
  padding: Padding,
  sizes: Dims,
  reach: Dims,
  stride: Dims,
): readonly [number[], number[]] {
  const n = sizes.length
  if (padding === 'valid') return [sizes.map(() => 0), sizes.map(() => 0)]
  if (padding === 'causal') return [reach.map((r) => r - 1), reach.map(() => 0)]
  if (padding === 'same') {
    const total = sizes.map((d, i) =>
      Math.max(0, (Math.ceil(d / stride[i]!) - 1) * stride[i]! + reach[i]! - d),
    )
    return [total.map((t) => Math.floor(t / 2)), total.map((t) => Math.ceil(t / 2))]
  }
  if (typeof padding === 'number') {
    const all = perAxis(op, 'padding', padding, n, 0)
    return [all, [...all]]
  }
  const pairs = padding as readonly (readonly [number, number])[] | string
  if (typeof pairs === 'string' || pairs.length !== n)
    throw new ShapeError(
      `[${op}] padding must be 'valid', 'same', 'causal', a number, or [before, after] for each of ${n} axes, got ${JSON.stringify(padding)}`,
    )
  const low = perAxis(
    op,
    'padding',
    pairs.map((pair) => pair[0]),
    n,
    0,
  )
  const high = perAxis(
    op,
    'padding',
    pairs.map((pair) => pair[1]),
    n,
    0,
  )
  return [low, high]
}
