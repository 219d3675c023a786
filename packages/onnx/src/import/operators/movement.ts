// Operators that move elements: shapes, slices, joins, borders. Their sizes must be known while the graph is built.
import {
  broadcastTo,
  cast,
  concat,
  dropout,
  gather,
  less,
  greater,
  mul,
  onesLike,
  pad,
  range,
  reshape,
  scatterND,
  slice,
  split,
  stridedSlice,
  sub,
  reverse,
  tensor,
  type Tensor,
  tile,
  transpose,
  where,
} from '@dl/tensor/core'
import { int64Tensor } from '../../schema/tensor-values.ts'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'
import { windowsOf } from './windows.ts'

const count = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1)
const int64 = (values: readonly number[], shape?: readonly number[]): Tensor => {
  const { data, shape: dims, dtype } = int64Tensor(values, shape)
  return tensor(data, [...dims], dtype)
}

/** 0 keeps the input's dimension (unless `allowzero`), -1 is worked out. */
function reshapeTo(call: OperatorCall): Tensor {
  const x = call.input(0)
  const wanted = call.numbers(1, 'the new shape')
  const literal = call.attributes.flag('allowzero', false)
  const dims = wanted.map((d, a) =>
    d === 0 && !literal ? (shapeOf(x)[a] ?? call.fail(`keeps dimension ${a}`)) : d,
  )
  const rest = dims.indexOf(-1)
  if (rest >= 0 && x.size === 0) dims[rest] = 0
  return reshape(x, dims)
}

function flattenFrom(call: OperatorCall): Tensor {
  const x = call.input(0)
  const given = call.attributes.int('axis', 1)
  const axis = given < 0 ? given + x.rank : given
  const rows = count(shapeOf(x).slice(0, axis))
  return reshape(x, [rows, count(shapeOf(x).slice(axis))])
}

function squeezeAxes(call: OperatorCall): Tensor {
  const x = call.input(0)
  const shape = shapeOf(x)
  const axes = call.intsSince(13, 'axes', 1)?.map((a) => call.axis(a, x.rank))
  const wrong = axes?.find((a) => shape[a] !== 1)
  if (wrong !== undefined) call.fail(`removes axis ${wrong}, which has size ${shape[wrong]}, not 1`)
  return reshape(
    x,
    shape.filter((d, a) => (axes ? !axes.includes(a) : d !== 1)),
  )
}

function unsqueezeAxes(call: OperatorCall): Tensor {
  const x = call.input(0)
  const given = call.intsSince(13, 'axes', 1) ?? call.fail('has no axes')
  const rank = x.rank + given.length
  const axes = new Set(given.map((a) => call.axis(a, rank)))
  if (axes.size !== given.length) call.fail(`inserts an axis twice: [${given.join()}]`)
  const sizes = shapeOf(x)
  return reshape(
    x,
    Array.from({ length: rank }, (_, a) => (axes.has(a) ? 1 : sizes.shift()!)),
  )
}

function splitSizes(call: OperatorCall, size: number): number[] {
  const sizes = call.intsSince(13, 'split', 1)
  if (sizes) return sizes
  const parts = call.attributes.int('num_outputs', call.outputCount)
  if (parts !== call.outputCount) call.fail(`has ${call.outputCount} outputs for ${parts} parts`)
  const each = Math.ceil(size / parts)
  return Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(each, size - i * each)))
}

function splitParts(call: OperatorCall): Tensor[] {
  const x = call.input(0)
  const axis = call.axis(call.attributes.int('axis', 0), x.rank)
  return split(x, splitSizes(call, shapeOf(x)[axis]!), axis)
}

interface Cut {
  readonly begin: number
  readonly end: number
  readonly step: number
}

/** Positions as the specification clamps them, on the reversed axis when the step is negative. */
function cutOf(start: number, stop: number, step: number, size: number): Cut {
  const clamp = (x: number, low: number, high: number): number =>
    Math.min(Math.max(x < 0 ? x + size : x, low), high)
  if (step > 0) {
    const begin = clamp(start, 0, size)
    return { begin, end: Math.max(begin, clamp(stop, 0, size)), step }
  }
  const begin = size - 1 - clamp(start, 0, size - 1)
  return { begin, end: Math.max(begin, size - 1 - clamp(stop, -1, size - 1)), step: -step }
}

function sliceOf(call: OperatorCall): Tensor {
  let x = call.input(0)
  const shape = shapeOf(x)
  const starts = call.intsSince(10, 'starts', 1) ?? call.fail('has no starts')
  const ends = call.intsSince(10, 'ends', 2) ?? call.fail('has no ends')
  const axes = (call.intsSince(10, 'axes', 3) ?? starts.map((_, i) => i)).map((a) => call.axis(a, x.rank))
  const steps = call.opset < 10 ? undefined : call.intsSince(10, 'steps', 4)
  const cuts: Cut[] = shape.map((d) => ({ begin: 0, end: d, step: 1 }))
  const backward: number[] = []
  axes.forEach((axis, i) => {
    const step = steps?.[i] ?? 1
    if (step === 0) call.fail('has step 0')
    if (step < 0) backward.push(axis)
    cuts[axis] = cutOf(starts[i]!, ends[i]!, step, shape[axis]!)
  })
  if (backward.length > 0) x = reverse(x, backward)
  return stridedSlice(
    x,
    cuts.map((c) => c.begin),
    cuts.map((c) => c.end),
    cuts.map((c) => c.step),
  )
}

/** Two-way broadcasting: where one of the shapes has 1, the other's size counts. */
function expand(call: OperatorCall): Tensor {
  const x = call.input(0)
  const wanted = call.numbers(1, 'the new shape')
  const rank = Math.max(x.rank, wanted.length)
  const from = [...Array<number>(rank - x.rank).fill(1), ...shapeOf(x)]
  const to = [...Array<number>(rank - wanted.length).fill(1), ...wanted]
  return broadcastTo(
    x,
    from.map((d, a) => (d === 1 ? to[a]! : d)),
  )
}

function padded(call: OperatorCall): Tensor {
  let x = call.input(0)
  const mode = call.attributes.string('mode', 'constant')
  const amounts = call.intsSince(11, 'pads', 1) ?? call.fail('has no pads')
  const axes = (call.has(3) ? call.numbers(3, 'axes') : shapeOf(x).map((_, a) => a)).map((a) =>
    call.axis(a, x.rank),
  )
  if (amounts.length !== 2 * axes.length) call.fail(`has ${amounts.length} pads for ${axes.length} axes`)
  const value =
    call.opset < 11 ? call.attributes.float('value', 0) : call.has(2) ? call.number(2, 'the value') : 0
  const pairs = shapeOf(x).map((): [number, number] => [0, 0])
  axes.forEach((axis, i) => (pairs[axis] = [amounts[i]!, amounts[i + axes.length]!]))
  // negative amounts cut
  x = slice(
    x,
    pairs.map(([low]) => Math.max(0, -low)),
    shapeOf(x).map((d, a) => d + Math.min(0, pairs[a]![0]) + Math.min(0, pairs[a]![1])),
  )
  const border = pairs.map(([low, high]): [number, number] => [Math.max(0, low), Math.max(0, high)])
  if (mode === 'constant') return pad(x, border, value)
  return border.reduce(
    (y, [low, high], axis) => (low + high > 0 ? bordered(call, y, axis, low, high, mode) : y),
    x,
  )
}

/** A border that repeats elements of `x`: each position of the result picks one. */
function bordered(
  call: OperatorCall,
  x: Tensor,
  axis: number,
  low: number,
  high: number,
  mode: string,
): Tensor {
  const size = shapeOf(x)[axis]!
  const wrap = (i: number, period: number): number => ((i % period) + period) % period
  const source = (i: number): number => {
    if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1)
    if (mode === 'wrap') return wrap(i, size)
    if (mode !== 'reflect') call.fail(`has mode '${mode}'; supported are constant, edge, reflect and wrap`)
    const at = wrap(i, Math.max(1, 2 * (size - 1)))
    return at < size ? at : 2 * (size - 1) - at
  }
  call.checkSize(low + size + high, 'int32')
  const picks = Int32Array.from({ length: low + size + high }, (_, i) => source(i - low))
  return gather(x, tensor(picks, [picks.length], 'int32'), axis)
}

function shapeAsTensor(call: OperatorCall): Tensor {
  const shape = shapeOf(call.input(0))
  const at = (a: number): number => Math.min(Math.max(a < 0 ? a + shape.length : a, 0), shape.length)
  const { attributes } = call
  return int64(shape.slice(at(attributes.int('start', 0)), at(attributes.int('end', shape.length))))
}

/** The middle of `x` in the wanted size: axes that are too long lose both ends, those that are too short get zeros. */
function centerCropPad(call: OperatorCall): Tensor {
  const x = call.input(0)
  const wanted = call.numbers(1, 'the shape')
  const axes = (call.attributes.ints('axes') ?? wanted.map((_, a) => a)).map((a) => call.axis(a, x.rank))
  const shape = shapeOf(x)
  const target = [...shape]
  axes.forEach((axis, i) => (target[axis] = wanted[i]!))
  const cut = slice(
    x,
    shape.map((d, a) => Math.max(0, Math.floor((d - target[a]!) / 2))),
    shape.map((d, a) => Math.min(d, target[a]!)),
  )
  return pad(
    cut,
    shape.map((d, a): [number, number] => {
      const lacking = Math.max(0, target[a]! - d)
      return [Math.floor(lacking / 2), Math.ceil(lacking / 2)]
    }),
  )
}

/** The first `length` elements of each example along the time axis, backwards; the rest stays. */
function reverseSequence(call: OperatorCall): Tensor {
  const x = call.input(0)
  const [batchAxis, timeAxis] = [call.attributes.int('batch_axis', 1), call.attributes.int('time_axis', 0)]
  const order = [batchAxis, timeAxis, ...shapeOf(x).flatMap((_, a) => (a > 1 ? [a] : []))]
  const turned = transpose(x, order)
  const [batch, time] = shapeOf(turned) as [number, number]
  const lengths = reshape(cast(call.input(1), 'int32'), [batch, 1])
  const steps = broadcastTo(range(0, time, 1, 'int32'), [batch, time])
  const from = where(less(steps, lengths), sub(sub(lengths, 1), steps), steps)
  return transpose(
    gather(turned, from, 1, 1),
    order.map((_, a) => order.indexOf(a)),
  )
}

/** Columns of windows added up to an image: the gradient of taking windows. */
function columnsToImage(call: OperatorCall): Tensor {
  const x = call.input(0)
  const [image, block] = [call.numbers(1, 'the image shape'), call.numbers(2, 'the block shape')]
  const { strides, dilations, padding } = windowsOf(call, image, block)
  const [batch, rows, columns] = shapeOf(x) as [number, number, number]
  if (x.rank !== 3)
    call.fail(`needs columns [batch, channels · block, positions], got [${shapeOf(x).join(', ')}]`)
  const taps = count(block)
  const channels = rows / taps
  const outer = image.map((d, i) => {
    const room = d + padding[i]![0] + padding[i]![1] - (block[i]! - 1) * dilations[i]! - 1
    return Math.floor(room / strides[i]!) + 1
  })
  if (!Number.isInteger(channels) || count(outer) !== columns)
    call.fail(`has columns [${shapeOf(x).join(', ')}] that do not fit an image [${image.join(', ')}]`)
  call.checkSize(batch * channels * count(image), dtypeOfTensor(x))
  const at = (i: number, dims: readonly number[], axis: number): number =>
    Math.floor(i / count(dims.slice(axis + 1))) % dims[axis]!
  const places = Int32Array.from({ length: taps * columns }, (_, i) =>
    image.reduce((place, d, axis) => {
      const first = at(i % columns, outer, axis) * strides[axis]! - padding[axis]![0]
      const along = first + at(Math.floor(i / columns), block, axis) * dilations[axis]!
      return place < 0 || along < 0 || along >= d ? -1 : place * d + along
    }, 0),
  )
  const images = batch * channels
  const updates = transpose(reshape(x, [images, places.length]), [1, 0])
  const sum = scatterND(tensor(places, [places.length, 1], 'int32'), updates, [count(image), images])
  return reshape(transpose(sum, [1, 0]), [batch, channels, ...image])
}

/** Blocks of the channels become blocks of the image: `[N, C·b², H, W]` to `[N, C, H·b, W·b]`. */
function depthToSpace(call: OperatorCall): Tensor {
  const x = call.input(0)
  const b = call.attributes.int('blocksize', 1)
  const [n, c, h, w] = shapeOf(x) as [number, number, number, number]
  const channels = c / (b * b)
  if (call.attributes.string('mode', 'DCR') === 'DCR')
    return reshape(transpose(reshape(x, [n, b, b, channels, h, w]), [0, 3, 4, 1, 5, 2]), [
      n,
      channels,
      h * b,
      w * b,
    ])
  return reshape(transpose(reshape(x, [n, channels, b, b, h, w]), [0, 1, 4, 2, 5, 3]), [
    n,
    channels,
    h * b,
    w * b,
  ])
}

function spaceToDepth(call: OperatorCall): Tensor {
  const x = call.input(0)
  const b = call.attributes.int('blocksize', 1)
  const [n, c, h, w] = shapeOf(x) as [number, number, number, number]
  const blocks = transpose(reshape(x, [n, c, h / b, b, w / b, b]), [0, 3, 5, 1, 2, 4])
  return reshape(blocks, [n, c * b * b, h / b, w / b])
}

/** Identity, except while training. The mask, where it is wanted, tells what is kept; PyTorch asks for it and drops it. */
function dropoutOf(call: OperatorCall): Tensor | Tensor[] {
  const x = call.input(0)
  const rate = call.opset < 12 ? call.attributes.float('ratio', 0.5) : (call.knownNumbers(1)?.[0] ?? 0.5)
  if (!call.wants(1)) return call.training ? dropout(x, rate) : x
  if (!call.training) return [x, broadcastTo(tensor([true]), shapeOf(x))]
  const kept = dropout(onesLike(x), rate)
  return [mul(x, kept), greater(kept, 0)]
}

export const movement: Readonly<Record<string, Operator>> = {
  Identity: { build: (call) => call.input(0) },
  Dropout: { attributes: ['ratio', 'seed'], host: [1, 2], build: dropoutOf },
  Reshape: { attributes: ['allowzero'], host: [1], build: reshapeTo },
  Flatten: { attributes: ['axis'], build: flattenFrom },
  Transpose: {
    attributes: ['perm'],
    build: (call) =>
      transpose(
        call.input(0),
        call.attributes.ints('perm') ?? [...Array(call.input(0).rank).keys()].reverse(),
      ),
  },
  Squeeze: { attributes: ['axes'], host: [1], build: squeezeAxes },
  Unsqueeze: { attributes: ['axes'], host: [1], build: unsqueezeAxes },
  Concat: {
    attributes: ['axis'],
    build: (call) => concat(call.inputs(), call.axis(call.attributes.int('axis', 1), call.input(0).rank)),
  },
  Split: { attributes: ['axis', 'split', 'num_outputs'], host: [1], build: splitParts },
  Slice: { attributes: ['starts', 'ends', 'axes'], host: [1, 2, 3, 4], build: sliceOf },
  Expand: { since: 8, host: [1], build: expand },
  Tile: { host: [1], build: (call) => tile(call.input(0), call.numbers(1, 'the repeats')) },
  Pad: { attributes: ['mode', 'pads', 'value'], host: [1, 2, 3], build: padded },
  Shape: { attributes: ['start', 'end'], build: shapeAsTensor },
  Size: { build: (call) => int64([call.input(0).size], []) },
  CenterCropPad: { attributes: ['axes'], since: 18, host: [1], build: centerCropPad },
  ReverseSequence: { attributes: ['batch_axis', 'time_axis'], since: 10, build: reverseSequence },
  Col2Im: {
    attributes: ['dilations', 'pads', 'strides'],
    since: 18,
    host: [1, 2],
    build: columnsToImage,
  },
  DepthToSpace: { attributes: ['blocksize', 'mode'], build: depthToSpace },
  SpaceToDepth: { attributes: ['blocksize'], build: spaceToDepth },
}
