// Operators that read images at computed places: grids, regions of interest, deformed windows.
import {
  add,
  broadcastTo,
  cast,
  ceil,
  clipByValue,
  concat,
  div,
  less,
  lessEqual,
  logicalAnd,
  matMul,
  max,
  maximum,
  mul,
  range,
  reshape,
  round,
  slice,
  sub,
  sum,
  tensor,
  type Tensor,
  transpose,
  where,
  gather,
  floor,
  minimum,
} from '@dl/tensor/core'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'
import { cubicTaps, interpolated, linearTaps, nearestTaps, type Outside, reflected } from './interpolation.ts'
import { windowsOf } from './windows.ts'

const TAPS = { linear: linearTaps, nearest: nearestTaps, cubic: cubicTaps } as const
const OLD_MODES: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' }

/** Element `i` of the last axis, which goes away. */
function component(x: Tensor, i: number): Tensor {
  const shape = shapeOf(x)
  const start = shape.map((_, a) => (a === shape.length - 1 ? i : 0))
  return reshape(slice(x, start, [...shape.slice(0, -1), 1]), shape.slice(0, -1))
}

function outsideOf(call: OperatorCall, aligned: boolean): Outside {
  const mode = call.attributes.string('padding_mode', 'zeros')
  if (mode === 'zeros' || mode === 'border') return mode
  if (mode !== 'reflection') call.fail(`has padding_mode '${mode}'; it is zeros, border or reflection`)
  return aligned ? 'reflectMiddle' : 'reflectEdge'
}

/** `x` at places of a grid that runs from -1 to 1 along each axis; the last axis of the grid holds x, y, …. */
function gridSample(call: OperatorCall): Tensor {
  const [x, grid] = [call.input(0), call.input(1)]
  const [batch, channels, ...sizes] = shapeOf(x) as [number, number, ...number[]]
  const outer = shapeOf(grid).slice(1, -1)
  if (sizes.length < 1 || shapeOf(grid).at(-1) !== sizes.length || shapeOf(grid)[0] !== batch)
    call.fail(`samples [${shapeOf(x).join(', ')}] at positions [${shapeOf(grid).join(', ')}]`)
  const given = call.attributes.string('mode', 'linear')
  const mode = OLD_MODES[given] ?? given
  if (mode !== 'linear' && mode !== 'nearest' && mode !== 'cubic')
    return call.fail(`has mode '${given}'; it is linear, nearest or cubic`)
  const aligned = call.attributes.flag('align_corners', false)
  const outside = outsideOf(call, aligned)
  const taps = sizes.map((size, axis) => {
    const g = reshape(component(grid, sizes.length - 1 - axis), [batch, -1])
    const exact = aligned ? mul(add(g, 1), (size - 1) / 2) : div(sub(mul(add(g, 1), size), 1), 2)
    const place = mode === 'nearest' ? round(exact) : exact
    if (outside === 'zeros') return TAPS[mode](place, size, outside)
    const inside = outside === 'border' ? clipByValue(place, 0, size - 1) : reflected(place, size, outside)
    return TAPS[mode](mode === 'nearest' ? round(inside) : inside, size, outside)
  })
  return reshape(interpolated(x, taps), [batch, channels, ...outer])
}

/** The grid that `theta` `[batch, axes, axes + 1]` makes of the regular one. */
function affineGrid(call: OperatorCall): Tensor {
  const theta = call.input(0)
  const [batch, , ...sizes] = call.sizes(1, 'the size') as [number, number, ...number[]]
  if (sizes.length < 1) call.fail('has a size without spatial axes')
  if (String(shapeOf(theta)) !== String([batch, sizes.length, sizes.length + 1]))
    call.fail(`has theta [${shapeOf(theta).join(', ')}] for the size [${[batch, 'C', ...sizes].join(', ')}]`)
  const aligned = call.attributes.flag('align_corners', false)
  const dtype = dtypeOfTensor(theta)
  call.checkSize(
    sizes.reduce((n, d) => n * d, batch * sizes.length),
    dtype,
  )
  const line = (size: number): number[] =>
    Array.from({ length: size }, (_, i) =>
      aligned ? (size === 1 ? 0 : (2 * i) / (size - 1) - 1) : (2 * i + 1) / size - 1,
    )
  const columns = sizes.map((size, axis) => {
    const along = tensor(
      line(size),
      sizes.map((_, a) => (a === axis ? size : 1)),
      dtype,
    )
    return reshape(broadcastTo(along, sizes), [-1, 1])
  })
  const ones = broadcastTo(tensor([1], [1, 1], dtype), [sizes.reduce((n, d) => n * d, 1), 1])
  const base = concat([...columns.reverse(), ones], 1)
  const grid: Tensor = matMul(broadcastTo(base, [batch, ...shapeOf(base)]), theta, false, true)
  return reshape(grid, [batch, ...sizes, sizes.length])
}

/** Where the samples of each region lie along one axis, and which of them count. All `[regions, bins · samples]`. */
interface RegionSamples {
  readonly low: Tensor
  readonly high: Tensor
  readonly ratio: Tensor
  readonly counts: Tensor
  /** Samples of a bin, at most. */
  readonly samples: number
  /** Samples of each region's bins, `[regions, 1]`. */
  readonly perBin: Tensor
}

function regionSamples(
  call: OperatorCall,
  at: { readonly axis: 0 | 1; readonly bins: number; readonly size: number },
): RegionSamples {
  const { attributes } = call
  const scale = attributes.float('spatial_scale', 1)
  const mode = attributes.string(
    'coordinate_transformation_mode',
    call.opset < 16 ? 'output_half_pixel' : 'half_pixel',
  )
  const half = mode === 'half_pixel'
  const rois = call.input(1)
  const bound = (i: number): Tensor => sub(mul(reshape(component(rois, i), [-1, 1]), scale), half ? 0.5 : 0)
  const [start, end] = [bound(1 - at.axis), bound(3 - at.axis)]
  const extent: Tensor = half ? sub(end, start) : maximum(sub(end, start), 1)
  const bin = div(extent, at.bins)
  const fixed = attributes.int('sampling_ratio', 0)
  const perBin: Tensor = fixed > 0 ? add(mul(extent, 0), fixed) : maximum(ceil(bin), 1)
  const samples = fixed > 0 ? fixed : mostSamples(call, at, scale, half)
  const steps = reshape(broadcastTo(reshape(range(0, at.bins, 1), [-1, 1]), [at.bins, samples]), [-1])
  const inner = reshape(broadcastTo(range(0, samples, 1), [at.bins, samples]), [-1])
  const place = add(add(start, mul(steps, bin)), mul(add(inner, 0.5), div(bin, perBin)))
  const counts = logicalAnd(less(inner, perBin), logicalAnd(lessEqual(-1, place), lessEqual(place, at.size)))
  const inside: Tensor = maximum(place, 0)
  const low: Tensor = minimum(floor(inside), at.size - 1)
  const high = minimum(add(low, 1), at.size - 1)
  const ratio = where(less(low, at.size - 1), sub(inside, low), 0)
  return { low, high, ratio, counts, samples, perBin }
}

/** Without a fixed number of samples the largest region decides; its size must be known. */
function mostSamples(
  call: OperatorCall,
  at: { axis: 0 | 1; bins: number },
  scale: number,
  half: boolean,
): number {
  const rois = call.numbers(1, 'the regions')
  let most = 1
  for (let r = 0; r < rois.length; r += 4) {
    const extent = (rois[r + 3 - at.axis]! - rois[r + 1 - at.axis]!) * scale
    most = Math.max(most, Math.ceil(Math.fround((half ? extent : Math.max(extent, 1)) / at.bins)))
  }
  return most
}

/** Each region of interest as bins, the mean or the maximum of samples (He et al. 2017, Mask R-CNN). */
function roiAlign(call: OperatorCall): Tensor {
  const x = call.input(0)
  const [batch, channels, height, width] = shapeOf(x) as [number, number, number, number]
  const [rows, columns] = [call.attributes.int('output_height', 1), call.attributes.int('output_width', 1)]
  const y = regionSamples(call, { axis: 0, bins: rows, size: height })
  const z = regionSamples(call, { axis: 1, bins: columns, size: width })
  const regions = shapeOf(call.input(1))[0]!
  const pixels = reshape(transpose(x, [0, 2, 3, 1]), [batch * height * width, channels])
  const first = mul(reshape(cast(call.input(2), 'int32'), [-1, 1, 1]), height * width)
  const vertical = (t: Tensor): Tensor => reshape(t, [regions, -1, 1])
  const horizontal = (t: Tensor): Tensor => reshape(t, [regions, 1, -1])
  const corner = (row: Tensor, column: Tensor, weight: Tensor): Tensor => {
    const place = add(mul(cast(vertical(row), 'int32'), width), cast(horizontal(column), 'int32'))
    return mul(gather(pixels, add(first, place), 0), reshape(weight, [...shapeOf(weight), 1]))
  }
  const [ry, rz] = [vertical(y.ratio), horizontal(z.ratio)]
  const corners = [
    corner(y.low, z.low, mul(sub(1, ry), sub(1, rz))),
    corner(y.low, z.high, mul(sub(1, ry), rz)),
    corner(y.high, z.low, mul(ry, sub(1, rz))),
    corner(y.high, z.high, mul(ry, rz)),
  ]
  const counts = reshape(logicalAnd(vertical(y.counts), horizontal(z.counts)), [
    regions,
    rows * y.samples,
    columns * z.samples,
    1,
  ])
  const binned = (t: Tensor): Tensor => reshape(t, [regions, rows, y.samples, columns, z.samples, channels])
  const mode = call.attributes.string('mode', 'avg')
  if (mode === 'max') {
    // the greatest of the four weighted neighbours, as ONNX has it
    const greatest = corners.reduce((a, b) => maximum(a, b))
    return transpose(max(binned(where(counts, greatest, 0)), [2, 4]), [0, 3, 1, 2])
  }
  if (mode !== 'avg') call.fail(`has mode '${mode}'; it is avg or max`)
  const total = sum(
    binned(
      where(
        counts,
        corners.reduce((a, b) => add(a, b)),
        0,
      ),
    ),
    [2, 4],
  )
  const divisor = reshape(mul(y.perBin, z.perBin), [regions, 1, 1, 1])
  return transpose(div(total, divisor), [0, 3, 1, 2])
}

/** A convolution whose windows read at places moved by `offset`, weighed by a mask (Zhu et al. 2019). Two spatial axes. */
function deformableConvolution(call: OperatorCall): Tensor {
  const [x, w, offset] = [call.input(0), call.input(1), call.input(2)]
  if (x.rank !== 4) call.fail(`deforms two spatial axes, its input has rank ${x.rank}`)
  const [batch, channels, height, width] = shapeOf(x) as [number, number, number, number]
  const [features, perGroup, kh, kw] = shapeOf(w) as [number, number, number, number]
  const groups = call.attributes.int('group', 1)
  const blocks = call.attributes.int('offset_group', 1)
  const { strides, dilations, padding } = windowsOf(call, [height, width], [kh, kw])
  const [rows, columns] = shapeOf(offset).slice(2) as [number, number]
  const taps = kh * kw
  const moved = reshape(offset, [batch * blocks, taps, 2, rows * columns])
  const regular = (axis: 0 | 1): number[] => {
    const places: number[] = []
    for (let k = 0; k < taps; k++)
      for (let p = 0; p < rows * columns; p++) {
        const [at, inner] = axis === 0 ? [Math.floor(p / columns), Math.floor(k / kw)] : [p % columns, k % kw]
        places.push(at * strides[axis]! - padding[axis]![0] + inner * dilations[axis]!)
      }
    return places
  }
  const along = (axis: 0 | 1): Tensor => {
    const shift = reshape(slice(moved, [0, 0, axis, 0], [batch * blocks, taps, 1, rows * columns]), [
      batch * blocks,
      -1,
    ])
    return add(shift, tensor(regular(axis), [taps * rows * columns], dtypeOfTensor(x)))
  }
  const image = reshape(x, [batch * blocks, channels / blocks, height, width])
  const read = interpolated(image, [
    linearTaps(along(0), height, 'zeros'),
    linearTaps(along(1), width, 'zeros'),
  ])
  const mask = call.optional(4)
  const weighed = mask ? mul(read, reshape(mask, [batch * blocks, 1, taps * rows * columns])) : read
  const terms = reshape(weighed, [batch, groups, perGroup * taps, rows * columns])
  const matrices = reshape(w, [groups, features / groups, perGroup * taps])
  const product: Tensor = matMul(broadcastTo(matrices, [batch, ...shapeOf(matrices)]), terms)
  const y = reshape(product, [batch, features, rows, columns])
  const bias = call.optional(3)
  return bias ? add(y, reshape(bias, [-1, 1, 1])) : y
}

export const samplingGrids: Readonly<Record<string, Operator>> = {
  GridSample: { attributes: ['align_corners', 'mode', 'padding_mode'], since: 16, build: gridSample },
  AffineGrid: { attributes: ['align_corners'], since: 20, host: [1], build: affineGrid },
  RoiAlign: {
    attributes: [
      'coordinate_transformation_mode',
      'mode',
      'output_height',
      'output_width',
      'sampling_ratio',
      'spatial_scale',
    ],
    since: 10,
    build: roiAlign,
  },
  DeformConv: {
    attributes: ['dilations', 'group', 'kernel_shape', 'offset_group', 'pads', 'strides'],
    since: 19,
    build: deformableConvolution,
  },
}
