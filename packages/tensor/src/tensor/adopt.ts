// Host memory without copies, for packages that move whole datasets: tensors over arrays that the caller gives away, and the
// array behind a tensor that is still on the host. A copy of every batch costs a tenth of a small training step.
import { Storage } from '../backend/storage.ts'
import type { DType, TypedArray } from '../graph/dtype.ts'
import { assertShape, showShape, sizeOf } from '../graph/shape.ts'
import { fromStorage, knownStorage, type Tensor } from './tensor.ts'

/**
 * A tensor that takes `data` over without copying it. Nobody may read or change the array afterwards: the value would
 * change with it, or the array with the value. `tensor` copies and is what programs want.
 * @param data of the array type of `dtype`, with exactly as many elements as `shape` holds
 * @throws when the numbers of elements differ
 * @example
 * ```ts
 * import { adoptArray } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const x = adoptArray(Float32Array.of(1, 2, 3, 4), [2, 2], 'float32')
 * console.log(await x.sum().data()) // 10
 * ```
 */
export function adoptArray(data: TypedArray, shape: readonly number[], dtype: DType): Tensor {
  assertShape('adoptArray', shape)
  if (sizeOf(shape) !== data.length)
    throw new Error(
      `[adoptArray] the shape ${showShape(shape)} holds ${sizeOf(shape)} values, the array has ${data.length}`,
    )
  return fromStorage(Storage.fromHost([...shape], dtype, data))
}

/**
 * The array behind a tensor whose value is on the host and on no device, not a copy; undefined for all other tensors.
 * Nobody may change it. `data()` copies and is what programs want.
 * @throws when the tensor was disposed
 */
export function hostDataOf(x: Tensor): TypedArray | undefined {
  return knownStorage('hostDataOf', x)?.hostData
}
