// Where in a sequence a value stands: trained and computed position vectors, and token embeddings that have them.
import {
  add,
  broadcastTo,
  cast,
  concat,
  cos,
  exp,
  mul,
  range,
  reshape,
  sin,
  slice,
  type CallOptions,
  type Tensor,
} from '@dl/tensor/core'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import { type LayerShape, showShape } from '../shapes.ts'
import { Embedding } from './embedding.ts'

export interface PositionEmbeddingConfig {
  /** Longest sequence. */
  readonly maxLength: number
  /** Default `glorotUniform`. */
  readonly initializer?: InitializerLike | undefined
}

function assertPositive(op: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes))
    if (!Number.isInteger(size) || size < 1)
      throw new Error(`[${op}] ${name} must be a positive whole number, got ${size}`)
}

function featuresOf(name: string, shape: LayerShape): number {
  const features = shape.at(-1)
  if (shape.length < 3 || typeof features !== 'number')
    throw new Error(
      `[${name}] needs an input [batch, length, features] with known features, got ${showShape(shape)}`,
    )
  return features
}

/** A trained vector for each position; see {@link positionEmbedding}. */
export class PositionEmbedding extends Layer<PositionEmbeddingConfig> {
  static override className = 'PositionEmbedding'
  override readonly supportsMasking = true
  declare embeddings: Tensor

  constructor(config: PositionEmbeddingConfig & LayerConfig) {
    super(config)
    assertPositive('positionEmbedding', { maxLength: config.maxLength })
  }

  build(inputShape: LayerShape): void {
    const { maxLength, initializer } = this.config
    this.embeddings = this.addWeight('embeddings', [maxLength, featuresOf(this.name, inputShape)], {
      initializer,
    })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    const [length, features] = x.shape.slice(-2) as [number, number]
    if (length > this.config.maxLength)
      throw new Error(
        `[${this.name}] the sequence has ${length} positions, the layer ${this.config.maxLength} (maxLength); shorten it or build a larger layer`,
      )
    return broadcastTo(slice(this.embeddings, [0, 0], [length, features]), x.shape)
  }
}

/**
 * Trained position vectors: weight `embeddings` [maxLength, features]. Input `[batch, length, features]`, result of that shape:
 * vector i at position i of every sequence, to be added to the input.
 *
 * @throws Error when a sequence is longer than maxLength
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.positionEmbedding({ maxLength: 10 }).apply(ones([2, 4, 3])).shape) // [ 2, 4, 3 ]
 * ```
 */
export const positionEmbedding = (config: PositionEmbeddingConfig & LayerConfig): PositionEmbedding =>
  new PositionEmbedding(config)

export interface SinePositionEncodingConfig {
  /** Longest wave; default 10000. */
  readonly maxWavelength?: number | undefined
}

/** Waves of different lengths for positions; see {@link sinePositionEncoding}. */
export class SinePositionEncoding extends Layer<SinePositionEncodingConfig> {
  static override className = 'SinePositionEncoding'
  override readonly supportsMasking = true

  override call(x: Tensor, _options?: CallOptions): Tensor {
    const [length, features] = x.shape.slice(-2) as [number, number]
    const { maxWavelength = 10_000 } = this.config
    const pairs = Math.ceil(features / 2)
    const position = reshape(cast(range(0, length, 1, 'int32'), 'float32'), [length, 1, 1])
    const pair = reshape(cast(range(0, pairs, 1, 'int32'), 'float32'), [1, pairs, 1])
    const angle = mul(position, exp(mul(pair, (-2 * Math.log(maxWavelength)) / features)))
    const waves = reshape(concat([sin(angle), cos(angle)], 2), [length, 2 * pairs])
    return broadcastTo(slice(waves, [0, 0], [length, features]), x.shape)
  }
}

/**
 * Position vectors without weights (Vaswani et al. 2017, §3.5): feature 2i is `sin(position / maxWavelength^(2i / features))`,
 * feature 2i + 1 the cosine of the same. Input `[batch, length, features]`, result of that shape, to be added to the input.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { zeros } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.sinePositionEncoding().apply(zeros([1, 2, 2])).print() // [[[0, 1], [0.8415, 0.5403]]]
 * ```
 */
export const sinePositionEncoding = (
  config: SinePositionEncodingConfig & LayerConfig = {},
): SinePositionEncoding => new SinePositionEncoding(config)

export interface TokenAndPositionEmbeddingConfig {
  /** How many ids there are: 0 … vocabularySize - 1. */
  readonly vocabularySize: number
  /** Longest sequence. */
  readonly maxLength: number
  /** Length of each vector. */
  readonly dim: number
  /** Of both tables; default uniform between -0.05 and 0.05. */
  readonly embeddingsInitializer?: InitializerLike | undefined
}

/** Token vectors plus position vectors; see {@link tokenAndPositionEmbedding}. */
export class TokenAndPositionEmbedding extends Layer<TokenAndPositionEmbeddingConfig> {
  static override className = 'TokenAndPositionEmbedding'
  readonly #token: Embedding
  readonly #position: PositionEmbedding

  constructor(config: TokenAndPositionEmbeddingConfig & LayerConfig) {
    super(config)
    const { vocabularySize, maxLength, dim, embeddingsInitializer } = config
    assertPositive('tokenAndPositionEmbedding', { vocabularySize, maxLength, dim })
    this.#token = new Embedding({ inputDim: vocabularySize, outputDim: dim, embeddingsInitializer })
    this.#position = new PositionEmbedding({
      maxLength,
      initializer: embeddingsInitializer ?? 'randomUniform',
    })
  }

  protected override children(): readonly (readonly [string, Layer])[] {
    return [
      ['token_embedding', this.#token],
      ['position_embedding', this.#position],
    ]
  }

  build(inputShape: LayerShape): void {
    this.#token.ensureBuilt(inputShape)
    this.#position.ensureBuilt([...inputShape, this.config.dim])
  }

  override call(ids: Tensor, _options?: CallOptions): Tensor {
    const vectors = this.#token.call(ids)
    return add(vectors, this.#position.call(vectors))
  }
}

/**
 * A trained vector for each id plus one for each position. Weights `token_embedding/embeddings` [vocabularySize, dim] and
 * `position_embedding/embeddings` [maxLength, dim]. Input: ids `[batch, length]`, result `[batch, length, dim]`.
 *
 * @throws Error when a size is not a positive whole number, or a sequence is longer than maxLength
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.tokenAndPositionEmbedding({ vocabularySize: 100, maxLength: 16, dim: 8 })
 * console.log(layer.apply(tensor([[4, 20, 7]], [1, 3], 'int32')).shape) // [ 1, 3, 8 ]
 * ```
 */
export const tokenAndPositionEmbedding = (
  config: TokenAndPositionEmbeddingConfig & LayerConfig,
): TokenAndPositionEmbedding => new TokenAndPositionEmbedding(config)
