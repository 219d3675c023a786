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
import { allNodes, type ModelGraph } from './graph.ts'
import { OPERATORS } from './operators/index.ts'

/** What a file calls an initializer, and what became of it. */
export interface InitializerInfo {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** The Variable that holds it, or null for a constant: integers, and numbers that shape the graph. */
  readonly variable: Variable | null
}

/** What a Variable is to training: an optimizer moves a weight; a table only when it is thawed by name; statistics never. */
export type VariableKind = 'weight' | 'table' | 'statistics'

/**
 * A float tensor is a Variable, unless an operator reads sizes or settings from it, or it is a lone number in a Constant node.
 * Other Constant nodes are trainable only in files that keep all their weights there (PaddlePaddle's); beside initializers
 * they hold masks and tables. PyTorch's newer exporter tells parameters from buffers, which are tables; what it computed itself is
 * a weight that it folded, or a lone number, which is a setting.
 */
export function variableKinds(graph: ModelGraph): ReadonlyMap<string, VariableKind> {
  const settings = namesAt(graph, 'host')
  const statistics = namesAt(graph, 'state')
  const kinds = new Map<string, VariableKind>()
  const hasInitializers = [...graph.initializers.values()].some(
    ({ origin, dtype }) => origin === 'initializer' && isFloat(dtype),
  )
  const hasRoles = [...graph.initializers.values()].some(({ role }) => role !== undefined)
  for (const [name, { dtype, shape, data, origin, role }] of graph.initializers) {
    if (!isFloat(dtype) || settings.has(name) || (origin === 'Constant' && shape.length === 0)) continue
    const isSetting = role === 'buffer' || (hasRoles && role === undefined && data.length === 1)
    const isWeight = (origin === 'initializer' || !hasInitializers) && !isSetting
    kinds.set(name, statistics.has(name) ? 'statistics' : isWeight ? 'weight' : 'table')
  }
  return kinds
}

/** The Variables of a file. Weights are trainable. */
export function makeVariables(graph: ModelGraph): Map<string, Variable> {
  const made = new Map<string, Variable>()
  for (const [name, kind] of variableKinds(graph)) {
    const { data, shape, dtype } = graph.initializers.get(name)!
    made.set(name, variable(adoptArray(data.slice() as TypedArray, shape, dtype), kind === 'weight', name))
  }
  return made
}

const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64'

/** Values that some operator reads as settings, or keeps as statistics. */
function namesAt(graph: ModelGraph, kind: 'host' | 'state'): Set<string> {
  const names = new Set<string>()
  for (const node of allNodes(graph.nodes))
    for (const i of OPERATORS.get(node.opType)?.[kind] ?? []) names.add(node.inputs[i] ?? '')
  return names
}

/** Constants as tensors. Made where they are used, so that a trace owns what it makes. */
export function constantTensor(graph: ModelGraph, name: string): Tensor | undefined {
  const value = graph.initializers.get(name)
  return value && tensor(value.data, [...value.shape], value.dtype)
}
