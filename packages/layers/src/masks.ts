// Masks of sequences: which steps of a value count. A mask belongs to a tensor and is handed from layer to layer, as in Keras:
// an embedding makes one, a recurrent layer skips the steps that it leaves out.
import { cast, clone, type Tensor } from '@dl/tensor/core'

const masks = new WeakMap<Tensor, Tensor>()

/**
 * The mask that belongs to `x`: bool `[batch, time]`, true where a step counts; null when there is none.
 *
 * @throws Error when the mask was disposed and the value was not: `tidy` returned the value alone
 */
export function maskOf(x: Tensor): Tensor | null {
  const mask = masks.get(x) ?? null
  if (mask?.isDisposed)
    throw new Error(
      `[maskOf] the mask of a value of shape [${x.shape.join(',')}] was disposed, the value was not; return maskOf(x) from ` +
        'tidy() beside x and join them again with withMask',
    )
  return mask
}

/** Makes `mask` that of `x`. */
export function setMask(x: Tensor, mask: Tensor): void {
  masks.set(x, mask)
}

/**
 * The values of `x` with a mask: layers that know masks (recurrent ones, attention, means over steps) leave out the steps
 * where it is false, and losses the values there.
 *
 * @param mask `[batch, time]`, bool or 0 and 1
 * @throws Error when the mask does not have the first dimensions of `x`
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { ones, tensor } from '@dl/tensor'
 * import { layers, withMask } from '@dl/layers'
 * const layer = layers.simpleRnn({ units: 1, activation: 'linear', kernelInitializer: 'ones', recurrentInitializer: 'ones' })
 * layer.apply(withMask(ones([1, 5, 1]), tensor([[1, 1, 1, 0, 0]]))).print() // [[3]]
 * ```
 */
export function withMask(x: Tensor, mask: Tensor): Tensor {
  if (mask.rank > x.rank || mask.shape.some((d, i) => d !== x.shape[i]))
    throw new Error(
      `[withMask] the mask must have the first dimensions of a value of shape [${x.shape.join(',')}], got [${mask.shape.join(',')}]`,
    )
  const result: Tensor = clone(x)
  setMask(result, mask.dtype === 'bool' ? mask : cast(mask, 'bool'))
  return result
}
