// Multi-head attention: projections into heads, scaled dot-product attention, and the projection back.
import {
  add,
  expandDims,
  logicalAnd,
  matMul,
  reshape,
  scaledDotProductAttention,
  transpose,
  where,
  type CallOptions,
  type Tensor,
} from '@dl/tensor/core'
import { GeneratorState } from '../generator-state.ts'
import type { InitializerLike } from '../initializers.ts'
import { isList, Layer, type LayerConfig } from '../layer.ts'
import { maskOf } from '../masks.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { type LayerShape, showShape } from '../shapes.ts'

export interface MultiHeadAttentionConfig {
  readonly numHeads: number
  /** Size of each head of queries and keys. */
  readonly keyDim: number
  /** Size of each head of values; default `keyDim`. */
  readonly valueDim?: number | undefined
  /** Share of the attention probabilities that are zero while training; default 0. */
  readonly dropout?: number | undefined
  /** Default true. */
  readonly useBias?: boolean | undefined
  /** Size of the last dimension of the result; default that of the query. */
  readonly outputShape?: number | undefined
  /** Each position sees itself and those before it; default false. In Keras an argument of the call. */
  readonly useCausalMask?: boolean | undefined
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike | undefined
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike | undefined
  readonly kernelRegularizer?: RegularizerLike | undefined
  readonly biasRegularizer?: RegularizerLike | undefined
  /** Of dropout. Default: the next of the sequence that `setRandomSeed` starts. */
  readonly seed?: number | undefined
}

interface Projection {
  readonly kernel: Tensor
  readonly bias: Tensor | undefined
}
type Part = 'query' | 'key' | 'value' | 'attention_output'

/** Attention in several heads; see {@link multiHeadAttention}. */
export class MultiHeadAttention extends Layer<MultiHeadAttentionConfig> {
  static override className = 'MultiHeadAttention'
  override readonly supportsMasking = true
  readonly #generator: GeneratorState | null
  readonly #projections = new Map<Part, Projection>()

  constructor(config: MultiHeadAttentionConfig & LayerConfig) {
    super(config)
    const { numHeads, keyDim, valueDim = keyDim, dropout = 0, outputShape = 1 } = config
    for (const [name, size] of Object.entries({ numHeads, keyDim, valueDim, outputShape }))
      if (!Number.isInteger(size) || size < 1)
        throw new Error(`[multiHeadAttention] ${name} must be a positive whole number, got ${size}`)
    if (!(dropout >= 0 && dropout < 1))
      throw new Error(`[multiHeadAttention] dropout must be in [0, 1), got ${dropout}`)
    this.#generator = dropout > 0 ? new GeneratorState('multi_head_attention', config.seed) : null
    if (this.#generator) this.addState('generator', this.#generator.variable)
  }

  build(inputShape: LayerShape | readonly LayerShape[]): void {
    const shapes = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as readonly LayerShape[]
    // a fourth one is that of the mask
    const [query, value = query, key = value] = shapes
      .slice(0, 3)
      .map((shape) => this.#featuresOf(shape)) as [number, number?, number?]
    const { numHeads, keyDim, valueDim = keyDim, outputShape = query } = this.config
    this.#addProjection('query', [query, numHeads, keyDim], [numHeads, keyDim])
    this.#addProjection('key', [key, numHeads, keyDim], [numHeads, keyDim])
    this.#addProjection('value', [value, numHeads, valueDim], [numHeads, valueDim])
    this.#addProjection('attention_output', [numHeads, valueDim, outputShape], [outputShape])
  }

  #featuresOf(shape: LayerShape): number {
    const features = shape.at(-1)
    if (shape.length < 3 || typeof features !== 'number')
      throw new Error(
        `[${this.name}] needs inputs [batch, ..., length, features] with known features, got ${showShape(shape)}`,
      )
    return features
  }

  #addProjection(part: Part, kernelShape: readonly number[], biasShape: readonly number[]): void {
    const {
      useBias,
      kernelInitializer,
      biasInitializer = 'zeros',
      kernelRegularizer,
      biasRegularizer,
    } = this.config
    const kernel = this.addWeight(`${part}/kernel`, kernelShape, {
      initializer: kernelInitializer,
      regularizer: kernelRegularizer,
    })
    const bias =
      useBias === false
        ? undefined
        : this.addWeight(`${part}/bias`, biasShape, {
            initializer: biasInitializer,
            regularizer: biasRegularizer,
          })
    this.#projections.set(part, { kernel, bias })
  }

  /**
   * @param inputs `query` (which is then also value and key), or `[query, value]`, `[query, value, key]`,
   *   `[query, value, key, mask]`
   */
  override call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): Tensor {
    const list = isList(inputs) ? inputs : [inputs]
    if (list.length < 1 || list.length > 4)
      throw new Error(
        `[${this.name}] expects query, value, key and mask, at most 4 inputs; got ${list.length}`,
      )
    const [query, value = query, key = value, mask] = list as [Tensor, Tensor?, Tensor?, Tensor?]
    const { useCausalMask = false, dropout = 0 } = this.config
    const seen = withSteps(mask && headed(mask, query.rank), [value, key])
    const attended = scaledDotProductAttention(
      this.#heads('query', query),
      this.#heads('key', key),
      this.#heads('value', value),
      {
        causal: useCausalMask,
        ...(seen && { mask: seen }),
        ...(options.training === true && this.#generator && { dropout, seed: this.#generator.next() }),
      },
    )
    const rank = attended.rank
    const turned = transpose(attended, headsTurned(rank))
    return this.#project(
      'attention_output',
      reshape(turned, [...turned.shape.slice(0, -2), turned.shape[rank - 2]! * turned.shape[rank - 1]!]),
    )
  }

  /** `[batch, …, length, features]` to `[batch, …, heads, length, size]`. */
  #heads(part: Part, x: Tensor): Tensor {
    const [, heads, size] = this.#projections.get(part)!.kernel.shape as [number, number, number]
    const projected = this.#project(part, x)
    return transpose(reshape(projected, [...x.shape.slice(0, -1), heads, size]), headsTurned(x.rank + 1))
  }

  /** Product with a kernel whose first dimensions (or last ones) are heads, as one matrix. */
  #project(part: Part, x: Tensor): Tensor {
    const { kernel, bias } = this.#projections.get(part)!
    const features = x.shape.at(-1)!
    const built = part === 'attention_output' ? kernel.shape[0]! * kernel.shape[1]! : kernel.shape[0]!
    if (features !== built)
      throw new Error(
        `[${this.name}] the ${part} must have ${built} features, as the layer was built, got [${x.shape.join(',')}]`,
      )
    const product = matMul(x, reshape(kernel, [features, kernel.size / features]))
    return bias ? add(product, reshape(bias, [bias.size])) : product
  }
}

/** Exchanges the axes of length and heads, second and third from the end. */
const headsTurned = (rank: number): number[] => {
  const axes = Array.from({ length: rank }, (_, a) => a)
  ;[axes[rank - 3], axes[rank - 2]] = [rank - 2, rank - 3]
  return axes
}

/** A mask with an axis for heads. `[queries, keys]` and masks that have the axis already stay as they are. */
const headed = (mask: Tensor, rank: number): Tensor =>
  mask.rank === rank ? expandDims(mask, mask.rank - 2) : mask

/** The mask of the call, and the steps of values and keys, `[batch, ..., keys]`, that count. */
function withSteps(mask: Tensor | undefined, sequences: readonly Tensor[]): Tensor | undefined {
  let seen = mask
  for (const x of new Set(sequences)) {
    const steps = maskOf(x)
    if (steps?.rank !== x.rank - 1) continue
    const keys = reshape(steps, [...steps.shape.slice(0, -1), 1, 1, steps.shape.at(-1)!])
    if (!seen) seen = keys
    else seen = seen.dtype === 'bool' ? logicalAnd(seen, keys) : where(keys, seen, -1e9)
  }
  return seen
}

/**
 * Multi-head attention (Vaswani et al., "Attention is all you need", 2017), as Keras has it. Inputs are `[batch, ..., length,
 * features]`; one tensor attends to itself, `[query, value, key, mask]` (the last two may be missing) say it all. The mask is
 * `[batch, queries, keys]`, `[batch, heads, queries, keys]` or `[queries, keys]`; bool, true where a query may look. Padding that the
 * keys' and values' own masks leave out is never looked at. Result:
 * `[batch, ..., queries, outputShape]`. Weights `query/kernel` [features, heads, keyDim], likewise `key` and `value`,
 * `attention_output/kernel` [heads, valueDim, outputShape], and their biases. The attention itself is one kernel that never
 * stores probabilities, so they are not returned.
 *
 * @throws Error when a size is not a positive whole number, or an input has not the features that the layer was built for
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 4 })
 * console.log(layer.apply([ones([1, 3, 8]), ones([1, 5, 6])]).shape) // [ 1, 3, 8 ]
 * ```
 */
export const multiHeadAttention = (config: MultiHeadAttentionConfig & LayerConfig): MultiHeadAttention =>
  new MultiHeadAttention(config)
