// Layers with several inputs: their sum, their concatenation.
import {
  add as addTensors,
  all,
  broadcastTo,
  concat,
  logicalOr,
  ones,
  reshape,
  type CallOptions,
  type Tensor,
} from '@dl/tensor/core'
import { Layer, type LayerConfig } from '../layer.ts'

function several(name: string, inputs: readonly Tensor[]): readonly [Tensor, ...Tensor[]] {
  if (!Array.isArray(inputs) || inputs.length < 2)
    throw new Error(
      `[${name}] expects an array of at least two tensors, got ${Array.isArray(inputs) ? inputs.length : 'one tensor'}`,
    )
  return inputs as unknown as readonly [Tensor, ...Tensor[]]
}

/** The sum of its inputs; see {@link add}. */
export class Add extends Layer {
  static override className = 'Add'
  override call(inputs: readonly Tensor[], _options?: CallOptions): Tensor {
    const [first, ...others] = several(this.name, inputs)
    return others.reduce((total: Tensor, x) => addTensors(total, x), first)
  }

  /** A step counts where it counts in any input. */
  override computeMask(_inputs: readonly Tensor[], masks: readonly (Tensor | null)[]): Tensor | null {
    if (!masks.every((mask) => mask !== null)) return null
    return masks.reduce((either, mask) => logicalOr(either, mask))
  }
}

/**
 * Adds its inputs, which have equal shapes or broadcast.
 *
 * @throws Error for fewer than two inputs
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * layers.add().apply([ones([1, 2]), ones([1, 2])]).print() // [[2, 2]]
 * ```
 */
export const add = (config: LayerConfig = {}): Add => new Add(config)

export interface ConcatenateConfig {
  /** Dimension along which inputs are joined; default -1. */
  readonly axis?: number | undefined
}

/** Its inputs side by side; see {@link concatenate}. */
export class Concatenate extends Layer<ConcatenateConfig> {
  static override className = 'Concatenate'
  override call(inputs: readonly Tensor[], _options?: CallOptions): Tensor {
    const list = several(this.name, inputs)
    const { axis = -1 } = this.config
    return concat([...list], axis < 0 ? axis + list[0].rank : axis)
  }

  /** Joined as the inputs are; a step counts where all its values do. */
  override computeMask(inputs: readonly Tensor[], masks: readonly (Tensor | null)[]): Tensor | null {
    if (masks.every((mask) => mask === null)) return null
    const { axis = -1 } = this.config
    const { rank } = inputs[0]!
    const each = inputs.map((x, i) => {
      const mask = masks[i]
      if (!mask) return ones(x.shape, 'bool')
      return broadcastTo(reshape(mask, [...mask.shape, ...Array<number>(rank - mask.rank).fill(1)]), x.shape)
    })
    return all(concat(each, axis < 0 ? axis + rank : axis), [rank - 1])
  }
}

/**
 * Joins its inputs along one dimension, the last by default.
 *
 * @throws Error for fewer than two inputs, or when other dimensions differ
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones } from '@dl/tensor'
 * import { layers } from '@dl/layers'
 * console.log(layers.concatenate().apply([ones([1, 2]), ones([1, 3])]).shape) // [ 1, 5 ]
 * ```
 */
export const concatenate = (config: ConcatenateConfig & LayerConfig = {}): Concatenate =>
  new Concatenate(config)
