// Bits of integers.
import { DTypeError } from '../errors.ts'
import { isInteger } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { s } from '../graph/primitives.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Arg } from '../tensor/types.ts'
import { numeric, operands, result } from './operands.ts'

function whole(op: string, ...nodes: readonly Node[]): void {
  for (const { dtype } of nodes)
    if (!isInteger(dtype))
      throw new DTypeError(`[${op}] bits are those of integers, got ${dtype}; cast to int32, or use logical…`)
}

function bits(op: string, fn: 'bitAnd' | 'bitOr' | 'bitXor', a: Arg, b: Arg): Tensor {
  const [x, y] = operands(op, a, b)
  whole(op, x, y)
  return result(s[fn](x, y))
}

/**
 * Bits that both have.
 * @throws when an argument is not integer, or shapes do not broadcast
 * @example
 * ```ts
 * bitwiseAnd(tensor([12, 10], [2], 'int32'), 6).print() // [4, 2]
 * ```
 */
export const bitwiseAnd = (a: Arg, b: Arg): Tensor => bits('bitwiseAnd', 'bitAnd', a, b)

/**
 * Bits that at least one has.
 * @throws when an argument is not integer, or shapes do not broadcast
 * @example
 * ```ts
 * bitwiseOr(tensor([12, 10], [2], 'int32'), 6).print() // [14, 14]
 * ```
 */
export const bitwiseOr = (a: Arg, b: Arg): Tensor => bits('bitwiseOr', 'bitOr', a, b)

/**
 * Bits that exactly one has.
 * @throws when an argument is not integer, or shapes do not broadcast
 * @example
 * ```ts
 * bitwiseXor(tensor([12, 10], [2], 'int32'), 6).print() // [10, 12]
 * ```
 */
export const bitwiseXor = (a: Arg, b: Arg): Tensor => bits('bitwiseXor', 'bitXor', a, b)

/**
 * All bits turned over: `-x - 1`, or `255 - x` for uint8.
 * @throws when `x` is not integer
 * @example
 * ```ts
 * bitwiseNot(tensor([0, 5], [2], 'int32')).print() // [-1, -6]
 * ```
 */
export function bitwiseNot(x: Arg): Tensor {
  const node = numeric('bitwiseNot', 'x', x)
  whole('bitwiseNot', node)
  return result(s.bitXor(node, node.dtype === 'uint8' ? 255 : -1))
}
