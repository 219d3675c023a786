// Convolution and pooling on nodes, over any number of spatial axes, channels last or first. A convolution is a product of
// windows (a view) with the kernel: the columns are never stored, packing reads through the view. Gradients are convolutions
// and products again, so they are as fast and differentiate again.
import { gradients } from '../autodiff/gradient.ts'
import { spreadWindows } from '../autodiff/vjp.ts'
import { defineComposite } from './composite.ts'
import { DTYPES } from './dtype.ts'
import type { Node } from './node.ts'
import {
  argReduce,
  broadcastTo,
  cast,
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
import { type Dims, sizeOf } from './shape.ts'

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
const spatialAxes = (rank: number, channelsLast: boolean): number[] =>
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

/** The gradient of the input: the convolution of the cotangent, spread by the stride, with the kernel turned round. */
export function inputCotangent(ct: Node, x: Node, w: Node, g: ConvolutionGeometry): Node {
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
  const zero = low.map(() => 0)
  return convolution([padded, turnedKernel(w, g.groups)], {
    ...g,
    stride: low.map(() => 1),
    low: zero,
    high: zero,
  })
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

// ---- pooling
export interface PoolGeometry extends WindowGeometry {
  readonly size: Dims
}

const poolWindows = (x: Node, g: PoolGeometry, fill: number | bigint): Node =>
  window(padSpatial(x, g, fill), spatialAxes(x.shape.length, g.channelsLast), g.size, g.stride, g.dilation)
const windowAxes = (x: Node, g: PoolGeometry): number[] =>
  range(x.shape.length, x.shape.length + g.size.length)

/** Greatest element of each window; padding never wins. The gradient goes to the first of equal elements, as in PyTorch. */
export const maxPooling: (inputs: readonly [Node], g: PoolGeometry) => Node = defineComposite<PoolGeometry>({
  name: 'maxPooling',
  fallback: ([x], g) => {
    const windows = poolWindows(x!, g, DTYPES[x!.dtype].lowest)
    return reshape(reduce('max', windows, windowAxes(x!, g)), windows.shape.slice(0, x!.shape.length))
  },
  vjp: (ct, output, [x], g) => {
    const lowest = DTYPES[x!.dtype].lowest
    const padded = padSpatial(x!, g, lowest)
    const windows = poolWindows(x!, g, lowest)
    const rank = x!.shape.length
    const flat = reshape(windows, [...output.shape, sizeOf(g.size)])
    const winner = reshape(argReduce('max', flat, rank), output.shape)
    const axes = spatialAxes(rank, g.channelsLast)
    const spread = spreadWindows(padded, output.shape, { axes, ...g }, (place) =>
      s.select(s.eq(winner, place), ct, 0),
    )
    return [padSpatial(spread, { low: negated(g.low), high: negated(g.high), channelsLast: g.channelsLast })]
  },
})
const negated = (sizes: Dims): number[] => sizes.map((v) => -v)

/** Mean of each window. With `countPadding` zeros of the padding count, else only elements of `x`. */
export const averagePooling: (
  inputs: readonly [Node],
  g: PoolGeometry & { readonly countPadding: boolean },
) => Node = defineComposite<PoolGeometry & { readonly countPadding: boolean }>({
  name: 'averagePooling',
  fallback: ([x], g) => {
    const windows = poolWindows(x!, g, 0)
    const sum = reshape(reduce('sum', windows, windowAxes(x!, g)), windows.shape.slice(0, x!.shape.length))
    if (g.countPadding || [...g.low, ...g.high].every((v) => v === 0)) return s.div(sum, sizeOf(g.size))
    const ones = constant(
      1,
      x!.dtype,
      x!.shape.map((d, a) => (spatialAxes(x!.shape.length, g.channelsLast).includes(a) ? d : 1)),
    )
    const counted = poolWindows(ones, g, 0)
    return s.div(
      sum,
      cast(
        reshape(reduce('sum', counted, windowAxes(x!, g)), counted.shape.slice(0, x!.shape.length)),
        x!.dtype,
      ),
    )
  },
})
