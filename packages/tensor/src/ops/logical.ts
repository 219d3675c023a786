// Logic on bool tensors, and choosing between two tensors by a bool tensor.
import type { Node } from '../graph/node.ts'
import { s } from '../graph/primitives.ts'
import type { Comparison, Predicate, Select } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { given, operands, result } from './operands.ts'

function truth(op: string, name: string, x: Arg): Node {
  const node = given(op, name, x, 'bool')
  if (node.dtype === 'bool') return node
  throw new Error(
    `[${op}] Argument '${name}' passed to '${op}' must be bool tensor, but got ${node.dtype} tensor; ` +
      `compare it first (notEqual(${name}, 0)) or cast it to bool`,
  )
}

/**
 * True where both are true.
 * @throws when an argument is not bool
 * @example
 * ```ts
 * logicalAnd(tensor([true, true, false]), tensor([true, false, false])).print() // [true, false, false]
 * ```
 */
export const logicalAnd: Comparison<'logicalAnd'> = (a, b) =>
  result(s.and(truth('logicalAnd', 'a', a), truth('logicalAnd', 'b', b)))

/**
 * True where at least one is true.
 * @throws when an argument is not bool
 * @example
 * ```ts
 * logicalOr(tensor([true, true, false]), tensor([true, false, false])).print() // [true, true, false]
 * ```
 */
export const logicalOr: Comparison<'logicalOr'> = (a, b) =>
  result(s.or(truth('logicalOr', 'a', a), truth('logicalOr', 'b', b)))

/**
 * True where exactly one is true.
 * @throws when an argument is not bool
 * @example
 * ```ts
 * logicalXor(tensor([true, true, false]), tensor([true, false, false])).print() // [false, true, false]
 * ```
 */
export const logicalXor: Comparison<'logicalXor'> = (a, b) =>
  result(s.xor(truth('logicalXor', 'a', a), truth('logicalXor', 'b', b)))

/**
 * True where `x` is false.
 * @throws when `x` is not bool
 * @example
 * ```ts
 * logicalNot(tensor([true, false])).print() // [false, true]
 * ```
 */
export const logicalNot: Predicate = (x) => result(s.not(truth('logicalNot', 'x', x)))

/**
 * `a` where the condition is true, else `b`; all three broadcast together.
 * @throws when the condition is not bool, or the shapes do not broadcast
 * @example
 * ```ts
 * const x = tensor([-1, 2])
 * where(greater(x, 0), x, 0).print() // [0, 2]
 * ```
 */
export const where: Select = (condition, a, b) =>
  result(s.select(truth('where', 'condition', condition), ...operands('where', a, b)))
