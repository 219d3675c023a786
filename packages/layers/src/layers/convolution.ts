// Convolutions with a trained kernel over one, two or three spatial axes.
import { add, conv, reshape, type CallOptions, type Tensor } from '@dl/tensor/core'
import type { ActivationLike } from '../activations.ts'
import { activationOf } from '../by-name.ts'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'
import type { LayerShape } from '../shapes.ts'
import {
  assertChannels,
  assertOneOf,
  assertPositive,
  channelsOf,
  DATA_FORMATS,
  type PerAxis,
  perAxis,
  type SpatialConfig,
} from './spatial.ts'

/** What all convolutions have: the window, and what is done with its sum. */
export interface WindowConfig extends SpatialConfig {
  /** Size of the window. */
  readonly kernelSize: PerAxis
  /** Steps of the window; default 1. */
  readonly strides?: PerAxis | undefined
  /**
   * `'valid'` (the default): only whole windows. `'same'`: zeros around, so that the result has `ceil(size / stride)`
   * places. `'causal'` (one spatial axis): zeros before, so that no result sees what comes later.
   */
  readonly padding?: 'valid' | 'same' | 'causal' | undefined
  /** Distance of the elements of a window; default 1. */
  readonly dilationRate?: PerAxis | undefined
  /** Default none. */
  readonly activation?: ActivationLike | undefined
  /** Default true. */
  readonly useBias?: boolean | undefined
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike | undefined
  readonly biasRegularizer?: RegularizerLike | undefined
}

export interface ConvConfig extends WindowConfig {
  /** Channels of the result. */
  readonly filters: number
  /** Channels are split into this many groups that do not see each other; default 1. */
  readonly groups?: number | undefined
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike | undefined
  readonly kernelRegularizer?: RegularizerLike | undefined
}

/** Checked settings of a window, one number for each spatial axis. */
export interface Window {
  readonly kernelSize: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
}

/** @throws Error when a setting of the window is none */
export function windowOf(layer: string, config: WindowConfig, rank: number): Window {
  assertOneOf(layer, 'padding', config.padding, rank === 1 ? ['valid', 'same', 'causal'] : ['valid', 'same'])
  assertOneOf(layer, 'dataFormat', config.dataFormat, DATA_FORMATS)
  return {
    kernelSize: perAxis(layer, 'kernelSize', config.kernelSize, rank),
    strides: perAxis(layer, 'strides', config.strides ?? 1, rank),
    dilations: perAxis(layer, 'dilationRate', config.dilationRate ?? 1, rank),
  }
}

/** Adds the bias along the channels and applies the activation. */
export function finish(sum: Tensor, bias: Tensor | undefined, config: WindowConfig): Tensor {
  const activation = activationOf(config.activation)
  if (!bias) return activation(sum)
  const ones = Array<number>(sum.rank - 2).fill(1)
  const first = config.dataFormat === 'channelsFirst'
  return activation(add(sum, first ? reshape(bias, [bias.size, ...ones]) : bias))
}

/** Convolution over `rank` spatial axes; its weights are `kernel` and `bias`. */
export abstract class Convolution extends Layer<ConvConfig> {
  declare kernel: Tensor
  declare bias: Tensor | undefined
  readonly #rank: number
  readonly #window: Window
  #channels = 0

  constructor(config: ConvConfig & LayerConfig, rank: number) {
    super(config)
    this.#rank = rank
    assertPositive(this.name, 'filters', config.filters)
    this.#window = windowOf(this.name, config, rank)
    const { groups = 1 } = config
    assertPositive(this.name, 'groups', groups)
    if (config.filters % groups !== 0)
      throw new Error(`[${this.name}] filters must divide by groups, got ${config.filters} and ${groups}`)
  }

  build(inputShape: LayerShape): void {
    const { filters, groups = 1, biasInitializer = 'zeros' } = this.config
    const channels = channelsOf(this.name, inputShape, this.#rank, this.config)
    if (channels % groups !== 0)
      throw new Error(`[${this.name}] ${channels} channels do not divide by ${groups} groups`)
    this.#channels = channels
    this.kernel = this.addWeight('kernel', [...this.#window.kernelSize, channels / groups, filters], {
      initializer: this.config.kernelInitializer,
      regularizer: this.config.kernelRegularizer,
    })
    if (this.config.useBias !== false)
      this.bias = this.addWeight('bias', [filters], {
        initializer: biasInitializer,
        regularizer: this.config.biasRegularizer,
      })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertChannels(this.name, x.shape, this.#rank, this.config, this.#channels)
    const { padding, groups, dataFormat } = this.config
    const { strides, dilations } = this.#window
    const sum = conv(x, this.kernel, { strides, dilations, padding, groups, dataFormat })
    return finish(sum, this.bias, this.config)
  }
}

/** A convolution over steps; see {@link conv1d}. */
export class Conv1D extends Convolution {
  static override className = 'Conv1D'
  constructor(config: ConvConfig & LayerConfig) {
    super(config, 1)
  }
}

/** A convolution over height and width; see {@link conv2d}. */
export class Conv2D extends Convolution {
  static override className = 'Conv2D'
  constructor(config: ConvConfig & LayerConfig) {
    super(config, 2)
  }
}

/** A convolution over depth, height and width; see {@link conv3d}. */
export class Conv3D extends Convolution {
  static override className = 'Conv3D'
  constructor(config: ConvConfig & LayerConfig) {
    super(config, 3)
  }
}

/**
 * A convolution over steps. Weights `kernel` [kernelSize, channels / groups, filters] and `bias` [filters]. Input
 * `[batch, steps, channels]`, result `[batch, steps', filters]`; `padding: 'causal'` lets no step see a later one.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown, change or do not divide by groups
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.conv1d({ filters: 1, kernelSize: 2, padding: 'causal', kernelInitializer: 'ones' })
 * layer.apply(tensor([[[1], [2], [3]]])).print() // [[[1], [3], [5]]]
 * ```
 */
export const conv1d = (config: ConvConfig & LayerConfig): Conv1D => new Conv1D(config)

/**
 * A convolution over images. Weights `kernel` [height, width, channels / groups, filters] and `bias` [filters]. Input
 * `[batch, height, width, channels]`, result `[batch, height', width', filters]`; with `dataFormat: 'channelsFirst'` the
 * channels follow the batch.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown, change or do not divide by groups
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' })
 * console.log(layer.apply(ones([1, 28, 28, 1])).shape) // [ 1, 14, 14, 8 ]
 * ```
 */
export const conv2d = (config: ConvConfig & LayerConfig): Conv2D => new Conv2D(config)

/**
 * A convolution over volumes. Weights `kernel` [depth, height, width, channels / groups, filters] and `bias` [filters].
 * Input `[batch, depth, height, width, channels]`, result `[batch, depth', height', width', filters]`.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown, change or do not divide by groups
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.conv3d({ filters: 2, kernelSize: [1, 3, 3] })
 * console.log(layer.apply(ones([1, 4, 6, 6, 1])).shape) // [ 1, 4, 4, 4, 2 ]
 * ```
 */
export const conv3d = (config: ConvConfig & LayerConfig): Conv3D => new Conv3D(config)
