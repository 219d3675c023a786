// How gradient functions see the arguments and the result of the function they are given: trees of tensors in which every
// float tensor is wrapped in a `mark` of its own, so that nested derivatives never take each other's variables for their own.
import { dependsOn } from './gradient.ts'
import { isFloat } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { constant, mark } from '../graph/primitives.ts'
import { sameShape, showShape } from '../graph/shape.ts'
import { fromNode, nodeOf, Tensor } from '../tensor/tensor.ts'
import { isBranch, leavesOf, mapTree } from '../tensor/tree.ts'
import type { TensorLike } from '../tensor/types.ts'

/** An argument in whose float tensors derivatives are taken. */
export interface MarkedArgument {
  /** What the function is called with. */
  readonly tree: unknown
  /** One for each float tensor, from left to right. */
  readonly marks: readonly Node[]
  /** A tree of the argument's form: `nodes` in place of the float tensors (null: zeros), zeros for other tensors, other leaves as they were. */
  rebuild(nodes: readonly (Node | null)[]): unknown
}

/** Wraps the float tensors of `argument`, a tree. Host values (a number, a typed array, nested arrays of numbers) become one tensor. */
export function markArgument(op: string, argument: unknown): MarkedArgument {
  const tree = isHostValues(argument) ? fromNode(nodeOf(op, 'x', argument)) : argument
  const marks: Node[] = []
  const nodes: (Node | null)[] = []
  const marked = mapTree(tree, (leaf, path) => {
    const node = leaf instanceof Tensor ? nodeOf(op, path || 'x', leaf) : null
    nodes.push(node)
    if (!node || !isFloat(node.dtype)) return leaf
    const named = mark(node)
    marks.push(named)
    return fromNode(named)
  })
  return {
    tree: marked,
    marks,
    rebuild(gradients) {
      let at = 0
      let next = 0
      return mapTree(tree, (leaf) => {
        const node = nodes[at++]
        if (!node) return leaf
        const gradient = isFloat(node.dtype) ? gradients[next++] : null
        return fromNode(gradient ?? constant(0, node.dtype, node.shape))
      })
    },
  }
}

function isHostValues(x: unknown): x is TensorLike {
  if (Array.isArray(x)) return x.length > 0 && x.every(isHostValues)
  return typeof x === 'number' || ArrayBuffer.isView(x)
}

/** The node of what a function returned; throws when it is no tensor. */
export function returnedNode(op: string, y: unknown): Node {
  if (y instanceof Tensor) return nodeOf(op, 'the result of the function', y)
  if (y instanceof Promise)
    throw new Error(`[${op}] the function returned a promise; make it synchronous and await outside`)
  throw new Error(`[${op}] the function must return a tensor, it returned ${y === null ? 'null' : typeof y}`)
}

/** The node of a scalar result: what a gradient without a given cotangent needs. */
export function scalarNode(op: string, y: unknown): Node {
  const node = floatNode(op, returnedNode(op, y))
  if (node.shape.length)
    throw new Error(
      `[${op}] the function must return a scalar (shape []), it returned ${node.dtype} ${showShape(node.shape)}; ` +
        `reduce it with sum() or mean()`,
    )
  return node
}

export function floatNode(op: string, node: Node): Node {
  if (isFloat(node.dtype)) return node
  throw new Error(
    `[${op}] the function must return a float tensor, it returned ${node.dtype} ${showShape(node.shape)}, which has no derivative`,
  )
}

/** The node of a cotangent or tangent of `like`; throws when shape or dtype differ. */
export function matchingNode(op: string, name: string, value: unknown, like: Node): Node {
  const node = nodeOf(op, name, value as Tensor | TensorLike, like.dtype)
  if (node.dtype !== like.dtype || !sameShape(node.shape, like.shape))
    throw new Error(
      `[${op}] the shape of ${name} must match: expected ${like.dtype} ${showShape(like.shape)}, ` +
        `got ${node.dtype} ${showShape(node.shape)}`,
    )
  return node
}

/** Nodes of a tree of tensors that has one leaf for each of `like`. */
export function matchingNodes(op: string, name: string, tree: unknown, like: readonly Node[]): Node[] {
  const leaves =
    isHostValues(tree) && like.length === 1 ? [tree] : leavesOf(tree).filter((leaf) => !isForeign(leaf))
  if (leaves.length !== like.length)
    throw new Error(
      `[${op}] expected ${like.length} tensors as ${name}, got ${leaves.length}; give one for each float tensor`,
    )
  return leaves.map((leaf, i) => matchingNode(op, name, leaf, like[i]!))
}
/** A leaf that is neither a float tensor nor host values. */
const isForeign = (leaf: unknown): boolean =>
  leaf instanceof Tensor ? !isFloat(leaf.dtype as 'float32') : !isBranch(leaf) && !isHostValues(leaf)

/** Throws tfjs's phrase when no gradient was found and `outputs` do not even depend on `marks`; floor and its like give zeros. */
export function assertConnected(
  op: string,
  found: readonly (Node | null)[],
  outputs: readonly Node[],
  marks: readonly Node[],
  which = 'x',
): void {
  if (!found.length || found.some((node) => node !== null) || dependsOn(outputs, marks)) return
  throw new Error(
    `[${op}] Cannot compute gradient of y=f(x) with respect to ${which}. Make sure that the f you passed encloses all ` +
      `operations that lead from x to y.`,
  )
}

export function assertFunction(op: string, f: unknown): void {
  if (typeof f !== 'function')
    throw new Error(`[${op}] The f passed in ${op}(f) must be a function, got ${typeof f}`)
}
