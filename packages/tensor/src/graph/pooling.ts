// Pooling on nodes: maxima and means of windows, over any number of spatial axes, channels last or first. Gradients are in
// gather form: each element of the input asks the windows that hold it, so it is written once and nothing is added up in
// memory. Windows that do not overlap are a reshape.
import { gradients } from '../autodiff/gradient.ts'
import { defineComposite } from './composite.ts'
import { padSpatial, spatialAxes, type WindowGeometry } from './convolution.ts'
import { DTYPES } from './dtype.ts'
import type { Node } from './node.ts'
import {
  broadcastTo,
  cast,
  constant,
  iota,
  mark,
  pad,
  reduce,
  reshape,
  s,
  slice,
  window,
} from './primitives.ts'
import { type Dims, sizeOf } from './shape.ts'

export interface PoolGeometry extends WindowGeometry {
  readonly size: Dims
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const sum = (terms: readonly Node[]): Node => terms.reduce((a, b) => s.add(a, b))
const poolWindows = (x: Node, g: PoolGeometry, fill: number | bigint): Node =>
  window(padSpatial(x, g, fill), spatialAxes(x.shape.length, g.channelsLast), g.size, g.stride, g.dilation)
const windowAxes = (x: Node, g: PoolGeometry): number[] => g.size.map((_, i) => x.shape.length + i)
/** Distance from the first to the last element of a window, and 1. */
const reachOf = (g: PoolGeometry): number[] => g.size.map((k, i) => (k - 1) * g.dilation[i]! + 1)
const isDisjoint = (g: PoolGeometry): boolean =>
  g.size.every((k, i) => g.stride[i] === k && (g.dilation[i] === 1 || k === 1))

/** Greatest element of each window; padding never wins. The gradient goes to the first of equal elements, as in PyTorch. */
export const maxPooling: (inputs: readonly [Node], g: PoolGeometry) => Node = defineComposite<PoolGeometry>({
  name: 'maxPooling',
  fallback: ([x], g) => {
    const windows = poolWindows(x!, g, DTYPES[x!.dtype].lowest)
    return reshape(reduce('max', windows, windowAxes(x!, g)), windows.shape.slice(0, x!.shape.length))
  },
  vjp: (ct, output, [x], g) => {
    if (sizeOf(output.shape) === 0) return [constant(0, x!.dtype, x!.shape)]
    return [isDisjoint(g) ? disjointMaxima(ct, output, x!, g) : overlappingMaxima(ct, output, x!, g)]
  },
})

/** Mean of each window. With `countPadding` zeros of the padding count, else only elements of `x`. */
export const averagePooling: (
  inputs: readonly [Node],
  g: PoolGeometry & { readonly countPadding: boolean },
) => Node = defineComposite<PoolGeometry & { readonly countPadding: boolean }>({
  name: 'averagePooling',
  fallback: ([x], g) => means(x!, g),
  vjp: (ct, output, [x], g) => {
    if (sizeOf(output.shape) === 0) return [constant(0, x!.dtype, x!.shape)]
    const share = s.div(ct, counts(x!, g))
    if (isDisjoint(g)) {
      const { shape } = blocksOf(x!, output.shape, g)
      return [unblocked(broadcastTo(beside(share, g), shape), x!, output.shape, g)]
    }
    if (g.dilation.every((d) => d === 1)) return [overlappingMeans(share, x!, g)]
    const own = mark(x!) // a node of its own: constructors see through reshapes
    return [gradients([means(own, g)], [ct], [own])[0] ?? null]
  },
})

function means(x: Node, g: PoolGeometry & { readonly countPadding: boolean }): Node {
  const windows = poolWindows(x, g, 0)
  const total = reshape(reduce('sum', windows, windowAxes(x, g)), windows.shape.slice(0, x.shape.length))
  return s.div(total, counts(x, g))
}

/** How many elements the mean of each window is taken over: a number, or one for each place. */
function counts(x: Node, g: PoolGeometry & { readonly countPadding: boolean }): Node {
  if (g.countPadding || [...g.low, ...g.high].every((v) => v === 0))
    return constant(
      sizeOf(g.size),
      x.dtype,
      x.shape.map(() => 1),
    )
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  const ones = constant(
    1,
    x.dtype,
    x.shape.map((d, a) => (axes.includes(a) ? d : 1)),
  )
  const counted = poolWindows(ones, g, 0)
  return cast(
    reshape(reduce('sum', counted, windowAxes(x, g)), counted.shape.slice(0, x.shape.length)),
    x.dtype,
  )
}

// ---- windows that do not overlap
/** `[N, …(windows, size), C]`: each spatial axis in two. */
const inTwo = (shape: Dims, axes: Dims, inner: Dims): number[] =>
  shape.flatMap((d, a) => (axes.includes(a) ? [d, inner[axes.indexOf(a)]!] : [d]))

/** The part of `x`, padding included, that windows cover, one axis over windows and one inside them. */
function blocksOf(x: Node, outer: Dims, g: PoolGeometry, fill: number | bigint = 0): Node {
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  const high = axes.map((a, i) => outer[a]! * g.size[i]! - x.shape[a]! - g.low[i]!)
  return reshape(padSpatial(x, { ...g, high }, fill), inTwo(outer, axes, g.size))
}
/** One value for each window beside the elements of the windows. */
function beside(x: Node, g: PoolGeometry): Node {
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  return reshape(
    x,
    inTwo(
      x.shape,
      axes,
      axes.map(() => 1),
    ),
  )
}
/** Blocks back in the shape of `x`; 0 where no window is. */
function unblocked(blocks: Node, x: Node, outer: Dims, g: PoolGeometry): Node {
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  const covered = outer.map((d, a) => (axes.includes(a) ? d * g.size[axes.indexOf(a)]! : d))
  const high = axes.map((a, i) => x.shape[a]! + g.low[i]! - covered[a]!)
  return padSpatial(reshape(blocks, covered), {
    low: g.low.map((v) => -v),
    high,
    channelsLast: g.channelsLast,
  })
}

function disjointMaxima(ct: Node, output: Node, x: Node, g: PoolGeometry): Node {
  const axes = spatialAxes(x.shape.length, g.channelsLast)
  const blocks = blocksOf(x, output.shape, g, DTYPES[x.dtype].lowest)
  const inside = axes.map((a, i) => a + i + 1)
  const place = sum(
    inside.map((axis, i) =>
      s.mul(
        iota(
          blocks.shape.map((d, a) => (a === axis ? d : 1)),
          axis,
        ),
        sizeOf(g.size.slice(i + 1)),
      ),
    ),
  )
  const winner = firstWinner(blocks, beside(output, g), place, inside)
  return unblocked(s.select(s.eq(winner, place), beside(ct, g), 0), x, output.shape, g)
}

/** The least code among the elements of each window that are its maximum; a NaN is. */
function firstWinner(elements: Node, maximum: Node, code: Node, axes: Dims): Node {
  const wins = s.or(s.eq(elements, maximum), s.ne(elements, elements))
  return reduce('min', s.select(wins, code, Number(DTYPES.int32.highest)), axes)
}

// ---- windows that overlap
/**
 * An element at `stride · i + phase` of an axis lies in window `i - t` at offset `phase + low + stride · t`, for some t. What
 * depends on windows is read once for each t, beside the phases: `[N, …(i, phase), C]`.
 */
class Gathering {
  readonly #x: Node
  readonly #axes: Dims
  readonly #g: PoolGeometry
  /** Elements of one phase along each axis, and the least and greatest t. */
  readonly #steps: readonly number[]
  readonly #least: readonly number[]
  readonly #greatest: readonly number[]

  constructor(x: Node, g: PoolGeometry) {
    this.#x = x
    this.#g = g
    this.#axes = spatialAxes(x.shape.length, g.channelsLast)
    const { stride, low } = g
    this.#steps = this.#axes.map((a, i) => Math.ceil(x.shape[a]! / stride[i]!))
    this.#least = stride.map((st, i) => Math.ceil((1 - st - low[i]!) / st))
    this.#greatest = reachOf(g).map((reach, i) => Math.floor((reach - 1 - low[i]!) / stride[i]!))
  }

  /** For each combination of t, `part(offsets, at)`: the offset along each axis, and `at(y)` for `y` of the shape of the output. */
  sum(part: (offsets: readonly Node[], at: (y: Node, fill: number) => Node) => Node): Node {
    const { stride, low, channelsLast } = this.#g
    const padded = new Map<Node, Node>()
    const turns = this.#least.map((from, i) => range(this.#greatest[i]! - from + 1).map((t) => from + t))
    const parts = combinations(turns).map((ts) => {
      const offsets = ts.map((t, i) => s.add(this.#phase(i), low[i]! + stride[i]! * t))
      return part(offsets, (y, fill) => {
        let source = padded.get(y)
        if (!source) padded.set(y, (source = this.#padded(y, fill)))
        return this.#at(source, ts)
      })
    })
    const { shape } = this.#x
    const whole = shape.map((d, a) => {
      const i = this.#axes.indexOf(a)
      return i < 0 ? d : this.#steps[i]! * stride[i]!
    })
    const all = reshape(broadcastTo(sum(parts), inTwo(this.#outer(), this.#axes, stride)), whole)
    const high = this.#axes.map((a) => shape[a]! - whole[a]!)
    return padSpatial(all, { low: low.map(() => 0), high, channelsLast })
  }

  #outer(): number[] {
    return this.#x.shape.map((d, a) => (this.#axes.includes(a) ? this.#steps[this.#axes.indexOf(a)]! : d))
  }

  /** The phase of each element along spatial axis `i`, laid along the axis of phases. */
  #phase(i: number): Node {
    const axis = this.#axes[i]! + i + 1
    const rank = this.#x.shape.length + this.#axes.length
    return iota(
      range(rank).map((a) => (a === axis ? this.#g.stride[i]! : 1)),
      axis,
    )
  }

  /** `y` with windows around it that hold `fill`, so that every window `i - t` exists. */
  #padded(y: Node, fill: number): Node {
    const low = y.shape.map(() => 0)
    const high = y.shape.map(() => 0)
    this.#axes.forEach((a, i) => {
      low[a] = Math.max(0, this.#greatest[i]!)
      high[a] = Math.max(0, this.#steps[i]! - this.#least[i]! - y.shape[a]!)
    })
    return pad(y, low, high, undefined, fill)
  }

  #at(padded: Node, ts: Dims): Node {
    const start = padded.shape.map(() => 0)
    this.#axes.forEach((a, i) => (start[a] = Math.max(0, this.#greatest[i]!) - ts[i]!))
    const windows = slice(padded, start, this.#outer())
    return reshape(
      windows,
      inTwo(
        windows.shape,
        this.#axes,
        this.#axes.map(() => 1),
      ),
    )
  }
}

const combinations = (lists: readonly Dims[]): number[][] =>
  lists.reduce<number[][]>((all, list) => all.flatMap((head) => list.map((v) => [...head, v])), [[]])

/** One number for the offsets inside a window; offsets of neighbouring windows are none of its. */
function codeOf(offsets: readonly Node[], g: PoolGeometry): Node {
  const reach = reachOf(g)
  const bases = reach.map((_, i) => sizeOf(reach.slice(i + 1).map((r, j) => r + 2 * g.stride[i + 1 + j]!)))
  return sum(offsets.map((o, i) => s.mul(s.add(o, g.stride[i]!), bases[i]!)))
}

function overlappingMaxima(ct: Node, output: Node, x: Node, g: PoolGeometry): Node {
  const windows = poolWindows(x, g, DTYPES[x.dtype].lowest)
  const inside = windowAxes(x, g)
  const offsets = inside.map((axis, i) =>
    s.mul(
      iota(
        windows.shape.map((d, a) => (a === axis ? d : 1)),
        axis,
      ),
      g.dilation[i]!,
    ),
  )
  const maxima = reshape(output, [...output.shape, ...inside.map(() => 1)])
  const winner = reshape(firstWinner(windows, maxima, codeOf(offsets, g), inside), output.shape)
  return new Gathering(x, g).sum((at, read) =>
    s.select(s.eq(read(winner, -1), codeOf(at, g)), read(ct, 0), 0),
  )
}

function overlappingMeans(share: Node, x: Node, g: PoolGeometry): Node {
  return new Gathering(x, g).sum((offsets, read) => {
    const inside = offsets.flatMap((o, i) => [s.ge(o, 0), s.lt(o, g.size[i]!)]).reduce((a, b) => s.and(a, b))
    return s.select(inside, read(share, 0), 0)
  })
}
