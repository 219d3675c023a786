// Reductions, positions of extremes, and functions over whole axes: softmax, normalization.
import {
  abs,
  add,
  all,
  any,
  argMax,
  argMin,
  cast,
  div,
  divNoNan,
  layerNorm,
  log,
  logSoftmax,
  logSumExp,
  max,
  mean,
  min,
  mul,
  oneHot,
  prod,
  reshape,
  reverse,
  rmsNorm,
  rsqrt,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
} from '@dl/tensor/core'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'

type Reduce = (x: Tensor, axes: number[], keepDims: boolean) => Tensor

/** @param inputSince the version from which the axes are an input, not an attribute */
const reduction = (inputSince: number, fn: Reduce): Operator => ({
  attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
  host: [1],
  build: (call) => {
    const x = call.input(0)
    const named = call.intsSince(inputSince, 'axes', 1) ?? []
    if (named.length === 0 && call.attributes.flag('noop_with_empty_axes', false)) return fn(x, [], true)
    const axes = named.length > 0 ? named.map((a) => call.axis(a, x.rank)) : [...Array(x.rank).keys()]
    return fn(x, axes, call.attributes.flag('keepdims', true))
  },
})

const isInteger = (x: Tensor): boolean => x.dtype !== 'float32' && x.dtype !== 'float64'
/** Computes in float64 and returns to an integer dtype, truncating. */
const inFloat =
  (fn: Reduce): Reduce =>
  (x, axes, keepDims) =>
    isInteger(x) ? cast(fn(cast(x, 'float64'), axes, keepDims), dtypeOfTensor(x)) : fn(x, axes, keepDims)

const position = (fn: typeof argMax): Operator => ({
  attributes: ['axis', 'keepdims', 'select_last_index'],
  build: (call) => {
    const x = call.input(0)
    const axis = call.axis(call.attributes.int('axis', 0), x.rank)
    const last = call.attributes.flag('select_last_index', false)
    let found: Tensor = fn(last ? reverse(x, axis) : x, axis)
    if (last) found = sub(shapeOf(x)[axis]! - 1, found)
    const kept = shapeOf(x).map((d, a) => (a === axis ? 1 : d))
    return cast(call.attributes.flag('keepdims', true) ? reshape(found, kept) : found, 'int64')
  },
})

/** Until version 12, softmax and its kin see a matrix: all axes from `axis` on are one. */
const alongAxis = (fn: (x: Tensor, axis: number) => Tensor): Operator => ({
  attributes: ['axis'],
  build: (call) => {
    const x = call.input(0)
    const axis = call.axis(call.attributes.int('axis', call.opset < 13 ? 1 : -1), x.rank)
    if (call.opset >= 13 || axis === x.rank - 1) return fn(x, axis)
    const shape = shapeOf(x)
    const rows = shape.slice(0, axis).reduce((n, d) => n * d, 1)
    return reshape(fn(reshape(x, [rows, x.size / rows]), 1), shape)
  },
})

function hardmax(x: Tensor, axis: number): Tensor {
  const shape = shapeOf(x)
  const rows = [...Array(x.rank).keys()].filter((a) => a !== axis)
  const hot: Tensor = cast(oneHot(argMax(x, axis), shape[axis]!), dtypeOfTensor(x))
  // the new axis is last; it goes to where `axis` was
  return transposeTo(hot, [...rows, axis])
}
function transposeTo(x: Tensor, axes: readonly number[]): Tensor {
  return transpose(
    x,
    axes.map((_, a) => axes.indexOf(a)),
  )
}

/** Normalization over the axes from `axis` on; the inputs are x, scale and, where there is one, an offset. */
function layerNormalization(call: OperatorCall): Tensor[] {
  const x = call.input(0)
  const axis = call.axis(call.attributes.int('axis', -1), x.rank)
  const epsilon = call.attributes.float('epsilon', 1e-5)
  const axes = shapeOf(x).flatMap((_, a) => (a >= axis ? [a] : []))
  const sizes = axes.map((a) => shapeOf(x)[a]!)
  const fits = (p: Tensor | undefined): boolean => !p || String(p.shape) === String(sizes)
  const scale = call.input(1)
  const offset = call.optional(2)
  const center: Tensor = mean(x, axes, true)
  const inverse: Tensor = rsqrt(add(mean(square(sub(x, center)), axes, true), epsilon))
  if (fits(scale) && fits(offset)) return [layerNorm(x, scale, offset, axes, epsilon), center, inverse]
  const scaled = mul(mul(sub(x, center), inverse), scale)
  return [offset ? add(scaled, offset) : scaled, center, inverse]
}

function rmsNormalization(call: OperatorCall): Tensor {
  const x = call.input(0)
  const axis = call.axis(call.attributes.int('axis', -1), x.rank)
  const axes = shapeOf(x).flatMap((_, a) => (a >= axis ? [a] : []))
  const epsilon = call.attributes.float('epsilon', 1e-5)
  const scale = call.input(1)
  if (String(scale.shape) === String(axes.map((a) => shapeOf(x)[a]))) return rmsNorm(x, scale, axes, epsilon)
  return mul(mul(x, rsqrt(add(mean(square(x), axes, true), epsilon))), scale)
}

/** Each channel (axis 1) of each example on its own, over the axes behind it. */
function instanceNormalization(call: OperatorCall): Tensor {
  const x = call.input(0)
  const axes = shapeOf(x).flatMap((_, a) => (a >= 2 ? [a] : []))
  const perChannel = (p: Tensor): Tensor => reshape(p, [-1, ...axes.map(() => 1)])
  const center: Tensor = sub(x, mean(x, axes, true))
  const unit = mul(
    center,
    rsqrt(add(mean(square(center), axes, true), call.attributes.float('epsilon', 1e-5))),
  )
  return add(mul(unit, perChannel(call.input(1))), perChannel(call.input(2)))
}

/** Groups of channels of each example; scale and offset are one for a channel, until version 20 one for a group. */
function groupNormalization(call: OperatorCall): Tensor {
  const x = call.input(0)
  const [batch, channels, ...places] = shapeOf(x) as [number, number, ...number[]]
  const groups = call.attributes.int('num_groups') ?? call.fail('has no num_groups')
  if (channels % groups !== 0) call.fail(`splits ${channels} channels into ${groups} groups`)
  const grouped = reshape(x, [batch, groups, x.size / batch / groups])
  const center: Tensor = sub(grouped, mean(grouped, 2, true))
  const epsilon = call.attributes.float('epsilon', 1e-5)
  const unit = mul(center, rsqrt(add(mean(square(center), 2, true), epsilon)))
  const each = call.opset < 21 ? groups : channels
  const along = (p: Tensor): Tensor => reshape(p, [each, 1])
  const parts = reshape(unit, [batch, each, x.size / batch / each])
  return reshape(add(mul(parts, along(call.input(1))), along(call.input(2))), [batch, channels, ...places])
}

function meanVarianceNormalization(call: OperatorCall): Tensor {
  const x = call.input(0)
  const axes = call.attributes.ints('axes') ?? [0, 2, 3]
  const center: Tensor = sub(x, mean(x, axes, true))
  return div(center, add(sqrt(mean(square(center), axes, true)), 1e-9))
}

function lpNormalization(call: OperatorCall): Tensor {
  const x = call.input(0)
  const axis = call.axis(call.attributes.int('axis', -1), x.rank)
  const p = call.attributes.int('p', 2)
  if (p !== 1 && p !== 2) call.fail(`has p ${p}; it is 1 or 2`)
  return divNoNan(x, p === 1 ? sum(abs(x), axis, true) : sqrt(sum(square(x), axis, true)))
}

const largest: Reduce = (x, axes, keep) => (x.dtype === 'bool' ? any(x, axes, keep) : max(x, axes, keep))
const smallest: Reduce = (x, axes, keep) => (x.dtype === 'bool' ? all(x, axes, keep) : min(x, axes, keep))

export const reductions: Readonly<Record<string, Operator>> = {
  ReduceSum: reduction(13, sum),
  ReduceMean: reduction(18, inFloat(mean)),
  ReduceMax: reduction(18, largest),
  ReduceMin: reduction(18, smallest),
  ReduceProd: reduction(18, prod),
  ReduceL1: reduction(18, (x, axes, keep) => sum(abs(x), axes, keep)),
  ReduceL2: reduction(
    18,
    inFloat((x, axes, keep) => sqrt(sum(square(x), axes, keep))),
  ),
  ReduceSumSquare: reduction(18, (x, axes, keep) => sum(square(x), axes, keep)),
  ReduceLogSum: reduction(
    18,
    inFloat((x, axes, keep) => log(sum(x, axes, keep))),
  ),
  ReduceLogSumExp: reduction(18, inFloat(logSumExp)),
  ArgMax: position(argMax),
  ArgMin: position(argMin),
  Softmax: alongAxis((x, axis) => softmax(x, axis)),
  LogSoftmax: alongAxis((x, axis) => logSoftmax(x, axis)),
  Hardmax: alongAxis(hardmax),
  LayerNormalization: { attributes: ['axis', 'epsilon', 'stash_type'], since: 17, build: layerNormalization },
  RMSNormalization: { attributes: ['axis', 'epsilon', 'stash_type'], since: 23, build: rmsNormalization },
  InstanceNormalization: { attributes: ['epsilon'], build: instanceNormalization },
  GroupNormalization: {
    attributes: ['epsilon', 'num_groups', 'stash_type'],
    since: 18,
    build: groupNormalization,
  },
  MeanVarianceNormalization: { since: 9, attributes: ['axes'], build: meanVarianceNormalization },
  LpNormalization: { attributes: ['axis', 'p'], build: lpNormalization },
}
