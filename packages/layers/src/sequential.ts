// The sequential model: layers one after the other.
import type { CallOptions, InputSpec, Module, Tensor } from '@dl/tensor/core'
import { assertInputs, isList, type Layer, type LayerConfig, type LayerInputs, layerOf } from './layer.ts'
import { Model, nameLayers, single } from './model.ts'
import type { LayerShape, ValueSpec } from './shapes.ts'
import type { SummaryRow } from './summary.ts'

export class Sequential extends Model {
  static override className = 'Sequential'
  readonly #layers: Layer[] = []
  #names: ReadonlyMap<Layer, string> = new Map()
  /** Output of each layer, once the input's shape is known. */
  #specs: readonly ValueSpec[] = []

  constructor(layers: readonly Module[] = [], config: LayerConfig = {}) {
    super(config)
    this.#layers.push(...layers.map((module) => layerOf(module)))
    this.#relink()
  }

  /** Appends a layer. A model that knows its input's shape builds it at once. */
  add(module: Module): void {
    if (this.built && !this.inputSpec)
      throw new Error(
        `[${this.name}] layers cannot be added after the model was built for an input; give inputShape to the first layer`,
      )
    this.#layers.push(layerOf(module))
    this.#relink()
  }

  get layers(): readonly Layer[] {
    return this.#layers
  }

  #relink(): void {
    this.#names = nameLayers(this.name, this.#layers)
    const specs = this.inputSpecs
    if (!specs) return
    this.#chain(specs[0]!)
    this.ensureBuilt(specs[0]!.shape)
  }

  #chain(input: ValueSpec): void {
    const specs: ValueSpec[] = []
    for (const layer of this.#layers) {
      const [output, ...others] = layer.outputSpecs([specs.at(-1) ?? input])
      if (!output || others.length > 0)
        throw new Error(
          `[${this.name}] '${layer.name}' gives ${others.length + 1} results; in a sequential model each layer gives one`,
        )
      specs.push(output)
    }
    this.#specs = specs
  }

  build(inputShape: LayerShape): void {
    if (this.#specs.length < this.#layers.length) this.#chain({ shape: inputShape, dtype: 'float32' })
  }

  override call(inputs: LayerInputs, options?: CallOptions): Tensor {
    let x = single(this.name, inputs)
    const specs = this.inputSpec
    if (specs) assertInputs(this.name, [x], specs)
    for (const layer of this.#layers) {
      const y = layer.apply(x, options)
      x = isList(y) ? single(layer.name, y) : y
    }
    return x
  }

  override get inputSpec(): readonly InputSpec[] | undefined {
    return super.inputSpec ?? this.#layers[0]?.inputSpec
  }
  override get outputNames(): readonly string[] {
    return ['output']
  }
  override outputsFor(inputs: readonly ValueSpec[] | null = this.inputSpecs): readonly ValueSpec[] {
    const last = this.#specs.at(-1)
    return inputs === null && last ? [last] : super.outputsFor(inputs)
  }
  protected override children(): readonly (readonly [string, Module])[] {
    return [...this.#names].map(([layer, name]) => [name, layer])
  }
  protected override summaryRows(): readonly SummaryRow[] {
    return this.#layers.map((layer, i) => ({
      name: this.#names.get(layer)!,
      layer,
      outputShape: this.#specs[i]?.shape ?? null,
      connectedTo: [],
    }))
  }
}

/**
 * A model of layers one after the other. With `inputShape` on the first layer it is built at once, else by the first data.
 * Any Module can stand among the layers.
 *
 * @throws Error when a layer does not fit what the one before gives, or two layers have one name
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { layers, sequential } from '@dl/layers'
 * const model = sequential([
 *   layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
 *   layers.dropout({ rate: 0.2 }),
 *   layers.dense({ units: 10, activation: 'softmax' }),
 * ])
 * console.log(model.outputShape, model.countParams()) // [ null, 10 ] 101770
 * ```
 */
export const sequential = (layers: readonly Module[] = [], config: LayerConfig = {}): Sequential =>
  new Sequential(layers, config)
