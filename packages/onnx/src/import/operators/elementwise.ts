// Elementwise operators: arithmetic, comparison, logic, rounding, exponentials. Broadcasting is NumPy's, as in @dl/tensor.
import {
  abs,
  acos,
  add,
  asin,
  atan,
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  cast,
  ceil,
  cos,
  div,
  type DType,
  equal,
  erf,
  exp,
  expm1,
  floor,
  greater,
  greaterEqual,
  isInf,
  isNaN,
  less,
  lessEqual,
  log,
  log1p,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  sub,
  tan,
  tanh,
  type Tensor,
  where,
} from '@dl/tensor/core'
import { dtypeOf, elementTypeName } from '../../schema/data-types.ts'
import { dtypeOfTensor, type Operator, type OperatorCall, since } from '../operator.ts'

const unary = (fn: (x: Tensor) => Tensor): Operator => ({ build: (call) => fn(call.input(0)) })
const binary = (fn: (a: Tensor, b: Tensor) => Tensor): Operator => ({
  build: (call) => fn(call.input(0), call.input(1)),
})
const variadic = (fn: (a: Tensor, b: Tensor) => Tensor): Operator => ({
  build: (call) => call.inputs().reduce((a, b) => fn(a, b)),
})

const isFloat = (x: Tensor): boolean => x.dtype === 'float32' || x.dtype === 'float64'

/** Integers are divided toward zero, as in C. */
function divide(a: Tensor, b: Tensor): Tensor {
  if (isFloat(a)) return div(a, b)
  return mul(mul(sign(a), sign(b)), div(abs(a), abs(b)))
}

/** The result has the dtype of the base, whatever the exponent has. */
function power(base: Tensor, exponent: Tensor): Tensor {
  if (isFloat(base) || !isFloat(exponent)) return pow(base, cast(exponent, dtypeOfTensor(base)))
  return cast(pow(cast(base, 'float64'), cast(exponent, 'float64')), dtypeOfTensor(base))
}

/** C's fmod: the sign of the dividend. */
const fmod = (a: Tensor, b: Tensor): Tensor => mul(sign(a), mod(abs(a), abs(b)))

function castTo(call: OperatorCall, x: Tensor, code: number): Tensor {
  const dtype = dtypeOf(code)
  if (!dtype) call.fail(`casts to ${elementTypeName(code)}, which is not supported`)
  return cast(x, dtype)
}

function clip(call: OperatorCall): Tensor {
  let x = call.input(0)
  const { attributes, opset } = call
  const low = opset < 11 ? attributes.float('min') : call.optional(1)
  const high = opset < 11 ? attributes.float('max') : call.optional(2)
  if (low !== undefined) x = maximum(x, low)
  return high === undefined ? x : minimum(x, high)
}

const infinity = (call: OperatorCall): Tensor => {
  const x = call.input(0)
  const negative = call.attributes.flag('detect_negative', true)
  const positive = call.attributes.flag('detect_positive', true)
  if (negative && positive) return isInf(x)
  if (!negative && !positive) return logicalAnd(isInf(x), false)
  return logicalAnd(isInf(x), positive ? greater(x, 0) : less(x, 0))
}

/** `log(x + sqrt(x² + 1))` for |x|, with the sign of x: exact near 0. */
function asinh(x: Tensor): Tensor {
  const a = abs(x)
  const a2 = square(a)
  return mul(sign(x), log1p(add(a, div(a2, add(sqrt(add(a2, 1)), 1)))))
}

export const elementwise: Readonly<Record<string, Operator>> = {
  Abs: unary(abs),
  Neg: unary(neg),
  Sign: since(9, unary(sign)),
  Floor: unary(floor),
  Ceil: unary(ceil),
  Round: since(11, unary(round)),
  Sqrt: unary(sqrt),
  Reciprocal: unary(reciprocal),
  Exp: unary(exp),
  Log: unary(log),
  Sin: unary(sin),
  Cos: unary(cos),
  Tan: unary(tan),
  Asin: unary(asin),
  Acos: unary(acos),
  Atan: unary(atan),
  Tanh: unary(tanh),
  Sigmoid: unary(sigmoid),
  Erf: since(9, unary(erf)),
  Sinh: since(
    9,
    unary((x) => mul(sub(expm1(x), expm1(neg(x))), 0.5)),
  ),
  Cosh: since(
    9,
    unary((x) => mul(add(exp(x), exp(neg(x))), 0.5)),
  ),
  Asinh: since(9, unary(asinh)),
  Acosh: since(
    9,
    unary((x) => log(add(x, mul(sqrt(sub(x, 1)), sqrt(add(x, 1)))))),
  ),
  Atanh: since(
    9,
    unary((x) => mul(sub(log1p(x), log1p(neg(x))), 0.5)),
  ),

  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(divide),
  Pow: binary(power),
  Mod: {
    since: 10,
    attributes: ['fmod'],
    build: (call) => (call.attributes.flag('fmod', false) ? fmod : mod)(call.input(0), call.input(1)),
  },
  Max: variadic(maximum),
  Min: variadic(minimum),
  Sum: variadic(add),
  Mean: {
    build: (call) =>
      div(
        call.inputs().reduce((a, b) => add(a, b)),
        call.inputCount,
      ),
  },

  Equal: binary(equal),
  Less: binary(less),
  LessOrEqual: since(12, binary(lessEqual)),
  Greater: binary(greater),
  GreaterOrEqual: since(12, binary(greaterEqual)),
  And: binary(logicalAnd),
  Or: binary(logicalOr),
  Xor: binary(logicalXor),
  Not: unary(logicalNot),
  BitwiseAnd: since(18, binary(bitwiseAnd)),
  BitwiseOr: since(18, binary(bitwiseOr)),
  BitwiseXor: since(18, binary(bitwiseXor)),
  BitwiseNot: since(18, unary(bitwiseNot)),
  IsNaN: since(9, unary(isNaN)),
  IsInf: { since: 10, attributes: ['detect_negative', 'detect_positive'], build: infinity },
  Where: { since: 9, build: (call) => where(call.input(0), call.input(1), call.input(2)) },

  Clip: { attributes: ['min', 'max'], build: clip },
  Cast: {
    attributes: ['to', 'saturate', 'round_mode'],
    build: (call) => castTo(call, call.input(0), call.attributes.int('to', 0)),
  },
  CastLike: {
    since: 15,
    attributes: ['saturate', 'round_mode'],
    build: (call) => cast(call.input(0), call.input(1).dtype as DType),
  },
}
