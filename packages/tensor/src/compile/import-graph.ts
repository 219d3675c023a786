// From a canonical request to a graph of its own: placeholders for leaves and scalars (so that a cached plan keeps no value
// alive and folds none of them), no markers, of the composites only those that have a kernel, over their inputs alone.
import { type Leaf, makeNode, type Node, type ScalarLeaf, serial } from '../graph/node.ts'
import { buffer, scalarInput } from '../graph/primitives.ts'
import { type Canonical, firstSourceOf, isLeaf, leafOf } from './canonical.ts'

export interface ImportedGraph {
  /** By canonical number. */
  readonly nodes: readonly Node[]
  /** Numbers of the sources of node i. */
  readonly sources: readonly (readonly number[])[]
  /** Placeholders by slot. */
  readonly leaves: readonly Leaf[]
  readonly scalars: readonly ScalarLeaf[]
}

/**
 * Rebuilds the nodes of `c` in order. `remake(node, sources)` returns the node to use instead; the default is the
 * same operation over the new sources.
 */
export function importGraph(
  c: Canonical,
  remake: (n: Node, src: readonly Node[]) => Node = again,
): ImportedGraph {
  const leaves = c.leaves.map(({ shape, dtype }): Leaf => ({ id: serial(), shape, dtype }))
  const scalars = c.scalars.map(({ dtype }): ScalarLeaf => ({ id: serial(), dtype, value: 0 }))
  const leafSlots = new Map(c.leaves.map((leaf, slot) => [leaf, slot]))
  const scalarSlots = new Map(c.scalars.map((leaf, slot) => [leaf, slot]))
  const nodes: Node[] = []
  const sources: number[][] = []
  let edge = 0
  for (const n of c.nodes) {
    const src: number[] = []
    if (isLeaf(n)) nodes.push(placeholder(n, leaves[leafSlots.get(leafOf(n))!]!))
    else if (n.prim === 'scalar') nodes.push(scalarInput(scalars[scalarSlots.get(n.attrs.leaf)!]!))
    else {
      for (let i = firstSourceOf(n); i < n.src.length; i++) src.push(c.edges[edge++]!)
      const made = src.map((s) => nodes[s]!)
      nodes.push(remake(n, made))
    }
    sources.push(src)
  }
  return { nodes, sources, leaves, scalars }
}

/** A node of the graph's own: the original forgets its sources when it has been computed. */
const again = (n: Node, src: readonly Node[]): Node =>
  makeNode(n.prim, src, n.attrs as never, n.shape, n.dtype) as Node

/** A computed node may have another shape than its leaf (a reshape that shares the storage). */
function placeholder(n: Node, leaf: Leaf): Node {
  const same = leaf.shape.length === n.shape.length && leaf.shape.every((d, i) => d === n.shape[i])
  return same ? buffer(leaf) : makeNode('buffer', [], { leaf }, n.shape, n.dtype)
}
