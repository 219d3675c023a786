// Arithmetic on two tensors, with NumPy's broadcasting and the promotion of operands.ts.
import { isFloat } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { map, s } from '../graph/primitives.ts'
import { sameShape, showShape } from '../graph/shape.ts'
import type { AddN, Binary } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { numericOperands, result, sameDtype, withoutBool } from './operands.ts'

type ArithmeticName = 'add' | 'sub' | 'mul'

const arithmetic = (op: string, fn: ArithmeticName, a: Arg, b: Arg): Node =>
  map(fn, ...numericOperands(op, a, b))

/**
 * `a + b`, elementwise with broadcasting.
 * @throws when the shapes do not broadcast
 * @example
 * ```ts
 * add(tensor([[1, 2], [3, 4]]), [10, 20]).print() // [[11, 22], [13, 24]]
 * ```
 */
export const add: Binary<'add'> = (a, b) => result(arithmetic('add', 'add', a, b))

/**
 * `a - b`, elementwise with broadcasting.
 * @throws when the shapes do not broadcast
 * @example
 * ```ts
 * sub(tensor([1, 2, 3]), 1).print() // [0, 1, 2]
 * ```
 */
export const sub: Binary<'sub'> = (a, b) => result(arithmetic('sub', 'sub', a, b))

/**
 * `a * b`, elementwise with broadcasting.
 * @throws when the shapes do not broadcast
 * @example
 * ```ts
 * mul(tensor([1, 2, 3]), tensor([4, 5, 6])).print() // [4, 10, 18]
 * ```
 */
export const mul: Binary<'mul'> = (a, b) => result(arithmetic('mul', 'mul', a, b))

/**
 * `a / b`, elementwise with broadcasting. Two integer tensors are divided as by {@link floorDiv}, as tfjs does.
 * @throws when the shapes do not broadcast
 * @example
 * ```ts
 * div(tensor([1, 4, 9]), 2).print() // [0.5, 2, 4.5]
 * ```
 */
export const div: Binary<'div'> = (a, b) => {
  const [x, y] = numericOperands('div', a, b)
  return result(isFloat(x.dtype) ? s.div(x, y) : floorQuotient(x, y))
}

/**
 * `a / b`, and 0 where `b` is 0.
 * @example
 * ```ts
 * divNoNan(tensor([1, 2]), tensor([0, 4])).print() // [0, 0.5]
 * ```
 */
export const divNoNan: Binary<'divNoNan'> = (a, b) => {
  const [x, y] = numericOperands('divNoNan', a, b)
  const isZero = s.eq(y, 0)
  // the divisor is made harmless before the division: a derivative of 0/0 would be NaN even where it is not selected
  return result(s.select(isZero, 0, s.div(x, s.select(isZero, 1, y))))
}

/**
 * `a / b` rounded toward minus infinity. Integer division by 0 gives 0. (tfjs returns int32 for floats too; here the
 * dtype is that of the arguments.)
 * @example
 * ```ts
 * floorDiv(tensor([7, -7], [2], 'int32'), 2).print() // [3, -4]
 * ```
 */
export const floorDiv: Binary<'floorDiv'> = (a, b) =>
  result(floorQuotient(...numericOperands('floorDiv', a, b)))

function floorQuotient(x: Node, y: Node): Node {
  if (isFloat(x.dtype)) return s.floor(s.div(x, y))
  const q = s.div(x, y)
  const r = s.sub(x, s.mul(q, y))
  const roundsUp = s.and(s.and(s.ne(r, 0), s.ne(y, 0)), signsDiffer(x, y))
  return s.select(roundsUp, s.sub(q, 1), q)
}

const signsDiffer = (x: Node, y: Node): Node => s.ne(s.lt(x, 0), s.lt(y, 0))

/**
 * Remainder of {@link floorDiv}: it has the sign of `b`, as in Python.
 * @example
 * ```ts
 * mod(tensor([7, -7]), 3).print() // [1, 2]
 * ```
 */
export const mod: Binary<'mod'> = (a, b) => {
  const [x, y] = numericOperands('mod', a, b)
  const r = s.rem(x, y)
  return result(s.select(s.and(s.ne(r, 0), signsDiffer(r, y)), s.add(r, y), r))
}

/**
 * `a` to the power of `b`. An integer to a negative power is 0, except for 1 and -1.
 * @example
 * ```ts
 * pow(tensor([1, 2, 3]), 2).print() // [1, 4, 9]
 * ```
 */
export const pow: Binary<'pow'> = (a, b) => result(s.pow(...numericOperands('pow', a, b, ['base', 'exp'])))

/**
 * The greater of `a` and `b`; NaN where either is NaN. Where both are equal the gradient goes to `a`.
 * @example
 * ```ts
 * maximum(tensor([1, 5]), tensor([3, 4])).print() // [3, 5]
 * ```
 */
export const maximum: Binary<'maximum'> = (a, b) => result(s.max(...numericOperands('maximum', a, b)))

/**
 * The lesser of `a` and `b`; NaN where either is NaN. Where both are equal the gradient goes to `a`.
 * @example
 * ```ts
 * minimum(tensor([1, 5]), tensor([3, 4])).print() // [1, 4]
 * ```
 */
export const minimum: Binary<'minimum'> = (a, b) => result(s.min(...numericOperands('minimum', a, b)))

/**
 * `(a - b)²`.
 * @example
 * ```ts
 * squaredDifference(tensor([1, 4]), tensor([3, 1])).print() // [4, 9]
 * ```
 */
export const squaredDifference: Binary<'squaredDifference'> = (a, b) =>
  result(s.square(s.sub(...numericOperands('squaredDifference', a, b))))

/**
 * Sum of tensors of one shape.
 * @throws when the list is empty or shapes differ
 * @example
 * ```ts
 * addN([tensor([1, 2]), tensor([3, 4]), tensor([5, 6])]).print() // [9, 12]
 * ```
 */
export const addN: AddN = (tensors) => {
  if (!Array.isArray(tensors))
    throw new Error('[addN] The argument passed to tf.addN() must be a list of tensors')
  if (tensors.length === 0) throw new Error('[addN] Must pass at least one tensor to tf.addN(), but got 0')
  const nodes = sameDtype('addN', [], tensors).map(withoutBool)
  for (const node of nodes)
    if (!sameShape(node.shape, nodes[0]!.shape))
      throw new Error(
        `[addN] All tensors passed to tf.addN() must have the same shape, got ` +
          `${nodes.map((n) => showShape(n.shape)).join(', ')}; use add() to broadcast`,
      )
  return result(nodes.reduce((sum, node) => s.add(sum, node)))
}
