// Tracing the functions given to scan, whileLoop and cond: each runs once on placeholders. What it uses from outside becomes
// a constant of its body, the values of variables too.
import { type Outside } from '../graph/body.ts'
import type { DType } from '../graph/dtype.ts'
import { nextNodeId, type Node, withOwnNodeTable } from '../graph/node.ts'
import { placeholder } from '../graph/primitives.ts'
import { type Dims, sameShape, showShape } from '../graph/shape.ts'
import { withTracing } from './handle.ts'
import { scoped } from './scope.ts'
import { fromNode, nodeOf, type Tensor } from './tensor.ts'
import { leavesOf, unflatten } from './tree.ts'
import type { TensorLike } from './types.ts'
import { type VariableView, withVariableView } from './variable-state.ts'

/** A graph that a function made of its parameters. */
export interface TracedBody {
  readonly params: readonly Node[]
  readonly results: readonly Node[]
  readonly outside: Outside
}

interface Type {
  readonly shape: Dims
  readonly dtype: DType
}

/** Runs `fn` on tensors of these types; it returns the nodes of its results. */
export function traceBody(
  op: string,
  types: readonly Type[],
  fn: (params: readonly Tensor[]) => readonly Node[],
): TracedBody {
  const before = nextNodeId()
  const nodes = new Set<Node>()
  const view: VariableView = {
    read(state) {
      const node = state.read()
      nodes.add(node)
      return node
    },
    assign() {
      throw new Error(
        `[${op}] a variable cannot be assigned inside of a function given to ${op}; carry the value and assign it outside`,
      )
    },
  }
  let params: readonly Node[] = []
  let results: readonly Node[] = []
  const body = (): void => {
    params = types.map(({ shape, dtype }) => placeholder(shape, dtype, op))
    results = fn(params.map((node) => fromNode(node)))
  }
  withOwnNodeTable(() => withTracing(() => withVariableView(view, () => scoped(body))))
  return { params, results, outside: { before, nodes } }
}

/** Nodes of the leaves of a tree; numbers and host values become tensors of the dtype of `like`. */
export function nodesOfTree(op: string, name: string, tree: unknown, like?: readonly Type[]): Node[] {
  if (tree instanceof Promise)
    throw new Error(`[${op}] ${name} is a promise; make the function synchronous and await outside`)
  return leavesOf(tree).map((leaf, i) => nodeOf(op, name, leaf as Tensor | TensorLike, like?.[i]?.dtype))
}

export const treeOf = (like: unknown, nodes: readonly Node[]): unknown =>
  unflatten(
    like,
    nodes.map((node) => fromNode(node)),
  )

/** Throws unless `actual` has the types of `expected`. */
export function assertSameTypes(
  op: string,
  what: string,
  actual: readonly Type[],
  expected: readonly Type[],
  remedy: string,
): void {
  if (actual.length !== expected.length)
    throw new Error(`[${op}] ${what}: expected ${expected.length} tensors, got ${actual.length}; ${remedy}`)
  actual.forEach((x, i) => {
    const y = expected[i]!
    if (x.dtype !== y.dtype || !sameShape(x.shape, y.shape))
      throw new Error(
        `[${op}] ${what}: expected ${y.dtype} ${showShape(y.shape)}${expected.length > 1 ? ` at leaf ${i}` : ''}, ` +
          `got ${x.dtype} ${showShape(x.shape)}; ${remedy}`,
      )
  })
}
