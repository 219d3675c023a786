// Pooling: the greatest element or the mean of each window.
import { avgPoolNd, maxPoolNd, type CallOptions, type Tensor } from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'
import {
  assertOneOf,
  assertSpatial,
  DATA_FORMATS,
  type PerAxis,
  perAxis,
  type SpatialConfig,
} from './spatial.ts'

export interface PoolingConfig extends SpatialConfig {
  /** Size of the window; default 2. */
  readonly poolSize?: PerAxis | undefined
  /** Steps of the window; default its size. */
  readonly strides?: PerAxis | undefined
  /** `'valid'` (the default): only whole windows; `'same'`: `ceil(size / stride)` windows. Padding never counts. */
  readonly padding?: 'valid' | 'same' | undefined
}

/** A function of windows over `rank` spatial axes. */
export abstract class Pooling extends Layer<PoolingConfig> {
  readonly #rank: number
  readonly #pool: typeof maxPoolNd
  readonly #size: readonly number[]
  readonly #strides: readonly number[]

  constructor(config: PoolingConfig & LayerConfig, rank: number, pool: typeof maxPoolNd) {
    super(config)
    this.#rank = rank
    this.#pool = pool
    assertOneOf(this.name, 'padding', config.padding, ['valid', 'same'])
    assertOneOf(this.name, 'dataFormat', config.dataFormat, DATA_FORMATS)
    this.#size = perAxis(this.name, 'poolSize', config.poolSize ?? 2, rank)
    this.#strides = perAxis(this.name, 'strides', config.strides ?? this.#size, rank)
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, this.#rank, this.config)
    const { padding, dataFormat } = this.config
    return this.#pool(x, { size: this.#size, strides: this.#strides, padding, dataFormat })
  }
}

/** See {@link maxPooling1d}. */
export class MaxPooling1D extends Pooling {
  static override className = 'MaxPooling1D'
  constructor(config: PoolingConfig & LayerConfig = {}) {
    super(config, 1, maxPoolNd)
  }
}

/** See {@link maxPooling2d}. */
export class MaxPooling2D extends Pooling {
  static override className = 'MaxPooling2D'
  constructor(config: PoolingConfig & LayerConfig = {}) {
    super(config, 2, maxPoolNd)
  }
}

/** See {@link averagePooling1d}. */
export class AveragePooling1D extends Pooling {
  static override className = 'AveragePooling1D'
  constructor(config: PoolingConfig & LayerConfig = {}) {
    super(config, 1, avgPoolNd)
  }
}

/** See {@link averagePooling2d}. */
export class AveragePooling2D extends Pooling {
  static override className = 'AveragePooling2D'
  constructor(config: PoolingConfig & LayerConfig = {}) {
    super(config, 2, avgPoolNd)
  }
}

/**
 * The greatest value of each window of steps, for each channel. Input `[batch, steps, channels]`, result
 * `[batch, steps', channels]`.
 *
 * @throws Error when a size is not a positive whole number or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.maxPooling1d().apply(tensor([[[1], [3], [2], [5]]])).print() // [[[3], [5]]]
 * ```
 */
export const maxPooling1d = (config: PoolingConfig & LayerConfig = {}): MaxPooling1D =>
  new MaxPooling1D(config)

/**
 * The greatest value of each window of an image, for each channel. Input `[batch, height, width, channels]`, result
 * `[batch, height', width', channels]`. Of equal values the first takes the gradient.
 *
 * @throws Error when a size is not a positive whole number or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.maxPooling2d({ poolSize: 2 }).apply(ones([1, 28, 28, 8])).shape) // [ 1, 14, 14, 8 ]
 * ```
 */
export const maxPooling2d = (config: PoolingConfig & LayerConfig = {}): MaxPooling2D =>
  new MaxPooling2D(config)

/**
 * The mean of each window of steps, for each channel. Input `[batch, steps, channels]`, result
 * `[batch, steps', channels]`.
 *
 * @throws Error when a size is not a positive whole number or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.averagePooling1d().apply(tensor([[[1], [3], [2], [4]]])).print() // [[[2], [3]]]
 * ```
 */
export const averagePooling1d = (config: PoolingConfig & LayerConfig = {}): AveragePooling1D =>
  new AveragePooling1D(config)

/**
 * The mean of each window of an image, for each channel; padding is left out of it. Input
 * `[batch, height, width, channels]`, result `[batch, height', width', channels]`.
 *
 * @throws Error when a size is not a positive whole number or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })
 * console.log(layer.apply(ones([1, 7, 7, 8])).shape) // [ 1, 4, 4, 8 ]
 * ```
 */
export const averagePooling2d = (config: PoolingConfig & LayerConfig = {}): AveragePooling2D =>
  new AveragePooling2D(config)
