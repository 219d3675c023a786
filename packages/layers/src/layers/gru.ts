// The gated recurrent unit.
import { gru as gruOverTime, reshape, slice, type Tensor } from '@dl/tensor/core'
import type { LayerConfig } from '../layer.ts'
import {
  givenActivation,
  type GatedConfig,
  Recurrent,
  type RecurrentOutput,
  type Walk,
  type Walked,
} from './recurrent.ts'

export interface GRUConfig extends GatedConfig {
  /**
   * The reset gate is applied after the product with the state, which then has a bias of its own (cuDNN, PyTorch), or to the
   * state before it. Default true.
   */
  readonly resetAfter?: boolean | undefined
}

/** A recurrent layer with two gates; see {@link gru}. */
export class GRU<R extends RecurrentOutput = RecurrentOutput> extends Recurrent<GRUConfig, R> {
  static override className = 'GRU'
  protected override readonly blocks = 3
  override readonly stateCount = 1
  protected override readonly cellName = 'gru_cell'

  get #resetAfter(): boolean {
    return this.config.resetAfter ?? true
  }

  protected override biasShape(): readonly number[] {
    const width = 3 * this.config.units
    return this.#resetAfter ? [2, width] : [width]
  }

  protected override walk(x: Tensor, [h]: readonly Tensor[], how: Walk): Walked {
    const { activation, recurrentActivation } = this.config
    const { kernel, recurrentKernel } = this
    const last = gruOverTime(
      x,
      { kernel, recurrentKernel, ...this.#biases() },
      {
        ...how,
        h,
        resetAfter: this.#resetAfter,
        activation: givenActivation(activation),
        recurrentActivation: givenActivation(recurrentActivation),
      },
    )
    return { outputs: last.outputs, states: [last.h] }
  }

  /** The bias of the input and, with `resetAfter`, that of the state: the rows of one weight. */
  #biases(): { bias?: Tensor; recurrentBias?: Tensor } {
    const { bias } = this
    if (!bias) return {}
    if (!this.#resetAfter) return { bias }
    const row = (i: number): Tensor => reshape(slice(bias, [i, 0], [1, -1]), [-1])
    return { bias: row(0), recurrentBias: row(1) }
  }
}

/**
 * A gated recurrent unit (K. Cho et al., 2014). Input `[batch, time, features]`, or `[sequence, h]` with the first state,
 * `[batch, units]`. Result: the last output, `[batch, units]`; all outputs, `[batch, time, units]`, with `returnSequences`;
 * `[output, h]` with `returnState`. Weights `gru_cell/kernel` [features, 3 · units], `gru_cell/recurrent_kernel`
 * [units, 3 · units] and `gru_cell/bias` [2, 3 · units] ([3 · units] without `resetAfter`): update gate, reset gate, candidate.
 *
 * @throws Error when units is not a positive whole number, a rate is outside [0, 1), or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.gru({ units: 4, returnSequences: true }).apply(ones([2, 5, 3])).shape) // [ 2, 5, 4 ]
 * ```
 */
export function gru(config: GRUConfig & LayerConfig & { readonly returnState: true }): GRU<readonly Tensor[]>
export function gru(config: GRUConfig & LayerConfig): GRU<Tensor>
export function gru(config: GRUConfig & LayerConfig): GRU {
  return new GRU(config)
}
