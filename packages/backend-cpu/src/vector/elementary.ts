// float32 vector code of exp, log, tanh, sigmoid and erf. The common range runs without clamps; a rare branch calls a
// complete version when some lane overflows, underflows or is denormal. Bounds are those of the scalar table (`ulp`).
import { SIMD, V128 } from '../assembler/opcodes.ts'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import type { ModuleWriter } from '../assembler/module-writer.ts'
import { VectorEmitter } from './emitter.ts'
import type { Value } from './emitter.ts'

const LOG2E = 1.4426950408889634
const LN2_HIGH = 0.693359375
const LN2_LOW = -2.1219444e-4
/** Float whose last mantissa bits hold a small integer plus the exponent bias: 1.5 · 2^23 + 127. */
const BIAS_MAGIC = 12582912 + 127

// Cephes expf, logf.
const EXP = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
]
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
]

/** exp(x) = polynomial(r) · 2^n with n = round(x / ln 2); returns the polynomial and n as floats. */
function expParts(e: VectorEmitter, x: Value): { readonly mantissa: Value; readonly n: Value } {
  const n = e.op(SIMD.f32x4Nearest, e.op(SIMD.f32x4Mul, x, e.f32(LOG2E)))
  const r = e.madd(n, e.f32(-LN2_LOW), e.madd(n, e.f32(-LN2_HIGH), x))
  const p = e.polynomial(r, EXP)
  const mantissa = e.madd(e.op(SIMD.f32x4Mul, r, r), p, e.op(SIMD.f32x4Add, r, e.f32(1)))
  return { mantissa, n }
}

/** exp over all floats: 2^n in two factors, so that neither overflows early nor loses denormals. */
function expComplete(module: ModuleWriter, relaxed: boolean): FunctionWriter {
  return module.shared(`exp${relaxed}`, () => {
    const f = module.function('', [V128], [V128])
    const e = new VectorEmitter(f, module, relaxed)
    const clamped = e.op(SIMD.f32x4PMax, e.op(SIMD.f32x4PMin, [0], e.f32(89)), e.f32(-104.5))
    const { mantissa, n } = expParts(e, clamped)
    const whole = e.op(SIMD.i32x4TruncSatF32x4S, n)
    const first = e.shift(SIMD.i32x4ShrS, whole, 1)
    const power = (k: Value): Value => e.shift(SIMD.i32x4Shl, e.op(SIMD.i32x4Add, k, e.i32(127)), 23)
    const second = e.op(SIMD.i32x4Sub, whole, first)
    const result = e.op(SIMD.f32x4Mul, e.op(SIMD.f32x4Mul, mantissa, power(first)), power(second))
    f.get(result[0]!)
    return f
  })
}

/** Overwrites words of `result` by calling `complete` when `unusual` has a lane set anywhere. */
function patch(e: VectorEmitter, x: Value, result: Value, unusual: Value, complete: FunctionWriter): void {
  const f = e.f
  f.get(unusual[0]!)
  for (let w = 1; w < unusual.length; w++) f.get(unusual[w]!).simd(SIMD.or)
  f.simd(SIMD.anyTrue).if(() => {
    for (let w = 0; w < result.length; w++) f.get(x[w]!).call(complete).set(result[w]!)
  })
}

export function exp(e: VectorEmitter, x: Value): Value {
  const { mantissa, n } = expParts(e, x)
  const scale = e.shift(SIMD.i32x4Shl, e.op(SIMD.f32x4Add, n, e.f32(BIAS_MAGIC)), 23)
  const result = e.op(SIMD.f32x4Mul, mantissa, scale)
  const unusual = e.op(SIMD.f32x4Gt, e.op(SIMD.f32x4Abs, x), e.f32(87))
  patch(e, x, result, unusual, expComplete(e.module, e.relaxed))
  return result
}

/** log of positive normal floats, `shift` added to the exponent. */
function logCore(e: VectorEmitter, x: Value, shift?: Value): Value {
  let exponent = e.op(SIMD.i32x4Sub, e.shift(SIMD.i32x4ShrU, x, 23), e.i32(126))
  if (shift) exponent = e.op(SIMD.i32x4Add, exponent, shift)
  const m0 = e.op(SIMD.or, e.op(SIMD.and, x, e.i32(0x007fffff)), e.i32(0x3f000000)) // [0.5, 1)
  const low = e.op(SIMD.f32x4Lt, m0, e.f32(Math.SQRT1_2))
  const n = e.op(SIMD.f32x4Sub, e.op(SIMD.f32x4ConvertI32x4S, exponent), e.op(SIMD.and, low, e.f32(1)))
  const m = e.op(SIMD.f32x4Add, e.op(SIMD.f32x4Sub, m0, e.f32(1)), e.op(SIMD.and, low, m0))
  const z = e.op(SIMD.f32x4Mul, m, m)
  let p = e.op(SIMD.f32x4Mul, e.op(SIMD.f32x4Mul, e.polynomial(m, LOG), m), z)
  p = e.madd(n, e.f32(LN2_LOW), p)
  p = e.madd(z, e.f32(-0.5), p)
  return e.madd(n, e.f32(LN2_HIGH), e.op(SIMD.f32x4Add, m, p))
}

function logComplete(module: ModuleWriter, relaxed: boolean): FunctionWriter {
  return module.shared(`log${relaxed}`, () => {
    const f = module.function('', [V128], [V128])
    const e = new VectorEmitter(f, module, relaxed)
    const x: Value = [0]
    const denormal = e.op(SIMD.f32x4Lt, x, e.f32(1.1754943508222875e-38))
    const scaled = e.choose(denormal, e.op(SIMD.f32x4Mul, x, e.f32(8388608)), x)
    let r = logCore(e, scaled, e.op(SIMD.and, denormal, e.i32(-23)))
    r = e.choose(e.op(SIMD.f32x4Eq, x, e.f32(0)), e.f32(-Infinity), r)
    r = e.choose(e.op(SIMD.f32x4Eq, x, e.f32(Infinity)), x, r)
    r = e.choose(e.op(SIMD.f32x4Ge, x, e.f32(0)), r, e.f32(NaN))
    f.get(r[0]!)
    return f
  })
}

export function log(e: VectorEmitter, x: Value): Value {
  const result = logCore(e, x)
  // As unsigned integers, positive normal finite floats are 0x00800000 … 0x7f7fffff; the offset also flips the sign bit, so
  // that a signed comparison does.
  const biased = e.op(SIMD.i32x4Sub, x, e.i32(0x80800000 | 0))
  const unusual = e.op(SIMD.i32x4GeS, biased, e.i32(0x7f000000 - 0x80000000))
  patch(e, x, result, unusual, logComplete(e.module, e.relaxed))
  return result
}

// tanh x = x + x·z·P(z), z = x², below 0.55; (1 - t) / (1 + t) with t = 2^(-2 |x| / ln 2) above: no cancellation there, and
// the error of t hardly counts. Minimax fits; at most 2.3 ulp, ±1 exactly from 9.02 on.
const TANH_NEAR = [0.016437802463769913, -0.05267193168401718, 0.1332072764635086, -0.3333294689655304]
const EXP2 = [0.001326465280726552, 0.009671501815319061, 0.05550733953714371, 0.24022242426872253, 0.6931470036506653, 1]

export function tanh(e: VectorEmitter, x: Value): Value {
  const a = e.op(SIMD.f32x4PMin, e.op(SIMD.f32x4Abs, x), e.f32(20))
  const v = e.op(SIMD.f32x4Mul, a, e.f32(-2 * LOG2E))
  const n = e.op(SIMD.f32x4Nearest, v)
  const p = e.polynomial(e.op(SIMD.f32x4Sub, v, n), EXP2)
  const t = e.op(SIMD.f32x4Mul, p, e.shift(SIMD.i32x4Shl, e.op(SIMD.f32x4Add, n, e.f32(BIAS_MAGIC)), 23))
  const one = e.f32(1)
  const far = e.op(SIMD.f32x4Div, e.op(SIMD.f32x4Sub, one, t), e.op(SIMD.f32x4Add, one, t))
  const z = e.op(SIMD.f32x4Mul, x, x)
  const near = e.madd(e.op(SIMD.f32x4Mul, e.polynomial(z, TANH_NEAR), z), x, x)
  const signed = e.choose(e.i32(-0x80000000), x, far)
  return e.choose(e.op(SIMD.f32x4Gt, a, e.f32(0.55)), signed, near)
}

/** z / (1 + z) or 1 / (1 + z) with z = exp(-|x|) ≤ 1: full accuracy on both sides, no overflow. */
export function sigmoid(e: VectorEmitter, x: Value): Value {
  const z = exp(e, e.op(SIMD.or, x, e.f32(-0)))
  const numerator = e.choose(e.shift(SIMD.i32x4ShrS, x, 31), z, e.f32(1))
  return e.op(SIMD.f32x4Div, numerator, e.op(SIMD.f32x4Add, z, e.f32(1)))
}

// Norbert Juffa's erff: x + x·P(x²) below 0.9277, 1 - exp(Q(|x|)) above; erf rounds to 1 before |x| = 4.
const ERF_NEAR = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]
const ERF_FAR = [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1]

export function erf(e: VectorEmitter, x: Value): Value {
  const t = e.op(SIMD.f32x4PMin, e.op(SIMD.f32x4Abs, x), e.f32(4))
  const s = e.op(SIMD.f32x4Mul, t, t)
  const near = e.madd(e.polynomial(s, ERF_NEAR), x, x)
  let r = e.madd(e.f32(-1.7285347e-5), t, e.f32(3.83197126e-4))
  const u = e.madd(e.f32(-3.88396438e-3), t, e.f32(2.42546219e-2))
  r = e.madd(r, s, u)
  for (const c of ERF_FAR) r = e.madd(r, t, e.f32(c))
  r = e.op(SIMD.f32x4Sub, e.op(SIMD.f32x4Mul, r, t), t)
  const far = e.op(SIMD.f32x4Sub, e.f32(1), exp(e, r))
  const signed = e.choose(e.i32(-0x80000000), x, far)
  return e.choose(e.op(SIMD.f32x4Gt, t, e.f32(0.927734375)), signed, near)
}
