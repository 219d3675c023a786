// Loops before they are compiled: what nobody reads is not computed, and the loop that a gradient runs again for the values
// that it needs becomes one with the loop itself.
import type { Body } from '../graph/body.ts'
import { branch, type ControlNode, isControl, partsOf, scan, whileLoop } from '../graph/control-flow.ts'
import { makeNode, type Node, type NodeOf } from '../graph/node.ts'
import { constant, withSources } from '../graph/primitives.ts'
import type { Leaf } from '../graph/node.ts'
import { type Canonical, canonicalize } from './canonical.ts'
import { importGraph } from './import-graph.ts'
import { postOrder } from './post-order.ts'

/** The request with simpler loops; the same one where there are none. Call inside a node table of its own. */
export function simplifyLoops(c: Canonical): Canonical {
  if (!c.nodes.some(isControl)) return c
  const { nodes, leaves, scalars } = importGraph(c, withFallback)
  const kept = c.keep.flatMap((k) => (k < 0 ? [] : [nodes[k]!]))
  const roots = c.roots.map((r) => nodes[r]!)
  const simplified = simplifyGraph([...roots, ...kept])
  let next = roots.length
  const inPlace = new Map<number, Leaf>()
  for (let i = 0; i < c.inPlace.length; i += 2) inPlace.set(c.inPlace[i]!, leaves[c.inPlace[i + 1]!]!)
  const keep = c.keep.map((k) => (k < 0 ? null : simplified[next++]!))
  const request = { roots: simplified.slice(0, roots.length), inPlace, keep: keep.filter((n) => n !== null) }
  const again = canonicalize(request, 0, () => true)
  let at = 0
  return {
    ...again,
    // slots stay what they were
    leaves,
    scalars,
    inPlace: c.inPlace,
    keep: keep.map((n) => (n ? again.keep[at++]! : -1)),
  }
}

/** Composites that are left are the backend's own; the place of the graph that they stand for is taken by a constant. */
function withFallback(n: Node, src: readonly Node[]): Node {
  const all = n.prim === 'composite' ? [constant(0, n.dtype, n.shape), ...src] : src
  return makeNode(n.prim, all, n.attrs as never, n.shape, n.dtype) as Node
}

/** The same for a graph of its own. */
export function simplifyGraph(roots: readonly Node[]): Node[] {
  return pruned(merged(roots))
}

/** `roots` with every node remade; `items` gives the results of a control node over new sources. */
function remade(
  roots: readonly Node[],
  order: readonly Node[],
  items: (n: ControlNode, src: readonly Node[]) => ReadonlyMap<number, Node>,
): Node[] {
  const made = new Map<Node, Node>()
  const results = new Map<Node, ReadonlyMap<number, Node>>()
  for (const n of order) {
    if (n.prim === 'item') {
      made.set(n, results.get(n.src[0]!)!.get(n.attrs.index)!)
      continue
    }
    const src = n.src.map((x) => made.get(x)!)
    if (isControl(n)) {
      results.set(n, items(n, src))
      made.set(n, n) // nobody but its items asks
    } else made.set(n, withSources(n, src))
  }
  return roots.map((n) => made.get(n)!)
}

// ---- one loop where a gradient runs the loop again
/** Scans of one origin over the same sources become one that gives all of their outputs. */
function merged(roots: readonly Node[]): Node[] {
  const order = postOrder(roots, (n) => n.src)
  const groups = groupsOf(order)
  if (!groups.some((g) => g.length > 1)) return [...roots]
  const unions = new Map<Node, { readonly body: Body; readonly outputs: Map<Node, number> }>()
  for (const group of groups) {
    const [first] = group as [NodeOf<'scan'>]
    const { body, carries } = first.attrs
    const outputs = new Map<Node, number>()
    for (const n of group)
      for (const y of n.attrs.body.results.slice(carries))
        if (!outputs.has(y)) outputs.set(y, carries + outputs.size)
    const union = body.withResults([...body.results.slice(0, carries), ...outputs.keys()])
    for (const n of group) unions.set(n, { body: union, outputs })
  }
  return remade(roots, order, (n, src) => {
    if (n.prim !== 'scan') return itemMap(again(n, src))
    const { length, direction, carries, body } = n.attrs
    const union = unions.get(n)!
    const items = scan(union.body, partsOf({ ...n, src }), length, direction)
    return new Map(body.results.map((y, i) => [i, items[i < carries ? i : union.outputs.get(y)!]!]))
  })
}

function groupsOf(order: readonly Node[]): NodeOf<'scan'>[][] {
  const groups: NodeOf<'scan'>[][] = []
  for (const n of order) {
    if (n.prim !== 'scan') continue
    const group = groups.find(([m]) => {
      const [a, b] = [m!.attrs, n.attrs]
      return (
        a.body.origin === b.body.origin &&
        a.length === b.length &&
        a.direction === b.direction &&
        a.carries === b.carries &&
        m!.src.every((x, i) => x === n.src[i])
      )
    })
    if (group) group.push(n)
    else groups.push([n])
  }
  return groups
}

const itemMap = (items: readonly Node[]): Map<number, Node> => new Map(items.map((x, i) => [i, x]))

/** The items of a control node over other sources. */
function again(n: ControlNode, src: readonly Node[]): Node[] {
  switch (n.prim) {
    case 'scan':
      return scan(n.attrs.body, partsOf({ ...n, src }), n.attrs.length, n.attrs.direction)
    case 'while':
      return whileLoop(
        n.attrs.condition,
        n.attrs.body,
        src.slice(0, n.attrs.constants),
        src.slice(n.attrs.constants),
      )
    case 'if':
      return branch(src[0]!, n.attrs.yes, n.attrs.no, src.slice(1))
    case 'whilePullback':
      throw new Error('[compile] a pullback of a while loop was not transposed')
  }
}

// ---- what nobody reads
/** Items that are read, by control node. Users come first when the order is walked backwards. */
function readItems(order: readonly Node[]): Map<Node, Set<number>> {
  const read = new Map<Node, Set<number>>()
  for (const n of order)
    if (n.prim === 'item') {
      const owner = n.src[0]!
      const set = read.get(owner)
      if (set) set.add(n.attrs.index)
      else read.set(owner, new Set([n.attrs.index]))
    }
  return read
}

/** Drops results, carried values and sources of loops that no root needs, until nothing changes. */
function pruned(roots: readonly Node[]): Node[] {
  let current = [...roots]
  for (;;) {
    const order = postOrder(current, (n) => n.src)
    const read = readItems(order)
    let changed = false
    current = remade(current, order, (n, src) => {
      const wanted = read.get(n)!
      const smaller =
        n.prim === 'scan'
          ? smallerScan(n, src, wanted)
          : n.prim === 'if'
            ? smallerBranch(n, src, wanted)
            : null
      if (smaller) changed = true
      return smaller ?? itemMap(again(n, src))
    })
    if (!changed) return current
  }
}

/** Which leaves of a body a result needs. */
function paramsBelow(results: readonly Node[]): Set<Node> {
  return new Set(postOrder(results, (n) => n.src).filter((n) => n.prim === 'buffer'))
}

function smallerScan(
  n: NodeOf<'scan'>,
  src: readonly Node[],
  wanted: ReadonlySet<number>,
): Map<number, Node> | null {
  const { body, length, direction, constants, carries } = n.attrs
  const keep = new Set(wanted)
  let needed: Set<Node>
  for (let size = -1; size !== keep.size;) {
    size = keep.size
    needed = paramsBelow([...keep].map((i) => body.results[i]!))
    for (let j = 0; j < carries; j++) if (needed.has(body.params[constants + j]!)) keep.add(j)
  }
  const params = body.params.flatMap((x, i) => {
    const carry = i - constants
    return (carry >= 0 && carry < carries ? keep.has(carry) : needed!.has(x)) ? [i] : []
  })
  if (keep.size === body.results.length && params.length === body.params.length) return null
  const results = [...keep].toSorted((a, b) => a - b)
  const part = (from: number, to: number): Node[] =>
    params.filter((i) => i >= from && i < to).map((i) => src[i]!)
  const smaller = body.pruned(
    params.map((i) => body.params[i]!),
    results.map((i) => body.results[i]!),
  )
  const items = scan(
    smaller,
    {
      constants: part(0, constants),
      carries: part(constants, constants + carries),
      sequences: part(constants + carries, src.length),
    },
    length,
    direction,
  )
  return new Map(results.map((i, k) => [i, items[k]!]))
}

function smallerBranch(
  n: NodeOf<'if'>,
  src: readonly Node[],
  wanted: ReadonlySet<number>,
): Map<number, Node> | null {
  const { yes, no } = n.attrs
  const results = [...wanted].toSorted((a, b) => a - b)
  const sides = [yes, no].map((body) => paramsBelow(results.map((i) => body.results[i]!)))
  const params = yes.params.flatMap((x, i) => (sides[0]!.has(x) || sides[1]!.has(no.params[i]!) ? [i] : []))
  if (results.length === yes.results.length && params.length === yes.params.length) return null
  const [left, right] = [yes, no].map((body) =>
    body.pruned(
      params.map((i) => body.params[i]!),
      results.map((i) => body.results[i]!),
    ),
  )
  const items = branch(
    src[0]!,
    left!,
    right!,
    params.map((i) => src[i + 1]!),
  )
  return new Map(results.map((i, k) => [i, items[k]!]))
}
