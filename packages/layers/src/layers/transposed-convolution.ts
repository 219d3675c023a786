// Transposed convolutions: the gradient of a convolution with respect to its input, as a layer that enlarges.
import { convTranspose, type CallOptions, type Tensor } from '@dl/tensor/core'
import type { InitializerLike } from '../initializers.ts'
import { Layer, type LayerConfig } from '../layer.ts'
import type { RegularizerLike } from '../regularizers.ts'
import type { LayerShape } from '../shapes.ts'
import { finish, type Window, type WindowConfig, windowOf } from './convolution.ts'
import {
  assertChannels,
  assertOneOf,
  assertPositive,
  channelsOf,
  type PerAxis,
  perAxis,
  spatialAxes,
} from './spatial.ts'

export interface ConvTransposeConfig extends WindowConfig {
  /** Channels of the result. */
  readonly filters: number
  /**
   * `'valid'` (the default) or `'same'`: the result is `size · stride`. When an odd number of elements goes, the end loses one
   * more, as with TensorFlow, JAX and tfjs (Keras on PyTorch takes it from the start).
   */
  readonly padding?: 'valid' | 'same' | undefined
  /** Elements more at the end of each axis, below the stride. Default: as many as `padding` asks for. */
  readonly outputPadding?: PerAxis | undefined
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike | undefined
  readonly kernelRegularizer?: RegularizerLike | undefined
}

/** Transposed convolution over `rank` spatial axes; its weights are `kernel` and `bias`. */
export abstract class TransposedConvolution extends Layer<ConvTransposeConfig> {
  declare kernel: Tensor
  declare bias: Tensor | undefined
  readonly #rank: number
  readonly #window: Window
  readonly #outputPadding: readonly number[] | null

  constructor(config: ConvTransposeConfig & LayerConfig, rank: number) {
    super(config)
    this.#rank = rank
    this.#window = windowOf(this.name, config, rank)
    assertOneOf(this.name, 'padding', config.padding, ['valid', 'same'])
    assertPositive(this.name, 'filters', config.filters)
    const { outputPadding } = config
    this.#outputPadding =
      outputPadding === undefined ? null : perAxis(this.name, 'outputPadding', outputPadding, rank, 0)
    if (this.#outputPadding?.some((more, i) => more >= this.#window.strides[i]!))
      throw new Error(
        `[${this.name}] outputPadding must be below strides, got ${String(this.#outputPadding)} and ${String(this.#window.strides)}`,
      )
  }

  build(inputShape: LayerShape): void {
    const { filters, biasInitializer = 'zeros' } = this.config
    const channels = channelsOf(this.name, inputShape, this.#rank, this.config)
    this.kernel = this.addWeight('kernel', [...this.#window.kernelSize, filters, channels], {
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
    assertChannels(this.name, x.shape, this.#rank, this.config, this.kernel.shape.at(-1) as number)
    const { strides, dilations } = this.#window
    const cuts = spatialAxes(this.#rank, this.config).map((axis, i) => this.#cut(x.shape[axis] as number, i))
    const y = convTranspose(x, this.kernel, {
      strides,
      dilations,
      dataFormat: this.config.dataFormat,
      padding: cuts.map(
        (cut) => [Math.floor(Math.max(0, cut) / 2), Math.ceil(Math.max(0, cut) / 2)] as const,
      ),
      outputPadding: cuts.map((cut) => Math.max(0, -cut)),
    })
    return finish(y, this.bias, this.config)
  }

  /** How many elements of the full result the padding takes away (below 0: adds at the end), by Keras's rule. */
  #cut(size: number, axis: number): number {
    const stride = this.#window.strides[axis]!
    const reach = (this.#window.kernelSize[axis]! - 1) * this.#window.dilations[axis]! + 1
    const full = (size - 1) * stride + reach
    const same = this.config.padding === 'same'
    const more = this.#outputPadding?.[axis]
    if (more !== undefined) return (same ? 2 * Math.floor(reach / 2) : 0) - more
    return full - (same ? size * stride : Math.max(full, size * stride))
  }
}

/** See {@link conv1dTranspose}. */
export class Conv1DTranspose extends TransposedConvolution {
  static override className = 'Conv1DTranspose'
  constructor(config: ConvTransposeConfig & LayerConfig) {
    super(config, 1)
  }
}

/** See {@link conv2dTranspose}. */
export class Conv2DTranspose extends TransposedConvolution {
  static override className = 'Conv2DTranspose'
  constructor(config: ConvTransposeConfig & LayerConfig) {
    super(config, 2)
  }
}

/**
 * A transposed convolution over steps. Weights `kernel` [kernelSize, filters, channels] and `bias` [filters]. Input
 * `[batch, steps, channels]`, result `[batch, steps', filters]`.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown or change
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.conv1dTranspose({ filters: 4, kernelSize: 3, strides: 2 })
 * console.log(layer.apply(ones([1, 5, 2])).shape) // [ 1, 11, 4 ]
 * ```
 */
export const conv1dTranspose = (config: ConvTransposeConfig & LayerConfig): Conv1DTranspose =>
  new Conv1DTranspose(config)

/**
 * A transposed convolution over images. Weights `kernel` [height, width, filters, channels] and `bias` [filters]. Input
 * `[batch, height, width, channels]`, result `[batch, height', width', filters]`: with `padding: 'same'` an axis becomes
 * `size · stride`, else at least `(size − 1) · stride + kernelSize`.
 *
 * @throws Error when a size is not a positive whole number, or the channels are unknown or change
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' })
 * console.log(layer.apply(ones([1, 7, 7, 8])).shape) // [ 1, 14, 14, 3 ]
 * ```
 */
export const conv2dTranspose = (config: ConvTransposeConfig & LayerConfig): Conv2DTranspose =>
  new Conv2DTranspose(config)
