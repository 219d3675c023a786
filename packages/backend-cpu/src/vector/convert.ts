// Casts between all pairs of dtypes, on registers. Float to integer truncates and saturates (NaN gives 0), float to uint8
// goes through int32 and wraps, anything to bool is "not 0".
import type { DType } from '@dl/tensor/backend'
import { OP, SIMD, TRUNC_SAT } from '../assembler/opcodes.ts'
import { REGISTER } from './emitter.ts'
import type { Register, Value, VectorEmitter } from './emitter.ts'

export function cast(e: VectorEmitter, from: DType, to: DType, x: Value): Value {
  if (from === to) return x
  const source = REGISTER[from]
  const target = REGISTER[to]
  if (to === 'bool') return notZero(e, source, x)
  if (source === 'mask') return fromMask(e, target, x)
  const converted = source === target ? x : CONVERT[source][target]!(e, x)
  return to === 'uint8' ? e.op(SIMD.and, converted, e.i32(255)) : converted
}

/** The lanes that are not 0, as a mask (NaN is not 0). */
export function notZero(e: VectorEmitter, register: Register, x: Value): Value {
  switch (register) {
    case 'f32':
      return e.op(SIMD.f32x4Ne, x, e.f32(0))
    case 'i32':
      return e.op(SIMD.i32x4Ne, x, e.i32(0))
    case 'f64':
      return e.narrow(e.op(SIMD.f64x2Ne, x, e.f64(0)))
    case 'i64':
      return e.narrow(e.op(SIMD.i64x2Ne, x, e.i64(0n)))
    case 'mask':
      return x
  }
}

function fromMask(e: VectorEmitter, target: Register, m: Value): Value {
  switch (target) {
    case 'f32':
      return e.op(SIMD.and, m, e.f32(1))
    case 'i32':
      return e.op(SIMD.and, m, e.i32(1))
    case 'f64':
      return e.op(SIMD.and, e.widenMask(m), e.f64(1))
    case 'i64':
      return e.op(SIMD.and, e.widenMask(m), e.i64(1n))
    case 'mask':
      return m
  }
}

type Conversion = (e: VectorEmitter, x: Value) => Value
type Conversions = { readonly [R in Register]?: Conversion }

const CONVERT: { readonly [R in Register]: Conversions } = {
  f32: {
    i32: (e, x) => e.op(SIMD.i32x4TruncSatF32x4S, x),
    f64: (e, x) => e.widen(x, SIMD.f64x2PromoteLowF32x4),
    i64: (e, x) => e.perLane('f32', 'i64', [x], () => e.f.truncSat(TRUNC_SAT.i64F32S)),
  },
  i32: {
    f32: (e, x) => e.op(SIMD.f32x4ConvertI32x4S, x),
    f64: (e, x) => e.widen(x, SIMD.f64x2ConvertLowI32x4S),
    i64: (e, x) => e.widen(x, SIMD.i64x2ExtendLowI32x4S, SIMD.i64x2ExtendHighI32x4S),
  },
  f64: {
    f32: (e, x) => e.joinLow(e.op(SIMD.f32x4DemoteF64x2Zero, x)),
    i32: (e, x) => e.joinLow(e.op(SIMD.i32x4TruncSatF64x2SZero, x)),
    i64: (e, x) => e.perLane('f64', 'i64', [x], () => e.f.truncSat(TRUNC_SAT.i64F64S)),
  },
  i64: {
    f32: (e, x) => e.perLane('i64', 'f32', [x], () => e.f.op(OP.f32ConvertI64S)),
    f64: (e, x) => e.perLane('i64', 'f64', [x], () => e.f.op(OP.f64ConvertI64S)),
    i32: (e, x) => e.narrow(x),
  },
  mask: {},
}
