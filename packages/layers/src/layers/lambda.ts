// A function as a layer.
import type { CallOptions, Tensor } from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'

export interface LambdaConfig {
  /** The layer's function; it has no weights of its own. */
  readonly call: (x: Tensor, options?: CallOptions) => Tensor
}

/** A function of one tensor; see {@link lambda}. */
export class Lambda extends Layer<LambdaConfig> {
  static override className = 'Lambda'
  override readonly supportsMasking = true
  override call(x: Tensor, options?: CallOptions): Tensor {
    return this.config.call(x, options)
  }
}

/**
 * Wraps a function that builds the same graph for equal shapes.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { mul, ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.lambda({ call: (x) => mul(x, 3) }).apply(ones([1, 2])).print() // [[3, 3]]
 * ```
 */
export const lambda = (config: LambdaConfig & LayerConfig): Lambda => new Lambda(config)
