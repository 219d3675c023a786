// Layers that change only the shape: flatten, reshape.
import { reshape as reshapeTensor, type CallOptions, type Tensor } from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'

/** `[batch, ...]` to `[batch, all the rest]`; see {@link flatten}. */
export class Flatten extends Layer {
  static override className = 'Flatten'
  override call(x: Tensor, _options?: CallOptions): Tensor {
    const [batch = 1, ...rest] = x.shape
    return reshapeTensor(x, [batch, rest.reduce((n, d) => n * d, 1)])
  }
}

/**
 * Flattens each example: `[batch, ...]` to `[batch, features]`.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { zeros } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.flatten().apply(zeros([2, 3, 4])).shape) // [ 2, 12 ]
 * ```
 */
export const flatten = (config: LayerConfig = {}): Flatten => new Flatten(config)

export interface ReshapeConfig {
  /** Shape of one example, without the batch dimension; one dimension may be -1. */
  readonly targetShape: readonly number[]
}

/** Another shape for each example; see {@link reshape}. */
export class Reshape extends Layer<ReshapeConfig> {
  static override className = 'Reshape'
  override call(x: Tensor, _options?: CallOptions): Tensor {
    const [batch = 1, ...rest] = x.shape
    const size = rest.reduce((n, d) => n * d, 1)
    const { targetShape } = this.config
    const known = targetShape.reduce((n, d) => (d === -1 ? n : n * d), 1)
    const target = targetShape.map((d) => (d === -1 ? size / known : d))
    const fits = targetShape.filter((d) => d === -1).length <= 1 && target.reduce((n, d) => n * d, 1) === size
    if (!fits || !target.every(Number.isInteger))
      throw new Error(
        `[${this.name}] an example of shape [${rest.join(',')}] does not fit targetShape [${targetShape.join(',')}]`,
      )
    return reshapeTensor(x, [batch, ...target])
  }
}

/**
 * Gives each example another shape.
 *
 * @throws Error when the sizes do not fit
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { zeros } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.reshape({ targetShape: [3, -1] }).apply(zeros([2, 12])).shape) // [ 2, 3, 4 ]
 * ```
 */
export const reshape = (config: ReshapeConfig & LayerConfig): Reshape => new Reshape(config)
