// float32 sin and cos. The argument is reduced in float64 lanes with a two-part π/2 (exact to |x| of about 10⁶), so that
// results near multiples of π keep their relative accuracy; larger arguments go to the host, lane by lane.
import { OP, SIMD } from '../assembler/opcodes.ts'
import type { VectorEmitter, Value } from './emitter.ts'

const LARGEST = 1e6
const TWO_OVER_PI = 0.6366197723675814
/** First 33 bits of π/2 and the rest (fdlibm). */
const HALF_PI_HIGH = 1.57079632673412561417
const HALF_PI_LOW = 6.07710050650619224932e-11

// Cephes sinf and cosf on [-π/4, π/4].
const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]

export function sin(e: VectorEmitter, x: Value): Value {
  return circular(e, x, 0, 'sin')
}

export function cos(e: VectorEmitter, x: Value): Value {
  return circular(e, x, 1, 'cos')
}

/** sin(x + quarter · π/2). */
function circular(e: VectorEmitter, x: Value, quarter: number, host: string): Value {
  const wide = e.widen(x, SIMD.f64x2PromoteLowF32x4)
  const turns = e.op(SIMD.f64x2Nearest, e.op(SIMD.f64x2Mul, wide, e.f64(TWO_OVER_PI)))
  const first = e.op(SIMD.f64x2Sub, wide, e.op(SIMD.f64x2Mul, turns, e.f64(HALF_PI_HIGH)))
  const rest = e.op(SIMD.f64x2Sub, first, e.op(SIMD.f64x2Mul, turns, e.f64(HALF_PI_LOW)))
  const r = e.joinLow(e.op(SIMD.f32x4DemoteF64x2Zero, rest))
  let quadrant = e.joinLow(e.op(SIMD.i32x4TruncSatF64x2SZero, turns))
  if (quarter !== 0) quadrant = e.op(SIMD.i32x4Add, quadrant, e.i32(quarter))
  const z = e.op(SIMD.f32x4Mul, r, r)
  const s = e.madd(e.op(SIMD.f32x4Mul, e.polynomial(z, SIN), z), r, r)
  const half = e.madd(z, e.f32(-0.5), e.f32(1))
  const c = e.madd(e.op(SIMD.f32x4Mul, e.polynomial(z, COS), z), z, half)
  const odd = e.op(SIMD.i32x4Ne, e.op(SIMD.and, quadrant, e.i32(1)), e.i32(0))
  const sign = e.shift(SIMD.i32x4Shl, e.op(SIMD.and, quadrant, e.i32(2)), 30)
  const result = e.op(SIMD.xor, e.choose(odd, c, s), sign)
  patchLarge(e, x, result, host)
  return result
}

function patchLarge(e: VectorEmitter, x: Value, result: Value, host: string): void {
  const f = e.f
  const large = e.op(SIMD.f32x4Gt, e.op(SIMD.f32x4Abs, x), e.f32(LARGEST))
  f.get(large[0]!)
  for (let w = 1; w < large.length; w++) f.get(large[w]!).simd(SIMD.or)
  f.simd(SIMD.anyTrue).if(() => {
    const exact = e.perLane('f32', 'f32', [x], () =>
      f.op(OP.f64PromoteF32).call(e.module.host(host)).op(OP.f32DemoteF64),
    )
    // the other lanes keep theirs: a value must not depend on its neighbours, some of which lie behind a row's end
    e.choose(large, exact, result).forEach((local, w) => f.get(local).set(result[w]!))
  })
}
