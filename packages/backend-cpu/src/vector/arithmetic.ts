// Vector code of each row of the scalar table that has no formula, for every dtype the row accepts. Straight SIMD
// instructions come from tables by register; the rest are short compositions, scalar helpers by lane, or the host's Math.
import { SCALARS } from '@dl/tensor/backend'
import type { DType, Element, Expr, ScalarName } from '@dl/tensor/backend'
import { OP, SIMD } from '../assembler/opcodes.ts'
import { cast } from './convert.ts'
import { erf, exp, log, sigmoid, tanh } from './elementary.ts'
import { REGISTER } from './emitter.ts'
import type { Register, Value, VectorEmitter } from './emitter.ts'
import { integerFunction } from './integer.ts'
import type { IntegerFunction } from './integer.ts'
import { pow, wholePower } from './power.ts'
import { threefry } from './threefry.ts'
import { cos, sin } from './trigonometric.ts'

type Table = Partial<Record<ScalarName, number>>

const F32: Table = {
  add: SIMD.f32x4Add,
  sub: SIMD.f32x4Sub,
  mul: SIMD.f32x4Mul,
  div: SIMD.f32x4Div,
  max: SIMD.f32x4Max,
  min: SIMD.f32x4Min,
  sqrt: SIMD.f32x4Sqrt,
  floor: SIMD.f32x4Floor,
  ceil: SIMD.f32x4Ceil,
  round: SIMD.f32x4Nearest,
  trunc: SIMD.f32x4Trunc,
  eq: SIMD.f32x4Eq,
  ne: SIMD.f32x4Ne,
  lt: SIMD.f32x4Lt,
  le: SIMD.f32x4Le,
  gt: SIMD.f32x4Gt,
  ge: SIMD.f32x4Ge,
}
const F64: Table = {
  add: SIMD.f64x2Add,
  sub: SIMD.f64x2Sub,
  mul: SIMD.f64x2Mul,
  div: SIMD.f64x2Div,
  max: SIMD.f64x2Max,
  min: SIMD.f64x2Min,
  sqrt: SIMD.f64x2Sqrt,
  floor: SIMD.f64x2Floor,
  ceil: SIMD.f64x2Ceil,
  round: SIMD.f64x2Nearest,
  trunc: SIMD.f64x2Trunc,
  eq: SIMD.f64x2Eq,
  ne: SIMD.f64x2Ne,
  lt: SIMD.f64x2Lt,
  le: SIMD.f64x2Le,
  gt: SIMD.f64x2Gt,
  ge: SIMD.f64x2Ge,
}
const I32: Table = {
  add: SIMD.i32x4Add,
  sub: SIMD.i32x4Sub,
  mul: SIMD.i32x4Mul,
  max: SIMD.i32x4MaxS,
  min: SIMD.i32x4MinS,
  neg: SIMD.i32x4Neg,
  abs: SIMD.i32x4Abs,
  eq: SIMD.i32x4Eq,
  ne: SIMD.i32x4Ne,
  lt: SIMD.i32x4LtS,
  le: SIMD.i32x4LeS,
  gt: SIMD.i32x4GtS,
  ge: SIMD.i32x4GeS,
  bitAnd: SIMD.and,
  bitOr: SIMD.or,
  bitXor: SIMD.xor,
}
const I64: Table = {
  add: SIMD.i64x2Add,
  sub: SIMD.i64x2Sub,
  mul: SIMD.i64x2Mul,
  neg: SIMD.i64x2Neg,
  abs: SIMD.i64x2Abs,
  eq: SIMD.i64x2Eq,
  ne: SIMD.i64x2Ne,
  lt: SIMD.i64x2LtS,
  le: SIMD.i64x2LeS,
  gt: SIMD.i64x2GtS,
  ge: SIMD.i64x2GeS,
  bitAnd: SIMD.and,
  bitOr: SIMD.or,
  bitXor: SIMD.xor,
}
const MASK: Table = {
  and: SIMD.and,
  or: SIMD.or,
  xor: SIMD.xor,
  not: SIMD.not,
  max: SIMD.or,
  min: SIMD.and,
  ne: SIMD.xor,
  mul: SIMD.and,
  add: SIMD.or,
}
const TABLES = { f32: F32, f64: F64, i32: I32, i64: I64, mask: MASK }
const COMPARISONS: ReadonlySet<ScalarName> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge'])
/** Functions of uint8 that may leave 0 … 255. */
const WRAPS: ReadonlySet<ScalarName> = new Set(['add', 'sub', 'mul', 'neg', 'shiftLeft', 'pow'])

type Elementary = (e: VectorEmitter, ...x: Value[]) => Value
const ELEMENTARY: Partial<Record<ScalarName, Elementary>> = { exp, log, tanh, sigmoid, erf, sin, cos, pow }

/** What a function of host Math is called for, by lane: name in the scalar table. */
export function hostFunction(fn: ScalarName, dtype: DType): ScalarName | null {
  if (dtype === 'float64')
    return F64[fn] === undefined && SCALARS[fn].accepts !== 'any' && HOST.has(fn) ? fn : null
  if (dtype === 'float32') return fn === 'rem' || fn === 'sin' || fn === 'cos' ? fn : null
  return null
}
const HOST: ReadonlySet<ScalarName> = new Set([
  'exp',
  'log',
  'tanh',
  'sigmoid',
  'erf',
  'sin',
  'cos',
  'pow',
  'rem',
])

/** Host functions that the expressions of a kernel call. */
export function hostFunctionsOf(exprs: readonly Expr[]): ScalarName[] {
  const names: ScalarName[] = []
  for (const x of exprs) {
    if (x.op !== 'map') continue
    const host = hostFunction(x.fn, exprs[x.args[0]!]!.dtype)
    if (host) names.push(host)
  }
  return names
}

/**
 * Code of `fn(args)`; `from` is the dtype of the last argument, `to` that of the result, `literal` the last argument's
 * value when it is a constant.
 */
export function map(
  e: VectorEmitter,
  fn: ScalarName,
  from: DType,
  to: DType,
  args: readonly Value[],
  literal?: Element,
): Value {
  if (literal !== undefined) {
    const special = withLiteral(e, fn, from, args, literal)
    if (special) return special
  }
  switch (fn) {
    case 'cast':
      return cast(e, from, to, args[0]!)
    case 'bitcast':
      return args[0]!
    case 'select':
      return e.choose(
        REGISTER[from] === 'f64' || REGISTER[from] === 'i64' ? e.widenMask(args[0]!) : args[0]!,
        args[1]!,
        args[2]!,
      )
    case 'threefry':
      return threefry(e, args[0]!, args[1]!, args[2]!, args[3]!)
    default:
      return from === 'bool' ? ofMasks(e, fn, args) : ofNumbers(e, fn, from, args)
  }
}

/**
 * max or min with a constant. pmax(x, c) is `x < c ? c : x`, pmin(x, c) is `c < x ? c : x`: unlike the exact instructions
 * they are fast, and they keep a NaN in x. A zero needs care, because -0 < 0 is false.
 */
function boundBy(
  e: VectorEmitter,
  fn: 'max' | 'min',
  register: 'f32' | 'f64',
  x: Value,
  c: Value,
  bound: number,
): Value | null {
  const f32 = register === 'f32'
  if (Number.isNaN(bound) || (fn === 'min' && Object.is(bound, -0))) return null
  if (fn === 'min') return e.op(f32 ? SIMD.f32x4PMin : SIMD.f64x2PMin, x, c)
  if (!Object.is(bound, 0)) return e.op(f32 ? SIMD.f32x4PMax : SIMD.f64x2PMax, x, c)
  return e.op(SIMD.andnot, x, e.op(f32 ? SIMD.f32x4Le : SIMD.f64x2Le, x, c))
}

/** Cheaper code when the last argument is a constant. */
function withLiteral(
  e: VectorEmitter,
  fn: ScalarName,
  dtype: DType,
  args: readonly Value[],
  literal: Element,
): Value | null {
  const register = REGISTER[dtype]
  if (fn === 'max' || fn === 'min') {
    if (register === 'f32' || register === 'f64')
      return boundBy(e, fn, register, args[0]!, args[1]!, Number(literal))
  }
  if (fn === 'pow' && (register === 'f32' || register === 'f64'))
    return wholePower(e, register, args[0]!, Number(literal))
  if (fn === 'shiftLeft' || fn === 'shiftRightLogical') {
    const left = fn === 'shiftLeft'
    const wide = register === 'i64'
    const code = left ? (wide ? SIMD.i64x2Shl : SIMD.i32x4Shl) : wide ? SIMD.i64x2ShrU : SIMD.i32x4ShrU
    const result = e.shift(code, args[0]!, Number(BigInt(literal) & 63n))
    return dtype === 'uint8' && left ? e.op(SIMD.and, result, e.i32(255)) : result
  }
  return null
}

function ofMasks(e: VectorEmitter, fn: ScalarName, args: readonly Value[]): Value {
  const direct = MASK[fn]
  if (direct !== undefined) return e.op(direct, ...args)
  const [a, b] = args as [Value, Value]
  switch (fn) {
    case 'eq':
      return e.op(SIMD.not, e.op(SIMD.xor, a, b))
    case 'lt':
      return e.op(SIMD.andnot, b, a)
    case 'gt':
      return e.op(SIMD.andnot, a, b)
    case 'le':
      return e.op(SIMD.not, e.op(SIMD.andnot, a, b))
    case 'ge':
      return e.op(SIMD.not, e.op(SIMD.andnot, b, a))
    default:
      throw unsupported(fn, 'bool')
  }
}

function ofNumbers(e: VectorEmitter, fn: ScalarName, dtype: DType, args: readonly Value[]): Value {
  const register = REGISTER[dtype]
  const direct = TABLES[register][fn]
  if (direct !== undefined) {
    const result = e.op(direct, ...args)
    if (COMPARISONS.has(fn) && (register === 'f64' || register === 'i64')) return e.narrow(result)
    return dtype === 'uint8' && WRAPS.has(fn) ? e.op(SIMD.and, result, e.i32(255)) : result
  }
  if (register === 'i32' || register === 'i64') return ofIntegers(e, fn, dtype, args)
  if (fn === 'abs' || fn === 'neg') return withSign(e, fn, register, args[0]!)
  if (hostFunction(fn, dtype) && (dtype === 'float64' || !ELEMENTARY[fn])) return byHost(e, fn, dtype, args)
  const elementary = dtype === 'float32' ? ELEMENTARY[fn] : undefined
  if (elementary) return elementary(e, ...args)
  throw unsupported(fn, dtype)
}

/** Bit operations with a constant are one machine instruction where V8's abs and neg are three. */
function withSign(e: VectorEmitter, fn: 'abs' | 'neg', register: Register, x: Value): Value {
  const sign = register === 'f32' ? e.i32(-0x80000000) : e.i64(-(2n ** 63n))
  return e.op(fn === 'abs' ? SIMD.andnot : SIMD.xor, x, sign)
}

function byHost(e: VectorEmitter, fn: ScalarName, dtype: DType, args: readonly Value[]): Value {
  const host = e.module.host(fn)
  if (dtype === 'float64') return e.perLane('f64', 'f64', args, () => e.f.call(host))
  const wide = args.map((a) => e.widen(a, SIMD.f64x2PromoteLowF32x4))
  return cast(
    e,
    'float64',
    'float32',
    e.perLane('f64', 'f64', wide, () => e.f.call(host)),
  )
}

function ofIntegers(e: VectorEmitter, fn: ScalarName, dtype: DType, args: readonly Value[]): Value {
  const wide = dtype === 'int64'
  const register = wide ? 'i64' : 'i32'
  const [a, b] = args as [Value, Value]
  switch (fn) {
    case 'max':
      return e.choose(e.op(SIMD.i64x2GtS, a, b), a, b)
    case 'min':
      return e.choose(e.op(SIMD.i64x2LtS, a, b), a, b)
    case 'div':
    case 'rem':
    case 'pow': {
      const helper = integerFunction(e.module, fn satisfies IntegerFunction, wide)
      const result = e.perLane(register, register, args, () => e.f.call(helper))
      return dtype === 'uint8' && WRAPS.has(fn) ? e.op(SIMD.and, result, e.i32(255)) : result
    }
    case 'shiftLeft':
    case 'shiftRightLogical': {
      const code = fn === 'shiftLeft' ? (wide ? OP.i64Shl : OP.i32Shl) : wide ? OP.i64ShrU : OP.i32ShrU
      const result = e.perLane(register, register, args, () => e.f.op(code))
      return dtype === 'uint8' && WRAPS.has(fn) ? e.op(SIMD.and, result, e.i32(255)) : result
    }
    default:
      throw unsupported(fn, dtype)
  }
}

const unsupported = (fn: ScalarName, dtype: DType): Error =>
  new Error(
    `[cpu] no code for ${fn} of ${dtype}; the row of the scalar table has neither a formula nor vector code here`,
  )
