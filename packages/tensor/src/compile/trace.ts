// Tracing: runs a function once on placeholders and records what it returns and which variables it read and assigned.
// Nothing outside changes: variables are seen through a view, nodes go to a table of their own, handles die with the trace.
import type { DType } from '../graph/dtype.ts'
import { type Leaf, nextNodeId, type Node, serial, withOwnNodeTable } from '../graph/node.ts'
import { buffer } from '../graph/primitives.ts'
import type { Dims } from '../graph/shape.ts'
import { withTracing } from '../tensor/handle.ts'
import { needsLeaves } from '../tensor/lifetime.ts'
import { scoped } from '../tensor/scope.ts'
import { fromNode, nodeOf, Tensor } from '../tensor/tensor.ts'
import { leavesOf, unflatten } from '../tensor/tree.ts'
import { type VariableState, withVariableView } from '../tensor/variable-state.ts'

/** A leaf without a value: an argument, or a variable, of the function being traced. */
export class Placeholder implements Leaf {
  readonly id: number = serial()
  readonly shape: Dims
  readonly dtype: DType
  readonly tracer: string
  constructor(shape: Dims, dtype: DType, tracer: string) {
    this.shape = shape
    this.dtype = dtype
    this.tracer = tracer
  }
}

/** A variable that a trace met. */
export interface TracedVariable {
  readonly state: VariableState
  readonly placeholder: Placeholder
  /** What it was assigned, null if it was only read. */
  assigned: Node | null
}

export interface Trace {
  /** Placeholders of the tensor leaves of the arguments, in order. */
  readonly inputs: readonly Placeholder[]
  readonly variables: readonly TracedVariable[]
  /** What the function returned, tensors replaced by their number in `outputs`. */
  readonly result: unknown
  readonly outputs: readonly Node[]
  /** Uncomputed nodes from outside that the trace uses: to be computed once, as captured inputs. */
  readonly captured: readonly Node[]
}

/** Stands for output number `index` in a traced result. */
export class OutputReference {
  readonly index: number
  constructor(index: number) {
    this.index = index
  }
}

/** Runs `fn` on placeholders for the tensors in `args`; all other leaves are passed as they are. */
export function traceFunction(
  fn: (...args: readonly unknown[]) => unknown,
  args: readonly unknown[],
  isInput: (leaf: unknown) => leaf is Tensor,
  tracer: string,
): Trace {
  const firstNode = nextNodeId()
  const inputs: Placeholder[] = []
  const variables = new Map<VariableState, TracedVariable>()
  const meet = (state: VariableState): TracedVariable => {
    let met = variables.get(state)
    if (!met) {
      const { shape, dtype } = state.storage
      variables.set(
        state,
        (met = { state, placeholder: new Placeholder(shape, dtype, tracer), assigned: null }),
      )
    }
    return met
  }
  const view = {
    read: (state: VariableState): Node => {
      const met = meet(state)
      return met.assigned ?? buffer(met.placeholder)
    },
    assign: (state: VariableState, node: Node): void => {
      meet(state).assigned = node
    },
  }
  const outputs: Node[] = [] // beside the result: a scope looks through what its function returns
  const body = (): unknown => {
    const leaves = leavesOf(args).map((leaf) => {
      if (!isInput(leaf)) return leaf
      const input = new Placeholder(leaf.shape, leaf.dtype, tracer)
      inputs.push(input)
      return fromNode(buffer(input))
    })
    const returned = fn(...(unflatten(args, leaves) as unknown[]))
    if (returned instanceof Promise)
      throw new Error(
        `[${tracer}] the function must be synchronous; it returned a Promise. Read values outside of ${tracer}`,
      )
    return unflatten(
      returned,
      leavesOf(returned).map((leaf) =>
        leaf instanceof Tensor
          ? new OutputReference(outputs.push(nodeOf(tracer, 'a result', leaf)) - 1)
          : leaf,
      ),
    )
  }
  const result = withOwnNodeTable(() => withTracing(() => withVariableView(view, () => scoped(body))))
  const roots = [...outputs, ...[...variables.values()].flatMap((v) => v.assigned ?? [])]
  return {
    inputs,
    variables: [...variables.values()],
    result,
    outputs,
    captured: capturedNodes(roots, firstNode),
  }
}

/** Uncomputed nodes made before the trace, as far out as it uses them; constants and other buffer-free nodes stay inline. */
function capturedNodes(roots: readonly Node[], firstNode: number): Node[] {
  const captured: Node[] = []
  const seen = new Set<Node>()
  const stack = [...roots]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node) || node.value || node.prim === 'buffer') continue
    seen.add(node)
    if (node.id >= firstNode) for (const source of node.src) stack.push(source)
    else if (needsLeaves(node)) captured.push(node)
  }
  return captured
}
