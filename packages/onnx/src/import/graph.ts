// A model file as a checked graph: every value has one producer, nodes stand in an order in which they can run, weights are
// typed arrays. Nothing here knows what an operator computes.
import type { DType } from '@dl/tensor/core'
import { OnnxError } from '../errors.ts'
import { dtypeOf, elementTypeName } from '../schema/data-types.ts'
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from '../schema/messages.ts'
import { dimsOf, type HostTensor, hostTensor } from '../schema/tensor-values.ts'
import { arityProblem } from './arity.ts'
import { Attributes } from './attributes.ts'

/** An input or output of a model. */
export interface ValueInfo {
  readonly name: string
  readonly dtype: DType
  /** Sizes; a name for a dimension of any size, `'?'` when the file gives no name. Undefined: of any rank. */
  readonly shape: readonly (number | string)[] | undefined
}

export interface GraphNode {
  /** The file's name, or the first output's. */
  readonly name: string
  readonly opType: string
  /** `''` for ONNX's own operators. */
  readonly domain: string
  /** Names of values; `''` for an input that is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
  /** Graphs among the attributes, by name: the branches of an If. */
  readonly bodies: ReadonlyMap<string, Body>
  /** Values from outside that the bodies read, and their constants. */
  readonly captures: readonly string[]
}

/** A graph inside of a node. Its constants are {@link ModelGraph.initializers} of the model; its values have names of their own. */
export interface Body {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** In an order in which they can run. */
  readonly nodes: readonly GraphNode[]
}

/** Everything that must be there before the node runs. */
export const readsOf = ({ inputs, captures }: GraphNode): readonly string[] =>
  captures.length === 0 ? inputs : [...inputs, ...captures]

/** Nodes, and those in their bodies. */
export function* allNodes(nodes: readonly GraphNode[]): Generator<GraphNode> {
  for (const node of nodes) {
    yield node
    for (const body of node.bodies.values()) yield* allNodes(body.nodes)
  }
}

/** A weight, and where it comes from. */
export interface Initializer extends HostTensor {
  readonly origin: 'initializer' | 'Constant'
  /** What PyTorch's newer exporter says that it was; undefined in other files, and for what the exporter computed. */
  readonly role?: 'parameter' | 'buffer' | undefined
}

export interface ModelGraph {
  readonly name: string
  /** In an order in which they can run. */
  readonly nodes: readonly GraphNode[]
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly initializers: ReadonlyMap<string, Initializer>
  /** Version of ONNX's own operators. */
  readonly opset: number
  /** The most bytes that one tensor may have. */
  readonly maxTensorBytes: number
  readonly metadata: Readonly<Record<string, string>>
}

/** Versions of the operator set that the table of operators describes. */
const OLDEST_OPSET = 7
const NEWEST_OPSET = 26

/**
 * @param maxTensorBytes see ImportOptions
 * @throws OnnxError that says what in the file contradicts the format
 */
export function readGraph(model: ModelProto, maxTensorBytes: number): ModelGraph {
  const { graph } = model
  if (!graph)
    throw new OnnxError(
      'invalid',
      '[importOnnx] the file holds no graph: it is not an ONNX model, or is truncated',
    )
  const initializers = new Map<string, Initializer>()
  const nodes = readNodes(graph, new Scope(graph), initializers)
  const inputs = (graph.input ?? []).filter(({ name }) => !initializers.has(name ?? '')).map(readValueInfo)
  if (!graph.output?.length) throw new OnnxError('invalid', '[importOnnx] the graph has no outputs')
  const producers = producersOf(
    nodes,
    inputs.map(({ name }) => name),
    initializers.keys(),
  )
  for (const { name } of graph.output)
    if (!producers.has(name ?? ''))
      throw new OnnxError('invalid', `[importOnnx] nothing produces the output '${name ?? ''}'`)
  return {
    name: graph.name ?? '',
    nodes: inOrder(nodes, (node) =>
      sourcesOf(node, producers, (name) => {
        throw new OnnxError(
          'invalid',
          `[importOnnx] ${node.opType} node '${node.name}' reads '${name}', which nothing produces`,
        )
      }),
    ),
    inputs,
    outputs: graph.output.map(readValueInfo),
    initializers,
    opset: opsetOf(model),
    maxTensorBytes,
    metadata: Object.fromEntries(
      (model.metadataProps ?? []).map(({ key, value }) => [key ?? '', value ?? '']),
    ),
  }
}

function opsetOf({ opsetImport }: ModelProto): number {
  const own = (opsetImport ?? []).filter(({ domain }) => isOwnDomain(domain ?? ''))
  const version = Number(own[0]?.version ?? 1n)
  const other = own.find(({ version = 1n }) => Number(version) !== Number(own[0]?.version ?? 1n))
  if (other)
    throw new OnnxError(
      'invalid',
      `[importOnnx] the file asks for the operator sets ${version} and ${other.version ?? 1n}`,
    )
  if (own.length === 0)
    throw new OnnxError(
      'invalid',
      '[importOnnx] the file does not say which version of the operators it uses',
    )
  if (version < OLDEST_OPSET || version > NEWEST_OPSET)
    throw new OnnxError(
      'unsupported',
      `[importOnnx] the file uses operator set ${own[0]?.version ?? 1n}; versions ${OLDEST_OPSET} to ${NEWEST_OPSET} are supported. ` +
        'Convert it with onnx.version_converter, or export it again',
    )
  return version
}
const isOwnDomain = (domain: string): boolean => domain === '' || domain === 'ai.onnx'

/**
 * Names of the values of a graph. Bodies of two nodes may call their values the same: here each value of a model has a name of its
 * own, the file's where that is free.
 */
class Scope {
  readonly #own = new Map<string, string>()
  readonly #outer: Scope | undefined
  readonly #taken: Set<string>

  /** @param where begins the names that are taken outside */
  constructor({ initializer, input, node }: GraphProto, outer?: Scope, where = '') {
    this.#outer = outer
    this.#taken = outer ? outer.#taken : new Set()
    for (const { name } of [...(initializer ?? []), ...(input ?? [])]) this.#declare(name ?? '', where)
    for (const { output } of node ?? []) for (const name of output ?? []) this.#declare(name, where)
  }

  #declare(name: string, where: string): void {
    if (name === '' || this.#own.has(name)) return
    let free = name
    for (let i = 1; this.#taken.has(free); i++) free = i === 1 ? `${where}/${name}` : `${where}/${name}_${i}`
    this.#taken.add(free)
    this.#own.set(name, free)
  }

  /** The value's own name. */
  of(name: string): string {
    return this.#own.get(name) ?? this.#outer?.of(name) ?? name
  }
}

/** Nodes in the order of the file; constants of the graph and of its bodies go into `initializers`. */
function readNodes(graph: GraphProto, scope: Scope, initializers: Map<string, Initializer>): GraphNode[] {
  readInitializers(graph, scope, initializers)
  const nodes: GraphNode[] = []
  for (const [i, proto] of (graph.node ?? []).entries()) {
    const node = readNode(proto, i, scope, initializers)
    if (node.domain === '' && node.opType === 'Constant') addConstant(initializers, node)
    else nodes.push(node)
  }
  return nodes
}

/** A graph inside of a node, and what it needs from outside. */
function readBody(
  graph: GraphProto,
  outer: Scope,
  where: string,
  initializers: Map<string, Initializer>,
): { readonly body: Body; readonly captures: ReadonlySet<string> } {
  const scope = new Scope(graph, outer, where)
  const nodes = readNodes(graph, scope, initializers)
  const inputs = (graph.input ?? []).map(({ name = '' }) => scope.of(name))
  const outputs = (graph.output ?? []).map(({ name = '' }) => scope.of(name))
  const bad = inputs.find((name) => name === '' || initializers.has(name))
  if (bad !== undefined)
    throw new OnnxError(
      'invalid',
      `[importOnnx] ${where} has an input '${bad}' that is a constant, or no name`,
    )
  const captures = new Set<string>()
  const producers = producersOf(nodes, inputs, [])
  const ordered = inOrder(nodes, (node) => sourcesOf(node, producers, (name) => captures.add(name)))
  for (const name of outputs) if (!producers.has(name)) captures.add(name)
  return { body: { inputs, outputs, nodes: ordered }, captures }
}

function readInitializers(graph: GraphProto, scope: Scope, found: Map<string, Initializer>): void {
  if (graph.sparseInitializer?.length)
    throw new OnnxError(
      'unsupported',
      '[importOnnx] the file has sparse initializers, which are not supported; save them dense',
    )
  const roles = rolesIn(graph)
  for (const proto of graph.initializer ?? []) {
    const name = proto.name ?? ''
    if (name === '') throw new OnnxError('invalid', '[importOnnx] an initializer has no name')
    const own = scope.of(name)
    if (found.has(own)) throw new OnnxError('invalid', `[importOnnx] two initializers are called '${name}'`)
    const value = hostTensor(proto, `initializer '${name}'`)
    found.set(own, { ...value, origin: 'initializer', role: roles.get(name) })
  }
}

/** Where PyTorch's newer exporter notes what a value was. */
const ROLE_KEY = 'pkg.torch.export.graph_signature.InputSpec.kind'

function rolesIn({ input = [], valueInfo = [] }: GraphProto): Map<string, Initializer['role']> {
  const roles = new Map<string, Initializer['role']>()
  for (const { name = '', metadataProps = [] } of [...input, ...valueInfo]) {
    const kind = metadataProps.find(({ key }) => key === ROLE_KEY)?.value
    if (kind !== undefined) roles.set(name, kind === 'PARAMETER' ? 'parameter' : 'buffer')
  }
  return roles
}

function readNode(
  proto: NodeProto,
  index: number,
  scope: Scope,
  initializers: Map<string, Initializer>,
): GraphNode {
  const outputs = (proto.output ?? []).map((output) => scope.of(output))
  const opType = proto.opType ?? ''
  if (opType === '')
    throw new OnnxError('invalid', `[importOnnx] node ${index} has no operator type; the file is damaged`)
  const name = proto.name || outputs.find((output) => output !== '') || `${opType}_${index}`
  const domain = isOwnDomain(proto.domain ?? '') ? '' : proto.domain!
  const inputs = (proto.input ?? []).map((input) => scope.of(input))
  const problem = domain === '' ? arityProblem(opType, inputs, outputs) : undefined
  if (problem !== undefined)
    throw new OnnxError('invalid', `[importOnnx] ${opType} node '${name}' ${problem}`)
  const attributes = new Attributes(proto.attribute ?? [], `${opType} node '${name}'`)
  const bodies = new Map<string, Body>()
  const captures = new Set<string>()
  for (const [key, graph] of attributes.graphs()) {
    const read = readBody(graph, scope, `${name}/${key}`, initializers)
    bodies.set(key, read.body)
    for (const capture of read.captures) captures.add(capture)
  }
  return { name, opType, domain, inputs, outputs, attributes, bodies, captures: [...captures] }
}

function addConstant(into: Map<string, Initializer>, { name, outputs, attributes }: GraphNode): void {
  const [output] = outputs
  if (output === undefined || outputs.length !== 1 || into.has(output))
    throw new OnnxError(
      'invalid',
      `[importOnnx] Constant node '${name}' must have one output that nothing else produces`,
    )
  into.set(output, { ...constantValue(name, attributes), origin: 'Constant' })
}

function constantValue(name: string, attributes: Attributes): HostTensor {
  const value = attributes.tensor('value')
  if (value) return value
  const int = attributes.bigint('value_int')
  const ints = attributes.bigints('value_ints') ?? (int === undefined ? undefined : [int])
  if (ints)
    return {
      dtype: 'int64',
      shape: int === undefined ? [ints.length] : [],
      data: BigInt64Array.from(ints),
    }
  const float = attributes.float('value_float')
  const floats = attributes.floats('value_floats') ?? (float === undefined ? undefined : [float])
  if (floats)
    return {
      dtype: 'float32',
      shape: float === undefined ? [floats.length] : [],
      data: Float32Array.from(floats),
    }
  throw new OnnxError(
    'unsupported',
    `[importOnnx] Constant node '${name}' holds ${attributes.names.join(', ') || 'nothing'}; supported are value, ` +
      'value_float, value_floats, value_int and value_ints',
  )
}

function readValueInfo({ name = '', type }: ValueInfoProto): ValueInfo {
  if (name === '') throw new OnnxError('invalid', '[importOnnx] an input or output has no name')
  const tensor = type?.tensorType
  if (!tensor)
    throw new OnnxError(
      'unsupported',
      `[importOnnx] '${name}' is not declared as a tensor (sequence, optional and map are not supported)`,
    )
  const code = tensor.elemType ?? 0
  const dtype = dtypeOf(code)
  if (!dtype)
    throw new OnnxError(
      'unsupported',
      `[importOnnx] '${name}' has element type ${elementTypeName(code)}, which is not supported`,
    )
  const shape = tensor.shape?.dim?.map(({ dimValue, dimParam }) =>
    dimValue === undefined ? dimParam || '?' : dimsOf([dimValue], `'${name}'`)[0]!,
  )
  return { name, dtype, shape: tensor.shape ? (shape ?? []) : undefined }
}

/** For each value the node that makes it, null for inputs and initializers. */
type Producers = ReadonlyMap<string, GraphNode | null>

function producersOf(
  nodes: readonly GraphNode[],
  inputs: readonly string[],
  constants: Iterable<string>,
): Producers {
  const producers = new Map<string, GraphNode | null>()
  const add = (name: string, producer: GraphNode | null): void => {
    if (producers.has(name))
      throw new OnnxError('invalid', `[importOnnx] two nodes or inputs produce the value '${name}'`)
    producers.set(name, producer)
  }
  for (const name of inputs) add(name, null)
  for (const name of constants) add(name, null)
  for (const node of nodes) for (const output of node.outputs) if (output !== '') add(output, node)
  return producers
}

/** Depth-first, without recursion: a node comes after the producers of its inputs. */
function inOrder(
  nodes: readonly GraphNode[],
  sources: (node: GraphNode) => readonly GraphNode[],
): GraphNode[] {
  const ordered: GraphNode[] = []
  const state = new Map<GraphNode, 'open' | 'done'>()
  const stack = [...nodes].reverse()
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    if (state.get(node) === 'done') {
      stack.pop()
      continue
    }
    const missing = sources(node).filter((source) => state.get(source) !== 'done')
    if (missing.length === 0) {
      state.set(node, 'done')
      ordered.push(node)
      stack.pop()
      continue
    }
    const circular = missing.find((source) => state.get(source) === 'open')
    if (circular)
      throw new OnnxError(
        'invalid',
        `[importOnnx] the graph has a cycle through the nodes '${node.name}' and '${circular.name}'`,
      )
    state.set(node, 'open')
    for (const source of missing) stack.push(source)
  }
  return ordered
}

function sourcesOf(node: GraphNode, producers: Producers, missing: (name: string) => unknown): GraphNode[] {
  return readsOf(node).flatMap((input) => {
    if (input === '') return []
    const producer = producers.get(input)
    if (producer === undefined) missing(input)
    return producer ?? []
  })
}
