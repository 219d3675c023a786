// Zeros around sequences and images, and the cutting away of their edges.
import { pad, slice, type CallOptions, type Tensor } from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'
import { showShape } from '../shapes.ts'
import {
  alongSpatial,
  assertOneOf,
  assertSpatial,
  DATA_FORMATS,
  type SpatialConfig,
  spatialAxes,
} from './spatial.ts'

type Pair = readonly [number, number]
/** Elements at the edges of each axis: one number for all, one for both sides of an axis, or `[before, after]`. */
export type Edges = number | readonly (number | Pair)[]

function edgesOf(layer: string, key: string, edges: Edges, rank: number): readonly Pair[] {
  const list = typeof edges === 'number' ? Array<number>(rank).fill(edges) : edges
  const pairs = list.map((edge): Pair => (typeof edge === 'number' ? [edge, edge] : edge))
  const fits = pairs.every((pair) => pair.length === 2 && pair.every((v) => Number.isInteger(v) && v >= 0))
  if (pairs.length !== rank || !fits)
    throw new Error(
      `[${layer}] ${key} must be a whole number of 0 or more${rank > 1 ? `, or a number or [before, after] for each of ${rank} axes` : ', or [before, after]'}, got ${JSON.stringify(edges)}`,
    )
  return pairs
}

/** In one dimension `[before, after]` needs no further brackets. */
const edges1d = (edges: number | Pair): Edges => (typeof edges === 'number' ? edges : [edges])

/** Zeros around the spatial axes. */
function padded(x: Tensor, edges: readonly Pair[], config: SpatialConfig): Tensor {
  const paddings = alongSpatial<Pair>(edges, [0, 0], config)
  return pad(
    x,
    paddings.map(([before, after]) => [before, after]),
  )
}

function cropped(layer: string, x: Tensor, edges: readonly Pair[], config: SpatialConfig): Tensor {
  const cuts = alongSpatial<Pair>(edges, [0, 0], config)
  const size = x.shape.map((d, a) => d - cuts[a]![0] - cuts[a]![1])
  if (spatialAxes(edges.length, config).some((a) => size[a]! < 1))
    throw new Error(
      `[${layer}] cropping ${JSON.stringify(edges)} leaves nothing of an input ${showShape(x.shape)}`,
    )
  return slice(
    x,
    cuts.map(([before]) => before),
    size,
  )
}

export interface ZeroPadding1DConfig {
  /** Zeros at both ends, or `[before, after]`; default 1. */
  readonly padding?: number | Pair | undefined
}

/** See {@link zeroPadding1d}. */
export class ZeroPadding1D extends Layer<ZeroPadding1DConfig> {
  static override className = 'ZeroPadding1D'
  readonly #edges: readonly Pair[]
  constructor(config: ZeroPadding1DConfig & LayerConfig = {}) {
    super(config)
    this.#edges = edgesOf(this.name, 'padding', edges1d(config.padding ?? 1), 1)
  }
  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, 1, {})
    return padded(x, this.#edges, {})
  }
}

export interface ZeroPadding2DConfig extends SpatialConfig {
  /** Zeros on all sides, `[rows, columns]`, or `[[top, bottom], [left, right]]`; default 1. */
  readonly padding?: Edges | undefined
}

/** See {@link zeroPadding2d}. */
export class ZeroPadding2D extends Layer<ZeroPadding2DConfig> {
  static override className = 'ZeroPadding2D'
  readonly #edges: readonly Pair[]
  constructor(config: ZeroPadding2DConfig & LayerConfig = {}) {
    super(config)
    assertOneOf(this.name, 'dataFormat', config.dataFormat, DATA_FORMATS)
    this.#edges = edgesOf(this.name, 'padding', config.padding ?? 1, 2)
  }
  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, 2, this.config)
    return padded(x, this.#edges, this.config)
  }
}

export interface Cropping1DConfig {
  /** Steps that go at both ends, or `[before, after]`; default 1. */
  readonly cropping?: number | Pair | undefined
}

/** See {@link cropping1d}. */
export class Cropping1D extends Layer<Cropping1DConfig> {
  static override className = 'Cropping1D'
  readonly #edges: readonly Pair[]
  constructor(config: Cropping1DConfig & LayerConfig = {}) {
    super(config)
    this.#edges = edgesOf(this.name, 'cropping', edges1d(config.cropping ?? 1), 1)
  }
  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, 1, {})
    return cropped(this.name, x, this.#edges, {})
  }
}

export interface Cropping2DConfig extends SpatialConfig {
  /** What goes on all sides, `[rows, columns]`, or `[[top, bottom], [left, right]]`; default 0. */
  readonly cropping?: Edges | undefined
}

/** See {@link cropping2d}. */
export class Cropping2D extends Layer<Cropping2DConfig> {
  static override className = 'Cropping2D'
  readonly #edges: readonly Pair[]
  constructor(config: Cropping2DConfig & LayerConfig = {}) {
    super(config)
    assertOneOf(this.name, 'dataFormat', config.dataFormat, DATA_FORMATS)
    this.#edges = edgesOf(this.name, 'cropping', config.cropping ?? 0, 2)
  }
  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertSpatial(this.name, x.shape, 2, this.config)
    return cropped(this.name, x, this.#edges, this.config)
  }
}

/**
 * Zeros before and after the steps. Input `[batch, steps, channels]`, result `[batch, steps', channels]`.
 *
 * @throws Error when padding is no whole number or pair of them, or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.zeroPadding1d({ padding: [2, 0] }).apply(tensor([[[5]]])).print() // [[[0], [0], [5]]]
 * ```
 */
export const zeroPadding1d = (config: ZeroPadding1DConfig & LayerConfig = {}): ZeroPadding1D =>
  new ZeroPadding1D(config)

/**
 * Zeros around images. Input `[batch, height, width, channels]`, result `[batch, height', width', channels]`.
 *
 * @throws Error when padding is not made of whole numbers of 0 or more, or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.zeroPadding2d({ padding: [[1, 0], [2, 2]] })
 * console.log(layer.apply(ones([1, 4, 4, 3])).shape) // [ 1, 5, 8, 3 ]
 * ```
 */
export const zeroPadding2d = (config: ZeroPadding2DConfig & LayerConfig = {}): ZeroPadding2D =>
  new ZeroPadding2D(config)

/**
 * Cuts steps off at both ends. Input `[batch, steps, channels]`, result `[batch, steps', channels]`.
 *
 * @throws Error when cropping is no whole number or pair of them, nothing would be left, or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.cropping1d().apply(tensor([[[1], [2], [3]]])).print() // [[[2]]]
 * ```
 */
export const cropping1d = (config: Cropping1DConfig & LayerConfig = {}): Cropping1D => new Cropping1D(config)

/**
 * Cuts the edges of images off. Input `[batch, height, width, channels]`, result `[batch, height', width', channels]`.
 *
 * @throws Error when cropping is not made of whole numbers of 0 or more, nothing would be left, or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.cropping2d({ cropping: [[1, 0], [2, 2]] })
 * console.log(layer.apply(ones([1, 8, 8, 3])).shape) // [ 1, 7, 4, 3 ]
 * ```
 */
export const cropping2d = (config: Cropping2DConfig & LayerConfig = {}): Cropping2D => new Cropping2D(config)
