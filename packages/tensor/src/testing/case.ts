// A case of the conformance kit: a graph to build and how far a backend's values may be from the reference's.
import type { Node } from '../graph/node.ts'
import { showShape } from '../graph/shape.ts'
import { fromNode } from '../tensor/tensor.ts'
import type { DType, TypedArray } from '../graph/dtype.ts'
import { dispose } from '../tensor/scope.ts'
import { firstDifference, type Tolerance } from './compare.ts'
import { evaluateGraph } from './graph-values.ts'

export interface Case {
  readonly name: string
  /** Makes the graph. Called once a run. */
  readonly build: () => readonly Node[]
  readonly tolerance: Tolerance
}

/** Cases that become one test. */
export interface CaseGroup {
  readonly name: string
  readonly cases: readonly Case[]
}

/**
 * Runs a case on the active backend and compares every output with the reference.
 * @param accepts dtypes that the backend has; a case that needs another one does nothing
 */
export async function runCase(
  { name, build, tolerance }: Case,
  accepts: (dtype: DType) => boolean,
): Promise<void> {
  const nodes = build()
  if (!dtypesIn(nodes).every(accepts)) return
  const expected = evaluateGraph(nodes)
  const tensors = nodes.map((node) => fromNode(node))
  for (const [i, node] of nodes.entries()) {
    const actual = (await tensors[i]!.data()) as TypedArray
    const difference = firstDifference(node.dtype, actual, expected[i]!, tolerance)
    if (difference)
      throw new Error(
        `${name}${nodes.length > 1 ? `, output ${i}` : ''} (${node.dtype} ${showShape(node.shape)}): ${difference}`,
      )
  }
  dispose(tensors)
}

function dtypesIn(nodes: readonly Node[]): DType[] {
  const dtypes = new Set<DType>()
  const seen = new Set<Node>()
  const stack = [...nodes]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    dtypes.add(node.dtype)
    stack.push(...node.src)
  }
  return [...dtypes]
}
