// Trees of tensors, as the functional face takes them: any nesting of arrays and plain objects with tensors at the leaves.
import { leavesOf as leavesOfTree, Tensor, unflatten } from '@dl/tensor/core'

/** A tensor, or arrays and plain objects of trees. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [key: string]: TensorTree }

/**
 * The tensors of a tree from left to right.
 *
 * @throws Error when a leaf is no tensor
 */
export function leavesOf(op: string, tree: unknown): Tensor[] {
  const leaves = leavesOfTree(tree)
  for (const leaf of leaves)
    if (!(leaf instanceof Tensor))
      throw new Error(
        `[${op}] expects trees of tensors, found ${leaf === null ? 'null' : typeof leaf} at a leaf`,
      )
  return leaves as Tensor[]
}

/** The tree of the form of `like` with other tensors. */
export function treeFrom<P>(like: P, leaves: readonly Tensor[]): P {
  return unflatten(like, leaves) as P
}
