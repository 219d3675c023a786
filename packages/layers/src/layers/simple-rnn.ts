// The plain recurrent layer.
import { simpleRnn as rnnOverTime, type Tensor } from '@dl/tensor/core'
import type { LayerConfig } from '../layer.ts'
import {
  givenActivation,
  Recurrent,
  type RecurrentConfig,
  type RecurrentOutput,
  type Walk,
  type Walked,
} from './recurrent.ts'

/** A recurrent layer without gates; see {@link simpleRnn}. */
export class SimpleRNN<R extends RecurrentOutput = RecurrentOutput> extends Recurrent<RecurrentConfig, R> {
  static override className = 'SimpleRNN'
  protected override readonly blocks = 1
  override readonly stateCount = 1
  protected override readonly cellName = 'simple_rnn_cell'

  protected override walk(x: Tensor, [h]: readonly Tensor[], how: Walk): Walked {
    const { activation } = this.config
    const { kernel, recurrentKernel, bias } = this
    const options = { ...how, h, activation: givenActivation(activation) }
    const last = rnnOverTime(x, { kernel, recurrentKernel, bias }, options)
    return { outputs: last.outputs, states: [last.h] }
  }
}

/**
 * A plain recurrent layer (J. Elman, 1990): `h' = activation(x · kernel + h · recurrent_kernel + bias)`. Input
 * `[batch, time, features]`, or `[sequence, h]` with the first state, `[batch, units]`. Result: the last output,
 * `[batch, units]`; all outputs, `[batch, time, units]`, with `returnSequences`; `[output, h]` with `returnState`. Weights
 * `simple_rnn_cell/kernel` [features, units], `simple_rnn_cell/recurrent_kernel` [units, units], `simple_rnn_cell/bias` [units].
 *
 * @throws Error when units is not a positive whole number, a rate is outside [0, 1), or the input has another rank
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.simpleRnn({ units: 1, activation: 'linear', kernelInitializer: 'ones', recurrentInitializer: 'ones' })
 * layer.apply(ones([1, 5, 2])).print() // [[10]]
 * ```
 */
export function simpleRnn(
  config: RecurrentConfig & LayerConfig & { readonly returnState: true },
): SimpleRNN<readonly Tensor[]>
export function simpleRnn(config: RecurrentConfig & LayerConfig): SimpleRNN<Tensor>
export function simpleRnn(config: RecurrentConfig & LayerConfig): SimpleRNN {
  return new SimpleRNN(config)
}
