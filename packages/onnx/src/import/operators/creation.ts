// Operators that make tensors from sizes and indices.
import {
  add,
  cast,
  equal,
  fill,
  less,
  reshape,
  slice,
  tensor,
  type Tensor,
  where,
  zerosLike,
} from '@dl/tensor/core'
import { allocate, type DType } from '@dl/tensor/backend'
import { dtypeOf, elementTypeName } from '../../schema/data-types.ts'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'

const count = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1)
const ints = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Int32Array.from(values), [...shape], 'int32')
const upTo = (n: number): number[] => [...Array(n).keys()]
/** Up to this size, filled tensors are host values, with which shapes can be computed. */
const HOST_LIMIT = 64

function elementType(call: OperatorCall, code: number): DType {
  return dtypeOf(code) ?? call.fail(`makes elements of type ${elementTypeName(code)}, which is not supported`)
}

function constantOfShape(call: OperatorCall): Tensor {
  const shape = call.sizes(0, 'the shape')
  const value = call.attributes.tensor('value') ?? { dtype: 'float32' as const, data: new Float32Array(1) }
  const element = value.data[0] ?? call.fail('has an empty value')
  const size = count(shape)
  if (size > HOST_LIMIT) return fill(shape, element, value.dtype)
  const data = allocate(value.dtype, size)
  ;(data as { fill(x: number | bigint): unknown }).fill(element)
  return tensor(data, shape, value.dtype)
}

function rangeOf(call: OperatorCall): Tensor {
  const [start, limit, delta] = [call.number(0, 'start'), call.number(1, 'limit'), call.number(2, 'delta')]
  const dtype = dtypeOfTensor(call.input(0))
  const size = Math.max(0, Math.ceil((limit - start) / delta))
  const isBroken = dtype === 'int64' && !(Number.isInteger(start) && Number.isInteger(delta))
  if (Number.isNaN(size) || isBroken) call.fail(`counts from ${start} to ${limit} in steps of ${delta}`)
  call.checkSize(size, dtype)
  const data = allocate(dtype, size) as { [i: number]: number | bigint }
  for (let i = 0; i < size; i++) data[i] = dtype === 'int64' ? BigInt(start + i * delta) : start + i * delta
  return tensor(data as never, [size], dtype)
}

/** True where the column is the row's index plus `k`. */
function diagonal(rows: number, columns: number, k: number, keep: (distance: number) => boolean): Tensor {
  const mask = new Uint8Array(rows * columns)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) mask[i * columns + j] = Number(keep(j - i - k))
  return tensor(mask, [rows, columns], 'bool')
}

function eyeLike(call: OperatorCall): Tensor {
  const x = call.input(0)
  const [rows, columns] = shapeOf(x) as [number, number]
  call.checkSize(rows * columns, 'bool')
  const code = call.attributes.int('dtype')
  const dtype = code === undefined ? dtypeOfTensor(x) : elementType(call, code)
  return cast(
    diagonal(rows, columns, call.attributes.int('k', 0), (d) => d === 0),
    dtype,
  )
}

function triangle(call: OperatorCall): Tensor {
  const x = call.input(0)
  const [rows, columns] = shapeOf(x).slice(-2) as [number, number]
  call.checkSize(rows * columns, 'bool')
  const upper = call.attributes.flag('upper', true)
  const k = call.has(1) ? call.number(1, 'k') : 0
  return where(
    diagonal(rows, columns, k, (d) => (upper ? d >= 0 : d <= 0)),
    x,
    zerosLike(x),
  )
}

/** `[off, on]` in the dtype of the values; the new axis stands at `axis`. */
function oneHotOf(call: OperatorCall): Tensor {
  const depth = call.number(1, 'the depth')
  if (!(depth >= 1 && Number.isInteger(depth))) call.fail(`has depth ${depth}`)
  call.checkSize(depth, 'int32')
  const values = call.input(2)
  const given = cast(call.input(0), 'int32')
  const indices: Tensor = where(less(given, 0), add(given, depth), given)
  const axis = call.axis(call.attributes.int('axis', -1), indices.rank + 1)
  const sizes = shapeOf(indices)
  const column = reshape(indices, [...sizes.slice(0, axis), 1, ...sizes.slice(axis)])
  const row = ints(upTo(depth), [depth, ...sizes.slice(axis).map(() => 1)])
  const at = (i: number): Tensor => reshape(slice(values, [i], [1]), [])
  return where(equal(column, row), at(1), at(0))
}

export const creation: Readonly<Record<string, Operator>> = {
  ConstantOfShape: { since: 9, attributes: ['value'], host: [0], build: constantOfShape },
  Range: { since: 11, host: [0, 1, 2], build: rangeOf },
  EyeLike: { since: 9, attributes: ['dtype', 'k'], build: eyeLike },
  Trilu: { since: 14, attributes: ['upper'], host: [1], build: triangle },
  OneHot: { since: 9, attributes: ['axis'], host: [1], build: oneHotOf },
}
