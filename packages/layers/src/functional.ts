// The functional model: the layers between symbolic inputs and outputs, each called once for each place it stands in.
import type { CallOptions, InputSpec, Module, Tensor } from '@dl/tensor/core'
import { assertInputs, isList, type Layer, type LayerConfig, type LayerInputs } from './layer.ts'
import { Model, type ModelOutput, nameLayers, numbered } from './model.ts'
import type { ValueSpec } from './shapes.ts'
import type { SummaryRow } from './summary.ts'
import type { Producer, SymbolicTensor } from './symbolic.ts'

/** One call of a layer, with the results that are used. */
interface Call {
  readonly layer: Layer
  readonly inputs: readonly SymbolicTensor[]
  readonly outputs: SymbolicTensor[]
}

type OutputOf<T> = T extends readonly SymbolicTensor[] ? readonly Tensor[] : Tensor

export interface ModelConfig<T extends SymbolicTensor | readonly SymbolicTensor[]> extends LayerConfig {
  readonly inputs: SymbolicTensor | readonly SymbolicTensor[]
  readonly outputs: T
}

export class Functional<O extends ModelOutput = Tensor> extends Model<O> {
  static override className = 'Functional'
  readonly #inputs: readonly SymbolicTensor[]
  readonly #outputs: readonly SymbolicTensor[]
  readonly #asList: boolean
  readonly #calls: readonly Call[]
  readonly #names: ReadonlyMap<Layer, string>

  constructor(config: ModelConfig<SymbolicTensor | readonly SymbolicTensor[]>) {
    const { inputs, outputs, ...rest } = config
    super(rest)
    this.#inputs = isList(inputs) ? inputs : [inputs]
    this.#outputs = isList(outputs) ? outputs : [outputs]
    this.#asList = isList(outputs)
    this.#calls = callsBetween(this.name, this.#inputs, this.#outputs)
    this.#names = nameLayers(this.name, [...new Set(this.#calls.map((c) => c.layer))])
    this.ensureBuilt(this.#inputs.map((x) => x.shape))
  }

  get layers(): readonly Layer[] {
    return [...this.#names.keys()]
  }

  override call(inputs: LayerInputs, options?: CallOptions): O {
    const given = isList(inputs) ? inputs : [inputs]
    assertInputs(this.name, given, this.inputSpec)
    const values = new Map<SymbolicTensor, Tensor>(this.#inputs.map((symbol, i) => [symbol, given[i]!]))
    const results = new Map<Call, readonly Tensor[]>()
    for (const call of this.#calls) {
      const args = call.inputs.map((symbol) => values.get(symbol)!)
      const result = call.layer.invoke(args.length === 1 ? args[0]! : args, options)
      results.set(call, isList(result) ? result : [result])
      for (const symbol of call.outputs) values.set(symbol, results.get(call)![symbol.producer!.index]!)
    }
    const outputs = this.#outputs.map((symbol) => values.get(symbol)!)
    return (this.#asList ? outputs : outputs[0]!) as O
  }

  override get inputSpec(): readonly InputSpec[] {
    return this.#inputs.map((x, i) => ({
      name: x.name ?? numbered('input', i),
      shape: x.shape,
      dtype: x.dtype,
    }))
  }
  override get outputNames(): readonly string[] {
    const used = new Map<string, number>()
    return this.#outputs.map((x) => {
      const name = x.producer ? this.#names.get(x.producer.layer)! : (x.name ?? 'input')
      const index = used.get(name) ?? 0
      used.set(name, index + 1)
      return numbered(name, index)
    })
  }
  override outputsFor(): readonly ValueSpec[] {
    return this.#outputs
  }
  protected override children(): readonly (readonly [string, Module])[] {
    return [...this.#names].map(([layer, name]) => [name, layer])
  }
  protected override summaryRows(): readonly SummaryRow[] {
    const nameOf = (x: SymbolicTensor): string =>
      x.producer ? this.#names.get(x.producer.layer)! : this.inputNames[this.#inputs.indexOf(x)]!
    const inputs = this.#inputs.map((x) => ({
      name: nameOf(x),
      layer: null,
      outputShape: x.shape,
      connectedTo: [],
    }))
    const seen = new Set<Layer>()
    const calls = this.#calls.map(({ layer, outputs, inputs: from }) => {
      const repeated = seen.has(layer)
      seen.add(layer)
      return {
        name: this.#names.get(layer)!,
        layer,
        outputShape: outputs[0]!.shape,
        connectedTo: from.map(nameOf),
        repeated,
      }
    })
    return [...inputs, ...calls]
  }
}

/** Calls in an order in which each comes after those it needs. */
function callsBetween(
  name: string,
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
): Call[] {
  const known = new Set(inputs)
  const calls = new Map<object, Call>()
  const order: Call[] = []
  const open: { symbol: SymbolicTensor; entered: boolean }[] = outputs
    .toReversed()
    .map((symbol) => ({ symbol, entered: false }))
  for (let top = open.pop(); top; top = open.pop()) {
    const { symbol, entered } = top
    if (known.has(symbol)) continue
    const { producer } = symbol
    if (!producer)
      throw new Error(
        `[${name}] an output depends on input '${symbol.name ?? 'input'}' of shape [${symbol.shape.map((d) => d ?? 'any').join(',')}], ` +
          'which is not among inputs',
      )
    if (!entered) {
      open.push(
        { symbol, entered: true },
        ...producer.inputs.toReversed().map((x) => ({ symbol: x, entered: false })),
      )
      continue
    }
    known.add(symbol)
    callOf(producer, calls, order).outputs.push(symbol)
  }
  return order
}

function callOf({ layer, inputs, call }: Producer, calls: Map<object, Call>, order: Call[]): Call {
  const found = calls.get(call)
  if (found) return found
  const made: Call = { layer, inputs, outputs: [] }
  calls.set(call, made)
  order.push(made)
  return made
}

/**
 * A model of everything between `inputs` and `outputs`. Layers may be shared; several inputs and outputs have names, which
 * are the keys of records given to `fit` and `predict`: an input's is given to `input`, an output's is its layer's.
 *
 * @throws Error when an output depends on an input that is not listed, or two layers have one name
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { input, layers, model } from '@dl/layers'
 * const left = input({ shape: [4], name: 'left' })
 * const right = input({ shape: [4], name: 'right' })
 * const shared = layers.dense({ units: 3 })
 * const joined = layers.concatenate().apply([shared.apply(left), shared.apply(right)])
 * const net = model({ inputs: [left, right], outputs: layers.dense({ units: 1, name: 'score' }).apply(joined) })
 * console.log(net.inputNames, net.outputNames, net.countParams()) // [ 'left', 'right' ] [ 'score' ] 22
 * ```
 */
export function model<const T extends SymbolicTensor | readonly SymbolicTensor[]>(
  config: ModelConfig<T>,
): Functional<OutputOf<T>> {
  return new Functional<OutputOf<T>>(config)
}
