// An imported model: a Module whose weights are Variables. It runs by itself, trains like a layer, and can be cut and exported.
import {
  type CallOptions,
  type InputSpec,
  jit,
  type KernelTime,
  kernelTimes,
  type Module,
  ready,
  type Tensor,
  tidy,
  type Variable,
  variable,
  zeros,
} from '@dl/tensor/core'
import { OnnxError, UnknownValueError } from '../errors.ts'
import type { UnknownFields } from '../schema/codec.ts'
import { buildGraph } from './build.ts'
import { type Feeds, tensorsOf } from './feeds.ts'
import { type GraphNode, type ModelGraph, readsOf, type ValueInfo } from './graph.ts'
import { inferOutput } from './infer-output.ts'
import { rememberUnknownFields } from './unknown-fields.ts'
import { unshare } from './unshare.ts'
import { type InitializerInfo, type VariableKind, variableKinds } from './weights.ts'

/**
 * An ONNX model. `run` computes outputs by name; `call` makes it a {@link Module}, so that layers, `grad` and optimizers
 * take it as they take a layer.
 *
 * Float initializers are trainable Variables under their names; so are float Constant nodes with at least one dimension,
 * trainable where the file has no initializers. Integers, and floats that an operator reads as a setting, stay constants. What the exporter folded, such as a
 * BatchNormalization into the convolution before it, trains as the folded weight.
 *
 * @example
 * ```ts no-run
 * import '@dl/backend-cpu'
 * import { importOnnx } from '@dl/onnx'
 * import { readFile } from 'node:fs/promises'
 * const model = await importOnnx(await readFile('iris.onnx'))
 * const { logits } = await model.run({ input: [5.1, 3.5, 1.4, 0.2] })
 * logits!.print()
 * ```
 */
export class OnnxModel implements Module {
  /** Inputs with dtype and shape; a dimension of any size has a name instead of a number. */
  readonly inputs: readonly ValueInfo[]
  /** Outputs as the file declares them. */
  readonly outputs: readonly ValueInfo[]
  /** Version of ONNX's operators that the file uses. */
  readonly opset: number
  /** The file's own notes. */
  readonly metadata: Readonly<Record<string, string>>
  #graph: ModelGraph
  readonly #unknown: UnknownFields
  #variables: Map<string, Variable>
  readonly #kinds: Map<Variable, VariableKind>
  #forward: (inputs: Tensor[]) => Tensor[]
  #needsValues = false

  /** For {@link importOnnx} and {@link cut}. */
  constructor(graph: ModelGraph, variables: ReadonlyMap<string, Variable>, unknown: UnknownFields) {
    this.#graph = graph
    this.#unknown = unknown
    this.#variables = new Map(variables)
    const kinds = variableKinds(graph)
    this.#kinds = new Map([...variables].map(([name, v]) => [v, kinds.get(name) ?? 'weight']))
    for (const v of variables.values()) rememberUnknownFields(v, unknown)
    this.inputs = graph.inputs
    this.outputs = graph.outputs
    this.opset = graph.opset
    this.metadata = graph.metadata
    this.#forward = this.#compiled()
  }

  /** Paths of messages in the file with fields of a newer version of the format: they run, but cannot be written again. */
  get unknownFields(): UnknownFields {
    return this.#unknown
  }

  #compiled(): (inputs: Tensor[]) => Tensor[] {
    return jit((inputs: Tensor[]) => buildGraph(this.#graph, this.#variables, inputs, 'graph'))
  }

  // ---- running
  /**
   * Computes all outputs.
   * @param feeds for each input a tensor, a typed array, or (nested) arrays of numbers
   * @returns tensors by the names of {@link outputs}; read them with `data()`
   * @throws OnnxError when feeds do not fit {@link inputs}
   */
  async run(feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> {
    await ready()
    const inputs = tensorsOf(this.inputs, feeds)
    const results = this.#compute(inputs)
    return Object.fromEntries(results.map((result, i) => [this.outputs[i]!.name, result]))
  }

  /**
   * Where the time of a run goes: each kernel of its program with name, kind, shape of loops and milliseconds.
   * @param feeds as in {@link run}
   * @param options `repeats`: how often each kernel runs, the least time counts; default 20
   * @throws OnnxError when feeds do not fit, or the graph depends on values that only a run computes
   */
  async profile(
    feeds: Feeds,
    options: { readonly repeats?: number | undefined } = {},
  ): Promise<readonly KernelTime[]> {
    await ready()
    return tidy(() => {
      const inputs = tensorsOf(this.inputs, feeds)
      return kernelTimes(buildGraph(this.#graph, this.#variables, inputs, 'graph'), options)
    })
  }

  #compute(inputs: Tensor[]): Tensor[] {
    if (!this.#needsValues)
      try {
        return this.#forward(inputs)
      } catch (error) {
        if (!(error instanceof UnknownValueError)) throw error
        this.#needsValues = true // shapes that depend on values: every run builds its own graph
      }
    return buildGraph(this.#graph, this.#variables, inputs, 'values')
  }

  /**
   * The outputs as a graph over `inputs`, in order: what `jit`, `grad` and layers call.
   * @param inputs one tensor, or one for each of {@link inputs}
   * @returns one tensor, or an array when the model has several outputs
   */
  call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): Tensor | readonly Tensor[] {
    const list = (Array.isArray(inputs) ? inputs : [inputs]) as readonly Tensor[]
    if (list.length !== this.inputs.length)
      throw new OnnxError('feeds', `[call] the model has ${this.inputs.length} inputs, got ${list.length}`)
    const results = buildGraph(this.#graph, this.#variables, list, options.training ? 'training' : 'graph')
    return results.length === 1 ? results[0]! : results
  }

  /** For layers: shapes with null where any size goes; undefined when the file does not give them. */
  get inputSpec(): readonly InputSpec[] | undefined {
    if (this.inputs.some(({ shape }) => !shape)) return undefined
    return this.inputs.map(({ name, dtype, shape }) => ({
      name,
      dtype,
      shape: shape!.map((d) => (typeof d === 'string' ? null : d)),
    }))
  }

  /** Names of {@link outputs}: what an export calls them again. */
  get outputNames(): readonly string[] {
    return this.outputs.map(({ name }) => name)
  }
  /** What the file calls the free first dimension of its inputs, if it has one. */
  get batchName(): string | undefined {
    const name = this.inputs.find(({ shape }) => typeof shape?.[0] === 'string')?.shape?.[0]
    return typeof name === 'string' && name !== '?' ? name : undefined
  }

  /** Zeros for input `name`, such as a first state. Free dimensions are 1 unless `sizes` names them. */
  zeros(name: string, sizes: Readonly<Record<string, number>> = {}): Tensor {
    const input = this.inputs.find((i) => i.name === name)
    if (!input?.shape)
      throw new OnnxError(
        'usage',
        `[zeros] ${input ? `the shape of '${name}' is not known` : `no input is called '${name}'; inputs: ${this.inputs.map((i) => i.name).join(', ')}`}`,
      )
    return zeros(
      input.shape.map((d) => (typeof d === 'string' ? (Object.hasOwn(sizes, d) ? sizes[d]! : 1) : d)),
      input.dtype,
    )
  }

  // ---- weights
  /** The weights, in the order of the file. */
  get variables(): readonly Variable[] {
    return [...this.#variables.values()]
  }
  /** Everything constant in the file: weights with their Variables, and what stays constant. */
  get initializers(): readonly InitializerInfo[] {
    const own = [...this.#graph.initializers].map(([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
      variable: this.#variables.get(name) ?? null,
    }))
    const unshared = [...this.#variables].filter(([name]) => !this.#graph.initializers.has(name))
    return [
      ...own,
      ...unshared.map(([name, v]) => ({ name, dtype: v.dtype, shape: [...v.shape], variable: v })),
    ]
  }
  /** The Variable of an initializer. @throws OnnxError when there is none */
  variable(name: string): Variable {
    const found = this.#variables.get(name)
    if (!found)
      throw new OnnxError(
        'usage',
        `[variable] no weight is called '${name}'; weights: ${[...this.#variables.keys()].join(', ')}`,
      )
    return found
  }

  /**
   * Whether any weight is trainable. Setting it concerns all weights; statistics of BatchNormalization and tables among the
   * constants are none.
   */
  get trainable(): boolean {
    return this.variables.some((v) => v.trainable)
  }
  set trainable(on: boolean) {
    for (const v of this.variables) v.trainable = on && this.#kinds.get(v) === 'weight'
  }
  /**
   * Freezes or thaws the weights whose name matches. Statistics of BatchNormalization stay frozen: training moves them, no
   * optimizer does.
   * @param pattern a part of the name, or a regular expression
   * @returns how many weights match
   */
  setTrainable(pattern: string | RegExp, on: boolean): number {
    const matching = [...this.#variables].filter(
      ([name, v]) => this.#kinds.get(v) !== 'statistics' && matches(name, pattern),
    )
    for (const [, v] of matching) v.trainable = on
    return matching.length
  }

  /**
   * Exporters merge weights whose values are equal; tuned like that, they would stay tied. This separates them: each Identity
   * node that passes a weight on gets a Variable of its own, named after its output; each further node that reads a weight gets
   * one named after both, `node_layer_norm_1/norm1.weight`. All begin with the present value.
   * @param match only weights whose name contains this, or matches: to leave tied what is meant to be, such as an embedding that is
   *   also the output's kernel. Default all
   * @returns names of the new Variables
   */
  unshareInitializers(match: string | RegExp = ''): readonly string[] {
    const isWeight = (name: string): boolean => {
      const weight = this.#variables.get(name)
      return weight !== undefined && this.#kinds.get(weight) === 'weight' && matches(name, match)
    }
    const { nodes, copies } = unshare(this.#graph, isWeight, (name) => this.#variables.has(name))
    for (const [name, from] of copies) {
      const shared = this.#variables.get(from)!
      const own = variable(shared, shared.trainable, name)
      this.#kinds.set(own, 'weight')
      this.#variables.set(name, own)
    }
    this.#graph = { ...this.#graph, nodes }
    this.#forward = this.#compiled()
    return [...copies.keys()]
  }

  // ---- parts
  /**
   * The part of the model up to a tensor, with the same Variables: a feature extractor, for a new head.
   * @param at name of a tensor inside, or of a node (its first output)
   * @throws OnnxError when there is no such tensor
   */
  cut(at: string): OnnxModel {
    const node =
      this.#graph.nodes.find(({ outputs }) => outputs.includes(at)) ??
      this.#graph.nodes.find((n) => n.name === at)
    const name = node?.outputs.includes(at) ? at : node?.outputs[0]
    if (!node || name === undefined)
      throw new OnnxError(
        'usage',
        `[cut] no node makes '${at}'; the last ones make ${lastOutputs(this.#graph.nodes).join(', ')}`,
      )
    const nodes = ancestors(this.#graph.nodes, name)
    const read = new Set(nodes.flatMap(readsOf))
    const kept = (name: string): boolean =>
      read.has(name) || nodes.some(({ outputs }) => outputs.includes(name))
    const graph: ModelGraph = {
      ...this.#graph,
      nodes,
      inputs: this.inputs.filter((input) => read.has(input.name)),
      outputs: [{ name, dtype: 'float32', shape: undefined }],
      initializers: new Map([...this.#graph.initializers].filter(([n]) => read.has(n))),
    }
    const variables = new Map([...this.#variables].filter(([n]) => kept(n)))
    const output = this.outputs.find((known) => known.name === name) ?? inferOutput(graph, variables, name)
    return new OnnxModel({ ...graph, outputs: [output] }, variables, this.#unknown)
  }
}

const matches = (name: string, pattern: string | RegExp): boolean =>
  typeof pattern === 'string' ? name.includes(pattern) : name.search(pattern) >= 0

const lastOutputs = (nodes: readonly GraphNode[]): string[] =>
  nodes.slice(-5).flatMap(({ outputs }) => outputs)

/** The nodes that `name` is computed from, in their order. */
function ancestors(nodes: readonly GraphNode[], name: string): GraphNode[] {
  const needed = new Set([name])
  const kept: GraphNode[] = []
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue
    kept.unshift(node)
    for (const input of readsOf(node)) needed.add(input)
  }
  return kept
}
