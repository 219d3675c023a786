// Pooling over windows of the spatial axes, over whole images, and over neighbouring channels; and its way back.
import {
  abs,
  add,
  argMax,
  avgPoolNd,
  cast,
  div,
  gather,
  max,
  maxPoolNd,
  mean,
  mul,
  pad,
  pow,
  reshape,
  scatterND,
  square,
  sum,
  tensor,
  type Tensor,
  where,
} from '@dl/tensor/core'
import { type Operator, type OperatorCall, shapeOf } from '../operator.ts'
import { spatialAxes, type Windows, windowsOf } from './windows.ts'

const count = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1)

interface Pool extends Windows {
  readonly size: number[]
  readonly ceil: boolean
  readonly dataFormat: 'channelsFirst'
}

function poolOf(call: OperatorCall, x: Tensor): Pool {
  const size = call.attributes.ints('kernel_shape') ?? call.fail('has no kernel_shape')
  if (size.length !== x.rank - 2)
    call.fail(`has a window [${size.join(', ')}] for an input [${shapeOf(x).join(', ')}]`)
  const ceil = call.attributes.flag('ceil_mode', false)
  return { size, ...windowsOf(call, shapeOf(x).slice(2), size), ceil, dataFormat: 'channelsFirst' }
}

function maxPooling(call: OperatorCall): Tensor[] {
  const x = call.input(0)
  const pool = poolOf(call, x)
  const y = maxPoolNd(x, pool)
  return call.wants(1) ? [y, winners(call, x, pool, shapeOf(y).slice(2))] : [y]
}

/** Where in the whole flattened input each maximum stands, int64; with `storage_order` 1 the first spatial axis runs fastest. */
function winners(call: OperatorCall, x: Tensor, pool: Pool, outer: readonly number[]): Tensor {
  const [batch, channels, ...sizes] = shapeOf(x) as [number, number, ...number[]]
  const [places, taps] = [count(outer), count(pool.size)]
  const columns = call.attributes.flag('storage_order', false)
  call.checkSize(places * taps, 'int32')
  const table = new Int32Array(places * taps)
  const named = new Int32Array(places * taps)
  const at = (i: number, dims: readonly number[], axis: number): number =>
    Math.floor(i / count(dims.slice(axis + 1))) % dims[axis]!
  for (let i = 0; i < table.length; i++)
    sizes.forEach((d, axis) => {
      const first = at(Math.floor(i / taps), outer, axis) * pool.strides[axis]! - pool.padding[axis]![0]
      const place = first + at(i % taps, pool.size, axis) * pool.dilations[axis]!
      const outside = place < 0 || place >= d || table[i]! < 0
      table[i] = outside ? -1 : table[i]! + place * count(sizes.slice(axis + 1))
      named[i] = named[i]! + place * count(columns ? sizes.slice(0, axis) : sizes.slice(axis + 1))
    })
  const indices = tensor(table, [places, taps], 'int32')
  const values = gather(reshape(x, [batch * channels, count(sizes)]), indices, 1)
  const real = tensor(
    Uint8Array.from(table, (t) => Number(t >= 0)),
    [places, taps],
    'bool',
  )
  const winner: Tensor = argMax(where(real, cast(values, 'float32'), -Infinity), 2)
  const rows = tensor(
    Int32Array.from({ length: places }, (_, p) => p * taps),
    [places],
    'int32',
  )
  const place = gather(tensor(named, [places * taps], 'int32'), add(winner, rows), 0)
  const images = tensor(
    Int32Array.from({ length: batch * channels }, (_, i) => i * count(sizes)),
    [batch * channels, 1],
    'int32',
  )
  return cast(reshape(add(place, images), [batch, channels, ...outer]), 'int64')
}

function averagePooling(call: OperatorCall): Tensor {
  const x = call.input(0)
  const pool = poolOf(call, x)
  const countPadding = call.attributes.flag('count_include_pad', false)
  if (!pool.ceil || !countPadding) return avgPoolNd(x, { ...pool, countPadding })
  // padding counts, but not what a last window lacks: so the padding becomes part of the input
  const border = [[0, 0], [0, 0], ...pool.padding] as [number, number][]
  return avgPoolNd(pad(x, border), { ...pool, padding: 0, countPadding: false })
}

/** The p-norm of each window; padding counts as 0. */
function normPooling(call: OperatorCall): Tensor {
  const x = call.input(0)
  const pool = poolOf(call, x)
  const p = call.attributes.int('p', 2)
  const average: Tensor = avgPoolNd(pow(abs(x), p), { ...pool, countPadding: true })
  return pow(mul(average, count(pool.size)), 1 / p)
}

function globalNormPooling(call: OperatorCall): Tensor {
  const p = call.attributes.int('p', 2)
  return pow(sum(pow(abs(call.input(0)), p), spatialAxes(call.input(0)), true), 1 / p)
}

/** Local response normalization: each element over a power of the squares of neighbouring channels (Krizhevsky et al. 2012). */
function responseNormalization(call: OperatorCall): Tensor {
  const x = call.input(0)
  const { attributes } = call
  const size = attributes.int('size') ?? call.fail('has no size')
  const [batch, channels, ...places] = shapeOf(x) as [number, number, ...number[]]
  const squares = reshape(square(x), [batch, 1, channels, count(places)])
  const average: Tensor = avgPoolNd(squares, {
    size: [size, 1],
    strides: 1,
    padding: [
      [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)],
      [0, 0],
    ],
    countPadding: true,
    dataFormat: 'channelsFirst',
  })
  const scale = add(mul(average, attributes.float('alpha', 1e-4)), attributes.float('bias', 1))
  return div(x, reshape(pow(scale, attributes.float('beta', 0.75)), shapeOf(x)))
}

/** Elements back to the places from which MaxPool took them, zeros elsewhere. */
function maxUnpooling(call: OperatorCall): Tensor {
  const x = call.input(0)
  const [batch, channels, ...sizes] = shapeOf(x) as [number, number, ...number[]]
  const kernel = call.attributes.ints('kernel_shape') ?? call.fail('has no kernel_shape')
  const { strides, padding } = windowsOf(call, sizes, kernel)
  const inner = sizes.map((d, i) => (d - 1) * strides[i]! + kernel[i]! - padding[i]![0] - padding[i]![1])
  const shape = [batch, channels, ...inner]
  const wanted = call.has(2) ? call.numbers(2, 'the output shape') : shape
  if (wanted.length !== shape.length || wanted.some((d, a) => d < shape[a]!))
    call.fail(`asks for the shape [${wanted.join(', ')}], smaller than [${shape.join(', ')}]`)
  const flat = scatterND(reshape(cast(call.input(1), 'int32'), [x.size, 1]), reshape(x, [x.size]), [
    count(shape),
  ])
  return pad(
    reshape(flat, shape),
    shape.map((d, a) => [0, wanted[a]! - d]),
  )
}

const POOL = ['auto_pad', 'kernel_shape', 'pads', 'strides', 'dilations', 'ceil_mode']

export const pooling: Readonly<Record<string, Operator>> = {
  MaxPool: { attributes: [...POOL, 'storage_order'], build: maxPooling },
  AveragePool: { attributes: [...POOL, 'count_include_pad'], build: averagePooling },
  LpPool: { attributes: [...POOL, 'p'], build: normPooling },
  GlobalAveragePool: { build: (call) => mean(call.input(0), spatialAxes(call.input(0)), true) },
  GlobalMaxPool: { build: (call) => max(call.input(0), spatialAxes(call.input(0)), true) },
  GlobalLpPool: { attributes: ['p'], build: globalNormPooling },
  LRN: { attributes: ['alpha', 'beta', 'bias', 'size'], build: responseNormalization },
  MaxUnpool: { attributes: ['kernel_shape', 'pads', 'strides'], since: 9, host: [2], build: maxUnpooling },
}
