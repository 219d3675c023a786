// Dropout: while training, a random part of the values is zero.
import { greaterEqual, mul, random, where, type CallOptions, type Tensor } from '@dl/tensor/core'
import { GeneratorState } from '../generator-state.ts'
import { Layer, type LayerConfig } from '../layer.ts'

export interface DropoutConfig {
  /** Share of values that become zero, in [0, 1). */
  readonly rate: number
  /** Masks are drawn for this shape and stretched: a 1 shares the mask along that dimension, null is the input's size. */
  readonly noiseShape?: readonly (number | null)[] | undefined
  /** Default: the next of the sequence that `setRandomSeed` starts. */
  readonly seed?: number | undefined
}

/** Zeroes values while training; see {@link dropout}. */
export class Dropout extends Layer<DropoutConfig> {
  static override className = 'Dropout'
  override readonly supportsMasking = true
  readonly #generator: GeneratorState

  constructor(config: DropoutConfig & LayerConfig) {
    super(config)
    if (!(config.rate >= 0 && config.rate < 1))
      throw new Error(`[dropout] rate must be in [0, 1), got ${config.rate}`)
    this.#generator = new GeneratorState('dropout', config.seed)
    this.addState('generator', this.#generator.variable)
  }

  override call(x: Tensor, options: CallOptions = {}): Tensor {
    const { rate } = this.config
    if (options.training !== true || rate === 0) return x
    const kept = greaterEqual(random.uniform(this.#generator.next(), this.maskShape(x)), rate)
    return where(kept, mul(x, 1 / (1 - rate)), 0)
  }

  /** The shape that masks are drawn for. */
  protected maskShape(x: Tensor): readonly number[] {
    const { noiseShape } = this.config
    return noiseShape ? noiseShape.map((d, i) => d ?? (x.shape[i] as number)) : x.shape
  }
}

/**
 * Sets a random share `rate` of the values to zero while training and scales the others by `1 / (1 - rate)`; does nothing
 * otherwise. Masks differ at every call and are never stored.
 * Source: N. Srivastava et al., "Dropout", 2014.
 *
 * @throws Error when rate is outside [0, 1)
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.dropout({ rate: 0.5, seed: 1 })
 * layer.apply(ones([1, 4])).print() // [[1, 1, 1, 1]]
 * layer.apply(ones([1, 4]), { training: true }).print() // about half are 0, the others 2
 * ```
 */
export const dropout = (config: DropoutConfig & LayerConfig): Dropout => new Dropout(config)
