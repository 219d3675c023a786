// Inputs that repeat, so that a difference can be looked at again.
import { allocate } from '@dl/tensor/backend'
import { type DType, tensor, type Tensor, type TypedArray } from '@dl/tensor/core'

/** Numbers that repeat, of both signs. */
export function sample(shape: readonly number[]): Tensor {
  const size = shape.reduce((n, d) => n * d, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + 0.3) * 2),
    [...shape],
  )
}
/** Small numbers from 0 on that repeat, in any dtype. */
export function words(shape: readonly number[], dtype: DType = 'int64'): Tensor {
  const size = shape.reduce((n, d) => n * d, 1)
  const data = allocate(dtype, size) as { [i: number]: number | bigint }
  for (let i = 0; i < size; i++) {
    const word = (i * 7 + 3) % 11
    data[i] = dtype === 'int64' ? BigInt(word) : dtype === 'bool' ? word % 2 : word
  }
  return tensor(data as unknown as TypedArray, [...shape], dtype)
}
