// Root mean square normalization over the last dimension.
import { rmsNorm, type CallOptions, type Tensor } from '@dl/tensor/core'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import { type LayerShape, showShape } from '../shapes.ts'

export interface RMSNormalizationConfig {
  /** Added to the mean of squares; default 1e-6. */
  readonly epsilon?: number | undefined
  /** Default `ones`. */
  readonly scaleInitializer?: InitializerLike | undefined
}

/** Root mean square 1 for each example; see {@link rmsNormalization}. */
export class RMSNormalization extends Layer<RMSNormalizationConfig> {
  static override className = 'RMSNormalization'
  override readonly supportsMasking = true
  declare scale: Tensor

  build(inputShape: LayerShape): void {
    const features = inputShape.at(-1)
    if (inputShape.length < 2 || typeof features !== 'number')
      throw new Error(
        `[${this.name}] needs an input [batch, ..., features] with a known last dimension, got ${showShape(inputShape)}`,
      )
    this.scale = this.addWeight('scale', [features], { initializer: this.config.scaleInitializer ?? 'ones' })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    return rmsNorm(x, this.scale, -1, this.config.epsilon ?? 1e-6)
  }
}

/**
 * Divides by the root mean square of the last dimension and scales, as Keras's `RMSNormalization`. Weight `scale` [features].
 * Source: B. Zhang, R. Sennrich, "Root mean square layer normalization", 2019.
 *
 * @throws Error when the last dimension is not known
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.rmsNormalization().apply(tensor([[3, 4]])).print() // [[0.8485, 1.1314]]
 * ```
 */
export const rmsNormalization = (config: RMSNormalizationConfig & LayerConfig = {}): RMSNormalization =>
  new RMSNormalization(config)
