// Blocks of a Transformer: attention and a feedforward part, each inside a residual connection with a normalization.
import { add, type CallOptions, type Tensor } from '@dl/tensor/core'
import type { ActivationLike } from '../activations.ts'
import type { InitializerLike } from '../initializers.ts'
import { isList, Layer, type LayerConfig } from '../layer.ts'
import { type LayerShape, showShape } from '../shapes.ts'
import { Dense } from './dense.ts'
import { Dropout } from './dropout.ts'
import { LayerNormalization } from './layer-normalization.ts'
import { MultiHeadAttention } from './multi-head-attention.ts'

export interface TransformerBlockConfig {
  /** Heads; they share the features evenly. */
  readonly numHeads: number
  /** Features between the two dense layers. */
  readonly intermediateDim: number
  /** Of attention probabilities and of what each part adds, while training; default 0. */
  readonly dropout?: number | undefined
  /** Between the dense layers; default `relu`. */
  readonly activation?: ActivationLike | undefined
  /** Default 1e-5. */
  readonly layerNormEpsilon?: number | undefined
  /** Normalizes what goes into a part (pre-norm) and not what comes out (post-norm); default false. */
  readonly normalizeFirst?: boolean | undefined
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike | undefined
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike | undefined
}

type Children = readonly (readonly [string, Layer])[]

/** A part between a residual connection's ends, with its normalization and dropout. */
class Residual {
  readonly norm: LayerNormalization
  readonly #dropout: Dropout | null
  readonly #first: boolean

  constructor({ dropout = 0, layerNormEpsilon = 1e-5, normalizeFirst = false }: TransformerBlockConfig) {
    this.norm = new LayerNormalization({ epsilon: layerNormEpsilon })
    this.#dropout = dropout > 0 ? new Dropout({ rate: dropout }) : null
    this.#first = normalizeFirst
  }

  call(x: Tensor, part: (y: Tensor) => Tensor, options: CallOptions): Tensor {
    const inner = part(this.#first ? this.norm.call(x) : x)
    const sum = add(x, this.#dropout ? this.#dropout.call(inner, options) : inner) as Tensor
    return this.#first ? sum : this.norm.call(sum)
  }

  children(name: string): Children {
    const norm = [`${name}_layer_norm`, this.norm as Layer] as const
    return this.#dropout ? [norm, [`${name}_dropout`, this.#dropout]] : [norm]
  }
}

/** Attention over itself, where asked attention to another sequence, and two dense layers. */
abstract class TransformerBlock extends Layer<TransformerBlockConfig> {
  readonly #attention: MultiHeadAttention[] = []
  readonly #residuals: Residual[] = []
  #dense: readonly [Dense, Dense] | null = null

  constructor(op: string, config: TransformerBlockConfig & LayerConfig) {
    super(config)
    for (const key of ['numHeads', 'intermediateDim'] as const)
      if (!Number.isInteger(config[key]) || config[key] < 1)
        throw new Error(`[${op}] ${key} must be a positive whole number, got ${config[key]}`)
  }

  /** Whether positions see later ones. */
  protected abstract readonly causal: boolean

  build(inputShape: LayerShape | readonly LayerShape[]): void {
    const [shape, other] = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as LayerShape[]
    const features = shape!.at(-1)
    const {
      numHeads,
      intermediateDim,
      dropout,
      activation = 'relu',
      kernelInitializer,
      biasInitializer,
    } = this.config
    if (shape!.length < 3 || typeof features !== 'number' || features % numHeads !== 0)
      throw new Error(
        `[${this.name}] needs an input [batch, length, features] with features that ${numHeads} heads divide, got ${showShape(shape!)}`,
      )
    const initializers = { kernelInitializer, biasInitializer }
    this.#attention.length = this.#residuals.length = 0
    const attention = { numHeads, keyDim: features / numHeads, dropout, ...initializers }
    this.#attention.push(new MultiHeadAttention({ ...attention, useCausalMask: this.causal }))
    if (other) this.#attention.push(new MultiHeadAttention(attention))
    this.#attention.forEach((layer, i) => layer.ensureBuilt(i === 0 ? shape! : [shape!, other!]))
    this.#dense = [
      new Dense({ units: intermediateDim, activation, ...initializers }),
      new Dense({ units: features, ...initializers }),
    ]
    this.#dense[0].ensureBuilt(shape!)
    this.#dense[1].ensureBuilt([...shape!.slice(0, -1), intermediateDim])
    for (let i = 0; i <= this.#attention.length; i++) {
      this.#residuals.push(new Residual(this.config))
      this.#residuals[i]!.norm.ensureBuilt(shape!)
    }
  }

  protected override children(): Children {
    const names = ['self_attention', 'cross_attention']
    const attention = this.#attention.flatMap((layer, i): Children => [
      [`${names[i]}_layer`, layer as Layer],
      ...this.#residuals[i]!.children(names[i]!),
    ])
    if (!this.#dense) return attention
    return [
      ...attention,
      ['feedforward_intermediate_dense', this.#dense[0]],
      ['feedforward_output_dense', this.#dense[1]],
      ...this.#residuals.at(-1)!.children('feedforward'),
    ]
  }

  /** The block on a sequence; `mask` says which positions see which, `memory` is another sequence. */
  protected run(
    x: Tensor,
    memory: Tensor | undefined,
    mask: Tensor | undefined,
    options: CallOptions,
  ): Tensor {
    const [self, cross] = this.#attention
    const [first, second] = this.#dense!
    let y = this.#residuals[0]!.call(x, (t) => self!.call(mask ? [t, t, t, mask] : t, options), options)
    if (cross && memory) y = this.#residuals[1]!.call(y, (t) => cross.call([t, memory], options), options)
    return this.#residuals.at(-1)!.call(y, (t) => second.call(first.call(t)), options)
  }
}

/** A block whose positions see each other; see {@link transformerEncoder}. */
export class TransformerEncoder extends TransformerBlock {
  static override className = 'TransformerEncoder'
  protected readonly causal = false
  constructor(config: TransformerBlockConfig & LayerConfig) {
    super('transformerEncoder', config)
  }

  override build(inputShape: LayerShape | readonly LayerShape[]): void {
    super.build((Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as LayerShape)
  }

  /** @param inputs the sequence, or `[sequence, mask]` with a bool mask `[batch, length, length]`, true where one sees another */
  override call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): Tensor {
    const [x, mask, ...others] = isList(inputs) ? inputs : [inputs]
    if (!x || others.length)
      throw new Error(
        `[${this.name}] expects a sequence, or [sequence, mask]; got ${others.length + 2} inputs`,
      )
    return this.run(x, undefined, mask, options)
  }
}

/**
 * An encoder block (Vaswani et al., "Attention is all you need", 2017), as KerasHub has it: self-attention and two dense layers,
 * each in a residual connection with a layer normalization. Input and result `[batch, length, features]`. Weights stand under
 * `self_attention_layer`, `self_attention_layer_norm`, `feedforward_intermediate_dense`, `feedforward_output_dense` and
 * `feedforward_layer_norm`.
 *
 * @throws Error when a size is not a positive whole number, or the heads do not divide the features
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.transformerEncoder({ numHeads: 2, intermediateDim: 16 })
 * console.log(layer.apply(ones([1, 3, 8])).shape) // [ 1, 3, 8 ]
 * ```
 */
export const transformerEncoder = (config: TransformerBlockConfig & LayerConfig): TransformerEncoder =>
  new TransformerEncoder(config)

/** A block whose positions see those before them; see {@link transformerDecoder}. */
export class TransformerDecoder extends TransformerBlock {
  static override className = 'TransformerDecoder'
  protected readonly causal = true
  constructor(config: TransformerBlockConfig & LayerConfig) {
    super('transformerDecoder', config)
  }

  /** @param inputs the sequence, or `[sequence, encoded]` */
  override call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): Tensor {
    const [x, memory, ...others] = isList(inputs) ? inputs : [inputs]
    if (!x || others.length)
      throw new Error(
        `[${this.name}] expects a sequence, or [sequence, encoded]; got ${others.length + 2} inputs`,
      )
    return this.run(x, memory, undefined, options)
  }
}

/**
 * A decoder block (Vaswani et al., "Attention is all you need", 2017), as KerasHub has it: causal self-attention, attention to
 * an encoded sequence when `[sequence, encoded]` is given (`cross_attention_layer`), and two dense layers. Input and result
 * `[batch, length, features]`. With one input it is the block of a GPT.
 *
 * @throws Error when a size is not a positive whole number, or the heads do not divide the features
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.transformerDecoder({ numHeads: 2, intermediateDim: 16, normalizeFirst: true })
 * console.log(layer.apply([ones([1, 3, 8]), ones([1, 5, 8])]).shape) // [ 1, 3, 8 ]
 * ```
 */
export const transformerDecoder = (config: TransformerBlockConfig & LayerConfig): TransformerDecoder =>
  new TransformerDecoder(config)
