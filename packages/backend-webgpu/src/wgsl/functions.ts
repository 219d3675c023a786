// The scalar table in WGSL: what each function without a formula becomes on each dtype. Arguments are names or literals,
// results are expressions in parentheses where precedence could matter.
import type { ScalarName } from '@dl/tensor/backend'
import type { Library } from './library.ts'
import type { ShaderDType } from './values.ts'

type Emit = (library: Library, a: string, b: string, c: string, d: string) => string
/** One entry per dtype of the (last) argument; `any` serves dtypes that have no own entry. */
type Row = { readonly [D in ShaderDType | 'any']?: Emit }

const infix =
  (operator: string): Emit =>
  (_library, a, b) =>
    `(${a} ${operator} ${b})`
const call =
  (name: string): Emit =>
  (_library, ...args) =>
    `${name}(${args.filter((x) => x).join(', ')})`
const own =
  (name: Parameters<Library['use']>[0]): Emit =>
  (library, ...args) =>
    `${library.use(name)}(${args.filter((x) => x).join(', ')})`
/** uint8 arithmetic wraps at 8 bits. */
const wrap =
  (operator: string): Emit =>
  (_library, a, b) =>
    `((${a} ${operator} ${b}) & 255u)`
/** Comparison of booleans, false before true. */
const ordered =
  (text: (a: string, b: string) => string): Emit =>
  (_library, a, b) =>
    text(a, b)

const INFINITY = 'from_bits(0x7f800000u)'

/** Equality of floats: x == x and x == ∞ are questions about bits, which fast-math compilers cannot answer away. */
const equal =
  (negated: boolean): Emit =>
  (library, a, b) => {
    const not = negated ? '!' : ''
    if (a === b) return `${negated ? '' : '!'}${library.use('is_nan')}(${a})`
    if (b === INFINITY) return `${not}(bitcast<u32>(${a}) == 0x7f800000u)`
    // "not equal" of NaN is false on some drivers, equality is right
    return `${not}(${a} == ${b})`
  }
const less: Emit = (library, a, b) =>
  b === INFINITY ? `${library.use('below_infinity')}(${a})` : `(${a} < ${b})`

const FUNCTIONS: { readonly [K in ScalarName]?: Row } = {
  add: { float32: infix('+'), int32: infix('+'), uint8: wrap('+') },
  sub: { float32: infix('-'), int32: infix('-'), uint8: wrap('-') },
  mul: { float32: infix('*'), int32: infix('*'), uint8: wrap('*') },
  div: { float32: infix('/'), int32: own('div_i32'), uint8: own('div_u32') },
  rem: { float32: own('rem_f32'), int32: own('rem_i32'), uint8: own('rem_u32') },
  pow: {
    float32: own('pow_f32'),
    int32: own('pow_i32'),
    uint8: (l, a, b) => `(${l.use('pow_u32')}(${a}, ${b}) & 255u)`,
  },
  max: { float32: own('max_f32'), int32: call('max'), uint8: call('max'), bool: infix('||') },
  min: { float32: own('min_f32'), int32: call('min'), uint8: call('min'), bool: infix('&&') },
  neg: { float32: (_, a) => `(-${a})`, int32: (_, a) => `(-${a})`, uint8: (_, a) => `((0u - ${a}) & 255u)` },
  abs: { float32: call('abs'), int32: call('abs'), uint8: (_, a) => a },
  floor: { float32: call('floor') },
  ceil: { float32: call('ceil') },
  round: { float32: call('round') },
  trunc: { float32: call('trunc') },
  sqrt: { float32: call('sqrt') },
  exp: { float32: own('exp_f32') },
  log: { float32: own('log_f32') },
  sin: { float32: own('sin_f32') },
  cos: { float32: own('cos_f32') },
  tanh: { float32: own('tanh_f32') },
  sigmoid: { float32: own('sigmoid_f32') },
  erf: { float32: own('erf_f32') },
  eq: { float32: equal(false), any: infix('==') },
  ne: { float32: equal(true), any: infix('!=') },
  lt: { float32: less, any: infix('<'), bool: ordered((a, b) => `(!${a} && ${b})`) },
  le: { any: infix('<='), bool: ordered((a, b) => `(!${a} || ${b})`) },
  gt: { any: infix('>'), bool: ordered((a, b) => `(${a} && !${b})`) },
  ge: { any: infix('>='), bool: ordered((a, b) => `(${a} || !${b})`) },
  and: { bool: infix('&&') },
  or: { bool: infix('||') },
  xor: { bool: infix('!=') },
  not: { bool: (_, a) => `(!${a})` },
  bitAnd: { int32: infix('&'), uint8: infix('&') },
  bitOr: { int32: infix('|'), uint8: infix('|') },
  bitXor: { int32: infix('^'), uint8: infix('^') },
  shiftLeft: {
    int32: (_, a, b) => `(${a} << (bitcast<u32>(${b}) & 31u))`,
    uint8: (_, a, b) => `((${a} << (${b} & 31u)) & 255u)`,
  },
  shiftRightLogical: {
    int32: (_, a, b) => `bitcast<i32>(bitcast<u32>(${a}) >> (bitcast<u32>(${b}) & 31u))`,
    uint8: (_, a, b) => `(${a} >> (${b} & 31u))`,
  },
  select: { any: (_, c, a, b) => `select(${b}, ${a}, ${c})` },
  threefry: { int32: own('threefry') },
}

/** WGSL of `fn(args…)` on arguments of dtype `dtype`, or null when the table has no such code. `cast` and `bitcast` are not here. */
export function functionCode(
  fn: ScalarName,
  dtype: ShaderDType,
  args: readonly string[],
  library: Library,
): string | null {
  const row = FUNCTIONS[fn]
  const emit = row?.[dtype] ?? row?.any
  return emit ? emit(library, args[0] ?? '', args[1] ?? '', args[2] ?? '', args[3] ?? '') : null
}
