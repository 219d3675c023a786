// Comparisons of two tensors: bool results, operands promoted to one dtype first. Comparisons have no gradient.
import { s } from '../graph/primitives.ts'
import type { Comparison } from '../tensor/op-types.ts'
import { operands, result } from './operands.ts'

/**
 * True where `a` equals `b`; NaN equals nothing.
 * @example
 * ```ts
 * equal(tensor([1, 2, 3]), 2).print() // [false, true, false]
 * ```
 */
export const equal: Comparison<'equal'> = (a, b) => result(s.eq(...operands('equal', a, b)))

/**
 * True where `a` differs from `b`; NaN differs from everything.
 * @example
 * ```ts
 * notEqual(tensor([1, 2, 3]), 2).print() // [true, false, true]
 * ```
 */
export const notEqual: Comparison<'notEqual'> = (a, b) => result(s.ne(...operands('notEqual', a, b)))

/**
 * True where `a < b`.
 * @example
 * ```ts
 * less(tensor([1, 2, 3]), 2).print() // [true, false, false]
 * ```
 */
export const less: Comparison<'less'> = (a, b) => result(s.lt(...operands('less', a, b)))

/**
 * True where `a <= b`.
 * @example
 * ```ts
 * lessEqual(tensor([1, 2, 3]), 2).print() // [true, true, false]
 * ```
 */
export const lessEqual: Comparison<'lessEqual'> = (a, b) => result(s.le(...operands('lessEqual', a, b)))

/**
 * True where `a > b`.
 * @example
 * ```ts
 * greater(tensor([1, 2, 3]), 2).print() // [false, false, true]
 * ```
 */
export const greater: Comparison<'greater'> = (a, b) => result(s.gt(...operands('greater', a, b)))

/**
 * True where `a >= b`.
 * @example
 * ```ts
 * greaterEqual(tensor([1, 2, 3]), 2).print() // [false, true, true]
 * ```
 */
export const greaterEqual: Comparison<'greaterEqual'> = (a, b) =>
  result(s.ge(...operands('greaterEqual', a, b)))
