// Penalties on weights that are added to the loss.
import { abs, add, mul, square, sum, type Tensor } from '@dl/tensor/core'

/** A penalty for a weight: a scalar. */
export interface Regularizer {
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  penalty(weight: Tensor): Tensor
}
/** A regularizer or the name of one: `'l1'`, `'l2'`, `'l1l2'`. */
export type RegularizerLike = Regularizer | string

/** `l1 · Σ|w|`; default 0.01. */
export function l1(amount: number = 0.01): Regularizer {
  return { name: 'l1', config: { l1: amount }, penalty: (w) => mul(sum(abs(w)), amount) }
}

/** `l2 · Σw²`; default 0.01. */
export function l2(amount: number = 0.01): Regularizer {
  return { name: 'l2', config: { l2: amount }, penalty: (w) => mul(sum(square(w)), amount) }
}

/**
 * `l1 · Σ|w| + l2 · Σw²`; defaults 0.01.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { layers, regularizers, sequential } from '@dl/layers'
 * const kernelRegularizer = regularizers.l1l2({ l1: 1e-5, l2: 1e-4 })
 * sequential([layers.dense({ units: 2, inputShape: [3], kernelRegularizer })])
 * ```
 */
export function l1l2(amounts: { readonly l1?: number; readonly l2?: number } = {}): Regularizer {
  const first = l1(amounts.l1)
  const second = l2(amounts.l2)
  return {
    name: 'l1l2',
    config: { ...first.config, ...second.config },
    penalty: (w) => add(first.penalty(w), second.penalty(w)),
  }
}
