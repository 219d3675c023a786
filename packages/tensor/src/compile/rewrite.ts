// Rewrites before scheduling: a table of small rules, one row a primitive, applied once to each node from the sources up.
// They lower what has no kernel (argMax, products that are no matrix products) and remove work that gradients make.
import { DTYPES, type DType, isFloat } from '../graph/dtype.ts'
import type { Leaf, Node, NodeOf, ScalarLeaf } from '../graph/node.ts'
import * as p from '../graph/primitives.ts'
import { type Body } from '../graph/body.ts'
import { isControl } from '../graph/control-flow.ts'
import { withSources } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { type Canonical, throughMarkers } from './canonical.ts'
import { importGraph } from './import-graph.ts'
import { postOrder } from './post-order.ts'
import { simplifyGraph } from './simplify-loops.ts'
import { worthRunning, writeOut } from './write-out.ts'

export interface RewriteContext {
  /** Products of these dtypes may become Contract kernels. */
  readonly contractDtypes: ReadonlySet<DType>
  /** How often the original of source `i` of the node at hand is used. */
  readonly usesOfSource: (i: number) => number
}
type Rule = (n: Node, src: readonly Node[], context: RewriteContext) => Node | undefined

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const swapLast = (rank: number): number[] => [...range(0, rank - 2), rank - 1, rank - 2]

// ---- products
/** A product with one row, one column or one term, or of a dtype without a matrix kernel, is multiply and sum. */
function dotAsRow(n: Node, [a, b]: readonly [Node, Node], dtypes: ReadonlySet<DType>): Node | undefined {
  const rank = n.shape.length
  const [m, width] = [n.shape[rank - 2]!, n.shape[rank - 1]!]
  const k = a.shape[rank - 1]!
  const turn = swapLast(rank)
  if (k === 1) {
    const product = p.map('mul', a, b)
    // a sum starts at 0, which a product of -0 does not change
    return isFloat(n.dtype) ? p.map('add', product, p.constant(0, n.dtype)) : product
  }
  if (width === 1) return p.reduce('sum', p.map('mul', a, p.transpose(b, turn)), [rank - 1])
  if (m === 1) return p.reduce('sum', p.map('mul', p.transpose(a, turn), b), [rank - 2])
  if (dtypes.has(n.dtype)) return undefined
  const batch = n.shape.slice(0, -2)
  const rows = p.reshape(a, [...batch, m, 1, k])
  const columns = p.reshape(p.transpose(b, turn), [...batch, 1, width, k])
  return p.reshape(p.reduce('sum', p.map('mul', rows, columns), [rank]), n.shape)
}

/** The matrix that a batch repeats, seen through broadcasts and transposes of its last two axes. */
function repeatedMatrix(x: Node): Node | undefined {
  if (x.prim === 'broadcast') {
    const [w] = x.src as [Node]
    const one = w.shape.slice(0, -2).every((d) => d === 1) && sameMatrix(w.shape, x.shape)
    return one ? p.reshape(w, w.shape.slice(-2)) : undefined
  }
  if (x.prim !== 'transpose' || x.attrs.perm.slice(0, -2).some((axis, i) => axis !== i)) return undefined
  const inner = repeatedMatrix(x.src[0]!)
  return inner && p.transpose(inner, [1, 0])
}
const sameMatrix = (a: Dims, b: Dims): boolean => a.at(-1) === b.at(-1) && a.at(-2) === b.at(-2)

/** `x · W` with one W for the whole batch: the batch joins the rows, one large product instead of many small ones. */
function sharedRight(n: Node, [a, b]: readonly [Node, Node]): Node | undefined {
  const rank = n.shape.length
  const batch = sizeOf(n.shape.slice(0, -2))
  const w = batch > 1 ? repeatedMatrix(b) : undefined
  if (!w) return undefined
  const rows = p.reshape(a, [batch * n.shape[rank - 2]!, a.shape[rank - 1]!])
  return p.reshape(p.dot(rows, w), n.shape)
}

const dot: Rule = (n, src, { contractDtypes }) => {
  const pair = src as readonly [Node, Node]
  const [k, width] = [pair[0].shape.at(-1)!, n.shape.at(-1)!]
  if (k === 0) return p.constant(0, n.dtype, n.shape)
  const matrix = k > 1 && width > 1 && contractDtypes.has(n.dtype)
  return (matrix ? sharedRight(n, pair) : undefined) ?? dotAsRow(n, pair, contractDtypes)
}

/** `(A · B)ᵀ = Bᵀ · Aᵀ`, so that the product is written in the layout that is read. */
const transpose: Rule = (n, [x], { usesOfSource }) => {
  if (n.prim !== 'transpose' || x!.prim !== 'dot' || usesOfSource(0) > 1) return undefined
  const turn = swapLast(n.shape.length)
  if (n.attrs.perm.some((axis, i) => axis !== turn[i])) return undefined
  const [a, b] = x.src as [Node, Node]
  return p.dot(p.transpose(b, turn), p.transpose(a, turn))
}

// ---- reductions
/** The sum over the batch of a product is one product with a longer inner dimension (gradient of a shared weight). */
function sumOfProducts(axes: Dims, x: Node, shape: Dims): Node | undefined {
  const rank = x.shape.length
  const batch = range(0, rank - 2).filter((axis) => x.shape[axis] !== 1)
  if (x.prim !== 'dot' || axes.length !== batch.length || batch.some((axis) => !axes.includes(axis)))
    return undefined
  const [a, b] = x.src as [Node, Node]
  const [m, k, width] = [a.shape[rank - 2]!, a.shape[rank - 1]!, b.shape[rank - 1]!]
  const terms = (sizeOf(x.shape) / (m * width)) * k
  const left = p.reshape(p.transpose(a, [rank - 2, ...range(0, rank - 2), rank - 1]), [m, terms])
  return p.reshape(p.dot(left, p.reshape(b, [terms, width])), shape)
}

const identityOf = (kind: 'sum' | 'prod' | 'max' | 'min' | 'maxNumber', dtype: DType): number | bigint =>
  kind === 'sum' ? 0 : kind === 'prod' ? 1 : kind === 'min' ? DTYPES[dtype].highest : DTYPES[dtype].lowest

const reduce: Rule = (n, [x], { usesOfSource }) => {
  if (n.prim !== 'reduce') return undefined
  const { kind, axes } = n.attrs
  if (x!.shape.includes(0)) return p.constant(identityOf(kind, n.dtype), n.dtype, n.shape)
  if (usesOfSource(0) > 1) return undefined
  if (x!.prim === 'reduce' && x.attrs.kind === kind)
    return p.reduce(
      kind,
      x.src[0]!,
      [...x.attrs.axes, ...axes].toSorted((a, b) => a - b),
    )
  return kind === 'sum' ? sumOfProducts(axes, x!, n.shape) : undefined
}

/** First index at which the greatest (least) value stands; a NaN is greater (less) than all. */
const argReduce: Rule = (n, [x]) => {
  if (n.prim !== 'argReduce') return undefined
  const { kind, axis } = n.attrs
  const best = p.reduce(kind, x!, [axis])
  const equal = p.map('eq', x!, best)
  const wins = isFloat(x!.dtype) ? p.map('or', equal, p.map('ne', x!, x!)) : equal
  const length = x!.shape[axis]!
  return p.reduce('min', p.map('select', wins, p.iota(x!.shape, axis), p.constant(length - 1, 'int32')), [
    axis,
  ])
}

// ---- joining and cutting
/** The first of many positions: sort no more than those. */
function firstPositions(n: NodeOf<'slice'>, x: NodeOf<'sort'>): Node | undefined {
  const { axis, descending } = x.attrs
  const others = n.shape.some((d, a) => a !== axis && d !== x.shape[a])
  const first = n.attrs.start[axis] === 0 && (n.attrs.stride[axis] === 1 || n.shape[axis]! <= 1)
  return others || !first ? undefined : p.sort(x.src[0]!, axis, descending, n.shape[axis])
}

/** Part of a concatenation: read the part itself. */
const slice: Rule = (n, [x], { usesOfSource }) => {
  if (n.prim === 'slice' && x!.prim === 'sort' && usesOfSource(0) === 1) return firstPositions(n, x)
  if (n.prim !== 'slice' || x!.prim !== 'concat') return undefined
  const { axis } = x.attrs
  const { start, stride } = n.attrs
  const first = start[axis]!
  const last = first + (n.shape[axis]! - 1) * stride[axis]!
  let at = 0
  for (const part of x.src) {
    const end = at + part.shape[axis]!
    if (first >= at && last < end) {
      const moved = start.map((v, a) => (a === axis ? v - at : v))
      return p.slice(part, moved, n.shape, stride)
    }
    at = end
  }
  return undefined
}

/** A concatenation along the axis of one of its parts takes over the parts of that part. */
const concat: Rule = (n, src, { usesOfSource }) => {
  if (n.prim !== 'concat') return undefined
  const { axis } = n.attrs
  const nested = (x: Node, i: number): boolean =>
    x.prim === 'concat' && x.attrs.axis === axis && usesOfSource(i) === 1
  if (!src.some(nested)) return undefined
  return p.concat(
    src.flatMap((x, i) => (nested(x, i) ? x.src : [x])),
    axis,
  )
}

/** Nothing to place, nothing to add. */
const pad: Rule = (n, [x]) =>
  n.prim === 'pad' && x!.shape.includes(0) ? p.constant(n.attrs.value, n.dtype, n.shape) : undefined
const scatter: Rule = (_n, [x, , updates]) => (updates!.shape.includes(0) ? x : undefined)

const RULES: { readonly [P in Node['prim']]?: Rule } = {
  dot,
  transpose,
  reduce,
  argReduce,
  slice,
  concat,
  pad,
  scatter,
}

// ---- sums of disjoint pads
interface PaddedPart {
  readonly axis: number
  readonly at: number
  readonly part: Node
}
const MOST_PARTS = 64

/** The one axis along which a zero pad without interior extends its source. */
function paddedPart(n: Node): PaddedPart | undefined {
  if (n.prim !== 'pad' || Number(n.attrs.value) !== 0 || n.attrs.interior.some((v) => v > 0)) return undefined
  const x = n.src[0]!
  const grown = range(0, n.shape.length).filter((a) => n.shape[a] !== x.shape[a])
  return grown.length === 1 ? { axis: grown[0]!, at: n.attrs.low[grown[0]!]!, part: x } : undefined
}

/** The parts laid side by side, with zeros between them, or undefined where two overlap. */
function sideBySide(parts: readonly PaddedPart[], shape: Dims, dtype: DType): Node | undefined {
  const { axis } = parts[0]!
  const pieces: Node[] = []
  const zeros = (count: number): void => {
    if (count > 0)
      pieces.push(
        p.constant(
          0,
          dtype,
          shape.map((d, a) => (a === axis ? count : d)),
        ),
      )
  }
  let end = 0
  for (const { at, part } of parts.toSorted((a, b) => a.at - b.at)) {
    if (at < end) return undefined
    zeros(at - end)
    pieces.push(part)
    end = at + part.shape[axis]!
  }
  zeros(shape[axis]! - end)
  return p.concat(pieces, axis)
}

/** Remembers for each node which disjoint parts it is the sum of: the gradient of split and of slices. */
class PadSums {
  readonly #parts = new Map<Node, readonly PaddedPart[]>()

  #partsOf(n: Node): readonly PaddedPart[] | undefined {
    const known = this.#parts.get(n)
    if (known) return known
    const one = paddedPart(n)
    return one && [one]
  }

  sum(a: Node, b: Node, shape: Dims, dtype: DType): Node | undefined {
    const left = this.#partsOf(a)
    const right = left && this.#partsOf(b)
    if (!left || !right || left[0]!.axis !== right[0]!.axis || left.length + right.length > MOST_PARTS)
      return undefined
    const parts = [...left, ...right]
    const joined = sideBySide(parts, shape, dtype)
    if (joined) this.#parts.set(joined, parts)
    return joined
  }
}

export interface RewrittenGraph {
  readonly roots: readonly Node[]
  /** By position in the request; null for what no root needs. */
  readonly keep: readonly (Node | null)[]
  readonly leaves: readonly Leaf[]
  readonly scalars: readonly ScalarLeaf[]
}

/** What rewriting depends on beside the graph. */
export interface RewriteOptions {
  readonly contractDtypes: ReadonlySet<DType>
  readonly loops?: boolean | undefined
}

/** Imports a request and applies the rules. Call inside a node table of its own. */
export function rewrite(c: Canonical, options: RewriteOptions): RewrittenGraph {
  const uses = new Int32Array(c.nodes.length)
  for (const s of c.edges) uses[s] = uses[s]! + 1
  for (const r of c.roots) uses[r] = uses[r]! + 1
  const rewriter = new Rewriter(options)
  let edge = 0
  const graph = importGraph(c, (n, src) => {
    // nodes come in order, so the edges of this one start where those of the last one ended
    const first = edge
    edge += src.length
    return rewriter.remake(n, src, (i) => uses[c.edges[first + i]!]!)
  })
  return {
    roots: c.roots.map((r) => graph.nodes[r]!),
    keep: c.keep.map((k) => (k < 0 ? null : graph.nodes[k]!)),
    leaves: graph.leaves,
    scalars: graph.scalars,
  }
}

/** Applies the rules to one node after the other, sources first. Loops and branches that no kernel runs are written out. */
class Rewriter {
  readonly #options: RewriteOptions
  readonly #pads = new PadSums()
  /** Items of control nodes that were written out. */
  readonly #items = new Map<Node, readonly Node[]>()
  readonly #bodies = new Map<Body, readonly Node[]>()

  constructor(options: RewriteOptions) {
    this.#options = options
  }

  remake(n: Node, src: readonly Node[], usesOfSource: (i: number) => number): Node {
    if (n.prim === 'item') {
      const items = this.#items.get(src[0]!)
      if (items) return items[n.attrs.index]!
    }
    if (isControl(n)) {
      const again = withSources(n, src)
      if (this.#options.loops && worthRunning(n)) return again
      this.#items.set(
        again,
        writeOut(n, src, (body, params) => this.#inline(body, params)),
      )
      return again
    }
    if (n.shape.includes(0)) return p.constant(0, n.dtype, n.shape)
    if (n.prim === 'map' && n.attrs.fn === 'add') {
      const joined = this.#pads.sum(src[0]!, src[1]!, n.shape, n.dtype)
      if (joined) return joined
    }
    const context = { contractDtypes: this.#options.contractDtypes, usesOfSource }
    return RULES[n.prim]?.(n, src, context) ?? withSources(n, src)
  }

  /** Results of a body for given parameters, by the same rules. */
  #inline(body: Body, params: readonly Node[]): Node[] {
    const made = new Map<Node, Node>(body.params.map((x, i) => [x, params[i]!]))
    const results = this.#simplified(body)
    const nodes = postOrder(results.map(throughMarkers), (n) => n.src.map(throughMarkers))
    const uses = new Map<Node, number>()
    const count = (n: Node): unknown => uses.set(n, (uses.get(n) ?? 0) + 1)
    for (const n of nodes) for (const x of n.src) count(throughMarkers(x))
    for (const n of results) count(throughMarkers(n))
    for (const n of nodes) {
      if (made.has(n)) continue
      const src = n.src.map(throughMarkers)
      const remade = src.map((x) => made.get(x)!)
      made.set(
        n,
        this.remake(n, remade, (i) => uses.get(src[i]!)!),
      )
    }
    return results.map((n) => made.get(throughMarkers(n))!)
  }

  /** Results of a body with the loops in it made simpler. */
  #simplified(body: Body): readonly Node[] {
    if (!body.nodes.some(isControl)) return body.results
    let results = this.#bodies.get(body)
    if (!results) this.#bodies.set(body, (results = simplifyGraph(body.results)))
    return results
  }
}
