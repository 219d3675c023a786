// An activation as a layer of its own.
import type { CallOptions, Tensor } from '@dl/tensor/core'
import type { ActivationLike } from '../activations.ts'
import { activationOf } from '../by-name.ts'
import { Layer, type LayerConfig } from '../layer.ts'

export interface ActivationConfig {
  readonly activation: ActivationLike
}

/** An elementwise function, or softmax over the last dimension; see {@link activation}. */
export class Activation extends Layer<ActivationConfig> {
  static override className = 'Activation'
  override readonly supportsMasking = true
  override call(x: Tensor, _options?: CallOptions): Tensor {
    return activationOf(this.config.activation)(x)
  }
}

/**
 * Applies an activation, by name or as a function.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.activation('relu').apply(tensor([[-1, 2]])).print() // [[0, 2]]
 * ```
 */
export const activation = (config: (ActivationConfig & LayerConfig) | ActivationLike): Activation =>
  new Activation(typeof config === 'object' ? config : { activation: config })
