// The way out: a Module or a function to the bytes of an ONNX file.
import type { DType, InputSpec, Module, Tensor, TypedArray, Variable } from '@dl/tensor/core'
import { leafOf, leafValue, type Node, traceGraph, type TracedGraph } from '@dl/tensor/backend'
import { OnnxError } from '../errors.ts'
import { unknownFieldsOf } from '../import/unknown-fields.ts'
import { encodeModel } from '../schema/codec.ts'
import { ELEMENT_TYPE } from '../schema/data-types.ts'
import type { ModelProto, ValueInfoProto } from '../schema/messages.ts'
import { type Leaves, NodeWriter } from './graph-nodes.ts'
import { type Dim, first, isFree, Lockstep, type Site } from './lockstep.ts'
import { countUsers } from './users.ts'
import { GraphWriter } from './writer.ts'

export interface ExportOptions {
  /** Version of ONNX's operators, 13 to 23. Default 17. */
  readonly opset?: number | undefined
  /** The inputs, for functions and for modules that do not know them; `null` as first size is the free batch. */
  readonly inputs?: readonly InputSpec[] | undefined
  /**
   * Whether the first dimension is free; a string names it. Default: where the first size of an input is null, under the
   * name `batch`, or the name in the file that the model was imported from. False makes it 1.
   */
  readonly dynamicBatch?: boolean | string | undefined
  /** Names of the outputs. Default: the module's, else `output`, `output_1`, … */
  readonly outputNames?: readonly string[] | undefined
  /** Name of the graph. Default `main`. */
  readonly name?: string | undefined
  readonly description?: string | undefined
  /** Notes kept in the file. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

export type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[]

/** What modules of this house tell about themselves beyond the interface. */
interface Described {
  readonly outputNames?: readonly string[] | undefined
  /** Name of the free batch dimension. */
  readonly batchName?: string | undefined
  namedVariables?(): readonly { readonly path: string; readonly variable: Variable }[]
}

/** The version of the format that came with each operator set. */
const IR_VERSION: ReadonlyMap<number, bigint> = new Map([
  ...[13, 14].map((opset) => [opset, 7n] as const),
  ...[15, 16, 17, 18].map((opset) => [opset, 8n] as const),
  ...[19, 20].map((opset) => [opset, 9n] as const),
  ...[21, 22].map((opset) => [opset, 10n] as const),
  [23, 11n],
])
/** Batch sizes at which a graph with a free batch is traced: unlikely to be sizes of anything else. */
const BATCHES = [17, 23, 31]

/**
 * Writes a model as an ONNX file. The graph is that of `call` in inference mode: composites such as softmax and layer
 * normalization become single operators where the operator set has them, products with a bias Gemm, and weights
 * initializers under the names of their Variables (paths, in models of `@dl/layers`).
 *
 * @param model a Module (a layers model, an imported model) or a function of tensors
 * @returns the bytes of the file; exporting twice gives the same bytes
 * @throws OnnxError when inputs are not known, the computation has no counterpart in ONNX, or a weight came from a file with
 *   fields that this version of the format does not know
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { exportOnnx, importOnnx } from '@dl/onnx'
 * import { ready, softmax, type Tensor } from '@dl/tensor'
 * await ready()
 * const bytes = exportOnnx((x: Tensor) => softmax(x), { inputs: [{ name: 'x', shape: [null, 3] }] })
 * const model = await importOnnx(bytes)
 * console.log(model.inputs[0].shape) // [ 'batch', 3 ]
 * ```
 */
export function exportOnnx(model: Module | TensorFunction, options: ExportOptions = {}): Uint8Array {
  const proto = modelProto(model, options)
  const bytes = (proto.graph?.initializer ?? []).reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0)
  if (bytes > MOST_BYTES)
    throw new OnnxError(
      'export',
      `[exportOnnx] the weights have ${bytes} bytes, and a file ends at ${MOST_BYTES}: write them beside it with exportOnnxFiles`,
    )
  return encodeModel(proto)
}

/** Protobuf's readers take no more. */
const MOST_BYTES = 2 ** 31 - 1

/** The message of the file. */
export function modelProto(model: Module | TensorFunction, options: ExportOptions): ModelProto {
  const opset = options.opset ?? 17
  const irVersion = IR_VERSION.get(opset)
  if (irVersion === undefined)
    throw new OnnxError('usage', `[exportOnnx] opset must be 13 to 23, got ${opset}`)
  const described: Described = typeof model === 'function' ? {} : (model as Described)
  const inputs = inputSpecs(model, options)
  const isDynamic = options.dynamicBatch !== false && inputs.some(({ shape }) => shape[0] === null)
  const sizes = isDynamic ? BATCHES : [1]
  const traces = sizes.map((batch) => trace(model, inputs, batch))
  const writer = new GraphWriter(opset)
  const inputNames = inputs.map(({ name }) => writer.unique(name))
  const outputNames = namesOfOutputs(traces[0]!.outputs.length, described, options).map((name) =>
    writer.unique(name),
  )

  const steps = new Lockstep(sizes)
  const outputs = traces[0]!.outputs.map((_, i) => steps.site(traces.map((t) => t.outputs[i]!)))
  const users = countUsers(outputs)
  const leaves = new GraphLeaves(traces, steps, writer, inputNames, inputs)
  leaves.writeWeights(users, described, typeof model === 'function' ? [] : model.variables)
  const nodes = new NodeWriter(writer, steps, leaves, users)
  nodes.writeDeep(outputs)
  for (const [i, site] of outputs.entries()) writer.output(nodes.value(site), outputNames[i]!)

  const named = options.dynamicBatch
  const batchName = typeof named === 'string' ? named : (described.batchName ?? 'batch')
  const infos = (names: readonly string[], sites: readonly Site[]): ValueInfoProto[] =>
    names.map((name, i) => valueInfo(name, first(sites[i]!).dtype, steps.shape(sites[i]!), batchName))
  const inputSites = traces[0]!.inputs.map((_, i) => traces.map((t) => t.inputs[i]!))
  const { nodes: node, initializers } = writer.finish()
  return {
    irVersion,
    producerName: '@dl/onnx',
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: options.name ?? 'main',
      node,
      initializer: initializers,
      input: infos(inputNames, inputSites),
      output: infos(outputNames, outputs),
    },
    ...(options.description === undefined ? {} : { docString: options.description }),
    ...metadataOf(options.metadata),
  }
}

const metadataOf = (metadata: ExportOptions['metadata']): Pick<ModelProto, 'metadataProps'> =>
  metadata ? { metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })) } : {}

interface NamedInput {
  readonly name: string
  readonly shape: readonly (number | null)[]
  readonly dtype: DType
}

function inputSpecs(model: Module | TensorFunction, options: ExportOptions): NamedInput[] {
  const specs = options.inputs ?? (typeof model === 'function' ? undefined : model.inputSpec)
  if (!specs)
    throw new OnnxError(
      'usage',
      "[exportOnnx] the inputs are not known; give them: { inputs: [{ name: 'x', shape: [null, 4] }] }",
    )
  return specs.map(({ name, shape, dtype }, i) => {
    const inner = shape.findIndex((d, a) => d === null && a > 0)
    if (inner > 0)
      throw new OnnxError(
        'usage',
        `[exportOnnx] dimension ${inner} of input ${i} is free ([${shape.map((d) => d ?? 'null').join(', ')}]); only the ` +
          'first one can be: give its size in options.inputs',
      )
    return { name: name ?? (i === 0 ? 'input' : `input_${i}`), shape, dtype: dtype ?? 'float32' }
  })
}

function trace(model: Module | TensorFunction, inputs: readonly NamedInput[], batch: number): TracedGraph {
  const run = (...xs: readonly Tensor[]): unknown =>
    typeof model === 'function'
      ? model(...xs)
      : model.call(xs.length === 1 ? xs[0]! : xs, { training: false })
  return traceGraph(
    run,
    inputs.map(({ shape, dtype }) => ({ shape: shape.map((d) => d ?? batch), dtype })),
  )
}

function namesOfOutputs(
  count: number,
  described: Described,
  { outputNames }: ExportOptions,
): readonly string[] {
  if (outputNames && outputNames.length !== count)
    throw new OnnxError(
      'usage',
      `[exportOnnx] there are ${count} outputs, but ${outputNames.length} outputNames`,
    )
  const names = outputNames ?? described.outputNames ?? []
  return Array.from({ length: count }, (_, i) => names[i] ?? (i === 0 ? 'output' : `output_${i}`))
}

/** Inputs, weights and captured tensors, by the leaves that stand for them in the first trace. */
class GraphLeaves implements Leaves {
  readonly #steps: Lockstep
  readonly #writer: GraphWriter
  readonly #trace: TracedGraph
  readonly #names = new Map<object, string>()
  /** The input whose first dimension is the free one. */
  readonly #batched: string
  #batch: string | undefined

  constructor(
    traces: readonly TracedGraph[],
    steps: Lockstep,
    writer: GraphWriter,
    inputNames: readonly string[],
    inputs: readonly NamedInput[],
  ) {
    this.#steps = steps
    this.#writer = writer
    this.#trace = traces[0]!
    this.#trace.inputs.forEach((node, i) => this.#names.set(leafOf(node)!, inputNames[i]!))
    this.#batched = inputNames[inputs.findIndex(({ shape }) => shape[0] === null)] ?? ''
  }

  /** Weights that the graph reads: in the order of the model, others as the function met them. */
  writeWeights(users: ReadonlyMap<Node, number>, described: Described, order: readonly Variable[]): void {
    const paths = new Map(described.namedVariables?.().map(({ path, variable }) => [variable, path]))
    const read = new Set([...users.keys()].map((node) => leafOf(node)))
    const places = new Map(order.map((v, i) => [v, i]))
    const place = (v: Variable): number => places.get(v) ?? order.length
    const sorted = [...this.#trace.variables].sort((a, b) => place(a.variable) - place(b.variable))
    for (const { variable, node } of sorted) {
      const leaf = leafOf(node)!
      if (!read.has(leaf)) continue
      this.#names.set(leaf, writeWeight(this.#writer, variable, paths.get(variable) ?? variable.name))
    }
  }

  name(site: Site): string {
    const leaf = leafOf(first(site))!
    let name = this.#names.get(leaf)
    if (name === undefined) {
      const data = capturedValue(this.#steps, site)
      name = this.#writer.constant({ dtype: leaf.dtype, shape: leaf.shape, data })
      this.#names.set(leaf, name)
    }
    return name
  }

  batch(): string {
    return (this.#batch ??= this.#writer.node(
      'Gather',
      [this.#writer.node('Shape', [this.#batched]), this.#writer.ints([0])],
      { axis: 0 },
    ))
  }
}

function writeWeight(writer: GraphWriter, weight: Variable, path: string): string {
  const unknown = unknownFieldsOf(weight)
  if (unknown.length > 0)
    throw new OnnxError(
      'export',
      `[exportOnnx] weight '${weight.name}' came from a file with fields of a newer format (in ${unknown.join(', ')}), which an ` +
        'export would lose; export the original again in an older version of the format',
    )
  return writer.initializer(path, {
    dtype: weight.dtype as DType,
    shape: [...weight.shape],
    data: weight.dataSync() as TypedArray,
  })
}

/** A tensor from outside must be the same at every batch size; small integers made from sizes are not. */
function capturedValue(steps: Lockstep, site: Site): TypedArray {
  const values = site.map(leafValue)
  if (new Set(site.map(leafOf)).size === 1) return values[0]!
  steps.fixed(site.map((n) => n.shape.join()))
  steps.fixed(values.map((v) => v.join()))
  return values[0]!
}

function valueInfo(name: string, dtype: DType, dims: readonly Dim[], batchName: string): ValueInfoProto {
  const dim = dims.map((d) => {
    if (!isFree(d)) return { dimValue: BigInt(d) }
    return d.times === 1 && d.plus === 0 ? { dimParam: batchName } : {}
  })
  return { name, type: { tensorType: { elemType: ELEMENT_TYPE[dtype], shape: { dim } } } }
}
