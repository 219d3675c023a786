// Values inside a file: TensorProto to a typed array and back. Sizes are compared before anything is allocated.
import { allocate, type DType, DTYPES, type TypedArray } from '@dl/tensor/backend'
import { OnnxError } from '../errors.ts'
import { dtypeOf, ELEMENT_TYPE, elementTypeName } from './data-types.ts'
import type { TensorProto } from './messages.ts'

/** A value on the host. `data` is row-major. */
export interface HostTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TypedArray
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
/** No tensor of a file may hold more elements: the typed array could not be made. */
const MOST_ELEMENTS = 2 ** 32
/** NumPy, from which most files come, has no more. */
const MOST_DIMENSIONS = 64

/** Sizes of a tensor, compared before anything is allocated; `where` names it in errors. */
export function dimsOf(dims: readonly bigint[], where: string): number[] {
  if (dims.length > MOST_DIMENSIONS)
    throw new OnnxError(
      'tooLarge',
      `[importOnnx] ${where} has ${dims.length} dimensions, more than ${MOST_DIMENSIONS}`,
    )
  let size = 1
  return dims.map((d) => {
    if (d < 0n) throw new OnnxError('invalid', `[importOnnx] ${where} has the negative dimension ${d}`)
    size *= Number(d)
    if (size > MOST_ELEMENTS || d > MOST_ELEMENTS)
      throw new OnnxError(
        'tooLarge',
        `[importOnnx] ${where} has the dimensions [${dims.join()}], more elements than fit in memory`,
      )
    return Number(d)
  })
}

/**
 * The value of a tensor in a file.
 * @param where names it in errors
 * @throws OnnxError when its size and its data disagree, its type is unknown, or its data lie in another file
 */
export function hostTensor(proto: TensorProto, where: string): HostTensor {
  const code = proto.dataType ?? 0
  const dtype = dtypeOf(code)
  if (!dtype)
    throw new OnnxError(
      'unsupported',
      `[importOnnx] ${where} has element type ${elementTypeName(code)}; supported are ${Object.keys(ELEMENT_TYPE).join(', ')}`,
    )
  if (proto.dataLocation === 1 || proto.externalData?.length)
    throw new OnnxError(
      'externalData',
      `[importOnnx] ${where} keeps its data in another file (${quotedLocation(proto)}); give it: importOnnx(bytes, { externalData })`,
    )
  if (proto.segment)
    throw new OnnxError(
      'unsupported',
      `[importOnnx] ${where} is a segment of a tensor, which is not supported`,
    )
  const shape = dimsOf(proto.dims ?? [], where)
  const size = shape.reduce((n, d) => n * d, 1)
  const data = proto.rawData?.length
    ? fromRaw(proto.rawData, dtype, size, where)
    : fromList(proto, dtype, size, where)
  return { dtype, shape, data }
}

const quotedLocation = ({ externalData }: TensorProto): string =>
  `'${externalData?.find(({ key }) => key === 'location')?.value ?? ''}'`

function fromRaw(raw: Uint8Array, dtype: DType, size: number, where: string): TypedArray {
  const { bytes } = DTYPES[dtype]
  if (raw.length !== size * bytes)
    throw new OnnxError(
      'invalid',
      `[importOnnx] ${where} holds ${size} elements of ${dtype}, that is ${size * bytes} bytes, but its raw data has ${raw.length}`,
    )
  const data = allocate(dtype, size)
  const copy = new Uint8Array(data.buffer)
  copy.set(raw)
  if (!LITTLE_ENDIAN) swapBytes(copy, bytes)
  return dtype === 'bool' ? copy.map((b) => (b === 0 ? 0 : 1)) : data
}

/** Files are little-endian. */
function swapBytes(data: Uint8Array, width: number): void {
  for (let i = 0; i < data.length; i += width) data.subarray(i, i + width).reverse()
}

function fromList(proto: TensorProto, dtype: DType, size: number, where: string): TypedArray {
  const list = listOf(proto, dtype)
  if (list.length !== size)
    throw new OnnxError(
      'invalid',
      `[importOnnx] ${where} has room for ${size} elements of ${dtype}, but its data has ${list.length}`,
    )
  const data = allocate(dtype, size) as { [i: number]: number | bigint } & TypedArray
  for (let i = 0; i < size; i++) data[i] = list[i]!
  return data
}

function listOf(proto: TensorProto, dtype: DType): readonly (number | bigint)[] {
  switch (dtype) {
    case 'float32':
      return proto.floatData ?? []
    case 'float64':
      return proto.doubleData ?? []
    case 'int64':
      return proto.int64Data ?? []
    case 'bool':
      return (proto.int32Data ?? []).map((x) => (x === 0 ? 0 : 1))
    case 'int32':
    case 'uint8':
      return proto.int32Data ?? []
  }
}

/** A tensor as a message, its data raw. */
export function tensorProto({ dtype, shape, data }: HostTensor, name?: string): TensorProto {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
  if (!LITTLE_ENDIAN) swapBytes(raw, DTYPES[dtype].bytes)
  return {
    dims: shape.map(BigInt),
    dataType: ELEMENT_TYPE[dtype],
    ...(name === undefined ? {} : { name }),
    rawData: raw,
  }
}

/** Whole numbers as the format likes them: int64. */
export function int64Tensor(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor {
  return { dtype: 'int64', shape, data: BigInt64Array.from(values.map(BigInt)) }
}
