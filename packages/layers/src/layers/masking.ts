// Masking: steps of padding, told by their values.
import { any, notEqual, where, type CallOptions, type Tensor } from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'

export interface MaskingConfig {
  /** A step whose values are all this one is padding; default 0. */
  readonly maskValue?: number | undefined
}

/** Marks steps of padding; see {@link masking}. */
export class Masking extends Layer<MaskingConfig> {
  static override className = 'Masking'

  #seen(x: Tensor, keepDims: boolean): Tensor {
    return any(notEqual(x, this.config.maskValue ?? 0), [x.rank - 1], keepDims)
  }

  override call(x: Tensor, _options?: CallOptions): Tensor {
    return where(this.#seen(x, true), x, 0)
  }

  override computeMask([x]: readonly Tensor[]): Tensor {
    return this.#seen(x!, false)
  }
}

/**
 * Marks the steps whose values are all `maskValue` as padding: layers after it leave them out. `[batch, time, features]`; the
 * values of these steps become 0.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { layers, maskOf } from '@dl/layers'
 * import { tensor } from '@dl/tensor'
 * const x = layers.masking().apply(tensor([[[1, 2], [0, 3], [0, 0]]]))
 * maskOf(x)!.print() // [[true, true, false]]
 * ```
 */
export const masking = (config: MaskingConfig & LayerConfig = {}): Masking => new Masking(config)
