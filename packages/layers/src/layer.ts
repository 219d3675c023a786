// The layer: config → build → call. `build` makes weights once the input's shape is known, `call` is a plain function of
// tensors, and everything else (names, weights of layers inside, shapes of results) follows from those two.
import {
  add,
  clone,
  Tensor,
  tidy,
  Variable,
  variable,
  zeros,
  type CallOptions,
  type DType,
  type InputSpec,
  type Module,
} from '@dl/tensor/core'
import { initializerOf, regularizerOf } from './by-name.ts'
import type { InitializerLike } from './initializers.ts'
import { maskOf, setMask } from './masks.ts'
import type { Regularizer, RegularizerLike } from './regularizers.ts'
import { commonShape, concrete, fitsShape, type LayerShape, showShape, type ValueSpec } from './shapes.ts'
import { type Producer, SymbolicTensor } from './symbolic.ts'

/** What every layer's config may hold beside its own. */
export interface LayerConfig {
  /** Default: the class's name in snake case, with a number when a model has several: `dense`, `dense_1`. */
  readonly name?: string | undefined
  /** Shape of one example, without the batch dimension: builds a sequential model before it sees data. */
  readonly inputShape?: LayerShape | undefined
  /** Whether training changes the layer's weights; default true. */
  readonly trainable?: boolean | undefined
  /** Dtype of weights; default float32. */
  readonly dtype?: DType | undefined
}

export interface WeightOptions {
  /** Default `glorotUniform`. */
  readonly initializer?: InitializerLike | undefined
  readonly regularizer?: RegularizerLike | undefined
  /** Default true. */
  readonly trainable?: boolean | undefined
  /** Default: the layer's. */
  readonly dtype?: DType | undefined
}

/** A weight or state of a layer or of one inside it. */
export interface NamedVariable {
  /** Where it is, from the layer asked: `kernel`, `dense_1/kernel`. */
  readonly path: string
  readonly variable: Variable
  /** Whether training changes it. */
  readonly trainable: boolean
  /** `state` is what a checkpoint needs but nobody counts as a weight: generators of random numbers. */
  readonly kind: 'weight' | 'state'
  readonly regularizer?: Regularizer | undefined
}

interface OwnVariable extends Omit<NamedVariable, 'path'> {
  readonly name: string
}

/** What a layer with weights has beside `call`. */
export interface Buildable {
  /**
   * Makes the weights for inputs of this shape, batch dimension first (for several inputs, an array of shapes). Called
   * once, before the first call.
   */
  build(inputShape: LayerShape | readonly LayerShape[]): void
}

export type LayerInputs = Tensor | readonly Tensor[]

/** What an untouched batch dimension is probed with; two sizes tell which dimensions follow it. */
const PROBES = [2, 3] as const

/**
 * The base of all layers. A layer has a config, may have `build(inputShape)`, which makes weights with `addWeight`, and has
 * `call(x, options)`. Layers kept in properties (or arrays in properties) of a layer are found by themselves.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { matMul, ones, type Tensor } from '@dl/tensor'
 * import { Layer } from '@dl/layers'
 * class Linear extends Layer<{ units: number }> {
 *   declare kernel: Tensor
 *   build(inputShape: readonly (number | null)[]) {
 *     this.kernel = this.addWeight('kernel', [inputShape.at(-1) as number, this.config.units], { initializer: 'ones' })
 *   }
 *   call(x: Tensor) {
 *     return matMul(x, this.kernel)
 *   }
 * }
 * new Linear({ units: 1 }).apply(ones([1, 3])).print() // [[3]]
 * ```
 */
export abstract class Layer<C extends object = object> implements Module {
  readonly config: Readonly<C & LayerConfig>
  /** Whether training changes the weights of this layer and of layers inside; `compile` reads it. */
  trainable: boolean
  #name: string | undefined
  #built = false
  readonly #own: OwnVariable[] = []

  constructor(config: C & LayerConfig = {} as C & LayerConfig) {
    this.config = config
    this.trainable = config.trainable ?? true
    this.#name = config.name
  }

  /** The class's name in files and summaries. A minified program sets it as a static of the class. */
  static className: string | undefined

  get className(): string {
    const own = this.constructor as typeof Layer
    return own.className ?? own.name
  }

  /** Given, or `dense`; a model numbers the layers of one class. */
  get name(): string {
    return this.#name ?? snakeCase(this.className)
  }
  /** True when the name was given, or a model has numbered it. */
  get isNamed(): boolean {
    return this.#name !== undefined
  }
  /** Names a layer that has no name yet; models do. */
  assignName(name: string): void {
    this.#name ??= name
  }

  // ---- to be written by a layer
  /** The layer's function. It must build the same graph for equal shapes. */
  abstract call(inputs: LayerInputs, options?: CallOptions): Tensor | readonly Tensor[]

  /** Whether a mask of the first input is that of the result: for layers that leave steps where they are. Default false. */
  readonly supportsMasking: boolean = false

  /**
   * The mask of the result, null for none. By default that of the first input where {@link supportsMasking} is set.
   *
   * @param inputs the inputs, a list also when there is one
   * @param masks their masks, bool `[batch, time]` each, or null
   */
  computeMask(_inputs: readonly Tensor[], masks: readonly (Tensor | null)[]): Tensor | null {
    return this.supportsMasking ? (masks[0] ?? null) : null
  }

  /**
   * A new weight. Its path is the layer's name and this one: `dense_1/kernel`.
   *
   * @param shape all dimensions known
   * @throws Error when the name was used before
   */
  protected addWeight<S extends readonly number[]>(
    name: string,
    shape: readonly [...S],
    options: WeightOptions = {},
  ): Variable<S> {
    if (this.#own.some((w) => w.name === name))
      throw new Error(`[${this.name}] has a weight called '${name}' already; names in a layer must differ`)
    const { initializer = 'glorotUniform', trainable = true, regularizer } = options
    const dtype = options.dtype ?? this.config.dtype ?? 'float32'
    const made = tidy(() =>
      variable(initializerOf(initializer).init(shape, dtype), trainable, `${this.name}/${name}`),
    )
    this.#own.push({
      name,
      variable: made,
      trainable,
      kind: 'weight',
      ...(regularizer === undefined ? {} : { regularizer: regularizerOf(regularizer) }),
    })
    return made as Variable<S>
  }

  /** A variable that checkpoints keep but that is no weight: the state of a random generator. */
  protected addState(name: string, state: Variable): void {
    this.#own.push({ name, variable: state, trainable: false, kind: 'state' })
  }

  // ---- using a layer
  get built(): boolean {
    return this.#built
  }

  /** Builds for this shape unless that has happened. */
  ensureBuilt(inputShape: LayerShape | readonly LayerShape[]): void {
    if (this.#built) return
    const before = this.#own.length
    this.#built = true
    try {
      ;(this as Partial<Buildable>).build?.(inputShape)
    } catch (error) {
      this.#built = false
      this.#own.length = before
      throw error
    }
  }

  /**
   * The layer on values: it is built if needed. Given what {@link input} or another layer's `apply` returned, the next
   * value of a functional model.
   *
   * @throws Error when the layer gives several results; see {@link applyMany}
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor
  apply(inputs: LayerInputs, options?: CallOptions): ReturnType<this['call']>
  apply(
    inputs: SymbolicTensor | readonly SymbolicTensor[] | LayerInputs,
    options: CallOptions = {},
  ): SymbolicTensor | Tensor | readonly Tensor[] {
    if (isSymbolic(inputs)) {
      const [output, ...others] = this.applyMany(inputs)
      if (!output || others.length > 0)
        throw new Error(
          `[${this.name}] gives ${others.length + 1} results; use applyMany, which returns them all`,
        )
      return output
    }
    const tensors = inputs
    this.ensureBuilt(isList(tensors) ? tensors.map((x) => x.shape) : tensors.shape)
    return this.invoke(tensors, options)
  }

  /** {@link call}, and the mask of the first result; for models. The layer must be built. */
  invoke(inputs: LayerInputs, options?: CallOptions): Tensor | readonly Tensor[] {
    const result = this.call(inputs, options)
    const list = isList(inputs) ? inputs : [inputs]
    const mask = this.computeMask(list, list.map(maskOf))
    const first = isList(result) ? result[0] : result
    if (mask && first && !maskOf(first)) setMask(first, mask)
    return result
  }

  /** {@link apply} of a layer with several results, in the functional style. */
  applyMany(inputs: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] {
    const list = isList(inputs) ? inputs : [inputs]
    const call = {}
    return this.outputSpecs(list, isList(inputs)).map((spec, index) => {
      const producer: Producer = { layer: this, inputs: list, index, call }
      return new SymbolicTensor(spec.shape, spec.dtype, producer)
    })
  }

  /** Shapes and dtypes of the results for inputs like these. Builds the layer; computes nothing. */
  outputSpecs(inputs: readonly ValueSpec[], asList: boolean = inputs.length > 1): readonly ValueSpec[] {
    this.ensureBuilt(asList ? inputs.map((x) => x.shape) : inputs[0]!.shape)
    const [first, second] = PROBES.map((size) => this.#probe(inputs, asList, size))
    return first!.map((a, i) => ({ shape: commonShape(a.shape, second![i]!.shape), dtype: a.dtype }))
  }

  #probe(inputs: readonly ValueSpec[], asList: boolean, size: number): { shape: number[]; dtype: DType }[] {
    return tidy(() => {
      const values = inputs.map((x) => zeros(concrete(x.shape, size), x.dtype) as Tensor)
      const outputs = this.call(asList ? values : values[0]!)
      return (isList(outputs) ? outputs : [outputs]).map((y) => ({
        shape: [...y.shape],
        dtype: y.dtype as DType,
      }))
    })
  }

  // ---- weights
  /** Modules inside with the names that lead to them: by default every property that is one, or an array of them. */
  protected children(): readonly (readonly [string, Module])[] {
    const found: [string, Module][] = []
    for (const [key, value] of Object.entries(this)) {
      if (isModule(value)) found.push([key, value])
      else if (Array.isArray(value)) value.forEach((v, i) => isModule(v) && found.push([`${key}_${i}`, v]))
    }
    return found
  }

  /** Weights and states of this layer and the layers inside, each once, with their paths. */
  namedVariables(): readonly NamedVariable[] {
    const all: NamedVariable[] = this.#own.map(({ name, ...w }) => ({ ...w, path: name }))
    for (const [name, child] of this.children())
      for (const w of namedVariablesOf(child)) all.push({ ...w, path: `${name}/${w.path}` })
    const seen = new Set<Variable>()
    const once = all.filter((w) => !seen.has(w.variable) && seen.add(w.variable))
    return this.trainable ? once : once.map((w) => ({ ...w, trainable: false }))
  }

  /** Weights and states: all that a checkpoint holds. */
  get variables(): readonly Variable[] {
    return this.namedVariables().map((w) => w.variable)
  }
  /** Weights, without states of random generators. */
  get weights(): readonly Variable[] {
    return this.namedVariables().flatMap((w) => (w.kind === 'weight' ? [w.variable] : []))
  }
  get trainableWeights(): readonly Variable[] {
    return this.namedVariables().flatMap((w) => (w.trainable ? [w.variable] : []))
  }
  get inputSpec(): readonly InputSpec[] | undefined {
    const { inputShape } = this.config
    return inputShape && [{ shape: [null, ...inputShape] }]
  }

  /** The values of {@link weights} as they are now, in that order; later training does not change them. */
  getWeights(): Tensor[] {
    return this.weights.map((w) => clone(w) as Tensor)
  }
  /**
   * Assigns all weights, in the order of {@link weights}; nothing is assigned when one does not fit.
   *
   * @throws Error when the layer has no weights yet, or numbers, shapes or dtypes differ
   * @example
   * ```ts
   * import '@dl/backend-cpu'
   * import { tensor } from '@dl/tensor'
   * import { layers } from '@dl/layers'
   * const dense = layers.dense({ units: 1 })
   * dense.ensureBuilt([null, 2])
   * dense.setWeights([tensor([[1], [2]]), tensor([3])])
   * dense.apply(tensor([[10, 100]])).print() // [[213]]
   * ```
   */
  setWeights(values: readonly Tensor[]): void {
    const own = this.weights
    if (values.length !== own.length)
      throw new Error(
        `[setWeights] '${this.name}' has ${own.length} weights${this.#built ? '' : ' (it is not built yet)'}, got ${values.length} values`,
      )
    own.forEach((w, i) => {
      const value = values[i]!
      if (value.dtype !== w.dtype || String(value.shape) !== String(w.shape))
        throw new Error(
          `[setWeights] weight ${i} of '${this.name}' (${w.name}) is ${w.dtype} [${w.shape.join(',')}], got ${value.dtype} [${value.shape.join(',')}]`,
        )
    })
    own.forEach((w, i) => w.assign(values[i]!))
  }

  /** Number of elements of all weights. */
  countParams(): number {
    return this.weights.reduce((n, w) => n + w.size, 0)
  }

  /** The sum of all regularizers' penalties, or null when there are none. */
  regularizationLoss(): Tensor | null {
    let total: Tensor | null = null
    for (const { regularizer, variable: weight } of this.namedVariables()) {
      if (!regularizer) continue
      const penalty = regularizer.penalty(weight)
      total = total ? add(total, penalty) : penalty
    }
    return total
  }

  /** The config that makes an equal layer: `Class.fromConfig(layer.getConfig())`. */
  getConfig(): Readonly<C & LayerConfig> {
    return { ...this.config, name: this.name }
  }
}

/** A layer that is a Module of other make: an imported model, a hand-written object. */
class ModuleLayer extends Layer {
  readonly #module: Module
  constructor(module: Module) {
    super({})
    this.#module = module
  }
  override get className(): string {
    const { name } = this.#module.constructor
    return name === 'Object' ? 'Module' : name
  }
  call(inputs: LayerInputs, options?: CallOptions): Tensor | readonly Tensor[] {
    return this.#module.call(inputs, options)
  }
  override namedVariables(): readonly NamedVariable[] {
    const own = namedVariablesOf(this.#module)
    return this.trainable ? own : own.map((w) => ({ ...w, trainable: false }))
  }
  override get inputSpec(): readonly InputSpec[] | undefined {
    return this.#module.inputSpec
  }
}

const wrapped = new WeakMap<Module, Layer>()

/** Any Module as a layer; the same one gives the same layer. */
export function layerOf(module: Module): Layer {
  if (module instanceof Layer) return module as Layer
  const known = wrapped.get(module)
  if (known) return known
  const layer = new ModuleLayer(module)
  wrapped.set(module, layer)
  return layer
}

function namedVariablesOf(module: Module): readonly NamedVariable[] {
  if (module instanceof Layer) return module.namedVariables()
  return module.variables.map((v) => ({
    path: v.name,
    variable: v,
    trainable: v.trainable,
    kind: 'weight' as const,
  }))
}

export function isModule(value: unknown): value is Module {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false
  return (
    typeof (value as Partial<Module>).call === 'function' &&
    Array.isArray((value as Partial<Module>).variables)
  )
}

export const isList = <T>(x: T | readonly T[]): x is readonly T[] => Array.isArray(x)

const isSymbolic = (x: unknown): x is SymbolicTensor | readonly SymbolicTensor[] =>
  (Array.isArray(x) ? x[0] : x) instanceof SymbolicTensor

/** As Keras does it: `MaxPooling2D` is `max_pooling2d`, `LeakyReLU` is `leaky_re_lu`. */
const snakeCase = (name: string): string =>
  name.replace(/(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])/g, '_').toLowerCase()

/**
 * Throws unless the tensors look like `specs`.
 *
 * @param op who asks, for the error
 */
export function assertInputs(op: string, inputs: readonly Tensor[], specs: readonly InputSpec[]): void {
  if (inputs.length !== specs.length)
    throw new Error(`[${op}] expects ${specs.length} inputs, got ${inputs.length}`)
  specs.forEach((spec, i) => {
    const shape = inputs[i]!.shape
    if (!fitsShape(shape, spec.shape))
      throw new Error(
        `[${op}] input ${spec.name === undefined ? i : `'${spec.name}'`} must have shape ${showShape(spec.shape)}, got ${showShape(shape)}`,
      )
  })
}
