// Inputs that repeat, so that a difference can be looked at again.
import { type DType, tensor, type Tensor } from '@dl/tensor/core'

/** Numbers that repeat, of both signs. */
export function sample(shape: readonly number[]): Tensor {
  const size = shape.reduce((n, d) => n * d, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + 0.3) * 2),
    [...shape],
  )
}
/** Small integers that repeat. */
export function words(shape: readonly number[], dtype: DType = 'int64'): Tensor {
  const size = shape.reduce((n, d) => n * d, 1)
  const numbers = Array.from({ length: size }, (_, i) => (i * 7 + 3) % 11)
  return dtype === 'int64'
    ? tensor(BigInt64Array.from(numbers, BigInt), [...shape], 'int64')
    : tensor(Int32Array.from(numbers), [...shape], 'int32')
}
