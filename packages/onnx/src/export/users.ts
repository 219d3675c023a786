// Who reads a node: a product that one sum reads can become one node with it.
import { leafOf, type Node } from '@dl/tensor/backend'
import { first, type Site } from './lockstep.ts'

/** How many nodes, or outputs, read each node; nodes that nothing reads are not among the keys. */
export function countUsers(outputs: readonly Site[]): Map<Node, number> {
  const users = new Map<Node, number>()
  const stack = outputs.map(first)
  for (let node = stack.pop(); node; node = stack.pop()) {
    const known = users.get(node) ?? 0
    users.set(node, known + 1)
    if (known === 0 && !leafOf(node)) stack.push(...node.src)
  }
  return users
}
