// Batch normalization: statistics of the batch while training, moving averages of them afterwards.
import {
  add,
  batchNorm,
  customGrad,
  mean,
  moments,
  mul,
  squeeze,
  sub,
  type CallOptions,
  type Tensor,
  type Variable,
} from '@dl/tensor/core'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { type LayerShape, showShape } from '../shapes.ts'

export interface BatchNormalizationConfig {
  /** The axis of the features (channels), which keep statistics of their own; default -1. */
  readonly axis?: number | undefined
  /** Share of the old value that a moving average keeps at each step; default 0.99. */
  readonly momentum?: number | undefined
  /** Added to the variance; default 1e-3. */
  readonly epsilon?: number | undefined
  /** Adds `beta`; default true. */
  readonly center?: boolean | undefined
  /** Multiplies with `gamma`; default true. */
  readonly scale?: boolean | undefined
  /** Default `zeros`. */
  readonly betaInitializer?: InitializerLike | undefined
  /** Default `ones`. */
  readonly gammaInitializer?: InitializerLike | undefined
  /** Default `zeros`. */
  readonly movingMeanInitializer?: InitializerLike | undefined
  /** Default `ones`. */
  readonly movingVarianceInitializer?: InitializerLike | undefined
  readonly betaRegularizer?: RegularizerLike | undefined
  readonly gammaRegularizer?: RegularizerLike | undefined
}

/** Mean 0 and variance 1 for each feature over the batch; see {@link batchNormalization}. */
export class BatchNormalization extends Layer<BatchNormalizationConfig> {
  static override className = 'BatchNormalization'
  override readonly supportsMasking = true
  declare gamma: Tensor | undefined
  declare beta: Tensor | undefined
  declare movingMean: Variable
  declare movingVariance: Variable

  constructor(config: BatchNormalizationConfig & LayerConfig = {}) {
    super(config)
    const { momentum = 0.99, axis = -1 } = config
    if (!(momentum >= 0 && momentum <= 1))
      throw new Error(`[${this.name}] momentum must be in [0, 1], got ${momentum}`)
    if (!Number.isInteger(axis)) throw new Error(`[${this.name}] axis must be a whole number, got ${axis}`)
  }

  build(inputShape: LayerShape): void {
    const { axis = -1, betaInitializer = 'zeros', gammaInitializer = 'ones' } = this.config
    const { movingMeanInitializer = 'zeros', movingVarianceInitializer = 'ones' } = this.config
    const features = inputShape.at(axis)
    if (typeof features !== 'number')
      throw new Error(
        `[${this.name}] needs an input whose axis ${axis} exists and has a known size, got ${showShape(inputShape)}`,
      )
    const { gammaRegularizer, betaRegularizer } = this.config
    if (this.config.scale !== false)
      this.gamma = this.addWeight('gamma', [features], {
        initializer: gammaInitializer,
        regularizer: gammaRegularizer,
      })
    if (this.config.center !== false)
      this.beta = this.addWeight('beta', [features], {
        initializer: betaInitializer,
        regularizer: betaRegularizer,
      })
    this.movingMean = this.addWeight('moving_mean', [features], {
      initializer: movingMeanInitializer,
      trainable: false,
    })
    this.movingVariance = this.addWeight('moving_variance', [features], {
      initializer: movingVarianceInitializer,
      trainable: false,
    })
  }

  override call(x: Tensor, options: CallOptions = {}): Tensor {
    const { axis = -1, epsilon = 1e-3 } = this.config
    const features = axis < 0 ? axis + x.rank : axis
    const size = this.movingMean.shape[0] as number
    if (x.shape[features] !== size)
      throw new Error(
        `[${this.name}] was built for ${size} features along axis ${axis}, got shape ${showShape(x.shape)}`,
      )
    // A frozen layer keeps and uses its moving averages, as in Keras.
    const learns = options.training === true && this.trainable
    const [mean, variance] = learns ? this.#track(x, features) : [this.movingMean, this.movingVariance]
    return batchNorm(x, mean, variance, this.beta, this.gamma, epsilon, features)
  }

  /** Mean and biased variance of the batch; the moving averages take their share of them. */
  #track(x: Tensor, features: number): readonly [Tensor, Tensor] {
    const { momentum = 0.99 } = this.config
    const [mean, variance] = statistics(
      x,
      [...x.shape.keys()].filter((a) => a !== features),
    )
    for (const [moving, now] of [
      [this.movingMean, mean],
      [this.movingVariance, variance],
    ] as const)
      moving.assign(add(mul(moving, momentum), mul(now, 1 - momentum)))
    return [mean, variance]
  }
}

/**
 * Mean and biased variance over `axes`. Deviations from the mean sum to 0, so the variance sends nothing through the mean;
 * saying so saves a pass over the batch in the gradient.
 */
function statistics(x: Tensor, axes: number[]): readonly [Tensor, Tensor] {
  const count = axes.reduce((n, a) => n * x.shape[a]!, 1)
  const variance = customGrad((values: Tensor) => {
    const about = moments(values, axes, true)
    return {
      value: about.variance,
      gradient: (dy: Tensor) => mul(sub(values, about.mean), mul(dy, 2 / count)),
    }
  })(x)
  return [mean(x, axes), squeeze(variance, axes)]
}

/**
 * Normalises each feature over the batch (and the spatial axes) to mean 0 and variance 1, then scales and shifts it:
 * `gamma · (x − mean) / sqrt(variance + epsilon) + beta`. While training, mean and biased variance are those of the batch, and
 * the moving averages are updated; otherwise the moving averages are used. So does a layer with `trainable: false`.
 * Weights `gamma`, `beta` and, not trainable, `moving_mean` and `moving_variance`, all [features]. The result has the shape of
 * the input. Source: S. Ioffe and C. Szegedy, "Batch normalization", 2015; moving averages as in Keras.
 *
 * @throws Error when the axis is not there or its size is unknown or changes, or momentum is outside [0, 1]
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.batchNormalization()
 * layer.apply(tensor([[1], [3]]), { training: true }).print() // [[-0.9995], [0.9995]]
 * layer.movingMean.print() // [0.02]
 * ```
 */
export const batchNormalization = (config: BatchNormalizationConfig & LayerConfig = {}): BatchNormalization =>
  new BatchNormalization(config)
