// The table of batching rules: for each primitive, the same computation for a whole batch at once. A batched node carries
// the batch as its first dimension; a node that does not depend on the mapped arguments has none and is shared.
import { composite, type CompositeDefinition } from '../graph/composite.ts'
import { type ControlNode, isControl } from '../graph/control-flow.ts'
import { type Node, type NodeOf, type PrimitiveName, serial } from '../graph/node.ts'
import {
  argReduce,
  bitcast,
  broadcastTo,
  cast,
  concat,
  cumulate,
  dot,
  gather,
  iota,
  map,
  pad,
  placeholder,
  reduce,
  reshape,
  reverse,
  s,
  scatterAdd,
  slice,
  sort,
  stop,
  transpose,
  window,
  withSources,
} from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { batchControl } from './control-flow-batching.ts'
import { tracingPlaceholders } from './placeholder-trace.ts'
import { reachable } from './substitute.ts'
import { inverse } from './vjp.ts'

/** A source as a rule sees it. */
export interface Source {
  readonly node: Node
  /** Whether `node` has the batch as first dimension. */
  readonly batched: boolean
}
type Rule<P extends PrimitiveName> = (node: NodeOf<P>, src: readonly Source[], size: number) => Node

/** `[size, …]`, stretched when the source is shared. */
const full = (x: Source, size: number): Node =>
  x.batched ? x.node : broadcastTo(x.node, [size, ...x.node.shape])
/** The axes after the batch. */
const shifted = (axes: Dims): number[] => axes.map((a) => a + 1)
const only = (src: readonly Source[]): Node => src[0]!.node

const neverBatched = (node: { readonly prim: string }): never => {
  throw new Error(`[vmap] ${node.prim} has no sources and cannot be batched`)
}

/** Items and nodes with several results are treated in the walk. */
type Single = Exclude<PrimitiveName, 'item' | ControlNode['prim']>

const BATCH: { readonly [P in Single]: Rule<P> } = {
  buffer: neverBatched,
  const: neverBatched,
  scalar: neverBatched,
  iota: neverBatched,
  stop: (_, src) => stop(only(src)),
  // the gradient that made the mark has been taken already
  mark: (_, src) => only(src),
  map: (n, src, size) => {
    const { fn } = n.attrs
    if (fn === 'cast') return cast(only(src), n.dtype)
    if (fn === 'bitcast') return bitcast(only(src), n.dtype)
    return map(fn, ...src.map((x) => full(x, size)))
  },
  reshape: (n, src, size) => reshape(only(src), [size, ...n.shape]),
  transpose: (n, src) => transpose(only(src), [0, ...shifted(n.attrs.perm)]),
  broadcast: (n, src, size) => broadcastTo(only(src), [size, ...n.shape]),
  slice: (n, src, size) =>
    slice(only(src), [0, ...n.attrs.start], [size, ...n.shape], [1, ...n.attrs.stride]),
  window: (n, src) => {
    const { axes, size, stride, dilation } = n.attrs
    return window(only(src), shifted(axes), size, stride, dilation)
  },
  pad: (n, src) => {
    const { low, interior, value } = n.attrs
    const x = n.src[0]!
    const high = n.shape.map(
      (d, a) => d - low[a]! - Math.max(0, x.shape[a]! + (x.shape[a]! - 1) * interior[a]!),
    )
    return pad(only(src), [0, ...low], [0, ...high], [0, ...interior], value)
  },
  reverse: (n, src) => reverse(only(src), shifted(n.attrs.axes)),
  concat: (n, src, size) =>
    concat(
      src.map((x) => full(x, size)),
      n.attrs.axis + 1,
    ),
  reduce: (n, src) => reduce(n.attrs.kind, only(src), shifted(n.attrs.axes)),
  argReduce: (n, src) => argReduce(n.attrs.kind, only(src), n.attrs.axis + 1),
  cumulate: (n, src) => cumulate(n.attrs.kind, only(src), n.attrs.axis + 1, n.attrs),
  sort: (n, src) => sort(only(src), n.attrs.axis + 1, n.attrs.descending, n.shape[n.attrs.axis]),
  dot: (_, [a, b], size) => {
    if (a!.batched && !b!.batched && b!.node.shape.length === 2) return dotRows(a!.node, b!.node)
    if (!a!.batched && b!.batched && a!.node.shape.length === 2)
      return transpose(dotRows(transpose(b!.node, [0, 2, 1]), transpose(a!.node, [1, 0])), [0, 2, 1])
    return dot(full(a!, size), full(b!, size))
  },
  gather: (n, [x, indices], size) => {
    const { axis } = n.attrs
    if (!indices!.batched) return gather(x!.node, indices!.node, axis + 1)
    if (!x!.batched) return moveAxis(gather(x!.node, indices!.node, axis), axis, 0)
    const limit = x!.node.shape[axis + 1]!
    const clamped = s.min(s.max(indices!.node, 0), limit - 1)
    const picked = gather(batchInRows(x!.node, axis), s.add(clamped, firstRows(clamped.shape, limit)), 0)
    return moveBatchBack(picked, axis, indices!.node.shape.length - 1, size)
  },
  scatter: (n, [x, indices, updates], size) => {
    const { axis } = n.attrs
    if (!indices!.batched) return scatterAdd(full(x!, size), indices!.node, full(updates!, size), axis + 1)
    const limit = n.shape[axis]!
    const rows = batchInRows(full(x!, size), axis)
    const inside = s.and(s.ge(indices!.node, 0), s.lt(indices!.node, limit))
    const at = s.select(inside, s.add(indices!.node, firstRows(indices!.node.shape, limit)), -1)
    const moved = moveIndicesForward(full(updates!, size), axis, indices!.node.shape.length - 1)
    const sum = scatterAdd(rows, at, moved, 0)
    return moveAxis(reshape(sum, [size, limit, ...sum.shape.slice(1)]), 1, axis + 1)
  },
  composite: (n, src, size) => {
    const { definition, config } = n.attrs
    const fallback = full(src[0]!, size)
    if (definition.batches?.(JSON.parse(config)))
      return composite(
        definition,
        fallback,
        src.slice(1).map((x) => full(x, size)),
        config,
      )
    if (!definition.vjp) return fallback
    const inputs = src.slice(1)
    return composite(
      batchedDefinition(definition, n, inputs, size),
      fallback,
      inputs.map((x) => x.node),
      config,
    )
  },
}

/**
 * `roots` with each key of `mapped` replaced by its value, which has one more dimension in front, of `size`. Results all have
 * the batch in front.
 */
export function batchGraph(roots: readonly Node[], mapped: ReadonlyMap<Node, Node>, size: number): Node[] {
  return batchRoots(roots, mapped, size).map((x) => full(x, size))
}

/** As {@link batchGraph}; what does not depend on the batch comes back as it is. */
function batchRoots(roots: readonly Node[], mapped: ReadonlyMap<Node, Node>, size: number): Source[] {
  const done = new Map<Node, Source>()
  for (const [node, batch] of mapped) done.set(node, { node: batch, batched: true })
  const items = new Map<Node, readonly Source[]>()
  const sourceOf = (node: Node): Source => done.get(node) ?? { node, batched: false }
  for (const node of reachable(roots, mapped.keys())) {
    if (done.has(node)) continue
    if (node.prim === 'item') {
      const owner = items.get(node.src[0]!)
      if (owner) done.set(node, owner[node.attrs.index]!)
      continue
    }
    const src = node.src.map(sourceOf)
    const changed = src.some((x, i) => x.batched || x.node !== node.src[i])
    if (!changed) continue
    if (isControl(node)) items.set(node, batchControl(node, src, size, batchRoots))
    else if (src.some((x) => x.batched))
      done.set(node, {
        node: (BATCH[node.prim as Single] as Rule<PrimitiveName>)(node, src, size),
        batched: true,
      })
    else
      done.set(node, {
        node: withSources(
          node,
          src.map((x) => x.node),
        ),
        batched: false,
      })
  }
  return roots.map(sourceOf)
}

/** `[batch, …, M, K] · [K, N]` as one product with all rows of the batch below each other. */
function dotRows(a: Node, b: Node): Node {
  const k = b.shape[0]!
  return reshape(dot(reshape(a, [sizeOf(a.shape.slice(0, -1)), k]), b), [
    ...a.shape.slice(0, -1),
    b.shape[1]!,
  ])
}

/** `x` with axis `from` moved to place `to`. */
function moveAxis(x: Node, from: number, to: number): Node {
  const perm = x.shape.map((_, a) => a).filter((a) => a !== from)
  perm.splice(to, 0, from)
  return transpose(x, perm)
}

// ---- gather and scatter with an index tensor for each example: batch and axis become one axis of rows
/** `[batch, pre, limit, post]` to `[batch · limit, pre, post]`. */
function batchInRows(x: Node, axis: number): Node {
  const moved = moveAxis(x, axis + 1, 1)
  return reshape(moved, [moved.shape[0]! * moved.shape[1]!, ...moved.shape.slice(2)])
}
/** The number of the first row of each example: `batch · limit`, in the shape of the indices. */
const firstRows = (shape: Dims, limit: number): Node => s.mul(iota(shape, 0), limit)

/** `[batch, pre, indices, post]` to `[batch, indices, pre, post]`. */
function moveIndicesForward(x: Node, axis: number, indexRank: number): Node {
  return transpose(x, forward(x.shape.length, axis, indexRank))
}
function moveBatchBack(x: Node, axis: number, indexRank: number, size: number): Node {
  if (x.shape[0] !== size) throw new Error('[vmap] the batch is the first dimension of picked rows')
  return transpose(x, inverse(forward(x.shape.length, axis, indexRank)))
}
function forward(rank: number, axis: number, indexRank: number): number[] {
  const axes = Array.from({ length: rank }, (_, a) => a)
  const indices = axes.slice(1 + axis, 1 + axis + indexRank)
  return [0, ...indices, ...axes.slice(1).filter((a) => !indices.includes(a))]
}

/** A composite's own derivative, for a batch: it is traced on one example and batched in turn. */
function batchedDefinition(
  definition: CompositeDefinition,
  example: NodeOf<'composite'>,
  inputs: readonly Source[],
  size: number,
): CompositeDefinition {
  const stand = (x: Node): Node => placeholder(x.shape, x.dtype, 'vmap')
  return {
    id: serial(),
    name: definition.name,
    vjp: (ct, output, current, config) => {
      const [one, result] = [stand(example), stand(example)]
      const args = example.src.slice(1).map(stand)
      const cts = tracingPlaceholders('vmap', () => definition.vjp!(one, result, args, config))
      const mapped = new Map<Node, Node>([
        [one, ct],
        [result, output],
      ])
      args.forEach((x, i) => mapped.set(x, full({ node: current[i]!, batched: inputs[i]!.batched }, size)))
      return cts.map((x, i) => {
        if (!x) return null
        const batched = batchGraph([x], mapped, size)[0]!
        // all examples share an input that is not batched: its cotangent is their sum
        return inputs[i]!.batched ? batched : reshape(reduce('sum', batched, [0]), batched.shape.slice(1))
      })
    },
  }
}
