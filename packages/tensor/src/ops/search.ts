// Places in sorted sequences, by binary search: as many steps as the sequence's length has binary digits.
import { ShapeError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import { constant, gather, iota, reshape, s } from '../graph/primitives.ts'
import { showShape, sizeOf } from '../graph/shape.ts'
import type { SearchSorted } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { operands, result, withoutBool } from './operands.ts'

type Side = 'left' | 'right'

function search(op: string, sortedSequence: Arg, values: Arg, side: Side): Node {
  if (side !== 'left' && side !== 'right')
    throw new Error(`[${op}] side is 'left' or 'right', got '${String(side)}'`)
  const [sequence, wanted] = operands(op, sortedSequence, values, ['sortedSequence', 'values']).map(
    withoutBool,
  ) as [Node, Node]
  const [length, count] = [sequence.shape.at(-1), wanted.shape.at(-1)]
  const rows = sizeOf(sequence.shape.slice(0, -1))
  if (length === undefined || count === undefined || rows !== sizeOf(wanted.shape.slice(0, -1)))
    throw new ShapeError(
      `[${op}] Leading dimension of 'sortedSequence' and 'values' must match. Got [..., n] ${showShape(sequence.shape)} and ` +
        `[..., m] ${showShape(wanted.shape)}`,
    )
  return reshape(
    places(reshape(sequence, [rows * length]), reshape(wanted, [rows, count]), length, side),
    wanted.shape,
  )
}

/** How many elements of each row stand before the values: steps of falling powers of two, each taken if all it skips do. */
function places(sequence: Node, values: Node, length: number, side: Side): Node {
  let place = constant(0, 'int32', values.shape)
  if (length === 0) return place
  const firsts = s.mul(iota(values.shape, 0), length)
  for (let step = 2 ** Math.floor(Math.log2(length)); step >= 1; step /= 2) {
    const next = s.add(place, step)
    const last = gather(sequence, s.add(firsts, s.sub(s.min(next, length), 1)), 0)
    const stands = side === 'left' ? s.lt(last, values) : s.le(last, values)
    place = s.select(s.and(s.le(next, length), stands), next, place)
  }
  return place
}

/**
 * Where each value would be inserted into a sorted sequence to keep it sorted.
 * @param sortedSequence `[..., n]`, ascending along the last axis
 * @param values `[..., m]` with as many rows
 * @param side `'left'` (default): before equal elements; `'right'`: after them
 * @returns int32, of the shape of `values`
 * @throws when the rows do not match, or an argument is a scalar
 * @example
 * ```ts
 * searchSorted(tensor([-1, 0, 3, 3, 5]), tensor([3, 4])).print() // [2, 4]
 * searchSorted(tensor([-1, 0, 3, 3, 5]), tensor([3, 4]), 'right').print() // [4, 4]
 * ```
 */
export const searchSorted: SearchSorted<[side?: Side]> = (sortedSequence, values, side) =>
  result(search('searchSorted', sortedSequence, values, side ?? 'left'))

/**
 * The first place at which each value fits into a sorted sequence: `searchSorted` with side `'left'`.
 * @example
 * ```ts
 * lowerBound(tensor([1, 2, 2, 3]), tensor([2])).print() // [1]
 * ```
 */
export const lowerBound: SearchSorted = (sortedSequence, values) =>
  result(search('lowerBound', sortedSequence, values, 'left'))

/**
 * The last place at which each value fits into a sorted sequence: `searchSorted` with side `'right'`.
 * @example
 * ```ts
 * upperBound(tensor([1, 2, 2, 3]), tensor([2])).print() // [3]
 * ```
 */
export const upperBound: SearchSorted = (sortedSequence, values) =>
  result(search('upperBound', sortedSequence, values, 'right'))
