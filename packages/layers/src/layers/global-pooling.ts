// Global pooling: one value for each channel.
import { cast, div, expandDims, max, mean, mul, sum, type CallOptions, type Tensor } from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'
import { maskOf } from '../masks.ts'
import { assertOneOf, assertSpatial, DATA_FORMATS, type SpatialConfig, spatialAxes } from './spatial.ts'

export interface GlobalPoolingConfig extends SpatialConfig {
  /** Whether spatial axes stay, with size 1; default false. */
  readonly keepdims?: boolean | undefined
}

type Reduction = (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor
const greatest: Reduction = (x, axes, keepDims) => max(x, [...axes], keepDims)
const average: Reduction = (x, axes, keepDims) => mean(x, [...axes], keepDims)

/** A reduction of all `rank` spatial axes. */
export abstract class GlobalPooling extends Layer<GlobalPoolingConfig> {
  readonly #rank: number
  readonly #reduce: Reduction

  constructor(config: GlobalPoolingConfig & LayerConfig, rank: number, reduce: Reduction) {
    super(config)
    this.#rank = rank
    this.#reduce = reduce
    assertOneOf(this.name, 'dataFormat', config.dataFormat, DATA_FORMATS)
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, this.#rank, this.config)
    return this.#reduce(x, spatialAxes(this.#rank, this.config), this.config.keepdims ?? false)
  }
}

/** See {@link globalMaxPooling1d}. */
export class GlobalMaxPooling1D extends GlobalPooling {
  static override className = 'GlobalMaxPooling1D'
  constructor(config: GlobalPoolingConfig & LayerConfig = {}) {
    super(config, 1, greatest)
  }
}

/** See {@link globalMaxPooling2d}. */
export class GlobalMaxPooling2D extends GlobalPooling {
  static override className = 'GlobalMaxPooling2D'
  constructor(config: GlobalPoolingConfig & LayerConfig = {}) {
    super(config, 2, greatest)
  }
}

/** See {@link globalAveragePooling1d}. */
export class GlobalAveragePooling1D extends GlobalPooling {
  static override className = 'GlobalAveragePooling1D'
  constructor(config: GlobalPoolingConfig & LayerConfig = {}) {
    super(config, 1, average)
  }

  /** A mean over the steps that count. */
  override call(x: Tensor, options?: CallOptions): Tensor {
    const mask = maskOf(x)
    if (!mask) return super.call(x, options)
    const { dataFormat, keepdims = false } = this.config
    const axis = dataFormat === 'channelsFirst' ? 2 : 1
    const counts = expandDims(cast(mask, x.dtype), 3 - axis)
    return div(sum(mul(x, counts), axis, keepdims), sum(counts, axis, keepdims))
  }
}

/** See {@link globalAveragePooling2d}. */
export class GlobalAveragePooling2D extends GlobalPooling {
  static override className = 'GlobalAveragePooling2D'
  constructor(config: GlobalPoolingConfig & LayerConfig = {}) {
    super(config, 2, average)
  }
}

/**
 * The greatest value of each channel over all steps: `[batch, steps, channels]` to `[batch, channels]`.
 *
 * @throws Error when the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.globalMaxPooling1d().apply(tensor([[[1, 6], [3, 4]]])).print() // [[3, 6]]
 * ```
 */
export const globalMaxPooling1d = (config: GlobalPoolingConfig & LayerConfig = {}): GlobalMaxPooling1D =>
  new GlobalMaxPooling1D(config)

/**
 * The greatest value of each channel over the whole image: `[batch, height, width, channels]` to `[batch, channels]`.
 *
 * @throws Error when the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.globalMaxPooling2d().apply(tensor([[[[1, 6], [3, 4]]]])).print() // [[3, 6]]
 * ```
 */
export const globalMaxPooling2d = (config: GlobalPoolingConfig & LayerConfig = {}): GlobalMaxPooling2D =>
  new GlobalMaxPooling2D(config)

/**
 * The mean of each channel over all steps: `[batch, steps, channels]` to `[batch, channels]`.
 *
 * @throws Error when the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.globalAveragePooling1d().apply(tensor([[[1, 6], [3, 4]]])).print() // [[2, 5]]
 * ```
 */
export const globalAveragePooling1d = (
  config: GlobalPoolingConfig & LayerConfig = {},
): GlobalAveragePooling1D => new GlobalAveragePooling1D(config)

/**
 * The mean of each channel over the whole image: `[batch, height, width, channels]` to `[batch, channels]`.
 *
 * @throws Error when the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.globalAveragePooling2d().apply(tensor([[[[1, 6], [3, 4]]]])).print() // [[2, 5]]
 * ```
 */
export const globalAveragePooling2d = (
  config: GlobalPoolingConfig & LayerConfig = {},
): GlobalAveragePooling2D => new GlobalAveragePooling2D(config)
