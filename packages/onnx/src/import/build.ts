// A graph of ONNX nodes into tensor operations: walks the nodes, hands each to its entry of the operator table.
import type { DType, Tensor, TypedArray, Variable } from '@dl/tensor/core'
import { hostValue } from '@dl/tensor/backend'
import { OnnxError } from '../errors.ts'
import { allNodes, type Body, type GraphNode, type ModelGraph } from './graph.ts'
import { assertFits, OperatorCall, TensorList, type Values } from './operator.ts'
import { OPERATORS } from './operators/index.ts'
import { constantTensor } from './weights.ts'

/** @throws OnnxError that lists every node whose operator, version or attributes are not known */
export function assertSupported(graph: ModelGraph): void {
  const problems = new Map<string, string[]>()
  for (const node of allNodes(graph.nodes)) {
    const problem = problemOf(node, graph.opset)
    if (problem === undefined) continue
    const nodes = problems.get(problem)
    if (nodes) nodes.push(node.name)
    else problems.set(problem, [node.name])
  }
  if (problems.size === 0) return
  const lines = [...problems].map(
    ([problem, nodes]) => `\n  ${problem}: ${nodes.map((n) => `'${n}'`).join(', ')}`,
  )
  throw new OnnxError(
    'unsupported',
    `[importOnnx] the model uses what @dl/onnx does not have (operator set ${graph.opset}):${lines.join('')}`,
  )
}

function problemOf({ opType, domain, attributes }: GraphNode, opset: number): string | undefined {
  const operator = domain === '' ? OPERATORS.get(opType) : undefined
  if (!operator) return `operator ${domain === '' ? 'ai.onnx' : domain}.${opType}`
  if (operator.since !== undefined && opset < operator.since)
    return `operator ai.onnx.${opType}, which exists from version ${operator.since} on`
  const unknown = attributes.names.filter((name) => !operator.attributes?.includes(name))
  return unknown.length > 0
    ? `operator ai.onnx.${opType} with the attribute ${unknown.join(', ')}`
    : undefined
}

/**
 * `graph`: for `call` and traces; what operators must know comes from shapes and constants. `values`: for `run`; it may be
 * computed on the way. `training`: as `graph`, with dropout.
 */
export type BuildMode = 'graph' | 'values' | 'training'

/** What all values of a model share. */
interface Setting {
  readonly graph: ModelGraph
  readonly variables: ReadonlyMap<string, Variable>
  readonly mode: BuildMode
  /** How often what is built here runs in one run of the model: the product of the lengths of the loops around it. */
  readonly repeats: number
  /** Steps of loops that may still be written out. */
  readonly budget: { steps: number }
}

/** A body inside of loops that runs more often would keep the machine for hours; a file of a few bytes can ask for it. */
const MOST_REPEATS = 2 ** 24
const MOST_WRITTEN_OUT = 2 ** 11

/** Values of a graph, or of a body inside of it, by name: filled while the nodes are walked. */
class Environment implements Values {
  readonly #setting: Setting
  readonly #outer: Environment | undefined
  readonly #tensors: Map<string, Tensor>
  readonly #lists = new Map<string, readonly Tensor[]>()

  constructor(setting: Setting, inputs: Iterable<readonly [string, Tensor]>, outer?: Environment) {
    this.#setting = setting
    this.#tensors = new Map(inputs)
    this.#outer = outer
  }

  #made(name: string): Tensor | undefined {
    return this.#tensors.get(name) ?? (this.#outer && this.#outer.#made(name))
  }
  #madeList(name: string): readonly Tensor[] | undefined {
    return this.#lists.get(name) ?? (this.#outer && this.#outer.#madeList(name))
  }

  tensor(name: string): Tensor {
    const made = this.#setting.variables.get(name) ?? this.#made(name)
    if (made) return made
    if (this.#madeList(name))
      throw new OnnxError('invalid', `[importOnnx] the value '${name}' is a list, where a tensor is needed`)
    const constant = constantTensor(this.#setting.graph, name)
    if (!constant)
      throw new OnnxError(
        'usage',
        `[importOnnx] the value '${name}' is not there; the graph was cut through it`,
      )
    this.#tensors.set(name, constant) // here, not outside: it belongs to the trace of the body that makes it
    return constant
  }
  list(name: string): readonly Tensor[] {
    const list = this.#madeList(name)
    if (!list)
      throw new OnnxError('invalid', `[importOnnx] the value '${name}' is no list, where a list is needed`)
    return list
  }
  known(name: string): TypedArray | undefined {
    const { graph, variables } = this.#setting
    if (variables.has(name)) return undefined
    return graph.initializers.get(name)?.data ?? this.elements(this.tensor(name))
  }
  assign(name: string, value: Tensor): void {
    this.#setting.variables.get(name)?.assign(value)
  }
  isFrozen(name: string): boolean {
    return this.#setting.variables.get(name)?.trainable === false
  }
  isOutput(name: string): boolean {
    return this.#setting.graph.outputs.some((output) => output.name === name)
  }
  value(name: string): Tensor | TensorList {
    const list = this.#madeList(name)
    return list ? new TensorList(list) : this.tensor(name)
  }
  elements(x: Tensor): TypedArray | undefined {
    return hostValue(x) ?? (this.#setting.mode === 'values' ? x.dataSync() : undefined)
  }
  spendStep(where: string): void {
    if (this.#setting.budget.steps-- > 0) return
    throw new OnnxError(
      'tooLarge',
      `${where} changes shapes, ends by itself or carries lists, and takes too many steps: with other such loops, more than ${MOST_WRITTEN_OUT}`,
    )
  }
  run(body: Body, inputs: readonly (Tensor | TensorList)[], tracedSteps?: number): (Tensor | TensorList)[] {
    const inside = new Environment(this.#inside(tracedSteps), [], this)
    body.inputs.forEach((name, i) => inside.#set(name, inputs[i]!))
    inside.walk(body.nodes)
    return body.outputs.map((name) => inside.value(name))
  }

  #inside(tracedSteps: number | undefined): Setting {
    const { mode, repeats } = this.#setting
    if (tracedSteps === undefined) return this.#setting
    if (repeats * tracedSteps > MOST_REPEATS)
      throw new OnnxError(
        'tooLarge',
        `[importOnnx] the model asks for ${repeats * tracedSteps} steps of a loop, the most are ${MOST_REPEATS}`,
      )
    return { ...this.#setting, mode: mode === 'values' ? 'graph' : mode, repeats: repeats * tracedSteps }
  }

  /** Fills in what the nodes make. */
  walk(nodes: readonly GraphNode[]): void {
    for (const node of nodes) {
      const results = buildNode(node, this.#setting, this)
      node.outputs.forEach((name, i) => {
        const result = results[i]
        if (name !== '' && !result)
          throw new OnnxError(
            'invalid',
            `[importOnnx] ${node.opType} node '${node.name}' has no output ${i} here`,
          )
        if (result) this.#set(name, result)
      })
    }
  }
  #set(name: string, value: Tensor | TensorList): void {
    if (value instanceof TensorList) this.#lists.set(name, value.tensors)
    else if (name !== '' && !this.#setting.variables.has(name)) this.#tensors.set(name, value)
  }
}

/**
 * Builds the graph on `inputs` and returns its outputs in order.
 * @param variables by the name of the value that they replace: an initializer, or an output of Identity after
 *   `unshareInitializers`
 */
export function buildGraph(
  graph: ModelGraph,
  variables: ReadonlyMap<string, Variable>,
  inputs: readonly Tensor[],
  mode: BuildMode,
): Tensor[] {
  const given = graph.inputs.map(({ name }, i) => [name, inputs[i]!] as const)
  const values = new Environment(
    { graph, variables, mode, repeats: 1, budget: { steps: MOST_WRITTEN_OUT } },
    given,
  )
  values.walk(graph.nodes)
  return graph.outputs.map(({ name }) => values.tensor(name))
}

function buildNode(
  node: GraphNode,
  { graph, mode }: Setting,
  values: Environment,
): readonly (Tensor | TensorList)[] {
  const where = `[importOnnx] ${node.opType} node '${node.name}'`
  try {
    const result = OPERATORS.get(node.opType)!.build(
      new OperatorCall(node, graph, values, mode === 'training'),
    )
    const results = Array.isArray(result)
      ? (result as readonly (Tensor | TensorList)[])
      : [result as Tensor | TensorList]
    const tensors = results.flatMap((x) => (x instanceof TensorList ? x.tensors : [x]))
    for (const { size, dtype } of tensors) assertFits(where, size, dtype as DType, graph.maxTensorBytes)
    return results
  } catch (error) {
    if (error instanceof OnnxError || !(error instanceof Error)) throw error
    throw new OnnxError('operator', `${where}: ${error.message}`, { cause: error })
  }
}
