// How far a backend's values are from the reference's, in the units in which bounds are stated.
import { type DType, type Element, isFloat, type TypedArray } from '../graph/dtype.ts'

/** A bound on the distance from the reference. NaN must meet NaN, infinity the same infinity, under every bound. */
export type Tolerance =
  /** Units in the last place of the value's own dtype; 0 = equal bits (any NaN equals any NaN). */
  | { readonly ulp: number }
  /** Of the largest magnitude in the expected tensor, plus `absolute` (default 0) where values near 1 may cancel to 0. */
  | { readonly relative: number; readonly absolute?: number }

export const EXACT: Tolerance = { ulp: 0 }

const float32 = new Float32Array(1)
const bits32 = new Int32Array(float32.buffer)
const float64 = new Float64Array(1)
const bits64 = new BigInt64Array(float64.buffer)

/** Numbers of floats between `a` and `b`; 1 between −0 and 0. */
export function ulpDistance(dtype: 'float32' | 'float64', a: number, b: number): number {
  if (Object.is(a, b) || (a !== a && b !== b)) return 0
  if (a !== a || b !== b) return Infinity
  return dtype === 'float32' ? Math.abs(place32(a) - place32(b)) : Math.abs(Number(place64(a) - place64(b)))
}
/** Position of a float among all floats in ascending order. */
function place32(x: number): number {
  float32[0] = x
  const bits = bits32[0]!
  return bits < 0 ? -2147483649 - bits : bits
}
function place64(x: number): bigint {
  float64[0] = x
  const bits = bits64[0]!
  return bits < 0n ? -(2n ** 63n) - 1n - bits : bits
}

/** The worst element, or null when all are within the bound. */
export function firstDifference(
  dtype: DType,
  actual: TypedArray,
  expected: TypedArray,
  tolerance: Tolerance,
): string | null {
  if (actual.length !== expected.length) return `expected ${expected.length} values, got ${actual.length}`
  const far = isFloat(dtype)
    ? floatTest(dtype as 'float32', expected as Float32Array, tolerance)
    : (a: Element, b: Element) => a !== b
  let wrong = 0
  let first = -1
  for (let i = 0; i < expected.length; i++)
    if (far(actual[i]! as never, expected[i]! as never)) {
      if (first < 0) first = i
      wrong++
    }
  if (first < 0) return null
  const bound = 'ulp' in tolerance ? `${tolerance.ulp} ulp` : `${tolerance.relative} of the tensor's maximum`
  return `element ${first}: expected ${expected[first]}, got ${actual[first]} (${wrong} of ${expected.length} elements are off by more than ${bound})`
}

function floatTest(
  dtype: 'float32' | 'float64',
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): (a: number, b: number) => boolean {
  if ('ulp' in tolerance) {
    // between −0 and 0 lies one step, which only equal bits forbid
    const allowed = tolerance.ulp
    return (a, b) => ulpDistance(dtype, a, b) > allowed
  }
  let scale = 0
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]!))
  const allowed = tolerance.relative * scale + (tolerance.absolute ?? 0)
  return (a, b) =>
    Number.isFinite(b) ? !(Math.abs(a - b) <= allowed) : !Object.is(a, b) && !(a !== a && b !== b)
}
