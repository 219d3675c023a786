// Layer normalization over the last dimensions.
import { layerNorm, type CallOptions, type Tensor } from '@dl/tensor/core'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { type LayerShape, showShape } from '../shapes.ts'

export interface LayerNormalizationConfig {
  /** Dimensions that are normalised together; they must be the last ones. Default -1. */
  readonly axis?: number | readonly number[] | undefined
  /** Added to the variance; default 1e-3. */
  readonly epsilon?: number | undefined
  /** Adds `beta`; default true. */
  readonly center?: boolean | undefined
  /** Multiplies with `gamma`; default true. */
  readonly scale?: boolean | undefined
  /** Default `ones`. */
  readonly gammaInitializer?: InitializerLike | undefined
  /** Default `zeros`. */
  readonly betaInitializer?: InitializerLike | undefined
  readonly gammaRegularizer?: RegularizerLike | undefined
  readonly betaRegularizer?: RegularizerLike | undefined
}

/** Mean 0 and variance 1 for each example; see {@link layerNormalization}. */
export class LayerNormalization extends Layer<LayerNormalizationConfig> {
  static override className = 'LayerNormalization'
  override readonly supportsMasking = true
  declare gamma: Tensor | undefined
  declare beta: Tensor | undefined
  #axes: number[] = []

  build(inputShape: LayerShape): void {
    const rank = inputShape.length
    const {
      axis = -1,
      gammaInitializer = 'ones',
      betaInitializer = 'zeros',
      gammaRegularizer,
      betaRegularizer,
    } = this.config
    const axes = [axis]
      .flat()
      .map((a) => (a < 0 ? a + rank : a))
      .toSorted((a, b) => a - b)
    if (axes.some((a, i) => a !== rank - axes.length + i))
      throw new Error(
        `[${this.name}] axis must name the last dimensions of ${showShape(inputShape)}, got ${[axis].flat().join(', ')}`,
      )
    const shape = axes.map((a) => inputShape[a] ?? null)
    if (shape.includes(null))
      throw new Error(`[${this.name}] normalised dimensions must be known, got ${showShape(inputShape)}`)
    this.#axes = axes
    const sizes = shape as number[]
    if (this.config.scale !== false)
      this.gamma = this.addWeight('gamma', sizes, {
        initializer: gammaInitializer,
        regularizer: gammaRegularizer,
      })
    if (this.config.center !== false)
      this.beta = this.addWeight('beta', sizes, {
        initializer: betaInitializer,
        regularizer: betaRegularizer,
      })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    return layerNorm(x, this.gamma, this.beta, this.#axes, this.config.epsilon ?? 1e-3)
  }
}

/**
 * Normalises each example over its last dimensions to mean 0 and variance 1, then scales and shifts it. Weights `gamma`
 * and `beta` have the shape of those dimensions. Source: J. L. Ba et al., "Layer normalization", 2016.
 *
 * @throws Error when the dimensions are not the last ones or not known
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.layerNormalization().apply(tensor([[1, 3]])).print() // [[-0.9995, 0.9995]]
 * ```
 */
export const layerNormalization = (config: LayerNormalizationConfig & LayerConfig = {}): LayerNormalization =>
  new LayerNormalization(config)
