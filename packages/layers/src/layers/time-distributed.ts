// A layer on every step of a sequence.
import { reshape, type CallOptions, type Tensor } from '@dl/tensor/core'
import { isList, Layer, layerOf, type LayerConfig } from '../layer.ts'
import { type LayerShape, showShape } from '../shapes.ts'

export interface TimeDistributedConfig {
  /** A layer, or a model, with one input and one output. */
  readonly layer: Layer
}

/** Applies a layer to each step; see {@link timeDistributed}. */
export class TimeDistributed extends Layer<TimeDistributedConfig> {
  static override className = 'TimeDistributed'
  override readonly supportsMasking = true
  readonly #layer: Layer

  constructor(config: TimeDistributedConfig & LayerConfig) {
    super(config)
    this.#layer = layerOf(config.layer)
  }

  build(inputShape: LayerShape): void {
    if (inputShape.length < 3)
      throw new Error(
        `[${this.name}] needs an input [batch, time, ...] with dimensions for a step, got ${showShape(inputShape)}`,
      )
    this.#layer.ensureBuilt([null, ...inputShape.slice(2)])
  }

  protected override children(): readonly (readonly [string, Layer])[] {
    return [[this.#layer.name, this.#layer]]
  }

  override call(x: Tensor, options?: CallOptions): Tensor {
    const [batch, time, ...step] = x.shape as [number, number, ...number[]]
    const rows = this.#layer.call(reshape(x, [batch * time, ...step]), options)
    if (isList(rows))
      throw new Error(
        `[${this.name}] the layer must give one result, '${this.#layer.name}' gives ${rows.length}`,
      )
    return reshape(rows, [batch, time, ...rows.shape.slice(1)])
  }
}

/**
 * Applies a layer to each step of a sequence: `[batch, time, ...]` to `[batch, time, ...]`. All steps are examples of one batch
 * for the layer, so that a batch normalization inside takes its statistics over all of them.
 *
 * @throws Error when the input has fewer than three dimensions or the layer gives several results
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const frames = layers.timeDistributed({ layer: layers.conv2d({ filters: 4, kernelSize: 3 }) })
 * console.log(frames.apply(ones([2, 5, 8, 8, 3])).shape) // [ 2, 5, 6, 6, 4 ]
 * ```
 */
export const timeDistributed = (config: TimeDistributedConfig & LayerConfig): TimeDistributed =>
  new TimeDistributed(config)
