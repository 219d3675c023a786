// Positions of the greatest and least elements.
import { ShapeError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import { argReduce, constant } from '../graph/primitives.ts'
import { normalizeAxis, showShape } from '../graph/shape.ts'
import type { ArgReduction } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { numeric, result } from './operands.ts'
import { dropAxes } from './reduction.ts'

function position(op: string, kind: 'max' | 'min', x: Arg, axis: number): Node {
  const node = numeric(op, 'x', x)
  if (node.shape.length === 0) return constant(0, 'int32')
  const a = normalizeAxis(op, axis, node.shape.length)
  if (node.shape[a] === 0)
    throw new ShapeError(`[${op}] axis ${a} of ${showShape(node.shape)} is empty: it has no ${kind}imum`)
  return dropAxes(argReduce(kind, node, a), [a])
}

/**
 * int32 index of the first greatest element along `axis`, which is removed; NaN counts as greatest.
 * @param axis default 0
 * @throws when the axis is outside the tensor or empty
 * @example
 * ```ts
 * argMax(tensor([[1, 9, 3], [7, 5, 6]]), 1).print() // [1, 0]
 * ```
 */
export const argMax: ArgReduction<'argMax'> = (x, axis) => result(position('argMax', 'max', x, axis ?? 0))

/**
 * int32 index of the first least element along `axis`, which is removed; NaN counts as least.
 * @param axis default 0
 * @throws when the axis is outside the tensor or empty
 * @example
 * ```ts
 * argMin(tensor([[1, 9, 3], [7, 5, 6]]), 1).print() // [0, 1]
 * ```
 */
export const argMin: ArgReduction<'argMin'> = (x, axis) => result(position('argMin', 'min', x, axis ?? 0))
