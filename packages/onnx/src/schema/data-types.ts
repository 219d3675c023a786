// ONNX's element types and ours. A type without a row here cannot be computed with yet and is named in the error.
import type { DType } from '@dl/tensor/core'

/** Names of `TensorProto.DataType`, at the index that the file holds. */
const NAMES = (
  'undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 ' +
  'uint64 complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1 float8e8m0 uint2 int2'
).split(' ')

/** What the file calls each of our element types. */
export const ELEMENT_TYPE: { readonly [D in DType]: number } = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
}

const DTYPE_OF = new Map(Object.entries(ELEMENT_TYPE).map(([dtype, code]) => [code, dtype as DType]))

/** Our element type, or undefined when tensors cannot have it. */
export const dtypeOf = (elementType: number): DType | undefined => DTYPE_OF.get(elementType)
export const elementTypeName = (elementType: number): string => NAMES[elementType] ?? `number ${elementType}`
