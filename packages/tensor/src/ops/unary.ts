// Mathematical functions of one tensor. Functions with fractional values turn integers into float32 first; the others keep
// the dtype. Each is one row of the scalar table.
import { isFloat } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { s } from '../graph/primitives.ts'
import type { ClipByValue, FloatUnary, Predicate, Unary } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { floating, numeric, result } from './operands.ts'

type FloatFunction =
  | 'sqrt'
  | 'rsqrt'
  | 'reciprocal'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'atan'
  | 'tanh'
  | 'sigmoid'
  | 'erf'

const float = (fn: FloatFunction, x: Arg): Node => s[fn](floating(fn, 'x', x))
const number = (fn: 'neg' | 'abs' | 'sign' | 'square', x: Arg): Node => s[fn](numeric(fn, 'x', x))

/** Rounding leaves integers as they are. */
function rounded(fn: 'floor' | 'ceil' | 'round' | 'trunc', x: Arg): Node {
  const node = numeric(fn, 'x', x)
  return isFloat(node.dtype) ? s[fn](node) : node
}

/**
 * `-x`.
 * @example
 * ```ts
 * neg(tensor([1, -2])).print() // [-1, 2]
 * ```
 */
export const neg: Unary = (x) => result(number('neg', x))

/**
 * Absolute value. The gradient at 0 is 0.
 * @example
 * ```ts
 * abs(tensor([1, -2])).print() // [1, 2]
 * ```
 */
export const abs: Unary = (x) => result(number('abs', x))

/**
 * -1, 0 or 1 by the sign of `x`; NaN for NaN.
 * @example
 * ```ts
 * sign(tensor([-5, 0, 3])).print() // [-1, 0, 1]
 * ```
 */
export const sign: Unary = (x) => result(number('sign', x))

/**
 * Greatest integer not above `x`. Has no gradient.
 * @example
 * ```ts
 * floor(tensor([0.6, -0.6])).print() // [0, -1]
 * ```
 */
export const floor: Unary = (x) => result(rounded('floor', x))

/**
 * Least integer not below `x`. Has no gradient.
 * @example
 * ```ts
 * ceil(tensor([0.6, -0.6])).print() // [1, -0]
 * ```
 */
export const ceil: Unary = (x) => result(rounded('ceil', x))

/**
 * Nearest integer, halves to the even one. Has no gradient.
 * @example
 * ```ts
 * round(tensor([0.5, 1.5, 2.6])).print() // [0, 2, 3]
 * ```
 */
export const round: Unary = (x) => result(rounded('round', x))

/**
 * Square root; NaN below 0.
 * @example
 * ```ts
 * sqrt(tensor([1, 4, 9])).print() // [1, 2, 3]
 * ```
 */
export const sqrt: FloatUnary = (x) => result(float('sqrt', x))

/**
 * `1 / sqrt(x)`.
 * @example
 * ```ts
 * rsqrt(tensor([1, 4, 16])).print() // [1, 0.5, 0.25]
 * ```
 */
export const rsqrt: FloatUnary = (x) => result(float('rsqrt', x))

/**
 * `x * x`.
 * @example
 * ```ts
 * square(tensor([1, -2, 3])).print() // [1, 4, 9]
 * ```
 */
export const square: Unary = (x) => result(number('square', x))

/**
 * `1 / x`.
 * @example
 * ```ts
 * reciprocal(tensor([1, 2, 4])).print() // [1, 0.5, 0.25]
 * ```
 */
export const reciprocal: FloatUnary = (x) => result(float('reciprocal', x))

/**
 * `e` to the power of `x`.
 * @example
 * ```ts
 * exp(tensor([0, 1])).print() // [1, 2.718]
 * ```
 */
export const exp: FloatUnary = (x) => result(float('exp', x))

/**
 * `exp(x) - 1`, accurate near 0.
 * @example
 * ```ts
 * expm1(tensor([0, 1])).print() // [0, 1.718]
 * ```
 */
export const expm1: FloatUnary = (x) => result(float('expm1', x))

/**
 * Natural logarithm; -Infinity at 0, NaN below.
 * @example
 * ```ts
 * log(tensor([1, Math.E])).print() // [0, 1]
 * ```
 */
export const log: FloatUnary = (x) => result(float('log', x))

/**
 * `log(1 + x)`, accurate near 0.
 * @example
 * ```ts
 * log1p(tensor([0, Math.E - 1])).print() // [0, 1]
 * ```
 */
export const log1p: FloatUnary = (x) => result(float('log1p', x))

/**
 * Sine of radians.
 * @example
 * ```ts
 * sin(tensor([0, Math.PI / 2])).print() // [0, 1]
 * ```
 */
export const sin: FloatUnary = (x) => result(float('sin', x))

/**
 * Cosine of radians.
 * @example
 * ```ts
 * cos(tensor([0, Math.PI])).print() // [1, -1]
 * ```
 */
export const cos: FloatUnary = (x) => result(float('cos', x))

/**
 * Tangent of radians.
 * @example
 * ```ts
 * tan(tensor([0, Math.PI / 4])).print() // [0, 1]
 * ```
 */
export const tan: FloatUnary = (x) => result(float('tan', x))

/**
 * The angle in (-π/2, π/2) whose tangent is `x`.
 * @example
 * ```ts
 * atan(tensor([0, 1, -1])).print() // [0, 0.785, -0.785]
 * ```
 */
export const atan: FloatUnary = (x) => result(float('atan', x))

/**
 * The angle in [-π/2, π/2] whose sine is `x`; NaN outside [-1, 1].
 * @example
 * ```ts
 * asin(tensor([0, 0.5, 1])).print() // [0, 0.524, 1.571]
 * ```
 */
export const asin: FloatUnary = (x) => {
  const node = floating('asin', 'x', x)
  return result(s.atan(s.div(node, s.sqrt(s.mul(s.sub(1, node), s.add(1, node))))))
}

/**
 * The angle in [0, π] whose cosine is `x`; NaN outside [-1, 1].
 * @example
 * ```ts
 * acos(tensor([1, 0.5, -1])).print() // [0, 1.047, 3.142]
 * ```
 */
export const acos: FloatUnary = (x) => {
  const node = floating('acos', 'x', x)
  return result(s.mul(2, s.atan(s.sqrt(s.div(s.sub(1, node), s.add(1, node))))))
}

/**
 * Hyperbolic tangent.
 * @example
 * ```ts
 * tanh(tensor([0, 1])).print() // [0, 0.762]
 * ```
 */
export const tanh: FloatUnary = (x) => result(float('tanh', x))

/**
 * `1 / (1 + exp(-x))`.
 * @example
 * ```ts
 * sigmoid(tensor([0, 2])).print() // [0.5, 0.881]
 * ```
 */
export const sigmoid: FloatUnary = (x) => result(float('sigmoid', x))

/**
 * Gauss error function `2/√π ∫₀ˣ exp(-t²) dt`.
 * @example
 * ```ts
 * erf(tensor([0, 1])).print() // [0, 0.843]
 * ```
 */
export const erf: FloatUnary = (x) => result(float('erf', x))

/**
 * `x` limited to the interval. The gradient is 1 inside, bounds included, and 0 outside.
 * @throws when `clipValueMin` exceeds `clipValueMax`
 * @example
 * ```ts
 * clipByValue(tensor([-3, 0.5, 7]), 0, 1).print() // [0, 0.5, 1]
 * ```
 */
export const clipByValue: ClipByValue = (x, clipValueMin, clipValueMax) => {
  if (clipValueMin > clipValueMax)
    throw new Error(
      `[clipByValue] Error in clip: min (${clipValueMin}) must be less than or equal to max (${clipValueMax})`,
    )
  return result(s.min(s.max(numeric('clipByValue', 'x', x), clipValueMin), clipValueMax))
}

const predicate = (fn: 'isNaN' | 'isInf' | 'isFinite', x: Arg): Node => s[fn](floating(fn, 'x', x))

/**
 * True where `x` is not a number.
 * @example
 * ```ts
 * isNaN(tensor([NaN, 1])).print() // [true, false]
 * ```
 */
export const isNaN: Predicate = (x) => result(predicate('isNaN', x))

/**
 * True where `x` is Infinity or -Infinity.
 * @example
 * ```ts
 * isInf(tensor([Infinity, 1])).print() // [true, false]
 * ```
 */
export const isInf: Predicate = (x) => result(predicate('isInf', x))

/**
 * True where `x` is neither NaN nor infinite.
 * @example
 * ```ts
 * isFinite(tensor([NaN, 1])).print() // [false, true]
 * ```
 */
export const isFinite: Predicate = (x) => result(predicate('isFinite', x))
