// A recurrent layer in both directions of a sequence.
import { add, concat, mul, type CallOptions, type Tensor } from '@dl/tensor/core'
import { isList, Layer, type LayerConfig } from '../layer.ts'
import type { LayerShape } from '../shapes.ts'
import { assertOneOf } from './spatial.ts'
import type { Recurrent, RecurrentConfig, RecurrentOutput } from './recurrent.ts'

const MERGE_MODES = ['concat', 'sum', 'mul', 'ave'] as const

export interface BidirectionalConfig<
  M extends (typeof MERGE_MODES)[number] | null = (typeof MERGE_MODES)[number] | null,
> {
  /** A recurrent layer that goes forwards; new ones are made like it, and it stays as it is. */
  readonly layer: Recurrent
  /** Of the other direction, with `goBackwards`; it stays as it is, too. Default: one like `layer`. */
  readonly backwardLayer?: Recurrent | undefined
  /** How the outputs of both directions become one; null gives both. Default `concat`, along the features. */
  readonly mergeMode?: M | undefined
}

/** Two recurrent layers, one in each direction; see {@link bidirectional}. */
export class Bidirectional<R extends RecurrentOutput = RecurrentOutput> extends Layer<BidirectionalConfig> {
  static override className = 'Bidirectional'
  readonly #forward: Recurrent
  readonly #backward: Recurrent

  constructor(config: BidirectionalConfig & LayerConfig) {
    super(config)
    const { layer, backwardLayer = layer, mergeMode = 'concat' } = config
    if (mergeMode !== null) assertOneOf(this.name, 'mergeMode', mergeMode, MERGE_MODES)
    const { goBackwards, returnSequences = false, returnState = false } = layer.config
    const other = backwardLayer.config
    if (goBackwards || (backwardLayer !== layer && !other.goBackwards))
      throw new Error(`[${this.name}] layer must go forwards and backwardLayer backwards; see goBackwards`)
    if ((other.returnSequences ?? false) !== returnSequences || (other.returnState ?? false) !== returnState)
      throw new Error(
        `[${this.name}] backwardLayer must have returnSequences ${returnSequences} and returnState ${returnState}, as ` +
          `layer has, got ${other.returnSequences ?? false} and ${other.returnState ?? false}`,
      )
    this.#forward = like(layer, 'forward', false)
    this.#backward = like(backwardLayer, 'backward', true)
  }

  build(inputShape: LayerShape | readonly LayerShape[]): void {
    this.#forward.ensureBuilt(inputShape)
    this.#backward.ensureBuilt(inputShape)
  }

  protected override children(): readonly (readonly [string, Layer])[] {
    return [this.#forward, this.#backward].map((layer) => [layer.name, layer as Layer])
  }

  /** @param inputs the sequence, or `[sequence, ...first states forwards, ...first states backwards]` */
  override call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): R {
    const [x, ...states] = isList(inputs) ? inputs : [inputs]
    const half = states.length === 0 ? 0 : this.#forward.stateCount
    const there = this.#forward.run(x!, states.slice(0, half), options)
    const back = this.#backward.run(x!, states.slice(half), options)
    const { returnSequences, returnState } = this.#forward.config
    const outputs = this.#merged(returnSequences ? [there.outputs, back.outputs] : [there.last, back.last])
    if (returnState) return [...outputs, ...there.states, ...back.states] as readonly Tensor[] as R
    return (outputs.length > 1 ? outputs : outputs[0]) as R
  }

  override computeMask(_inputs: readonly Tensor[], [mask]: readonly (Tensor | null)[]): Tensor | null {
    return (this.config.layer.config.returnSequences && mask) || null
  }

  #merged([a, b]: readonly [Tensor, Tensor]): readonly Tensor[] {
    switch (this.config.mergeMode) {
      case null:
        return [a, b]
      case 'sum':
        return [add(a, b)]
      case 'ave':
        return [mul(add(a, b), 0.5)]
      case 'mul':
        return [mul(a, b)]
      default:
        return [concat([a, b], a.rank - 1)]
    }
  }
}

/** A new layer of the kind and config of `original`, for one direction. */
function like(original: Recurrent, direction: string, goBackwards: boolean): Recurrent {
  const Made = original.constructor as new (config: RecurrentConfig & LayerConfig) => Recurrent
  const config = original.getConfig()
  // outputs that a mask leaves out would be the last of one direction and the first of the other
  const zeroOutputForMask = config.returnSequences ?? false
  return new Made({ ...config, name: `${direction}_${original.name}`, goBackwards, zeroOutputForMask })
}

/** `Tensor` when the layer gives one and the outputs are merged. */
type OutputOf<L extends Recurrent, M> = M extends null ? readonly Tensor[] : ReturnType<L['call']>

/**
 * Two layers like `layer`, one in each direction, whose outputs are joined (M. Schuster and K. Paliwal, 1997). Outputs of both
 * directions are in the order of the input. With `returnState`: `[outputs, ...states forwards, ...states backwards]`. Weights
 * stand under `forward_lstm` and `backward_lstm`.
 *
 * @throws Error when `mergeMode` is none of those, or `backwardLayer` does not fit `layer`
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * const layer = layers.bidirectional({ layer: layers.lstm({ units: 4 }) })
 * console.log(layer.apply(ones([2, 5, 3])).shape) // [ 2, 8 ]
 * ```
 */
export const bidirectional = <
  L extends Recurrent,
  const M extends (typeof MERGE_MODES)[number] | null = 'concat',
>(
  config: BidirectionalConfig<M> & LayerConfig & { readonly layer: L },
): Bidirectional<OutputOf<L, M>> => new Bidirectional(config)
