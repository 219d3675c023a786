// The weights of an imported model: which of its constants are trainable Variables, and which stay constants.
import {
  adoptArray,
  type DType,
  type Tensor,
  tensor,
  type TypedArray,
  type Variable,
  variable,
} from '@dl/tensor/core'
import type { ModelGraph } from './graph.ts'
import { OPERATORS } from './operators/index.ts'

/** What a file calls an initializer, and what became of it. */
export interface InitializerInfo {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** The Variable that holds it, or null for a constant: integers, and numbers that shape the graph. */
  readonly variable: Variable | null
}

/**
 * A float tensor is a Variable, unless an operator reads sizes or settings from it, or it is a lone number in a Constant node.
 * Other Constant nodes are trainable only in files that keep all their weights there (PaddlePaddle's); beside initializers
 * they hold masks and tables.
 */
export function makeVariables(graph: ModelGraph): Map<string, Variable> {
  const settings = namesAt(graph, 'host')
  const statistics = namesAt(graph, 'state')
  const variables = new Map<string, Variable>()
  const hasInitializers = [...graph.initializers.values()].some(
    ({ origin, dtype }) => origin === 'initializer' && isFloat(dtype),
  )
  for (const [name, { dtype, shape, data, origin }] of graph.initializers) {
    if (!isFloat(dtype) || settings.has(name) || (origin === 'Constant' && shape.length === 0)) continue
    const trainable = (origin === 'initializer' || !hasInitializers) && !statistics.has(name)
    variables.set(name, variable(adoptArray(data.slice() as TypedArray, shape, dtype), trainable, name))
  }
  return variables
}

const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64'

/** Values that some operator reads as settings, or keeps as statistics. */
function namesAt(graph: ModelGraph, kind: 'host' | 'state'): Set<string> {
  const names = new Set<string>()
  for (const node of graph.nodes)
    for (const i of OPERATORS.get(node.opType)?.[kind] ?? []) names.add(node.inputs[i] ?? '')
  return names
}

/** Constants as tensors. Made where they are used, so that a trace owns what it makes. */
export function constantTensor(graph: ModelGraph, name: string): Tensor | undefined {
  const value = graph.initializers.get(name)
  return value && tensor(value.data, [...value.shape], value.dtype)
}
