// Numbers as small integers with a scale: uint8 here, int32 for sums. Products of integers are exact.
import {
  add,
  broadcastTo,
  cast,
  clipByValue,
  conv,
  div,
  type DType,
  matMul,
  max,
  maximum,
  min,
  minimum,
  mul,
  reshape,
  round,
  sub,
  type Tensor,
  transpose,
  where,
  equal,
} from '@dl/tensor/core'
import { dtypeOf, elementTypeName } from '../../schema/data-types.ts'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'
import { spatialAxes, windowsOf } from './windows.ts'

/** A scale or zero point for all elements, for each slice along `axis`, or for each block of it. */
function spread(call: OperatorCall, p: Tensor, x: Tensor): Tensor {
  if (p.size === 1) return reshape(p, [])
  const axis = call.axis(call.attributes.int('axis', 1), x.rank)
  const block = call.attributes.int('block_size', 0)
  if (p.rank === 1)
    return reshape(
      p,
      shapeOf(x).map((d, a) => (a === axis ? d : 1)),
    )
  if (block === 0 || p.rank !== x.rank)
    call.fail(`has scales [${shapeOf(p).join(', ')}] for [${shapeOf(x).join(', ')}]`)
  const [before, after] = [shapeOf(p).slice(0, axis + 1), shapeOf(p).slice(axis + 1)]
  const repeated = broadcastTo(reshape(p, [...before, 1, ...after]), [...before, block, ...after])
  return reshape(repeated, shapeOf(x))
}

const RANGE: Partial<Record<DType, readonly [number, number]>> = {
  uint8: [0, 255],
  int32: [-(2 ** 31), 2 ** 31 - 1],
}

/** Rounded to even, moved by the zero point, and kept in the range of the dtype. */
function quantized(
  call: OperatorCall,
  x: Tensor,
  scale: Tensor,
  zero: Tensor | undefined,
  dtype: DType,
): Tensor {
  const [low, high] = RANGE[dtype] ?? call.fail(`makes elements of type ${dtype}, which is not supported`)
  const steps: Tensor = round(div(x, scale))
  return cast(clipByValue(zero ? add(steps, cast(zero, dtypeOfTensor(x))) : steps, low, high), dtype)
}

function quantizeLinear(call: OperatorCall): Tensor {
  const x = call.input(0)
  const zero = call.optional(2)
  const code = call.attributes.int('output_dtype', 0)
  const wanted = code === 0 ? 'uint8' : dtypeOf(code)
  const dtype = zero
    ? dtypeOfTensor(zero)
    : (wanted ?? call.fail(`casts to ${elementTypeName(code)}, which is not supported`))
  return quantized(call, x, spread(call, call.input(1), x), zero && spread(call, zero, x), dtype)
}

function dequantizeLinear(call: OperatorCall): Tensor {
  const x = call.input(0)
  const scale = call.input(1)
  const zero = call.optional(2)
  const value: Tensor = cast(x, dtypeOfTensor(scale))
  const moved = zero ? sub(value, cast(spread(call, zero, x), dtypeOfTensor(scale))) : value
  return mul(moved, spread(call, scale, x))
}

/** To uint8 with the range of the values at hand, which always holds 0. */
function dynamicQuantizeLinear(call: OperatorCall): Tensor[] {
  const x = call.input(0)
  const [low, high] = [minimum(min(x), 0), maximum(max(x), 0)]
  const range: Tensor = div(sub(high, low), 255)
  const scale: Tensor = where(equal(range, 0), 1, range)
  const zero: Tensor = cast(clipByValue(round(div(sub(0, low), scale)), 0, 255), 'uint8')
  return [quantized(call, x, scale, zero, 'uint8'), scale, zero]
}

/** int32 differences from a zero point, of one number or one for each row or column. */
function centered(call: OperatorCall, i: number, zeroAt: number, shape: (size: number) => number[]): Tensor {
  const x: Tensor = cast(call.input(i), 'int32')
  const zero = call.optional(zeroAt)
  if (!zero) return x
  return sub(x, cast(zero.size === 1 ? reshape(zero, []) : reshape(zero, shape(zero.size)), 'int32'))
}

const matMulInteger = (call: OperatorCall): Tensor =>
  matMul(
    centered(call, 0, 2, (rows) => [rows, 1]),
    centered(call, 1, 3, (columns) => [1, columns]),
  )

function quantizedMatMul(call: OperatorCall): Tensor {
  const rows = centered(call, 0, 2, (size) => [size, 1])
  const columns = centered(call, 3, 5, (size) => [1, size])
  const scale = (i: number, shape: (size: number) => number[]): Tensor =>
    call.input(i).size === 1 ? reshape(call.input(i), []) : reshape(call.input(i), shape(call.input(i).size))
  const factor = mul(
    scale(1, (size) => [size, 1]),
    scale(4, (size) => [1, size]),
  )
  const product: Tensor = mul(cast(matMul(rows, columns), dtypeOfTensor(factor)), factor)
  const zero = call.input(7)
  return quantized(call, product, reshape(call.input(6), []), reshape(zero, []), dtypeOfTensor(zero))
}

/** In float64, which holds every sum exactly. */
function convolutionInteger(call: OperatorCall): Tensor {
  const x = centered(call, 0, 2, (size) => [size])
  const w = centered(call, 1, 3, (size) => [size, ...spatialAxes(call.input(1)).map(() => 1), 1])
  const kernel = transpose(w, [...spatialAxes(w), 1, 0])
  const y = conv(cast(x, 'float64'), cast(kernel, 'float64'), {
    ...windowsOf(call, shapeOf(x).slice(2), shapeOf(w).slice(2)),
    groups: call.attributes.int('group', 1),
    dataFormat: 'channelsFirst',
  })
  return cast(y, 'int32')
}

export const quantization: Readonly<Record<string, Operator>> = {
  QuantizeLinear: {
    attributes: ['axis', 'block_size', 'output_dtype', 'precision', 'saturate'],
    since: 10,
    build: quantizeLinear,
  },
  DequantizeLinear: {
    attributes: ['axis', 'block_size', 'output_dtype'],
    since: 10,
    build: dequantizeLinear,
  },
  DynamicQuantizeLinear: { since: 11, build: dynamicQuantizeLinear },
  MatMulInteger: { since: 10, build: matMulInteger },
  QLinearMatMul: { since: 10, build: quantizedMatMul },
  ConvInteger: {
    attributes: ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'],
    since: 10,
    build: convolutionInteger,
  },
}
