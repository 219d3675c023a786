// The table of derivatives: for each primitive, the cotangents of its sources from the cotangent of its result. They are
// written with the same constructors as operations, so gradients are fused, exported and differentiated again like any graph.
import type { ControlNode } from '../graph/control-flow.ts'
import { isFloat } from '../graph/dtype.ts'
import { cumulateCotangent } from './cumulate-vjp.ts'
import type { Node, NodeOf, PrimitiveName } from '../graph/node.ts'
import {
  broadcastTo,
  cast,
  concat,
  constant,
  dot,
  gather,
  pad,
  reduce,
  reshape,
  reverse,
  s,
  scatterAdd,
  slice,
  transpose,
} from '../graph/primitives.ts'
import { SCALARS } from '../graph/scalar-table.ts'
import { type Dims, sizeOf, unravel } from '../graph/shape.ts'

/** Cotangents of the sources, in their order; null where there is none (integers, `stop`). */
type Cotangents = readonly (Node | null)[]
type Pullback<P extends PrimitiveName> = (node: NodeOf<P>, ct: Node) => Cotangents

/** Items and nodes with several results are treated where cotangents are added up: gradient.ts, control-flow-vjp.ts. */
type Single = Exclude<PrimitiveName, 'item' | ControlNode['prim']>

const VJP: { readonly [P in Single]: Pullback<P> } = {
  buffer: () => [],
  const: () => [],
  scalar: () => [],
  iota: () => [],
  argReduce: () => [null],
  stop: () => [null],
  mark: (_, ct) => [ct],
  composite: (n, ct) => {
    const { definition, config } = n.attrs
    if (!definition.vjp) return [ct]
    return [null, ...definition.vjp(ct, n, n.src.slice(1), JSON.parse(config))]
  },
  map: (n, ct) => SCALARS[n.attrs.fn].derivative?.(s, ct, n, ...n.src) ?? n.src.map(() => null),

  reshape: (n, ct) => [reshape(ct, n.src[0]!.shape)],
  transpose: (n, ct) => [transpose(ct, inverse(n.attrs.perm))],
  broadcast: (n, ct) => [
    reduce(
      'sum',
      ct,
      axesOf(n.shape, (d, a) => n.src[0]!.shape[a] !== d),
    ),
  ],
  reverse: (n, ct) => [reverse(ct, n.attrs.axes)],
  slice: (n, ct) => {
    const { start, stride } = n.attrs
    const after = n.src[0]!.shape.map((d, a) => d - start[a]! - extent(n.shape[a]!, stride[a]!))
    return [
      pad(
        ct,
        start,
        after,
        stride.map((st) => st - 1),
      ),
    ]
  },
  window: (n, ct) => [windowCotangent(n, ct)],
  pad: (n, ct) => {
    const steps = n.attrs.interior.map((gap) => gap + 1)
    const x = n.src[0]!
    return [slice(ct, n.attrs.low, x.shape, steps)]
  },
  concat: (n, ct) => {
    const { axis } = n.attrs
    let at = 0
    return n.src.map((x) => {
      const start = x.shape.map((_, a) => (a === axis ? at : 0))
      at += x.shape[axis]!
      return slice(ct, start, x.shape)
    })
  },

  reduce: (n, ct) => {
    const x = n.src[0]!
    if (n.attrs.kind === 'sum') return [broadcastTo(ct, x.shape)]
    if (n.attrs.kind === 'prod') return [productCotangent(x, n.attrs.axes, ct)]
    // the elements that tie for the extremum share its cotangent evenly, as in PyTorch's amax (tfjs gives each all of it)
    const ties = s.eq(x, n)
    const share = s.div(ct, reduce('sum', cast(ties, x.dtype), n.attrs.axes))
    return [s.select(ties, share, 0)]
  },
  cumulate: (n, ct) => [cumulateCotangent(n, ct)],
  sort: () => [null],
  dot: (n, ct) => {
    const [a, b] = n.src as [Node, Node]
    return [dot(ct, transposeMatrix(b)), dot(transposeMatrix(a), ct)]
  },

  gather: (n, ct) => {
    const [x, indices] = n.src as [Node, Node]
    const clamped = s.min(s.max(indices, 0), x.shape[n.attrs.axis]! - 1)
    return [scatterAdd(constant(0, x.dtype, x.shape), clamped, ct, n.attrs.axis), null]
  },
  scatter: (n, ct) => {
    const [x, indices, updates] = n.src as [Node, Node, Node]
    const { axis } = n.attrs
    if (x.shape[axis] === 0) return [ct, null, constant(0, x.dtype, updates.shape)]
    const counted = s.and(s.ge(indices, 0), s.lt(indices, x.shape[axis]!))
    const aligned = reshape(
      counted,
      updates.shape.map((d, a) => (a >= axis && a < axis + indices.shape.length ? d : 1)),
    )
    return [ct, null, s.select(aligned, gather(ct, indices, axis), 0)]
  },
}

/** Cotangents of the sources of `node` from its own; null where none flows. */
export function pullback(node: Node, ct: Node): Cotangents {
  return (VJP[node.prim as Single] as Pullback<PrimitiveName>)(node, ct)
}

const NONE: readonly Node[] = []
/**
 * The sources through which a derivative can flow: float ones; of a composite the inputs when it has an own derivative,
 * else the fallback graph. Entries line up with those of {@link pullback}; null where nothing flows.
 */
export function differentiableSources(node: Node): readonly (Node | null)[] {
  if (node.prim === 'stop' || !isFloat(node.dtype)) return NONE
  if (node.prim === 'whilePullback')
    return node.src.map((x, i) => (i >= node.attrs.body.params.length && isFloat(x.dtype) ? x : null))
  if (node.prim !== 'composite') return floatsOf(node.src)
  if (!node.attrs.definition.vjp) return node.src.slice(0, 1)
  return node.src.map((x, i) => (i > 0 && isFloat(x.dtype) ? x : null))
}

function floatsOf(src: readonly Node[]): readonly (Node | null)[] {
  for (const x of src) if (!isFloat(x.dtype)) return src.map((y) => (isFloat(y.dtype) ? y : null))
  return src
}

// ---- geometry
const axesOf = (shape: Dims, keep: (dim: number, axis: number) => boolean): number[] =>
  shape.flatMap((d, a) => (keep(d, a) ? [a] : []))

/** Elements from the first to the last of `count` in steps of `stride`. */
const extent = (count: number, stride: number): number => (count > 0 ? (count - 1) * stride + 1 : 0)

export function inverse(perm: Dims): number[] {
  const result = Array<number>(perm.length)
  for (const [i, p] of perm.entries()) result[p] = i
  return result
}

function transposeMatrix(x: Node): Node {
  const r = x.shape.length
  const perm = x.shape.map((_, a) => a)
  return transpose(x, [...perm.slice(0, -2), r - 1, r - 2])
}

// ---- windows
/** Each place of a window is a slice of the cotangent; the input's cotangent is the sum of all, spread to where they lie. */
function windowCotangent(n: NodeOf<'window'>, ct: Node): Node {
  const x = n.src[0]!
  const outer = n.shape.slice(0, x.shape.length)
  return spreadWindows(x, outer, n.attrs, (_, at) =>
    reshape(slice(ct, [...outer.map(() => 0), ...at], [...outer, ...n.attrs.size.map(() => 1)]), outer),
  )
}

/**
 * A tensor of the shape of `x`: for each place inside the windows, `part(place, at)` of shape `outer` is laid over the elements
 * that stand at that place, and the parts are added.
 */
function spreadWindows(
  x: Node,
  outer: Dims,
  { axes, size, stride, dilation }: NodeOf<'window'>['attrs'],
  part: (place: number, at: Dims) => Node,
): Node {
  if (sizeOf(outer) === 0) return constant(0, x.dtype, x.shape)
  let sum: Node | null = null
  for (let place = 0; place < sizeOf(size); place++) {
    const at = unravel(place, size)
    const low = x.shape.map(() => 0)
    const interior = x.shape.map(() => 0)
    axes.forEach((a, i) => {
      low[a] = at[i]! * dilation[i]!
      interior[a] = stride[i]! - 1
    })
    const high = x.shape.map((d, a) => d - low[a]! - extent(outer[a]!, interior[a]! + 1))
    const spread = pad(part(place, at), low, high, interior)
    sum = sum ? s.add(sum, spread) : spread
  }
  return sum!
}

// ---- product
/**
 * Cotangent of `x` under a product over `axes`: `ct` times the product of the other elements. Never divides, so zeros are
 * exact in every order of derivative.
 */
function productCotangent(x: Node, axes: Dims, ct: Node): Node {
  const perm = [...axesOf(x.shape, (_, a) => !axes.includes(a)), ...axes]
  const count = sizeOf(axes.map((a) => x.shape[a]!))
  if (sizeOf(x.shape) === 0) return constant(0, x.dtype, x.shape)
  const moved = transpose(x, perm)
  const rows = reshape(moved, [sizeOf(x.shape) / count, count])
  const others = timesOthers(rows, reshape(ct, [rows.shape[0]!, 1]))
  return transpose(reshape(others, moved.shape), inverse(perm))
}

/** `ct[r] · Π_{j ≠ i} x[r, j]` for x of `[rows, n]`: multiplies neighbours, recurses on half the columns, unfolds. */
function timesOthers(x: Node, ct: Node): Node {
  const [rows, n] = x.shape as [number, number]
  if (n === 1) return ct
  const even = n % 2 === 0 ? x : concat([x, constant(1, x.dtype, [rows, 1])], 1)
  const half = Math.ceil(n / 2)
  const left = slice(even, [0, 0], [rows, half], [1, 2])
  const right = slice(even, [0, 1], [rows, half], [1, 2])
  const outer = timesOthers(s.mul(left, right), ct)
  const column = (y: Node): Node => reshape(y, [rows, half, 1])
  const pairs = concat([column(s.mul(outer, right)), column(s.mul(outer, left))], 2)
  return slice(reshape(pairs, [rows, 2 * half]), [0, 0], [rows, n])
}
