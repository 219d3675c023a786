// The fully connected layer.
import { add, matMul, type CallOptions, type Tensor } from '@dl/tensor/core'
import type { ActivationLike } from '../activations.ts'
import { activationOf } from '../by-name.ts'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { type LayerShape, showShape } from '../shapes.ts'

export interface DenseConfig {
  /** Size of the last dimension of the result. */
  readonly units: number
  /** Default none. */
  readonly activation?: ActivationLike | undefined
  /** Default true. */
  readonly useBias?: boolean | undefined
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike | undefined
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike | undefined
  readonly kernelRegularizer?: RegularizerLike | undefined
  readonly biasRegularizer?: RegularizerLike | undefined
}

/** `activation(x · kernel + bias)` over the last dimension; see {@link dense}. */
export class Dense extends Layer<DenseConfig> {
  static override className = 'Dense'
  override readonly supportsMasking = true
  declare kernel: Tensor
  declare bias: Tensor | undefined

  constructor(config: DenseConfig & LayerConfig) {
    super(config)
    if (!Number.isInteger(config.units) || config.units < 1)
      throw new Error(`[dense] units must be a positive whole number, got ${config.units}`)
  }

  build(inputShape: LayerShape): void {
    const {
      units,
      kernelInitializer,
      biasInitializer = 'zeros',
      kernelRegularizer,
      biasRegularizer,
    } = this.config
    const features = inputShape[inputShape.length - 1]
    if (inputShape.length < 2 || typeof features !== 'number')
      throw new Error(
        `[${this.name}] needs an input [batch, ..., features] with a known last dimension, got ${showShape(inputShape)}`,
      )
    this.kernel = this.addWeight('kernel', [features, units], {
      initializer: kernelInitializer,
      regularizer: kernelRegularizer,
    })
    if (this.config.useBias !== false)
      this.bias = this.addWeight('bias', [units], {
        initializer: biasInitializer,
        regularizer: biasRegularizer,
      })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    const features = this.kernel.shape[0]
    if (x.shape[x.rank - 1] !== features)
      throw new Error(
        `[${this.name}] the input's last dimension must be ${features}, as the layer was built, got [${x.shape.join(',')}]`,
      )
    const product = matMul(x, this.kernel)
    return activationOf(this.config.activation)(this.bias ? add(product, this.bias) : product)
  }
}

/**
 * A fully connected layer: `activation(x · kernel + bias)`. Weights `kernel` [features, units] and `bias` [units].
 * Input `[batch, ..., features]`, result `[batch, ..., units]`.
 *
 * @throws Error when units is not a positive whole number, or the input's last dimension is unknown or changes
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.dense({ units: 2, activation: 'relu', kernelInitializer: 'ones' })
 * layer.apply(ones([1, 3])).print() // [[3, 3]]
 * ```
 */
export const dense = (config: DenseConfig & LayerConfig): Dense => new Dense(config)
