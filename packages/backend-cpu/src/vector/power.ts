// float32 pow through float64 lanes: 2^(y · log2|x|) with 30 bits to spare, then the special cases of Math.pow. Constant small
// whole exponents are products.
import { SIMD } from '../assembler/opcodes.ts'
import type { Value, VectorEmitter } from './emitter.ts'

/** 2 / ln 2 · (1, 1/3, 1/5, …): log2 m = s · Σ c_k s^2k with s = (m - 1) / (m + 1). */
const LOG2 = [13, 11, 9, 7, 5, 3, 1].map((k) => 2 / Math.LN2 / k)
/** 2^f = 1 + f · P(f) on |f| ≤ 1/2; minimax fit, 2e-9. */
const EXP2 = [
  0.00015353321644227493, 0.0013398864849906258, 0.00961843740927698, 0.055503324946957894,
  0.24022647913978215, 0.6931472028447311,
]
/** Adding it to a float64 rounds to an integer, which then lies in the low bits: 1.5 · 2^52. */
const ROUND_MAGIC = 6755399441055744

/** Exponents beyond it are not worth a chain of products. */
const MOST_PRODUCTS = 4

/** x to a constant whole power, as products; null when it is not one. */
export function wholePower(
  e: VectorEmitter,
  register: 'f32' | 'f64',
  x: Value,
  exponent: number,
): Value | null {
  if (!Number.isInteger(exponent) || exponent < 1 || exponent > MOST_PRODUCTS) return null
  if (exponent === 1) return x
  const multiply = register === 'f32' ? SIMD.f32x4Mul : SIMD.f64x2Mul
  const square = e.op(multiply, x, x)
  if (exponent === 2) return square
  return e.op(multiply, square, exponent === 3 ? x : square)
}

export function pow(e: VectorEmitter, x: Value, y: Value): Value {
  const magnitude = e.op(SIMD.andnot, x, e.i32(-0x80000000))
  const exponent = e.op(
    SIMD.f64x2Mul,
    log2(e, e.widen(magnitude, SIMD.f64x2PromoteLowF32x4)),
    e.widen(y, SIMD.f64x2PromoteLowF32x4),
  )
  const power = e.joinLow(e.op(SIMD.f32x4DemoteF64x2Zero, exp2(e, exponent)))
  return specialCases(e, x, y, magnitude, power)
}

/** log2 of positive normal float64 numbers. */
function log2(e: VectorEmitter, x: Value): Value {
  const fraction = e.op(SIMD.or, e.op(SIMD.and, x, e.i64(0x000fffffffffffffn)), e.i64(0x3ff0000000000000n)) // [1, 2)
  const high = e.op(SIMD.f64x2Gt, fraction, e.f64(Math.SQRT2))
  const m = e.choose(high, e.op(SIMD.f64x2Mul, fraction, e.f64(0.5)), fraction)
  // the biased exponent as the low bits of 2^52 + exponent
  const biased = e.op(SIMD.or, e.shift(SIMD.i64x2ShrU, x, 52), e.i64(0x4330000000000000n))
  const n = e.op(
    SIMD.f64x2Add,
    e.op(SIMD.f64x2Sub, biased, e.f64(2 ** 52 + 1023)),
    e.op(SIMD.and, high, e.f64(1)),
  )
  const s = e.op(SIMD.f64x2Div, e.op(SIMD.f64x2Sub, m, e.f64(1)), e.op(SIMD.f64x2Add, m, e.f64(1)))
  const sum = polynomial(e, e.op(SIMD.f64x2Mul, s, s), LOG2)
  return e.op(SIMD.f64x2Add, n, e.op(SIMD.f64x2Mul, s, sum))
}

/** 2^t in float64, for any t that matters to float32. */
function exp2(e: VectorEmitter, t: Value): Value {
  const bounded = e.op(SIMD.f64x2PMax, e.op(SIMD.f64x2PMin, t, e.f64(200)), e.f64(-200))
  const n = e.op(SIMD.f64x2Nearest, bounded)
  const f = e.op(SIMD.f64x2Sub, bounded, n)
  const p = e.op(SIMD.f64x2Add, e.op(SIMD.f64x2Mul, polynomial(e, f, EXP2), f), e.f64(1))
  const scale = e.shift(SIMD.i64x2Shl, e.op(SIMD.f64x2Add, n, e.f64(ROUND_MAGIC + 1023)), 52)
  return e.op(SIMD.f64x2Mul, p, scale)
}

function polynomial(e: VectorEmitter, x: Value, coefficients: readonly number[]): Value {
  let sum: Value = e.f64(coefficients[0]!)
  for (const c of coefficients.slice(1)) sum = e.op(SIMD.f64x2Add, e.op(SIMD.f64x2Mul, sum, x), e.f64(c))
  return sum
}

/** Zero and infinite bases, negative bases, exponent 0: as ECMAScript's Number::exponentiate. */
function specialCases(e: VectorEmitter, x: Value, y: Value, magnitude: Value, power: Value): Value {
  const infinity = e.f32(Infinity)
  const positive = e.op(SIMD.f32x4Gt, y, e.f32(0))
  const zero = e.op(SIMD.f32x4Eq, magnitude, e.f32(0))
  const infinite = e.op(SIMD.f32x4Eq, magnitude, infinity)
  // base 0: 0 for a positive exponent, else infinity; base infinity: the other way round. An exponent NaN stays NaN.
  const grows = e.op(SIMD.xor, zero, positive)
  const limit = e.op(SIMD.and, grows, infinity)
  const isLimit = e.op(SIMD.and, e.op(SIMD.or, zero, infinite), e.op(SIMD.f32x4Eq, y, y))
  let r = e.choose(isLimit, limit, power)
  // a negative base (or -0): the sign of an odd exponent, NaN for a fraction when the base is finite and not 0
  const half = e.op(SIMD.f32x4Mul, y, e.f32(0.5))
  const whole = e.op(SIMD.f32x4Eq, e.op(SIMD.f32x4Trunc, y), y)
  const odd = e.op(SIMD.and, whole, e.op(SIMD.f32x4Ne, e.op(SIMD.f32x4Trunc, half), half))
  r = e.op(SIMD.xor, r, e.op(SIMD.and, e.op(SIMD.and, x, odd), e.i32(-0x80000000)))
  const negative = e.op(SIMD.andnot, e.op(SIMD.f32x4Lt, x, e.f32(0)), e.op(SIMD.or, whole, infinite))
  const undefinedBase = e.op(SIMD.or, negative, e.op(SIMD.f32x4Ne, x, x))
  r = e.choose(undefinedBase, e.f32(NaN), r)
  return e.choose(e.op(SIMD.f32x4Eq, y, e.f32(0)), e.f32(1), r)
}
