// Several tensors into one: along an axis they have, or along a new one.
import { ShapeError } from '../errors.ts'
import { concat as concatNodes, reshape } from '../graph/primitives.ts'
import { normalizeAxis, sameShape, showShape } from '../graph/shape.ts'
import type { Concat, Stack } from '../tensor/op-types.ts'
import { insertionAxis } from './movement.ts'
import { result, sameDtype } from './operands.ts'

/**
 * Tensors joined along `axis`, dtypes promoted.
 * @param axis default 0
 * @throws when the list is empty, or ranks or other dimensions differ
 * @example
 * ```ts
 * concat([tensor([[1, 2]]), tensor([[3, 4], [5, 6]])]).print() // [[1, 2], [3, 4], [5, 6]]
 * ```
 */
export const concat: Concat = (tensors, axis) => {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new ShapeError('[concat] Pass at least one tensor to concat')
  const nodes = sameDtype('concat', [], tensors)
  const first = nodes[0]!
  if (first.shape.length === 0) throw new ShapeError('[concat] scalars have no axis to join along; use stack')
  const a = normalizeAxis('concat', axis ?? 0, first.shape.length)
  for (const node of nodes) {
    if (node.shape.length !== first.shape.length)
      throw new ShapeError(
        `[concat] All tensors should have the same rank, got shapes ${nodes.map((n) => showShape(n.shape)).join(', ')}`,
      )
    if (node.shape.some((d, i) => i !== a && d !== first.shape[i]))
      throw new ShapeError(
        `[concat] shapes ${showShape(first.shape)} and ${showShape(node.shape)} differ outside axis ${a}; only the joined axis may differ`,
      )
  }
  return result(concatNodes(nodes, a))
}

/**
 * Tensors of one shape as layers of a new axis, dtypes promoted.
 * @param axis where the new axis stands in the result (default 0)
 * @throws when the list is empty or shapes differ
 * @example
 * ```ts
 * stack([tensor([1, 2]), tensor([3, 4])], 1).print() // [[1, 3], [2, 4]]
 * ```
 */
export const stack: Stack = (tensors, axis) => {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new ShapeError('[stack] Pass at least one tensor to stack')
  const nodes = sameDtype('stack', [], tensors)
  const { shape } = nodes[0]!
  for (const node of nodes)
    if (!sameShape(node.shape, shape))
      throw new ShapeError(
        `[stack] All tensors passed to stack must have matching shapes: ${showShape(shape)} and ${showShape(node.shape)} differ`,
      )
  const at = insertionAxis('stack', axis ?? 0, shape)
  const layer = [...shape.slice(0, at), 1, ...shape.slice(at)]
  return result(
    concatNodes(
      nodes.map((node) => reshape(node, layer)),
      at,
    ),
  )
}
