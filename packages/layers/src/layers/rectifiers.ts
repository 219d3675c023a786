// Rectifiers as layers of their own: with bounds, with a slope, with a trained slope.
import {
  greaterEqual,
  leakyRelu as leakyReluOf,
  minimum,
  mul,
  neg,
  relu as reluOf,
  sub,
  where,
  type CallOptions,
  type Tensor,
} from '@dl/tensor/core'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { type LayerShape, showShape } from '../shapes.ts'

export interface ReLUConfig {
  /** Greatest value of the result; default none. */
  readonly maxValue?: number | undefined
  /** Slope below the threshold; default 0. */
  readonly negativeSlope?: number | undefined
  /** Below it values count as negative; default 0. */
  readonly threshold?: number | undefined
}

/** See {@link relu}. */
export class ReLU extends Layer<ReLUConfig> {
  static override className = 'ReLU'
  override readonly supportsMasking = true

  constructor(config: ReLUConfig & LayerConfig = {}) {
    super(config)
    for (const key of ['maxValue', 'negativeSlope', 'threshold'] as const)
      if (!((config[key] ?? 0) >= 0))
        throw new Error(`[${this.name}] ${key} must be 0 or more, got ${config[key]}`)
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    const { maxValue, negativeSlope = 0, threshold = 0 } = this.config
    const rectified =
      threshold === 0
        ? negativeSlope === 0
          ? reluOf(x)
          : leakyReluOf(x, negativeSlope)
        : where(greaterEqual(x, threshold), x, mul(sub(x, threshold), negativeSlope))
    return maxValue === undefined ? rectified : minimum(rectified, maxValue)
  }
}

export interface LeakyReLUConfig {
  /** Slope of values below 0; default 0.3. */
  readonly negativeSlope?: number | undefined
}

/** See {@link leakyRelu}. */
export class LeakyReLU extends Layer<LeakyReLUConfig> {
  static override className = 'LeakyReLU'
  override readonly supportsMasking = true
  override call(x: Tensor, _options?: CallOptions): Tensor {
    return leakyReluOf(x, this.config.negativeSlope ?? 0.3)
  }
}

export interface PReLUConfig {
  /** Axes (from 1; 0 is the batch) along which the slope is the same: `[1, 2]` for one slope a channel. Default none. */
  readonly sharedAxes?: readonly number[] | undefined
  /** Default `zeros`. */
  readonly alphaInitializer?: InitializerLike | undefined
  readonly alphaRegularizer?: RegularizerLike | undefined
}

/** See {@link prelu}. */
export class PReLU extends Layer<PReLUConfig> {
  static override className = 'PReLU'
  override readonly supportsMasking = true
  declare alpha: Tensor

  build(inputShape: LayerShape): void {
    const { sharedAxes = [], alphaInitializer = 'zeros', alphaRegularizer } = this.config
    const wrong = sharedAxes.find((a) => !Number.isInteger(a) || a < 1 || a >= inputShape.length)
    if (wrong !== undefined)
      throw new Error(
        `[${this.name}] sharedAxes must be axes of ${showShape(inputShape)} after the batch, got ${wrong}`,
      )
    const shape = inputShape.slice(1).map((d, i) => (sharedAxes.includes(i + 1) ? 1 : d))
    if (shape.includes(null))
      throw new Error(
        `[${this.name}] axes that are not shared must have a known size, got ${showShape(inputShape)}`,
      )
    this.alpha = this.addWeight('alpha', shape as number[], {
      initializer: alphaInitializer,
      regularizer: alphaRegularizer,
    })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    return sub(reluOf(x), mul(this.alpha, reluOf(neg(x))))
  }
}

/**
 * `max(x, 0)`; with a threshold, a slope below it or an upper bound. Any shape.
 *
 * @throws Error when a setting is below 0
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.relu({ maxValue: 6, negativeSlope: 0.5 }).apply(tensor([-2, 3, 9])).print() // [-1, 3, 6]
 * ```
 */
export const relu = (config: ReLUConfig & LayerConfig = {}): ReLU => new ReLU(config)

/**
 * `x` above 0, `negativeSlope · x` below. Any shape. Source: A. L. Maas et al., 2013.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.leakyRelu({ negativeSlope: 0.1 }).apply(tensor([-2, 3])).print() // [-0.2, 3]
 * ```
 */
export const leakyRelu = (config: LeakyReLUConfig & LayerConfig = {}): LeakyReLU => new LeakyReLU(config)

/**
 * `x` above 0, `alpha · x` below, with a trained slope. Weight `alpha` has the shape of an example, 1 along `sharedAxes`.
 * Any shape. Source: K. He et al., "Delving deep into rectifiers", 2015.
 *
 * @throws Error when an axis is not there, or the size of one that is not shared is unknown
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.prelu({ sharedAxes: [1, 2] })
 * layer.apply(ones([1, 8, 8, 4]))
 * console.log(layer.alpha.shape) // [ 1, 1, 4 ]
 * ```
 */
export const prelu = (config: PReLUConfig & LayerConfig = {}): PReLU => new PReLU(config)
