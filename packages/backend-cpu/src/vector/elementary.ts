// float32 vector code of exp, log, tanh, sigmoid and erf over all floats, denormals and specials included. No branches: a
// call in a rare branch makes the register allocator spill everything around it. Bounds are the scalar table's (`ulp`).
import { SIMD } from '../assembler/opcodes.ts'
import type { Value, VectorEmitter } from './emitter.ts'

const LOG2E = 1.4426950408889634
const LN2_HIGH = 0.693359375
const LN2_LOW = -2.1219444e-4
/** Adding it to a float rounds to an integer, which then lies in the low bits: 1.5 · 2^23. */
const ROUND_MAGIC = 12582912
const SIGN = -0x80000000
const MAGNITUDE = 0x7fffffff

/** exp(r) = 1 + r + r²·P(r) on |r| ≤ ln 2 / 2; minimax fit, 3e-9. */
const EXP = [
  0.001381418202072382, 0.008368892595171928, 0.04166840761899948, 0.1666651964187622, 0.4999999403953552,
]

/** exp(x) as mantissa · 2^n; `rounded` holds n in its low bits, on top of `bias`. */
function expParts(e: VectorEmitter, x: Value, bias: number): { mantissa: Value; n: Value; rounded: Value } {
  const rounded = e.madd(x, e.f32(LOG2E), e.f32(ROUND_MAGIC + bias))
  const n = e.op(SIMD.f32x4Sub, rounded, e.f32(ROUND_MAGIC + bias))
  const r = e.madd(n, e.f32(-LN2_LOW), e.madd(n, e.f32(-LN2_HIGH), x))
  const mantissa = e.madd(e.op(SIMD.f32x4Mul, r, r), e.polynomial(r, EXP), e.op(SIMD.f32x4Add, r, e.f32(1)))
  return { mantissa, n, rounded }
}

/**
 * exp over all floats. 2^n is applied in two factors, so that it neither overflows early nor loses denormals: the bits of
 * n/2 + 127 and n - n/2 + 127 come from float additions that round.
 */
export function exp(e: VectorEmitter, x: Value): Value {
  const bounded = e.op(SIMD.f32x4PMax, e.op(SIMD.f32x4PMin, x, e.f32(89)), e.f32(-104.5))
  const { mantissa, n, rounded } = expParts(e, bounded, 254)
  const half = e.madd(n, e.f32(0.5), e.f32(ROUND_MAGIC + 127))
  const rest = e.op(SIMD.i32x4Sub, rounded, half)
  const scaled = e.op(SIMD.f32x4Mul, mantissa, e.shift(SIMD.i32x4Shl, half, 23))
  return e.op(SIMD.f32x4Mul, scaled, e.shift(SIMD.i32x4Shl, rest, 23))
}

/** exp(x) for x ≤ 0 (or NaN): one factor 2^(n + 24), which is never denormal, and then 2^-24. A fifth less work. */
export function expOfNonPositive(e: VectorEmitter, x: Value): Value {
  const { mantissa, rounded } = expParts(e, e.op(SIMD.f32x4PMax, x, e.f32(-104.5)), 127 + 24)
  const scaled = e.op(SIMD.f32x4Mul, mantissa, e.shift(SIMD.i32x4Shl, rounded, 23))
  return e.op(SIMD.f32x4Mul, scaled, e.f32(2 ** -24))
}

// Cephes logf.
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
]
const SMALLEST_NORMAL = 1.1754943508222875e-38

export function log(e: VectorEmitter, x: Value): Value {
  const denormal = e.op(SIMD.f32x4Lt, x, e.f32(SMALLEST_NORMAL))
  const normal = e.choose(denormal, e.op(SIMD.f32x4Mul, x, e.f32(2 ** 23)), x)
  const bias = e.choose(denormal, e.i32(126 + 23), e.i32(126))
  const exponent = e.op(SIMD.i32x4Sub, e.shift(SIMD.i32x4ShrU, normal, 23), bias)
  const m0 = e.op(SIMD.or, e.op(SIMD.and, normal, e.i32(0x007fffff)), e.i32(0x3f000000)) // [0.5, 1)
  const low = e.op(SIMD.f32x4Lt, m0, e.f32(Math.SQRT1_2))
  const n = e.op(SIMD.f32x4Sub, e.op(SIMD.f32x4ConvertI32x4S, exponent), e.op(SIMD.and, low, e.f32(1)))
  const m = e.op(SIMD.f32x4Add, e.op(SIMD.f32x4Sub, m0, e.f32(1)), e.op(SIMD.and, low, m0))
  const z = e.op(SIMD.f32x4Mul, m, m)
  let p = e.op(SIMD.f32x4Mul, e.op(SIMD.f32x4Mul, e.polynomial(m, LOG), m), z)
  p = e.madd(n, e.f32(LN2_LOW), p)
  p = e.madd(z, e.f32(-0.5), p)
  let r = e.madd(n, e.f32(LN2_HIGH), e.op(SIMD.f32x4Add, m, p))
  r = e.choose(e.op(SIMD.f32x4Eq, x, e.f32(0)), e.f32(-Infinity), r)
  r = e.choose(e.op(SIMD.f32x4Eq, x, e.f32(Infinity)), x, r)
  return e.choose(e.op(SIMD.f32x4Ge, x, e.f32(0)), r, e.f32(NaN)) // NaN and negative numbers
}

/** (exp(-2u) - 1) / u on |u| ≤ ln 2 / 4; minimax fit, 1.4e-8. */
const EXPM1 = [
  0.08884774893522263, -0.2677338719367981, 0.6666752696037292, -1.333323359489441, 1.9999998807907104, -2,
]

/**
 * tanh|x| = -E / (2 + E) with E = exp(-2|x|) - 1 = s·(exp(-2u) - 1) + (s - 1), s = 2^n: nothing cancels, neither near 0
 * (n = 0) nor near 1. At most 2.5 ulp, and ±1 exactly from 9.02 on.
 */
export function tanh(e: VectorEmitter, x: Value): Value {
  const a = e.op(SIMD.f32x4PMin, e.op(SIMD.and, x, e.i32(MAGNITUDE)), e.f32(20))
  const rounded = e.madd(a, e.f32(-2 * LOG2E), e.f32(ROUND_MAGIC + 127))
  const n = e.op(SIMD.f32x4Sub, rounded, e.f32(ROUND_MAGIC + 127))
  const u = e.madd(n, e.f32(Math.LN2 / 2), a)
  const part = e.op(SIMD.f32x4Mul, e.polynomial(u, EXPM1), u)
  const s = e.shift(SIMD.i32x4Shl, rounded, 23)
  const all = e.madd(s, part, e.op(SIMD.f32x4Sub, s, e.f32(1)))
  const magnitude = e.op(SIMD.f32x4Div, all, e.op(SIMD.f32x4Sub, e.f32(-2), all))
  const unsigned = e.op(SIMD.and, magnitude, e.i32(MAGNITUDE)) // 0 / -2 is -0
  return e.op(SIMD.or, unsigned, e.op(SIMD.and, x, e.i32(SIGN)))
}

/** z / (1 + z) or 1 / (1 + z) with z = exp(-|x|) ≤ 1: full accuracy on both sides, no overflow. */
export function sigmoid(e: VectorEmitter, x: Value): Value {
  const z = expOfNonPositive(e, e.op(SIMD.or, x, e.f32(-0)))
  const one = e.op(SIMD.andnot, e.f32(1), e.shift(SIMD.i32x4ShrS, x, 31)) // where x is positive
  const numerator = e.op(SIMD.f32x4PMax, z, one)
  return e.op(SIMD.f32x4Div, numerator, e.op(SIMD.f32x4Add, z, e.f32(1)))
}

// Norbert Juffa's erff: x + x·P(x²) below 0.9277, 1 - exp(Q(|x|)) above; erf rounds to 1 before |x| = 4.
const ERF_NEAR = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]
const ERF_FAR = [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1]

export function erf(e: VectorEmitter, x: Value): Value {
  const t = e.op(SIMD.f32x4PMin, e.op(SIMD.and, x, e.i32(MAGNITUDE)), e.f32(4))
  const s = e.op(SIMD.f32x4Mul, t, t)
  const near = e.madd(e.polynomial(s, ERF_NEAR), x, x)
  let r = e.madd(e.f32(-1.7285347e-5), t, e.f32(3.83197126e-4))
  const u = e.madd(e.f32(-3.88396438e-3), t, e.f32(2.42546219e-2))
  r = e.madd(r, s, u)
  for (const c of ERF_FAR) r = e.madd(r, t, e.f32(c))
  r = e.op(SIMD.f32x4Sub, e.op(SIMD.f32x4Mul, r, t), t)
  const far = e.op(SIMD.f32x4Sub, e.f32(1), expOfNonPositive(e, r))
  const signed = e.op(SIMD.or, far, e.op(SIMD.and, x, e.i32(SIGN)))
  return e.choose(e.op(SIMD.f32x4Gt, t, e.f32(0.927734375)), signed, near)
}
