// Convolution on nodes, over any number of spatial axes, channels last or first. A convolution is a product of windows (a
// view) with the kernel: neither the columns nor a padded input are stored, packing reads through the view. Gradients are
// convolutions and products again, so they are as fast and differentiate again.
import { gradients } from '../autodiff/gradient.ts'
import { defineComposite } from './composite.ts'
import type { Node } from './node.ts'
import {
  broadcastTo,
  concat,
  constant,
  dot,
  mark,
  pad,
  reduce,
  reshape,
  reverse,
  s,
  slice,
  transpose,
  window,
} from './primitives.ts'
import { type Dims, sizeOf, unravel } from './shape.ts'

/** Where windows lie; one number for each spatial axis. Negative paddings cut off. */
export interface WindowGeometry {
  readonly stride: Dims
  readonly dilation: Dims
  /** Zeros (or, for maxima, nothing) before and after. */
  readonly low: Dims
  readonly high: Dims
  /** `[N, …spatial, C]` if true, else `[N, C, …spatial]`. */
  readonly channelsLast: boolean
}
export interface ConvolutionGeometry extends WindowGeometry {
  readonly groups: number
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
/** The axes of `[N, …spatial, C]` or `[N, C, …spatial]` that are spatial. */
export const spatialAxes = (rank: number, channelsLast: boolean): number[] =>
  channelsLast ? range(1, rank - 1) : range(2, rank)

/** `x` with `low` and `high` elements of `value` around its spatial axes, and `interior` between; negative ones cut off. */
export function padSpatial(
  x: Node,
  { low, high, channelsLast }: Pick<WindowGeometry, 'low' | 'high' | 'channelsLast'>,
  value: number | bigint = 0,
  interior: Dims = low.map(() => 0),
): Node {
  const axes = spatialAxes(x.shape.length, channelsLast)
  const along = (sizes: Dims): number[] =>
    x.shape.map((_, a) => (axes.includes(a) ? sizes[axes.indexOf(a)]! : 0))
  const positive = (sizes: Dims): number[] => along(sizes.map((v) => Math.max(0, v)))
  const padded = pad(x, positive(low), positive(high), along(interior), value)
  const start = along(low.map((v) => Math.max(0, -v)))
  const end = along(high.map((v) => Math.max(0, -v)))
  return slice(
    padded,
    start,
    padded.shape.map((d, a) => d - start[a]! - end[a]!),
  )
}

// ---- convolution
/** `[rows, terms]` matrices in `groups`: every output place is a row, every element of a window in its group a term. */
function columns(x: Node, kernel: Dims, g: ConvolutionGeometry): Node {
  const n = kernel.length
  const split = splitChannels(padSpatial(x, g), g) // [N, …S, G, C] or [N, G, C, …S]
  const axes = g.channelsLast ? range(1, 1 + n) : range(3, 3 + n)
  const view = window(split, axes, kernel, g.stride, g.dilation)
  const places = range(3 + n, 3 + 2 * n)
  const order = g.channelsLast
    ? [n + 1, 0, ...axes, ...places, n + 2] // G, N, …O, …K, C
    : [0, 1, ...places, 2, ...axes] // N, G, …K, C, …O
  const turned = transpose(view, order)
  const at = (a: number): number => view.shape[a]!
  const terms = sizeOf(kernel) * at(g.channelsLast ? n + 2 : 2)
  const outputs = sizeOf(axes.map(at))
  return g.channelsLast
    ? reshape(turned, [g.groups, at(0) * outputs, terms])
    : reshape(turned, [at(0), g.groups, terms, outputs])
}

function splitChannels(x: Node, { groups, channelsLast }: ConvolutionGeometry): Node {
  const axis = channelsLast ? x.shape.length - 1 : 1
  return reshape(x, [...x.shape.slice(0, axis), groups, x.shape[axis]! / groups, ...x.shape.slice(axis + 1)])
}

/** The kernel `[…K, C / G, O]` as matrices `[G, terms, O / G]`. */
function kernelMatrices(w: Node, groups: number): Node {
  const n = w.shape.length - 2
  const [c, o] = w.shape.slice(n) as [number, number]
  const split = reshape(w, [...w.shape.slice(0, n), c, groups, o / groups])
  return reshape(transpose(split, [n + 1, ...range(0, n + 1), n + 2]), [
    groups,
    sizeOf(w.shape.slice(0, n)) * c,
    o / groups,
  ])
}

function product(x: Node, w: Node, g: ConvolutionGeometry): Node {
  const n = w.shape.length - 2
  const kernel = w.shape.slice(0, n)
  const [batch, features] = [x.shape[0]!, w.shape[n + 1]!]
  const outer = outputSizes(x, kernel, g)
  const terms = columns(x, kernel, g)
  const matrices = kernelMatrices(w, g.groups)
  if (g.channelsLast) {
    if (g.groups === 1) {
      const flat = dot(reshape(terms, terms.shape.slice(1)), reshape(matrices, matrices.shape.slice(1)))
      return reshape(flat, [batch, ...outer, features])
    }
    const split = reshape(dot(terms, matrices), [g.groups, batch, ...outer, features / g.groups])
    return reshape(transpose(split, [...range(1, n + 2), 0, n + 2]), [batch, ...outer, features])
  }
  const turned = transpose(matrices, [0, 2, 1])
  const shared = broadcastTo(reshape(turned, [1, ...turned.shape]), [batch, ...turned.shape])
  return reshape(dot(shared, terms), [batch, features, ...outer])
}

/** One kernel a channel: too few terms for a matrix product, a multiply and sum over the window. `w` is `[…K, 1, C · M]`. */
function depthwise(x: Node, w: Node, g: ConvolutionGeometry): Node {
  const n = w.shape.length - 2
  const kernel = w.shape.slice(0, n)
  const multiplier = w.shape[n + 1]! / g.groups
  const axis = g.channelsLast ? n + 1 : 1
  const split = reshape(w, [...kernel, g.groups, multiplier])
  const view = window(padSpatial(x, g), spatialAxes(n + 2, g.channelsLast), kernel, g.stride, g.dilation)
  // […, C, …, …K] beside [C, M, …K] laid along the channels
  const outer = view.shape.slice(0, n + 2)
  const spread = reshape(view, [...outer.slice(0, axis + 1), 1, ...outer.slice(axis + 1), ...kernel])
  const laid = reshape(transpose(split, [n, n + 1, ...range(0, n)]), [
    ...range(0, axis).map(() => 1),
    g.groups,
    multiplier,
    ...outer.slice(axis + 1).map(() => 1),
    ...kernel,
  ])
  const sum = reduce('sum', s.mul(spread, laid), range(n + 3, 2 * n + 3))
  const shape = [...outer.slice(0, axis), g.groups * multiplier, ...outer.slice(axis + 1)]
  return reshape(sum, shape)
}

const isDepthwise = (w: Node, { groups }: ConvolutionGeometry): boolean =>
  groups > 1 && w.shape[w.shape.length - 2] === 1
const direct = (x: Node, w: Node, g: ConvolutionGeometry): Node =>
  isDepthwise(w, g) ? depthwise(x, w, g) : product(x, w, g)

/** Sizes of the output's spatial axes. */
export function outputSizes(x: Node, kernel: Dims, g: WindowGeometry): number[] {
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  return kernel.map((k, i) => {
    const length = x.shape[axes[i]!]! + g.low[i]! + g.high[i]!
    return Math.max(0, Math.floor((length - (k - 1) * g.dilation[i]! - 1) / g.stride[i]!) + 1)
  })
}

/**
 * Convolution (cross-correlation) of `x` with a kernel `[…K, C / groups, O]`.
 * @returns `[N, …outputs, O]`, or `[N, O, …outputs]` with channels first
 */
export const convolution: (inputs: readonly [Node, Node], g: ConvolutionGeometry) => Node =
  defineComposite<ConvolutionGeometry>({
    name: 'convolution',
    fallback: ([x, w], g) => direct(x!, w!, g),
    vjp: (ct, _, [x, w], g) => {
      const kernel = mark(w!) // a node of its own: constructors see through reshapes
      return [inputCotangent(ct, x!, w!, g), gradients([direct(x!, kernel, g)], [ct], [kernel])[0] ?? null]
    },
  })

/**
 * The gradient of the input: the convolution of the cotangent with the kernel turned round. With a stride, elements at one
 * phase of it see every stride-th element of the kernel: each phase is a convolution of stride 1 of its own.
 */
export function inputCotangent(ct: Node, x: Node, w: Node, g: ConvolutionGeometry): Node {
  const kernel = w.shape.slice(0, -2)
  if (g.stride.every((st) => st === 1)) return spreadConvolution(ct, x, w, g)
  if (kernel.every((k) => k === 1)) return spreadProduct(ct, x, w, g)
  return g.dilation.every((d) => d === 1) && sizeOf(g.stride) <= MOST_PHASES
    ? phasedConvolution(ct, x, w, g)
    : spreadConvolution(ct, x, w, g)
}
/** More phases than this are more kernels than they are worth. */
const MOST_PHASES = 16

/** One convolution of the cotangent, spread by the stride. */
function spreadConvolution(ct: Node, x: Node, w: Node, g: ConvolutionGeometry): Node {
  const n = w.shape.length - 2
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  const reach = range(0, n).map((i) => (w.shape[i]! - 1) * g.dilation[i]!)
  const low = reach.map((r, i) => r - g.low[i]!)
  const high = axes.map((a, i) => {
    const spread = ct.shape[a]! > 0 ? (ct.shape[a]! - 1) * g.stride[i]! + 1 : 0
    return x.shape[a]! + reach[i]! - spread - low[i]!
  })
  const interior = g.stride.map((v) => v - 1)
  const padded = padSpatial(ct, { low, high, channelsLast: g.channelsLast }, 0, interior)
  return unitConvolution(padded, turnedKernel(w, g.groups), {
    ...g,
    low: low.map(() => 0),
    high: low.map(() => 0),
  })
}

const unitConvolution = (x: Node, w: Node, g: ConvolutionGeometry): Node =>
  convolution([x, w], { ...g, stride: g.stride.map(() => 1) })

/** A kernel of one element: a product where windows are, spread by the stride. */
function spreadProduct(ct: Node, x: Node, w: Node, g: ConvolutionGeometry): Node {
  const zero = g.low.map(() => 0)
  const one = g.low.map(() => 1)
  const product = unitConvolution(ct, turnedKernel(w, g.groups), {
    ...g,
    dilation: one,
    low: zero,
    high: zero,
  })
  const high = spatialAxes(x.shape.length, g.channelsLast).map((a, i) => {
    const spread = ct.shape[a]! > 0 ? (ct.shape[a]! - 1) * g.stride[i]! + 1 : 0
    return x.shape[a]! + g.low[i]! - spread
  })
  const low = g.low.map((v) => -v)
  return padSpatial(
    product,
    { low, high, channelsLast: g.channelsLast },
    0,
    g.stride.map((v) => v - 1),
  )
}

/**
 * The element at `stride · i + phase` is the sum over t of the cotangent at `i - t` times the kernel at `phase + low + stride · t`.
 * Phases lie side by side, and a last movement puts them between each other.
 */
function phasedConvolution(ct: Node, x: Node, w: Node, g: ConvolutionGeometry): Node {
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  const steps = axes.map((a, i) => Math.ceil(x.shape[a]! / g.stride[i]!))
  const turned = turnedKernel(w, g.groups)
  const parts = range(0, sizeOf(g.stride)).map((number) =>
    reshape(phaseOf(ct, turned, unravel(number, g.stride), steps, g), besideSpace(x, steps, [1], g)),
  )
  const side = concat(parts, g.channelsLast ? 1 + axes.length : 2)
  const split = reshape(side, besideSpace(x, steps, g.stride, g))
  const first = g.channelsLast ? 1 : 2 + axes.length
  const phase = g.channelsLast ? 1 + axes.length : 2
  const between = axes.flatMap((_, i) => [first + i, phase + i])
  const order = g.channelsLast ? [0, ...between, 1 + 2 * axes.length] : [0, 1, ...between]
  const whole = x.shape.map((d, a) =>
    axes.includes(a) ? steps[axes.indexOf(a)]! * g.stride[axes.indexOf(a)]! : d,
  )
  return slice(
    reshape(transpose(split, order), whole),
    x.shape.map(() => 0),
    x.shape,
  )
}

/** `[N, …steps, …phases, C]` or `[N, C, …phases, …steps]`. */
const besideSpace = (x: Node, steps: Dims, phases: Dims, { channelsLast }: ConvolutionGeometry): number[] =>
  channelsLast
    ? [x.shape[0]!, ...steps, ...phases, x.shape[x.shape.length - 1]!]
    : [x.shape[0]!, x.shape[1]!, ...phases, ...steps]

/** The elements of the gradient at one phase, `steps` along each axis. */
function phaseOf(ct: Node, turned: Node, phase: Dims, steps: Dims, g: ConvolutionGeometry): Node {
  const axes = spatialAxes(ct.shape.length, g.channelsLast)
  const kernel = turned.shape.slice(0, -2)
  const greatest = kernel.map((k, i) => Math.floor((k - 1 - phase[i]! - g.low[i]!) / g.stride[i]!))
  const least = kernel.map((_, i) => Math.ceil((-phase[i]! - g.low[i]!) / g.stride[i]!))
  const taps = greatest.map((t, i) => t - least[i]! + 1)
  const features = turned.shape[turned.shape.length - 1]!
  if (taps.some((t) => t < 1)) {
    const outer = g.channelsLast ? [...steps, features] : [features, ...steps]
    return constant(0, ct.dtype, [ct.shape[0]!, ...outer])
  }
  const start = kernel.map((k, i) => k - 1 - phase[i]! - g.low[i]! - g.stride[i]! * greatest[i]!)
  const own = slice(turned, [...start, 0, 0], [...taps, ...turned.shape.slice(-2)], [...g.stride, 1, 1])
  const high = axes.map((a, i) => steps[i]! - ct.shape[a]! - greatest[i]! + taps[i]! - 1)
  return unitConvolution(ct, own, { ...g, low: greatest, high })
}

/** `[…K, C, G · O]` to `[…K, O, G · C]`, reversed in space. */
function turnedKernel(w: Node, groups: number): Node {
  const n = w.shape.length - 2
  const [c, o] = w.shape.slice(n) as [number, number]
  const split = reshape(reverse(w, range(0, n)), [...w.shape.slice(0, n), c, groups, o / groups])
  return reshape(transpose(split, [...range(0, n), n + 2, n + 1, n]), [
    ...w.shape.slice(0, n),
    o / groups,
    groups * c,
  ])
}
