// The door for exporters and graph backends: a function's graph without running it, and values that a graph holds.
import { evaluateNode } from '../backend/reference/evaluate.ts'
import type { DType, TypedArray } from '../graph/dtype.ts'
import type { Leaf, Node } from '../graph/node.ts'
import { buffer } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { readyBackend } from '../backend/registry.ts'
import { flush } from '../tensor/evaluate.ts'
import { storageOf } from '../tensor/handle.ts'
import { nodeOf, type Tensor } from '../tensor/tensor.ts'
import { type Variable, variableOf } from '../tensor/variable.ts'
import { traceFunction } from './trace.ts'

/** Shape and dtype of an argument of {@link traceGraph}. */
export interface GraphInput {
  readonly shape: Dims
  readonly dtype: DType
}

export interface TracedGraph {
  /** The `buffer` nodes that stand for the arguments, in order. */
  readonly inputs: readonly Node[]
  /** Variables that the function read or assigned, with the `buffer` nodes that stand for their values at the start. */
  readonly variables: readonly { readonly variable: Variable; readonly node: Node }[]
  readonly outputs: readonly Node[]
}

/** An argument: a leaf for trees, whatever fields it has. */
class Argument implements GraphInput {
  readonly shape: Dims
  readonly dtype: DType
  constructor({ shape, dtype }: GraphInput) {
    this.shape = shape
    this.dtype = dtype
  }
}

/**
 * Runs `fn` once on placeholders and returns the graph that it builds. Nothing is computed, except tensors from outside that
 * `fn` uses and that have no value yet; assignments to variables are forgotten.
 * @param fn a synchronous function of tensors; the tensors in the tree that it returns are the outputs, in order
 * @throws when `fn` reads the value of a traced tensor, or is async
 */
export function traceGraph(
  fn: (...args: readonly Tensor[]) => unknown,
  inputs: readonly GraphInput[],
): TracedGraph {
  const trace = traceFunction(
    fn as (...args: readonly unknown[]) => unknown,
    inputs.map((input) => new Argument(input)),
    (leaf): leaf is Tensor => leaf instanceof Argument,
    'traceGraph',
  )
  if (trace.captured.length > 0) flush(trace.captured, 'traceGraph', readyBackend('traceGraph'))
  return {
    inputs: trace.inputs.map((leaf) => buffer(leaf)),
    variables: trace.variables.map(({ state, placeholder }) => ({
      variable: variableOf(state),
      node: buffer(placeholder),
    })),
    outputs: trace.outputs,
  }
}

/** The leaf that a node reads its value from: of a `buffer` node, or of one that has been computed. Null for other nodes. */
export const leafOf = (node: Node): Leaf | null =>
  node.value ?? (node.prim === 'buffer' ? node.attrs.leaf : null)

/**
 * The value of a leaf (see {@link leafOf}) in row-major order, a fresh copy.
 * @throws when the leaf is a placeholder, or its backend can only be read asynchronously
 */
export function leafValue(node: Node): TypedArray {
  const storage = storageOf(node)
  if (!storage)
    throw new Error(`[leafValue] node ${node.prim} has no value: it is computed, or a placeholder of a trace`)
  return storage.readSync()
}

/** Sizes up to which {@link hostValue} computes: shapes, axes, scales, never data. */
const HOST_ELEMENTS = 1024
const HOST_NODES = 256

/**
 * The value of a small tensor that is computed from host values alone, as shapes, axes and scales are; undefined for others.
 * Inside a trace as outside: what is computed from shapes stays known. Not to be changed.
 */
export function hostValue(x: Tensor): TypedArray | undefined {
  const values = new Map<Node, TypedArray>()
  let budget = HOST_NODES
  const evaluate = (node: Node): TypedArray | undefined => {
    const known = values.get(node) ?? leafOnHost(node)
    if (known) return known
    if (leafOf(node) || node.prim === 'scalar' || sizeOf(node.shape) > HOST_ELEMENTS || --budget < 0)
      return undefined
    const inputs: TypedArray[] = []
    for (const source of node.prim === 'composite' ? node.src.slice(0, 1) : node.src) {
      const input = evaluate(source)
      if (!input) return undefined
      inputs.push(input)
    }
    const value = evaluateNode(node, inputs)
    values.set(node, value)
    return value
  }
  return evaluate(nodeOf('hostValue', 'x', x))
}

function leafOnHost(node: Node): TypedArray | undefined {
  const storage = storageOf(node)
  return storage && storage.size <= HOST_ELEMENTS ? storage.hostData : undefined
}
