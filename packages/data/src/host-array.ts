// An n-dimensional array on the host: a typed array with a shape. Samples live as these until a batch is made, because
// a tensor for every sample would cost more than the training step that reads it.
import { adoptArray, tensor } from '@dl/tensor/core'
import type { DType, Tensor } from '@dl/tensor/core'
import { DatasetError } from './dataset-error.ts'

/** Element types on the host: those of tensors, and three that files hold and that become int32 in a tensor. */
export interface HostDataMap {
  float32: Float32Array
  float64: Float64Array
  int32: Int32Array
  int64: BigInt64Array
  uint8: Uint8Array
  bool: Uint8Array
  int8: Int8Array
  int16: Int16Array
  uint16: Uint16Array
}
export type HostDType = keyof HostDataMap
export type HostData = HostDataMap[HostDType] | Uint8ClampedArray
/** The dtype that a host dtype has in a tensor. */
export type TensorDType<D extends HostDType> = D extends DType ? D : 'int32'
export type HostShape = readonly number[]

const BY_CONSTRUCTOR: ReadonlyMap<unknown, HostDType> = new Map<unknown, HostDType>([
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int32Array, 'int32'],
  [BigInt64Array, 'int64'],
  [Uint8Array, 'uint8'],
  [Uint8ClampedArray, 'uint8'],
  [Int8Array, 'int8'],
  [Int16Array, 'int16'],
  [Uint16Array, 'uint16'],
])

/** The dtype of a typed array, undefined for anything else. A subclass (Node's Buffer) counts as its base. */
export function dtypeOfData(data: unknown): HostDType | undefined {
  if (!ArrayBuffer.isView(data)) return undefined
  const exact = BY_CONSTRUCTOR.get(data.constructor)
  return exact ?? (data instanceof Uint8Array ? 'uint8' : undefined)
}

/** A new zeroed typed array for `length` elements of a host dtype. */
export function allocateHost(dtype: HostDType, length: number): HostData {
  switch (dtype) {
    case 'float32':
      return new Float32Array(length)
    case 'float64':
      return new Float64Array(length)
    case 'int32':
      return new Int32Array(length)
    case 'int64':
      return new BigInt64Array(length)
    case 'uint8':
    case 'bool':
      return new Uint8Array(length)
    case 'int8':
      return new Int8Array(length)
    case 'int16':
      return new Int16Array(length)
    case 'uint16':
      return new Uint16Array(length)
    default:
      return dtype satisfies never
  }
}

export const elementCount = (shape: HostShape): number => shape.reduce((n, d) => n * d, 1)
export const showShape = (shape: HostShape): string => `[${shape.join(',')}]`
export const equalShapes = (a: HostShape, b: HostShape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])

/** Host data as a tensor. int8, int16 and uint16 are widened to int32; the data is copied. */
export function toTensor(data: HostData, shape: HostShape, dtype: HostDType): Tensor {
  const widened = dtype === 'int8' || dtype === 'int16' || dtype === 'uint16'
  const values = widened ? Int32Array.from(data as Int16Array) : data
  return tensor(values as Int32Array, shape as number[], widened ? 'int32' : dtype) as Tensor
}

/** As {@link toTensor} for data that nobody else holds: it is not copied unless it must be widened. */
export function asTensor(data: HostData, shape: HostShape, dtype: HostDType): Tensor {
  if (dtype === 'int8' || dtype === 'int16' || dtype === 'uint16') return toTensor(data, shape, dtype)
  return adoptArray(data as Float32Array, shape, dtype)
}

/** The dtype of a typed array's type. */
export type DTypeOfData<A> = A extends Float32Array
  ? 'float32'
  : A extends Float64Array
    ? 'float64'
    : A extends Int32Array
      ? 'int32'
      : A extends BigInt64Array
        ? 'int64'
        : A extends Int8Array
          ? 'int8'
          : A extends Int16Array
            ? 'int16'
            : A extends Uint16Array
              ? 'uint16'
              : A extends Uint8Array | Uint8ClampedArray
                ? 'uint8'
                : never

/** Bytes as a plain `Uint8Array` over the same memory: Node's Buffer has a `slice` of its own, clamping is not wanted. */
export function plainData(data: HostData): HostDataMap[HostDType] {
  const bytes =
    data instanceof Uint8ClampedArray || (data instanceof Uint8Array && data.constructor !== Uint8Array)
  return bytes ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data
}

/** A typed array with a shape, row-major. Made by {@link hostArray}. */
export class HostArray<S extends HostShape = any, D extends HostDType = any> {
  readonly data: HostDataMap[D]
  readonly shape: S
  readonly dtype: D

  constructor(data: HostDataMap[D], shape: S, dtype: D) {
    this.data = data
    this.shape = shape
    this.dtype = dtype
  }

  /** A tensor with this shape and these values (a copy); int8, int16 and uint16 become int32. */
  toTensor(): Tensor<[...S], TensorDType<D>> {
    return toTensor(this.data, this.shape, this.dtype) as Tensor<[...S], TensorDType<D>>
  }
}

/**
 * A typed array with a shape, not copied. `dtype` is the one of the typed array; give `'bool'` for a `Uint8Array` of 0 and 1.
 *
 * @throws DatasetError (`shape`) when the shape does not hold exactly `data.length` elements, (`dtype`) when `data` is
 *   no typed array or holds another dtype
 * @example
 * ```ts
 * import { hostArray } from '@dl/data'
 * const image = hostArray(new Uint8Array(28 * 28), [28, 28])
 * console.log(image.dtype, image.shape) // uint8 [ 28, 28 ]
 * ```
 */
export function hostArray<const S extends HostShape>(
  data: Uint8Array,
  shape: S,
  dtype: 'bool',
): HostArray<S, 'bool'>
export function hostArray<const S extends HostShape, A extends HostData>(
  data: A,
  shape: S,
): HostArray<S, DTypeOfData<A>>
export function hostArray(data: HostData, shape: HostShape, dtype?: 'bool'): HostArray {
  const found = dtypeOfData(data)
  if (found === undefined)
    throw new DatasetError(
      'dtype',
      `[hostArray] data must be a typed array, got ${Object.prototype.toString.call(data)}`,
    )
  if (elementCount(shape) !== data.length)
    throw new DatasetError(
      'shape',
      `[hostArray] shape ${showShape(shape)} holds ${elementCount(shape)} elements, data has ${data.length}`,
    )
  if (dtype !== undefined && found !== 'uint8')
    throw new DatasetError('dtype', `[hostArray] bool needs a Uint8Array of 0 and 1, data holds ${found}`)
  return new HostArray(plainData(data), shape, dtype ?? found)
}
