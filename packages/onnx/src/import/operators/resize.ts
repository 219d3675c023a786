// Resize and Upsample. Each axis is resized on its own: where its samples lie and how they are weighed is worked out here, in
// double precision; the composition picks elements along the axis and adds them up, so that it fuses and differentiates.
import {
  add,
  broadcastTo,
  cast,
  gather,
  matMul,
  mul,
  reshape,
  tensor,
  type Tensor,
  transpose,
  where,
} from '@dl/tensor/core'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'
import { type AxisSampling, type Interpolation, sampleAxis, type Samples } from './sampling.ts'

/** Up to so many elements are picked one by one; more are a product with a matrix of weights. */
const MOST_PICKS = 4

const axisVector = (values: Tensor, axis: number, rank: number): Tensor =>
  reshape(
    values,
    Array.from({ length: rank }, (_, a) => (a === axis ? -1 : 1)),
  )

/** How often each element is repeated, when that is all that the samples do. */
function repeats({ picks, weights }: Samples, size: number): number | undefined {
  const times = picks[0]!.length / size
  if (picks.length !== 1 || !Number.isInteger(times) || weights[0]!.some((w) => w !== 1)) return undefined
  return picks[0]!.every((pick, i) => pick === Math.floor(i / times)) ? times : undefined
}

function repeated(x: Tensor, axis: number, times: number): Tensor {
  const shape = shapeOf(x)
  const [before, after] = [shape.slice(0, axis + 1), shape.slice(axis + 1)]
  const spread = broadcastTo(reshape(x, [...before, 1, ...after]), [...before, times, ...after])
  return reshape(
    spread,
    shape.map((d, a) => (a === axis ? d * times : d)),
  )
}

/** `x` with the sampled elements along `axis`. */
function sampled(x: Tensor, axis: number, samples: Samples): Tensor {
  const size = shapeOf(x)[axis]!
  const times = repeats(samples, size)
  if (times !== undefined) return times === 1 ? x : repeated(x, axis, times)
  if (samples.picks.length > MOST_PICKS) return product(x, axis, samples)
  const dtype = dtypeOfTensor(x)
  const terms = samples.picks.map((picks, i) => {
    const picked: Tensor = gather(x, tensor(Int32Array.from(picks), [picks.length], 'int32'), axis)
    const weights = samples.weights[i]!
    if (weights.every((w) => w === 1)) return picked
    return mul(picked, axisVector(tensor(weights, [weights.length], dtype), axis, x.rank))
  })
  return terms.reduce((sum, term) => add(sum, term))
}

/** `x · W` along `axis`, with the weights of all samples in `W`. */
function product(x: Tensor, axis: number, { picks, weights }: Samples): Tensor {
  const [size, outer] = [shapeOf(x)[axis]!, picks[0]!.length]
  const matrix = new Float64Array(size * outer)
  picks.forEach((row, i) =>
    row.forEach((pick, j) => (matrix[pick * outer + j] = matrix[pick * outer + j]! + weights[i]![j]!)),
  )
  const order = shapeOf(x).map((_, a) => a)
  order.push(...order.splice(axis, 1))
  const last = matMul(
    reshape(transpose(x, order), [-1, size]),
    tensor([...matrix], [size, outer], dtypeOfTensor(x)),
  )
  const back = order.map((_, a) => order.indexOf(a))
  return transpose(
    reshape(
      last,
      order.map((a) => (a === axis ? outer : shapeOf(x)[a]!)),
    ),
    back,
  )
}

/** All axes; where a sample lies outside (crops only), `extrapolation` stands instead. */
function resized(
  x: Tensor,
  plans: readonly AxisSampling[],
  how: Interpolation,
  extrapolation: number,
): Tensor {
  if (plans.some(({ outer }) => outer === 0) || x.size === 0)
    return reshape(
      tensor([], [0], dtypeOfTensor(x)),
      plans.map(({ outer }) => outer),
    )
  let y = x
  let inside: Tensor | undefined
  plans.forEach((plan, axis) => {
    const samples = sampleAxis(plan, how)
    y = sampled(y, axis, samples)
    if (samples.inside.every(Boolean)) return
    const along = axisVector(tensor([...samples.inside], [plan.outer], 'bool'), axis, x.rank)
    inside = inside ? mul(cast(inside, 'int32'), cast(along, 'int32')) : along
  })
  return inside ? where(cast(inside, 'bool'), y, extrapolation) : y
}

/** In float32 for integers, whose results are truncated. */
function resizedAsFloat(
  x: Tensor,
  plans: readonly AxisSampling[],
  how: Interpolation,
  extrapolation: number,
): Tensor {
  const dtype = dtypeOfTensor(x)
  if (how.mode === 'nearest' || dtype === 'float32' || dtype === 'float64')
    return resized(x, plans, how, extrapolation)
  return cast(resized(cast(x, 'float32'), plans, how, extrapolation), dtype)
}

const COORDINATES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_crop_and_resize',
  'tf_half_pixel_for_nn',
] as const
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const
const MODES = ['nearest', 'linear', 'cubic'] as const

function choice<T extends string>(call: OperatorCall, name: string, among: readonly T[], absent: T): T {
  const value = call.attributes.string(name, absent)
  return (
    among.find((known) => known === value) ??
    call.fail(`has ${name} '${value}'; it is one of ${among.join(', ')}`)
  )
}

/** `sizes` with the aspect ratio of the input: none larger, or none smaller, than asked for. */
function keepingRatio(
  call: OperatorCall,
  shape: readonly number[],
  axes: readonly number[],
  sizes: number[],
): number[] {
  const policy = choice(call, 'keep_aspect_ratio_policy', ['stretch', 'not_larger', 'not_smaller'], 'stretch')
  if (policy === 'stretch') return sizes
  const ratios = axes.map((a, i) => sizes[i]! / shape[a]!)
  const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios)
  return axes.map((a) => Math.round(ratio * shape[a]!))
}

/** The sampling of each axis, from scales or sizes; both concern `axes` only. */
function plansOf(call: OperatorCall, x: Tensor, scalesAt: number): AxisSampling[] {
  const shape = shapeOf(x)
  const axes = (call.attributes.ints('axes') ?? shape.map((_, a) => a)).map((a) => call.axis(a, x.rank))
  const listed = (i: number, what: string): number[] | undefined => {
    const values = call.has(i) ? call.numbers(i, what) : []
    if (values.length === 0) return undefined
    if (values.length !== axes.length)
      call.fail(`has ${values.length} ${what} for ${axes.length} axes of an input [${shape.join(', ')}]`)
    return values
  }
  const plans = shape.map((size): AxisSampling => ({ size, outer: size, scale: 1, start: 0, end: 1 }))
  const scales = listed(scalesAt, 'scales')
  const wanted = scalesAt === 2 && !scales ? listed(3, 'sizes') : undefined
  const sizes = wanted && keepingRatio(call, shape, axes, wanted)
  if (!scales && !sizes) call.fail('has neither scales nor sizes')
  const crop =
    scalesAt === 2 && call.attributes.string('coordinate_transformation_mode', '') === 'tf_crop_and_resize'
  const roi = crop && call.has(1) ? call.numbers(1, 'the region') : []
  axes.forEach((axis, i) => {
    const size = shape[axis]!
    const scale = scales?.[i] ?? sizes![i]! / size
    const [start, end] = [roi[i] ?? 0, roi[i + axes.length] ?? 1]
    plans[axis] = { size, outer: sizes?.[i] ?? Math.floor(size * scale), scale, start, end }
  })
  checkPlans(call, x, plans)
  return plans
}

function checkPlans(call: OperatorCall, x: Tensor, plans: readonly AxisSampling[]): void {
  const sizes = plans.map(({ outer }) => outer)
  if (sizes.some((d) => !Number.isInteger(d) || d < 0)) call.fail(`asks for the sizes [${sizes.join(', ')}]`)
  call.checkSize(
    sizes.reduce((n, d) => n * d, 1),
    dtypeOfTensor(x),
  )
}

function resize(call: OperatorCall): Tensor {
  const x = call.input(0)
  const { attributes } = call
  const old = call.opset < 11 // version 10 knows scales only, and counts from the corner
  const how: Interpolation = {
    mode: choice(call, 'mode', MODES, 'nearest'),
    coordinates: choice(
      call,
      'coordinate_transformation_mode',
      COORDINATES,
      old ? 'asymmetric' : 'half_pixel',
    ),
    nearest: choice(call, 'nearest_mode', NEAREST, old ? 'floor' : 'round_prefer_floor'),
    cubicCoefficient: attributes.float('cubic_coeff_a', -0.75),
    excludeOutside: attributes.flag('exclude_outside', false),
    antialias: attributes.flag('antialias', false),
  }
  const plans = plansOf(call, x, old ? 1 : 2)
  return resizedAsFloat(x, plans, how, attributes.float('extrapolation_value', 0))
}

function upsample(call: OperatorCall): Tensor {
  const x = call.input(0)
  const shape = shapeOf(x)
  const scales = call.opset < 9 ? call.attributes.floats('scales') : call.numbers(1, 'scales')
  if (scales?.length !== x.rank) call.fail(`has ${scales?.length ?? 'no'} scales for ${x.rank} axes`)
  const how: Interpolation = {
    mode: choice(call, 'mode', ['nearest', 'linear'], 'nearest'),
    coordinates: 'asymmetric',
    nearest: 'floor',
    cubicCoefficient: 0,
    excludeOutside: false,
    antialias: false,
  }
  const plans = shape.map((size, a): AxisSampling => {
    const scale = scales[a]!
    return { size, outer: Math.floor(size * scale), scale, start: 0, end: 1 }
  })
  checkPlans(call, x, plans)
  return resizedAsFloat(x, plans, how, 0)
}

export const resizing: Readonly<Record<string, Operator>> = {
  Resize: {
    attributes: [
      'mode',
      'coordinate_transformation_mode',
      'nearest_mode',
      'cubic_coeff_a',
      'exclude_outside',
      'extrapolation_value',
      'antialias',
      'axes',
      'keep_aspect_ratio_policy',
    ],
    since: 10,
    host: [1, 2, 3],
    build: resize,
  },
  Upsample: { attributes: ['mode', 'scales'], host: [1], build: upsample },
}
