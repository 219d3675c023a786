// Dropout of whole channels: neighbouring pixels say nearly the same, so that dropping single ones hides little.
import type { Tensor } from '@dl/tensor/core'
import type { LayerConfig } from '../layer.ts'
import { Dropout } from './dropout.ts'
import { alongSpatial, assertOneOf, assertSpatial, DATA_FORMATS, type SpatialConfig } from './spatial.ts'

export interface SpatialDropoutConfig extends SpatialConfig {
  /** Share of channels that become zero, in [0, 1). */
  readonly rate: number
  /** Default: the next of the sequence that `setRandomSeed` starts. */
  readonly seed?: number | undefined
}

/** Dropout with one draw for each channel of an example. */
export abstract class SpatialDropout extends Dropout {
  readonly #rank: number
  readonly #layout: SpatialConfig

  constructor(config: SpatialDropoutConfig & LayerConfig, rank: number) {
    super(config)
    this.#rank = rank
    this.#layout = config
    assertOneOf(this.name, 'dataFormat', config.dataFormat, DATA_FORMATS)
  }

  protected override maskShape(x: Tensor): readonly number[] {
    assertSpatial(this.name, x.shape, this.#rank, this.#layout)
    const spatial = alongSpatial(Array<boolean>(this.#rank).fill(true), false, this.#layout)
    return x.shape.map((d, axis) => (spatial[axis] ? 1 : d))
  }
}

/** See {@link spatialDropout1d}. */
export class SpatialDropout1D extends SpatialDropout {
  static override className = 'SpatialDropout1D'
  constructor(config: SpatialDropoutConfig & LayerConfig) {
    super(config, 1)
  }
}

/** See {@link spatialDropout2d}. */
export class SpatialDropout2D extends SpatialDropout {
  static override className = 'SpatialDropout2D'
  constructor(config: SpatialDropoutConfig & LayerConfig) {
    super(config, 2)
  }
}

/**
 * While training, sets a random share `rate` of the channels of each sequence to zero, all their steps, and scales the others
 * by `1 / (1 - rate)`. Input and result `[batch, steps, channels]`. Source: J. Tompson et al., "Efficient object localization
 * using convolutional networks", 2015.
 *
 * @throws Error when rate is outside [0, 1) or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.spatialDropout1d({ rate: 0.5, seed: 1 }).apply(ones([1, 2, 4]), { training: true }).print() // whole columns are 0 or 2
 * ```
 */
export const spatialDropout1d = (config: SpatialDropoutConfig & LayerConfig): SpatialDropout1D =>
  new SpatialDropout1D(config)

/**
 * While training, sets a random share `rate` of the channels of each image to zero, all their pixels, and scales the others
 * by `1 / (1 - rate)`. Input and result `[batch, height, width, channels]`. Source: J. Tompson et al., "Efficient object
 * localization using convolutional networks", 2015.
 *
 * @throws Error when rate is outside [0, 1) or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.spatialDropout2d({ rate: 0.5, seed: 1 })
 * layer.apply(ones([1, 2, 2, 4]), { training: true }).print() // each channel is 0 or 2 everywhere
 * ```
 */
export const spatialDropout2d = (config: SpatialDropoutConfig & LayerConfig): SpatialDropout2D =>
  new SpatialDropout2D(config)
