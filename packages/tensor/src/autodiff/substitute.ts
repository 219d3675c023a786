// A graph again with other leaves: how derivatives that were traced once are applied to the cotangents of today.
import type { Node } from '../graph/node.ts'
import { withSources } from '../graph/primitives.ts'

/**
 * `roots` with every key of `replacements` replaced by its value. Nodes older than all keys cannot depend on them and stay
 * as they are.
 */
export function substitute(roots: readonly Node[], replacements: ReadonlyMap<Node, Node>): Node[] {
  const fresh = new Map<Node, Node>(replacements)
  for (const node of reachable(roots, replacements.keys()))
    if (!fresh.has(node))
      fresh.set(
        node,
        withSources(
          node,
          node.src.map((x) => fresh.get(x) ?? x),
        ),
      )
  return roots.map((node) => fresh.get(node) ?? node)
}

/** Nodes under `roots` that may depend on `leaves`, sources first; stops at the leaves. */
export function reachable(roots: readonly Node[], leaves: Iterable<Node>): Node[] {
  const ends = new Set(leaves)
  let oldest = Infinity
  for (const leaf of ends) oldest = Math.min(oldest, leaf.id)
  const seen = new Set<Node>()
  const stack = [...roots]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.id < oldest || seen.has(node)) continue
    seen.add(node)
    if (!ends.has(node)) stack.push(...node.src)
  }
  return [...seen].sort((a, b) => a.id - b.id)
}
