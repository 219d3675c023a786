// Conversion between element types.
import { DTypeError } from '../errors.ts'
import { DTYPE_NAMES, DTYPES, type DType } from '../graph/dtype.ts'
import { cast as castNode } from '../graph/primitives.ts'
import type { CastOf } from '../tensor/op-types.ts'
import { given, result } from './operands.ts'

/** @throws when `dtype` is none of the table's */
export function assertDType(op: string, dtype: DType): void {
  if (!Object.hasOwn(DTYPES, dtype))
    throw new DTypeError(`[${op}] dtype must be one of ${DTYPE_NAMES.join(', ')}, got ${dtype}`)
}

/**
 * `x` with another dtype. Floats become integers by dropping the fraction (out of range: the nearest bound; NaN: 0); uint8
 * wraps; everything other than 0 becomes true.
 * @throws on an unknown dtype
 * @example
 * ```ts
 * cast(tensor([1.7, -1.7]), 'int32').print() // [1, -1]
 * ```
 */
export const cast: CastOf = (x, dtype) => {
  assertDType('cast', dtype)
  return result(castNode(given('cast', 'x', x), dtype))
}
