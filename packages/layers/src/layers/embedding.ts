// The embedding: a vector for each of a fixed number of ids.
import { cast, gather, notEqual, type CallOptions, type Tensor } from '@dl/tensor/core'
import { type InitializerLike, randomUniform } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'

export interface EmbeddingConfig {
  /** How many ids there are: 0 … inputDim - 1. */
  readonly inputDim: number
  /** Length of each vector. */
  readonly outputDim: number
  /** Default uniform between -0.05 and 0.05. */
  readonly embeddingsInitializer?: InitializerLike | undefined
  readonly embeddingsRegularizer?: RegularizerLike | undefined
  /** Id 0 is padding: layers after this one leave such steps out. Default false. */
  readonly maskZero?: boolean | undefined
}

/** Vectors for ids; see {@link embedding}. */
export class Embedding extends Layer<EmbeddingConfig> {
  static override className = 'Embedding'
  declare embeddings: Tensor

  constructor(config: EmbeddingConfig & LayerConfig) {
    super(config)
    for (const key of ['inputDim', 'outputDim'] as const)
      if (!Number.isInteger(config[key]) || config[key] < 1)
        throw new Error(`[embedding] ${key} must be a positive whole number, got ${config[key]}`)
  }

  build(): void {
    const { inputDim, outputDim, embeddingsInitializer, embeddingsRegularizer } = this.config
    this.embeddings = this.addWeight('embeddings', [inputDim, outputDim], {
      initializer: embeddingsInitializer ?? randomUniform(),
      regularizer: embeddingsRegularizer,
    })
  }

  override call(ids: Tensor, _options?: CallOptions): Tensor {
    return gather(this.embeddings, cast(ids, 'int32'))
  }

  override computeMask([ids]: readonly Tensor[]): Tensor | null {
    return this.config.maskZero ? notEqual(ids!, 0) : null
  }
}

/**
 * A trained vector for each id. Weight `embeddings` [inputDim, outputDim]. Input: ids of any shape `[batch, ...]`, result
 * `[batch, ..., outputDim]`. Ids outside the range are clamped to it.
 *
 * @throws Error when a size is not a positive whole number
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.embedding({ inputDim: 100, outputDim: 8 })
 * console.log(layer.apply(tensor([[4, 20]], [1, 2], 'int32')).shape) // [ 1, 2, 8 ]
 * ```
 */
export const embedding = (config: EmbeddingConfig & LayerConfig): Embedding => new Embedding(config)
