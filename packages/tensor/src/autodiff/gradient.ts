// Reverse mode on the graph: one walk from the outputs down to the inputs, adding up cotangents. A source is always older
// than its user, so descending node numbers are the order; nothing recurses, and chains may be as long as memory allows.
import { type ControlNode, isControl, itemCount } from '../graph/control-flow.ts'
import type { Node } from '../graph/node.ts'
import { s } from '../graph/primitives.ts'
import { controlPullback } from './control-flow-vjp.ts'
import { differentiableSources, pullback } from './vjp.ts'

/**
 * Gradients of `Σ outputs[i] · cotangents[i]` with respect to `xs`, as graph nodes; null where no output depends on `x`.
 * @param xs usually `mark` nodes: nothing older than the oldest of them is visited
 */
export function gradients(
  outputs: readonly Node[],
  cotangents: readonly Node[],
  xs: readonly Node[],
): (Node | null)[] {
  const order = dependents(outputs, xs)
  const needed = new Set(order)
  const ends = new Set(xs)
  const sums = new Map<Node, Node>()
  const add = (node: Node, ct: Node): void => {
    const sum = sums.get(node)
    sums.set(node, sum ? s.add(sum, ct) : ct)
  }
  const items = new Map<Node, (Node | null)[]>()
  for (const [i, y] of outputs.entries()) if (needed.has(y)) add(y, cotangents[i]!)
  for (const node of order) {
    const sources = differentiableSources(node)
    if (!sources.some((x) => x !== null && needed.has(x))) continue
    const cts = isControl(node) ? pullItems(node, items) : pullSum(node, sums, items)
    for (const [i, x] of sources.entries()) {
      const part = cts[i]
      if (x !== null && part && needed.has(x)) add(x, part)
    }
    if (!ends.has(node)) sums.delete(node)
  }
  return xs.map((x) => sums.get(x) ?? null)
}

type Sums = ReadonlyMap<Node, Node>

/** Cotangents of the sources of a node from the sum of its own; an item tells the node that it is a result of. */
function pullSum(node: Node, sums: Sums, items: Map<Node, (Node | null)[]>): readonly (Node | null)[] {
  const ct = sums.get(node)
  if (ct === undefined) return []
  if (node.prim !== 'item') return pullback(node, ct)
  const owner = node.src[0] as ControlNode
  let list = items.get(owner)
  if (!list) items.set(owner, (list = Array<Node | null>(itemCount(owner)).fill(null)))
  list[node.attrs.index] = ct
  return []
}

function pullItems(node: ControlNode, items: Map<Node, (Node | null)[]>): readonly (Node | null)[] {
  const cts = items.get(node)
  items.delete(node)
  return cts ? controlPullback(node, cts, gradients) : []
}

/** Whether any of `outputs` is computed from any of `xs`, also where no derivative flows (`floor`, `stop`, comparisons). */
export function dependsOn(outputs: readonly Node[], xs: readonly Node[]): boolean {
  const oldest = xs.reduce((least, x) => Math.min(least, x.id), Infinity)
  const ends = new Set(xs)
  const seen = new Set<Node>()
  const stack = [...outputs]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (ends.has(node)) return true
    if (node.id < oldest || seen.has(node)) continue
    seen.add(node)
    for (const x of node.src) stack.push(x)
  }
  return false
}

/** Every node between `outputs` and `xs` (both included) through which a derivative flows, newest first. */
function dependents(outputs: readonly Node[], xs: readonly Node[]): Node[] {
  const oldest = xs.reduce((least, x) => Math.min(least, x.id), Infinity)
  const seen = new Set<Node>()
  const stack = [...outputs]
  while (stack.length) {
    const node = stack.pop()!
    if (node.id < oldest || seen.has(node)) continue
    seen.add(node)
    for (const x of differentiableSources(node)) if (x !== null) stack.push(x)
  }
  const needed = new Set(xs)
  const result: Node[] = []
  for (const node of [...seen].sort((a, b) => a.id - b.id)) {
    if (!needed.has(node) && !differentiableSources(node).some((x) => x !== null && needed.has(x))) continue
    needed.add(node)
    result.push(node)
  }
  return result.reverse()
}
