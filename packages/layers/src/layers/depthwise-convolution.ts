// Convolutions that treat each channel on its own, and those that mix the channels afterwards.
import { conv, reshape, type CallOptions, type Tensor } from '@dl/tensor/core'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'
import type { LayerShape } from '../shapes.ts'
import { finish, type Window, type WindowConfig, windowOf } from './convolution.ts'
import { assertChannels, assertPositive, channelsOf } from './spatial.ts'

export interface DepthwiseConvConfig extends WindowConfig {
  /** Results for each channel; default 1. */
  readonly depthMultiplier?: number | undefined
  /** Default `glorotUniform`. */
  readonly depthwiseInitializer?: InitializerLike | undefined
  readonly depthwiseRegularizer?: RegularizerLike | undefined
}

export interface SeparableConvConfig extends DepthwiseConvConfig {
  /** Channels of the result. */
  readonly filters: number
  /** Default `glorotUniform`. */
  readonly pointwiseInitializer?: InitializerLike | undefined
  readonly pointwiseRegularizer?: RegularizerLike | undefined
}

/** Each channel's own windows with the kernel `[…window, channels, multiplier]`. */
function depthwise(x: Tensor, kernel: Tensor, { strides, dilations }: Window, config: WindowConfig): Tensor {
  const { padding, dataFormat } = config
  const [channels, multiplier] = kernel.shape.slice(-2) as [number, number]
  const grouped = reshape(kernel, [...kernel.shape.slice(0, -2), 1, channels * multiplier])
  return conv(x, grouped, { strides, dilations, padding, dataFormat, groups: channels })
}

/** One kernel, or several, for each channel over `rank` spatial axes; its weights are `kernel` and `bias`. */
export abstract class DepthwiseConvolution extends Layer<DepthwiseConvConfig> {
  declare kernel: Tensor
  declare bias: Tensor | undefined
  readonly #rank: number
  readonly #window: Window

  constructor(config: DepthwiseConvConfig & LayerConfig, rank: number) {
    super(config)
    this.#rank = rank
    this.#window = windowOf(this.name, config, rank)
    assertPositive(this.name, 'depthMultiplier', config.depthMultiplier ?? 1)
  }

  build(inputShape: LayerShape): void {
    const { depthMultiplier = 1, biasInitializer = 'zeros' } = this.config
    const channels = channelsOf(this.name, inputShape, this.#rank, this.config)
    this.kernel = this.addWeight('kernel', [...this.#window.kernelSize, channels, depthMultiplier], {
      initializer: this.config.depthwiseInitializer,
      regularizer: this.config.depthwiseRegularizer,
    })
    if (this.config.useBias !== false)
      this.bias = this.addWeight('bias', [channels * depthMultiplier], {
        initializer: biasInitializer,
        regularizer: this.config.biasRegularizer,
      })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertChannels(this.name, x.shape, this.#rank, this.config, this.kernel.shape.at(-2) as number)
    return finish(depthwise(x, this.kernel, this.#window, this.config), this.bias, this.config)
  }
}

/** See {@link depthwiseConv1d}. */
export class DepthwiseConv1D extends DepthwiseConvolution {
  static override className = 'DepthwiseConv1D'
  constructor(config: DepthwiseConvConfig & LayerConfig) {
    super(config, 1)
  }
}

/** See {@link depthwiseConv2d}. */
export class DepthwiseConv2D extends DepthwiseConvolution {
  static override className = 'DepthwiseConv2D'
  constructor(config: DepthwiseConvConfig & LayerConfig) {
    super(config, 2)
  }
}

/** A depthwise convolution, then one of size 1; its weights are `depthwise_kernel`, `pointwise_kernel` and `bias`. */
export abstract class SeparableConvolution extends Layer<SeparableConvConfig> {
  declare depthwiseKernel: Tensor
  declare pointwiseKernel: Tensor
  declare bias: Tensor | undefined
  readonly #rank: number
  readonly #window: Window

  constructor(config: SeparableConvConfig & LayerConfig, rank: number) {
    super(config)
    this.#rank = rank
    this.#window = windowOf(this.name, config, rank)
    assertPositive(this.name, 'filters', config.filters)
    assertPositive(this.name, 'depthMultiplier', config.depthMultiplier ?? 1)
  }

  build(inputShape: LayerShape): void {
    const { filters, depthMultiplier = 1, biasInitializer = 'zeros' } = this.config
    const { kernelSize } = this.#window
    const channels = channelsOf(this.name, inputShape, this.#rank, this.config)
    this.depthwiseKernel = this.addWeight('depthwise_kernel', [...kernelSize, channels, depthMultiplier], {
      initializer: this.config.depthwiseInitializer,
      regularizer: this.config.depthwiseRegularizer,
    })
    const point = [...kernelSize.map(() => 1), channels * depthMultiplier, filters]
    this.pointwiseKernel = this.addWeight('pointwise_kernel', point, {
      initializer: this.config.pointwiseInitializer,
      regularizer: this.config.pointwiseRegularizer,
    })
    if (this.config.useBias !== false)
      this.bias = this.addWeight('bias', [filters], {
        initializer: biasInitializer,
        regularizer: this.config.biasRegularizer,
      })
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    assertChannels(this.name, x.shape, this.#rank, this.config, this.depthwiseKernel.shape.at(-2) as number)
    const { dataFormat } = this.config
    const apart = depthwise(x, this.depthwiseKernel, this.#window, this.config)
    return finish(conv(apart, this.pointwiseKernel, { dataFormat }), this.bias, this.config)
  }
}

/** See {@link separableConv1d}. */
export class SeparableConv1D extends SeparableConvolution {
  static override className = 'SeparableConv1D'
  constructor(config: SeparableConvConfig & LayerConfig) {
    super(config, 1)
  }
}

/** See {@link separableConv2d}. */
export class SeparableConv2D extends SeparableConvolution {
  static override className = 'SeparableConv2D'
  constructor(config: SeparableConvConfig & LayerConfig) {
    super(config, 2)
  }
}

/**
 * A convolution over steps of each channel on its own. Weights `kernel` [kernelSize, channels, depthMultiplier] and `bias`
 * [channels · depthMultiplier]. Input `[batch, steps, channels]`, result `[batch, steps', channels · depthMultiplier]`.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown or change
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.depthwiseConv1d({ kernelSize: 3, depthMultiplier: 2 }).apply(ones([1, 8, 4])).shape) // [ 1, 6, 8 ]
 * ```
 */
export const depthwiseConv1d = (config: DepthwiseConvConfig & LayerConfig): DepthwiseConv1D =>
  new DepthwiseConv1D(config)

/**
 * A convolution over images of each channel on its own. Weights `kernel` [height, width, channels, depthMultiplier] and
 * `bias` [channels · depthMultiplier]. Input `[batch, height, width, channels]`, result
 * `[batch, height', width', channels · depthMultiplier]`: the results of one channel stand side by side.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown or change
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', depthMultiplier: 2 })
 * console.log(layer.apply(ones([1, 8, 8, 3])).shape) // [ 1, 8, 8, 6 ]
 * ```
 */
export const depthwiseConv2d = (config: DepthwiseConvConfig & LayerConfig): DepthwiseConv2D =>
  new DepthwiseConv2D(config)

/**
 * A depthwise convolution over steps, then a convolution of size 1 that mixes the channels. Weights `depthwise_kernel`
 * [kernelSize, channels, depthMultiplier], `pointwise_kernel` [1, channels · depthMultiplier, filters] and `bias` [filters].
 * Input `[batch, steps, channels]`, result `[batch, steps', filters]`.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown or change
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.separableConv1d({ filters: 5, kernelSize: 3 }).apply(ones([1, 8, 4])).shape) // [ 1, 6, 5 ]
 * ```
 */
export const separableConv1d = (config: SeparableConvConfig & LayerConfig): SeparableConv1D =>
  new SeparableConv1D(config)

/**
 * A depthwise convolution over images, then a convolution of size 1 that mixes the channels: far fewer weights than
 * `conv2d`. Weights `depthwise_kernel` [height, width, channels, depthMultiplier], `pointwise_kernel`
 * [1, 1, channels · depthMultiplier, filters] and `bias` [filters]. Input `[batch, height, width, channels]`, result
 * `[batch, height', width', filters]`. Source: F. Chollet, "Xception", 2017.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown or change
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.separableConv2d({ filters: 16, kernelSize: 3 })
 * console.log(layer.apply(ones([1, 8, 8, 8])).shape, layer.countParams()) // [ 1, 6, 6, 16 ] 216
 * ```
 */
export const separableConv2d = (config: SeparableConvConfig & LayerConfig): SeparableConv2D =>
  new SeparableConv2D(config)
