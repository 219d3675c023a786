// Collects the nodes, weights and names of a graph that is being written.
import type { DType } from '@dl/tensor/core'
import { ATTRIBUTE, type AttributeProto, type NodeProto, type TensorProto } from '../schema/messages.ts'
import { type HostTensor, int64Tensor, tensorProto } from '../schema/tensor-values.ts'

/** Attribute values: whole numbers become INT, `{ float }` FLOAT, text STRING, lists INTS. */
export type AttributeValue = number | string | readonly number[] | { readonly float: number }

/** Constants beyond this size are not compared with each other. */
const SMALL_BYTES = 4096

export class GraphWriter {
  readonly opset: number
  readonly #nodes: {
    opType: string
    inputs: readonly string[]
    outputs: string[]
    attributes: AttributeProto[]
  }[] = []
  readonly #constantNodes: NodeProto[] = []
  readonly #initializers: TensorProto[] = []
  readonly #constants = new Map<string, string>()
  readonly #used = new Set<string>()
  readonly #counters = new Map<string, number>()
  /** Values that nodes of this graph make, and that may therefore get another name. */
  readonly #made = new Set<string>()
  readonly #renamed = new Map<string, string>()
  /** What Transposes read. */
  readonly #transposed = new Map<string, { readonly value: string; readonly perm: readonly number[] }>()
  readonly #outputs: string[] = []

  constructor(opset: number) {
    this.opset = opset
  }

  /** A name that nothing else has: `wanted`, or `wanted_1`, … */
  unique(wanted: string): string {
    let name = wanted
    for (let i = 1; this.#used.has(name); i++) name = `${wanted}_${i}`
    this.#used.add(name)
    return name
  }

  #fresh(kind: string): string {
    for (let i = this.#counters.get(kind) ?? 0; ; i++) {
      const name = `${kind}_${i}`
      if (this.#used.has(name)) continue
      this.#counters.set(kind, i + 1)
      return this.unique(name)
    }
  }

  /**
   * Adds a node and returns the name of its output; operators with several give the one at `place`, the ones before it are
   * not used.
   */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    place = 0,
  ): string {
    const outputs = Array.from({ length: place + 1 }, () => this.#fresh(opType))
    for (const output of outputs) this.#made.add(output)
    const protos = Object.entries(attributes).map(([name, value]) => attributeProto(name, value))
    this.#nodes.push({ opType, inputs, outputs, attributes: protos })
    return outputs[place]!
  }

  /** The value with its axes in another order; Transposes in a row become one, or none. */
  transpose(value: string, perm: readonly number[]): string {
    if (perm.every((p, i) => p === i)) return value
    const inner = this.#transposed.get(value)
    if (inner)
      return this.transpose(
        inner.value,
        perm.map((p) => inner.perm[p]!),
      )
    const name = this.node('Transpose', [value], { perm })
    this.#transposed.set(name, { value, perm })
    return name
  }

  /** A weight under its own name. */
  initializer(name: string, value: HostTensor): string {
    const own = this.unique(name)
    this.#initializers.push(tensorProto(value, own))
    return own
  }

  /** A constant, as a node: initializers are weights alone. Equal ones are written once. */
  constant(value: HostTensor): string {
    const proto = tensorProto(value)
    const { length } = proto.rawData!
    const key =
      length > SMALL_BYTES
        ? `large ${this.#constants.size}`
        : `${value.dtype} ${value.shape.join()} ${proto.rawData!.join()}`
    let name = this.#constants.get(key)
    if (name === undefined) {
      name = this.#fresh('constant')
      this.#constants.set(key, name)
      this.#constantNodes.push(constantNode(name, proto))
    }
    return name
  }
  ints(values: readonly number[], shape?: readonly number[]): string {
    return this.constant(int64Tensor(values, shape))
  }

  /** The value under the name that an output must have. */
  output(value: string, name: string): void {
    const own = this.#made.has(value) && !this.#renamed.has(value)
    const made = own ? value : this.node('Identity', [value])
    this.#renamed.set(made, name)
    this.#outputs.push(made)
  }

  /** Values that an output depends on. */
  #needed(): ReadonlySet<string> {
    const needed = new Set(this.#outputs)
    for (const { inputs, outputs } of [...this.#nodes].reverse())
      if (outputs.some((name) => needed.has(name))) for (const name of inputs) needed.add(name)
    return needed
  }

  /** Nodes and initializers as messages. */
  finish(): { readonly nodes: readonly NodeProto[]; readonly initializers: readonly TensorProto[] } {
    const named = (name: string): string => this.#renamed.get(name) ?? name
    const needed = this.#needed()
    const isNeeded = ({ outputs }: { readonly outputs: readonly string[] }): boolean =>
      outputs.some((name) => needed.has(name))
    const nodes = this.#nodes.filter(isNeeded).map(({ opType, inputs, outputs, attributes }) => ({
      name: named(outputs[0]!),
      opType,
      input: inputs.map(named),
      output: outputs.map(named),
      attribute: attributes,
    }))
    const constants = this.#constantNodes.filter(({ output }) => needed.has(output![0]!))
    return { nodes: [...constants, ...nodes], initializers: this.#initializers }
  }
}

const constantNode = (name: string, t: TensorProto): NodeProto => ({
  name,
  opType: 'Constant',
  output: [name],
  attribute: [{ name: 'value', type: ATTRIBUTE.tensor, t }],
})

function attributeProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return { name, type: ATTRIBUTE.int, i: BigInt(value) }
  if (typeof value === 'string') return { name, type: ATTRIBUTE.string, s: new TextEncoder().encode(value) }
  if ('float' in value) return { name, type: ATTRIBUTE.float, f: value.float }
  return { name, type: ATTRIBUTE.ints, ints: value.map(BigInt) }
}

/** What a lone number is, as a tensor of shape []. */
export function scalarTensor(value: number | bigint, dtype: DType): HostTensor {
  switch (dtype) {
    case 'float32':
      return { dtype, shape: [], data: Float32Array.of(Number(value)) }
    case 'float64':
      return { dtype, shape: [], data: Float64Array.of(Number(value)) }
    case 'int32':
      return { dtype, shape: [], data: Int32Array.of(Number(value)) }
    case 'int64':
      return { dtype, shape: [], data: BigInt64Array.of(BigInt(value)) }
    case 'uint8':
    case 'bool':
      return { dtype, shape: [], data: Uint8Array.of(Number(value)) }
  }
}
