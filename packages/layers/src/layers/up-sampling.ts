// Upsampling: every step or pixel several times, or values between neighbours.
import {
  add,
  broadcastTo,
  gather,
  mul,
  reshape,
  tensor,
  type CallOptions,
  type Tensor,
} from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'
import {
  assertOneOf,
  assertSpatial,
  DATA_FORMATS,
  type PerAxis,
  perAxis,
  type SpatialConfig,
  spatialAxes,
} from './spatial.ts'

/** Each element along `axis` `times` times, side by side. */
function repeated(x: Tensor, axis: number, times: number): Tensor {
  if (times === 1) return x
  const [before, after] = [x.shape.slice(0, axis + 1), x.shape.slice(axis + 1)]
  const apart = broadcastTo(reshape(x, [...before, 1, ...after]), [...before, times, ...after])
  return reshape(apart, [...before.slice(0, -1), before.at(-1)! * times, ...after])
}

/**
 * Values between neighbours along `axis`. Output `i` lies at `(i + 0.5) / times − 0.5`, centres of pixels on centres; what
 * lies outside takes the edge.
 */
function interpolated(x: Tensor, axis: number, times: number): Tensor {
  if (times === 1) return x
  const size = x.shape[axis]!
  const places = Array.from({ length: size * times }, (_, i) =>
    Math.min(size - 1, Math.max(0, (i + 0.5) / times - 0.5)),
  )
  const along = x.shape.map((_, a) => (a === axis ? places.length : 1))
  const neighbour = (of: (place: number) => number): Tensor =>
    gather(x, tensor(places.map(of), [places.length], 'int32'), axis)
  const share = (of: (place: number) => number): Tensor => tensor(places.map(of), along, x.dtype)
  return add(
    mul(
      neighbour(Math.floor),
      share((p) => 1 - (p % 1)),
    ),
    mul(
      neighbour((p) => Math.min(size - 1, Math.floor(p) + 1)),
      share((p) => p % 1),
    ),
  )
}

export interface UpSampling1DConfig {
  /** How often each step stands in the result; default 2. */
  readonly size?: number | undefined
}

/** See {@link upSampling1d}. */
export class UpSampling1D extends Layer<UpSampling1DConfig> {
  static override className = 'UpSampling1D'
  readonly #times: number
  constructor(config: UpSampling1DConfig & LayerConfig = {}) {
    super(config)
    this.#times = perAxis(this.name, 'size', config.size ?? 2, 1)[0]!
  }
  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, 1, {})
    return repeated(x, 1, this.#times)
  }
}

export interface UpSampling2DConfig extends SpatialConfig {
  /** Factors of height and width; default 2. */
  readonly size?: PerAxis | undefined
  /** `'nearest'` (the default) repeats pixels, `'bilinear'` mixes neighbours. */
  readonly interpolation?: 'nearest' | 'bilinear' | undefined
}

/** See {@link upSampling2d}. */
export class UpSampling2D extends Layer<UpSampling2DConfig> {
  static override className = 'UpSampling2D'
  readonly #size: readonly number[]
  constructor(config: UpSampling2DConfig & LayerConfig = {}) {
    super(config)
    assertOneOf(this.name, 'dataFormat', config.dataFormat, DATA_FORMATS)
    assertOneOf(this.name, 'interpolation', config.interpolation, ['nearest', 'bilinear'])
    this.#size = perAxis(this.name, 'size', config.size ?? 2, 2)
  }
  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, 2, this.config)
    const enlarged = this.config.interpolation === 'bilinear' ? interpolated : repeated
    return spatialAxes(2, this.config).reduce((y: Tensor, axis, i) => enlarged(y, axis, this.#size[i]!), x)
  }
}

/**
 * Each step `size` times. Input `[batch, steps, channels]`, result `[batch, steps · size, channels]`.
 *
 * @throws Error when size is not a positive whole number or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.upSampling1d().apply(tensor([[[1], [2]]])).print() // [[[1], [1], [2], [2]]]
 * ```
 */
export const upSampling1d = (config: UpSampling1DConfig & LayerConfig = {}): UpSampling1D =>
  new UpSampling1D(config)

/**
 * Images enlarged by whole factors. Input `[batch, height, width, channels]`, result
 * `[batch, height · size, width · size, channels]`.
 *
 * @throws Error when size is not a positive whole number or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.upSampling2d({ size: [2, 3] }).apply(ones([1, 4, 4, 3])).shape) // [ 1, 8, 12, 3 ]
 * ```
 */
export const upSampling2d = (config: UpSampling2DConfig & LayerConfig = {}): UpSampling2D =>
  new UpSampling2D(config)
