// The long short-term memory.
import { concat, lstm as lstmOverTime, ones, type DType, type Tensor } from '@dl/tensor/core'
import { initializerOf } from '../by-name.ts'
import type { Initializer, InitializerLike } from '../initializers.ts'
import type { LayerConfig } from '../layer.ts'
import {
  givenActivation,
  type GatedConfig,
  Recurrent,
  type RecurrentOutput,
  type Walk,
  type Walked,
} from './recurrent.ts'

export interface LSTMConfig extends GatedConfig {
  /** The bias of the forget gate begins as 1 (R. Jozefowicz et al., 2015); default true. */
  readonly unitForgetBias?: boolean | undefined
}

/** A recurrent layer with gates and a cell; see {@link lstm}. */
export class LSTM<R extends RecurrentOutput = RecurrentOutput> extends Recurrent<LSTMConfig, R> {
  static override className = 'LSTM'
  protected override readonly blocks = 4
  override readonly stateCount = 2
  protected override readonly cellName = 'lstm_cell'

  protected override biasInitializer(): InitializerLike {
    const given = super.biasInitializer()
    return this.config.unitForgetBias === false ? given : withUnitForget(initializerOf(given))
  }

  protected override walk(x: Tensor, [h, c]: readonly Tensor[], how: Walk): Walked {
    const { activation, recurrentActivation } = this.config
    const { kernel, recurrentKernel, bias } = this
    const last = lstmOverTime(
      x,
      { kernel, recurrentKernel, bias },
      {
        ...how,
        h,
        c,
        activation: givenActivation(activation),
        recurrentActivation: givenActivation(recurrentActivation),
      },
    )
    return { outputs: last.outputs, states: [last.h, last.c] }
  }
}

/** An initializer of biases whose second quarter, the forget gate, is 1. */
const withUnitForget = (others: Initializer): Initializer => ({
  name: 'unitForgetBias',
  config: { biasInitializer: others.name },
  init: (shape: readonly number[], dtype: DType): Tensor => {
    const units = shape[0]! / 4
    return concat([others.init([units], dtype), ones([units], dtype), others.init([2 * units], dtype)], 0)
  },
})

/**
 * A long short-term memory (S. Hochreiter and J. Schmidhuber, 1997). Input `[batch, time, features]`, or
 * `[sequence, h, c]` with the first states, `[batch, units]` each. Result: the last output, `[batch, units]`; all outputs,
 * `[batch, time, units]`, with `returnSequences`; `[output, h, c]` with `returnState`. Weights `lstm_cell/kernel`
 * [features, 4 · units], `lstm_cell/recurrent_kernel` [units, 4 · units] and `lstm_cell/bias` [4 · units]: input gate, forget
 * gate, cell, output gate.
 *
 * @throws Error when units is not a positive whole number, a rate is outside [0, 1), or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.lstm({ units: 4 }).apply(ones([2, 5, 3])).shape) // [ 2, 4 ]
 * const [outputs, h, c] = layers
 *   .lstm({ units: 4, returnSequences: true, returnState: true })
 *   .apply(ones([2, 5, 3]))
 * console.log(outputs!.shape, h!.shape, c!.shape) // [ 2, 5, 4 ] [ 2, 4 ] [ 2, 4 ]
 * ```
 */
export function lstm(
  config: LSTMConfig & LayerConfig & { readonly returnState: true },
): LSTM<readonly Tensor[]>
export function lstm(config: LSTMConfig & LayerConfig): LSTM<Tensor>
export function lstm(config: LSTMConfig & LayerConfig): LSTM {
  return new LSTM(config)
}
