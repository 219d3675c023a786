// Values of an image between its elements: weights from the distance of the nearest ones, as sums of picked elements. Places
// are tensors, so that gradients reach them too.
import {
  add,
  cast,
  clipByValue,
  floor,
  gather,
  greater,
  greaterEqual,
  lessEqual,
  logicalAnd,
  mod,
  mul,
  reshape,
  sub,
  type Tensor,
  where,
} from '@dl/tensor/core'
import { dtypeOfTensor, shapeOf } from '../operator.ts'

/** What stands outside of the image. Reflection is about the middle of the border elements, or about their outer edge. */
export type Outside = 'zeros' | 'border' | 'reflectMiddle' | 'reflectEdge'

/** The elements of an axis around a place, each with its weight. */
interface Tap {
  readonly index: Tensor
  readonly weight: Tensor | undefined
}

/** `x` turned back at both ends of an axis of `size` elements, as often as it takes. */
export function reflected(x: Tensor, size: number, about: 'reflectMiddle' | 'reflectEdge'): Tensor {
  const low = about === 'reflectMiddle' ? 0 : -0.5
  const range = about === 'reflectMiddle' ? size - 1 : size
  if (range === 0) return mul(x, 0)
  const t: Tensor = mod(sub(x, low), 2 * range)
  return add(where(greater(t, range), sub(2 * range, t), t), low)
}

/** An element's number made valid; the weight of one outside becomes 0 where the outside is. */
function tap(at: Tensor, weight: Tensor | undefined, size: number, outside: Outside): Tap {
  if (outside === 'zeros') {
    const inside = logicalAnd(greaterEqual(at, 0), lessEqual(at, size - 1))
    const one = weight ?? add(mul(at, 0), 1)
    return { index: clipByValue(at, 0, size - 1), weight: where(inside, one, 0) }
  }
  const turned = outside === 'border' ? at : reflected(at, size, outside)
  return { index: clipByValue(turned, 0, size - 1), weight }
}

export const nearestTaps = (place: Tensor, size: number, outside: Outside): Tap[] => [
  tap(place, undefined, size, outside),
]

export function linearTaps(place: Tensor, size: number, outside: Outside): Tap[] {
  const left: Tensor = floor(place)
  const ratio: Tensor = sub(place, left)
  return [tap(left, sub(1, ratio), size, outside), tap(add(left, 1), ratio, size, outside)]
}

/** Cubic convolution (Keys 1981) with a = -0.75, as in PyTorch. */
export function cubicTaps(place: Tensor, size: number, outside: Outside): Tap[] {
  const a = -0.75
  const left: Tensor = floor(place)
  const t: Tensor = sub(place, left)
  const near = (x: Tensor): Tensor => add(mul(mul(sub(mul(x, a + 2), a + 3), x), x), 1)
  const far = (x: Tensor): Tensor => sub(mul(add(mul(sub(mul(x, a), 5 * a), x), 8 * a), x), 4 * a)
  const weights = [far(add(t, 1)), near(t), near(sub(1, t)), far(sub(2, t))]
  return weights.map((weight, i) => tap(add(left, i - 1), weight, size, outside))
}

/**
 * The sum over all combinations of taps.
 * @param x `[batch, channels, …sizes]`
 * @param taps for each axis, of shape `[batch, places]`
 * @returns `[batch, channels, places]`
 */
export function interpolated(x: Tensor, taps: readonly (readonly Tap[])[]): Tensor {
  const [batch, channels, ...sizes] = shapeOf(x) as [number, number, ...number[]]
  const count = sizes.reduce((n, d) => n * d, 1)
  const flat = reshape(x, [batch, channels, count])
  const combinations = taps.reduce<Tap[]>((found, list, axis) => {
    if (axis === 0) return [...list]
    return found.flatMap((left) =>
      list.map((right) => ({
        index: add(mul(left.index, sizes[axis]!), right.index),
        weight: left.weight && right.weight ? mul(left.weight, right.weight) : (left.weight ?? right.weight),
      })),
    )
  }, [])
  const terms = combinations.map(({ index, weight }) => {
    const picked: Tensor = gather(flat, cast(index, 'int32'), 2, 1)
    return weight ? mul(picked, cast(reshape(weight, [batch, 1, -1]), dtypeOfTensor(x))) : picked
  })
  return terms.reduce((sum, term) => add(sum, term))
}
