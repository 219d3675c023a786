// The scalar table: one row for each elementwise function. A row says what the function computes (`js`, the reference), what
// it costs, its derivative, where tests probe it, and how accurate a backend must be. Functions with a `formula` are
// expanded into simpler rows before kernels are generated, so a new activation is one row and no code generator changes.
import { DTypeError } from '../errors.ts'
import type { DType, Element } from './dtype.ts'
import type { Node } from './node.ts'

export type ScalarName =
  | 'add' | 'sub' | 'mul' | 'div' | 'rem' | 'pow' | 'max' | 'min'
  | 'neg' | 'abs' | 'sign' | 'floor' | 'ceil' | 'round' | 'trunc' | 'sqrt' | 'rsqrt' | 'square' | 'reciprocal'
  | 'exp' | 'expm1' | 'log' | 'log1p' | 'sin' | 'cos' | 'tan' | 'atan' | 'tanh' | 'sigmoid' | 'erf' | 'relu' | 'softplus'
  | 'isNaN' | 'isInf' | 'isFinite'
  | 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'
  | 'and' | 'or' | 'xor' | 'not'
  | 'bitAnd' | 'bitOr' | 'bitXor' | 'shiftLeft' | 'shiftRightLogical'
  | 'select' | 'cast' | 'bitcast' | 'threefry'

/** Elementwise building blocks handed to derivatives and formulas: `s.mul(x, 2)`. Numbers adopt the dtype of the first node. */
export type ScalarOps = { readonly [K in Exclude<ScalarName, 'cast' | 'bitcast'>]: (...args: (Node | number)[]) => Node } & {
  readonly cast: (x: Node, dtype: DType) => Node
  readonly bitcast: (x: Node, dtype: DType) => Node
}

/** Builds the same formula over any representation (graph nodes, kernel expressions). */
export interface FormulaOps<V> {
  map(fn: ScalarName, ...args: V[]): V
  constant(value: number): V
}

export interface ScalarRow {
  readonly arity: number
  /** Which dtypes the arguments may have: `number` = float or integer, `any` = number or bool. */
  readonly accepts: 'float' | 'number' | 'int' | 'bool' | 'any' | 'select' | 'threefry'
  /** Dtype of the result: that of the (last) argument, bool, or given by the node (`cast`). */
  readonly result: 'same' | 'bool' | 'given'
  /** Machine operations an element; above 4 the scheduler calls a value dear. */
  readonly cost: number
  /** The reference, in double precision (or exact integers for int dtypes through `int`). */
  readonly js: (...x: number[]) => number
  /** Exact integer meaning where it differs from `js`; int64 uses bigint. */
  readonly int?: ((...x: bigint[]) => bigint | boolean) | undefined
  /** Cotangents of the arguments from that of the result; null where there is none. Stated through `y` where possible. */
  readonly derivative?: ((s: ScalarOps, ct: Node, y: Node, ...x: Node[]) => readonly (Node | null)[]) | undefined
  /** The same function in terms of other rows. */
  readonly formula?: (<V>(f: FormulaOps<V>, ...x: V[]) => V) | undefined
  /** Interval of arguments that tests use (float functions). */
  readonly domain?: readonly [number, number] | undefined
  /** Allowed distance from the reference, in units in the last place of float32. 0 = exact. */
  readonly ulp: number
}

const NONE1 = (): readonly null[] => [null]
const NONE2 = (): readonly null[] => [null, null]
const bool = (b: boolean): number => (b ? 1 : 0)

/** Abramowitz–Stegun-free erf: series below 2.5, continued fraction above; accurate to 1e-15. */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a !== a) return x
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n
      const add = term / (2 * n + 1)
      sum += add
      if (Math.abs(add) < 1e-17 * Math.abs(sum)) break
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let f = 0
  for (let k = 60; k > 0; k--) f = k / 2 / (a + f)
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + f))
}

/** Rounds half to even, as IEEE's roundToIntegralTiesToEven. */
export function roundHalfEven(x: number): number {
  const r = Math.round(x)
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r
}

/** Powers wrap modulo 2^64; a negative exponent truncates toward 0, as 1 / a^-b would. */
function integerPower(a: bigint, b: bigint): bigint {
  if (b < 0n) return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n
  let result = 1n
  for (let base = a; b > 0n; b >>= 1n) {
    if (b & 1n) result = BigInt.asIntN(64, result * base)
    base = BigInt.asIntN(64, base * base)
  }
  return result
}

const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n))
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const

/**
 * First word of Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
 * key (k0, k1), counter (x0, x1). Every backend returns these bits.
 */
export function threefry2x32(k0: number, k1: number, x0: number, x1: number): readonly [number, number] {
  const keys = [k0 | 0, k1 | 0, k0 ^ k1 ^ 0x1bd11bda]
  let a = (x0 + keys[0]!) | 0
  let b = (x1 + keys[1]!) | 0
  for (let round = 0; round < 20; round++) {
    a = (a + b) | 0
    b = rotate(b, ROTATIONS[round % 8]!) ^ a
    if (round % 4 === 3) {
      const q = (round + 1) / 4
      a = (a + keys[q % 3]!) | 0
      b = (b + keys[(q + 1) % 3]! + q) | 0
    }
  }
  return [a, b]
}

const ATAN_P = [-0.8750608600031904, -16.157537187333652, -75.00855792314705, -122.88666844901361, -64.85021904942025]
const ATAN_Q = [1, 24.858464901423062, 165.02700983169885, 432.88106049129027, 485.3903996359137, 194.5506571482614]

function arcTangent<V>(f: FormulaOps<V>, x: V): V {
  const horner = (coefficients: readonly number[], z: V): V =>
    coefficients.slice(1).reduce((sum, c) => f.map('add', f.map('mul', sum, z), f.constant(c)), f.constant(coefficients[0]!))
  const a = f.map('abs', x)
  const steep = f.map('gt', a, f.constant(2.414213562373095))
  const middle = f.map('gt', a, f.constant(0.66))
  const turned = f.map('div', f.constant(-1), a)
  const moved = f.map('div', f.map('sub', a, f.constant(1)), f.map('add', a, f.constant(1)))
  const t = f.map('select', steep, turned, f.map('select', middle, moved, a))
  const base = f.map(
    'select', steep, f.constant(Math.PI / 2), f.map('select', middle, f.constant(Math.PI / 4), f.constant(0)),
  )
  const z = f.map('mul', t, t)
  const curve = f.map('mul', f.map('mul', z, t), f.map('div', horner(ATAN_P, z), horner(ATAN_Q, z)))
  const y = f.map('add', base, f.map('add', t, curve))
  return f.map('select', f.map('lt', x, f.constant(0)), f.map('neg', y), f.map('select', f.map('eq', x, f.constant(0)), x, y))
}

const rows = {
  // ---- arithmetic
  add: {
    arity: 2, accepts: 'number', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (a, b) => a + b, int: (a, b) => a + b,
    derivative: (_s, ct) => [ct, ct],
  },
  sub: {
    arity: 2, accepts: 'number', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (a, b) => a - b, int: (a, b) => a - b,
    derivative: (s, ct) => [ct, s.neg(ct)],
  },
  mul: {
    arity: 2, accepts: 'number', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (a, b) => a * b, int: (a, b) => a * b,
    derivative: (s, ct, _y, a, b) => [s.mul(ct, b), s.mul(ct, a)],
  },
  div: {
    // integers truncate toward zero; division by zero gives 0 on integers
    arity: 2, accepts: 'number', result: 'same', cost: 4, ulp: 0, domain: [0.5, 10],
    js: (a, b) => a / b, int: (a, b) => (b === 0n ? 0n : a / b),
    derivative: (s, ct, y, _a, b) => [s.div(ct, b), s.neg(s.mul(ct, s.div(y, b)))],
  },
  rem: {
    // sign of the dividend, as C's fmod
    arity: 2, accepts: 'number', result: 'same', cost: 8, ulp: 2, domain: [0.5, 10],
    js: (a, b) => a % b, int: (a, b) => (b === 0n ? 0n : a % b),
    derivative: (s, ct, _y, a, b) => [ct, s.neg(s.mul(ct, s.trunc(s.div(a, b))))],
  },
  pow: {
    arity: 2, accepts: 'number', result: 'same', cost: 40, ulp: 16, domain: [0.25, 4],
    js: Math.pow, int: integerPower,
    derivative: (s, ct, y, a, b) => [
      s.mul(ct, s.select(s.eq(b, 0), 0, s.mul(b, s.pow(a, s.sub(b, 1))))),
      s.mul(ct, s.mul(y, s.log(s.select(s.gt(a, 0), a, 1)))),
    ],
  },
  max: {
    // NaN wins; a tie sends the gradient to the first argument
    arity: 2, accepts: 'any', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (a, b) => Math.max(a, b), int: (a, b) => (a > b ? a : b),
    derivative: (s, ct, _y, a, b) => [s.select(s.ge(a, b), ct, 0), s.select(s.lt(a, b), ct, 0)],
  },
  min: {
    arity: 2, accepts: 'any', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (a, b) => Math.min(a, b), int: (a, b) => (a < b ? a : b),
    derivative: (s, ct, _y, a, b) => [s.select(s.le(a, b), ct, 0), s.select(s.gt(a, b), ct, 0)],
  },
  neg: {
    arity: 1, accepts: 'number', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (a) => -a, int: (a) => -a, derivative: (s, ct) => [s.neg(ct)],
  },
  abs: {
    arity: 1, accepts: 'number', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: Math.abs, int: (a) => (a < 0n ? -a : a), derivative: (s, ct, _y, a) => [s.mul(ct, s.sign(a))],
  },
  sign: {
    arity: 1, accepts: 'number', result: 'same', cost: 3, ulp: 0, domain: [-10, 10],
    js: Math.sign, int: (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n), derivative: NONE1,
    formula: (f, x) =>
      f.map('select', f.map('gt', x, f.constant(0)), f.constant(1), f.map('select', f.map('lt', x, f.constant(0)), f.constant(-1), x)),
  },
  floor: { arity: 1, accepts: 'float', result: 'same', cost: 1, ulp: 0, domain: [-10, 10], js: Math.floor, derivative: NONE1 },
  ceil: { arity: 1, accepts: 'float', result: 'same', cost: 1, ulp: 0, domain: [-10, 10], js: Math.ceil, derivative: NONE1 },
  round: { arity: 1, accepts: 'float', result: 'same', cost: 1, ulp: 0, domain: [-10, 10], js: roundHalfEven, derivative: NONE1 },
  trunc: { arity: 1, accepts: 'float', result: 'same', cost: 1, ulp: 0, domain: [-10, 10], js: Math.trunc, derivative: NONE1 },
  sqrt: {
    arity: 1, accepts: 'float', result: 'same', cost: 4, ulp: 0, domain: [0.1, 10],
    js: Math.sqrt, derivative: (s, ct, y) => [s.div(s.mul(ct, 0.5), y)],
  },
  rsqrt: {
    arity: 1, accepts: 'float', result: 'same', cost: 6, ulp: 2, domain: [0.1, 10],
    js: (x) => 1 / Math.sqrt(x), derivative: (s, ct, y) => [s.mul(s.mul(ct, -0.5), s.mul(y, s.mul(y, y)))],
    formula: (f, x) => f.map('div', f.constant(1), f.map('sqrt', x)),
  },
  square: {
    arity: 1, accepts: 'number', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (x) => x * x, int: (x) => x * x, derivative: (s, ct, _y, x) => [s.mul(ct, s.mul(x, 2))],
    formula: (f, x) => f.map('mul', x, x),
  },
  reciprocal: {
    arity: 1, accepts: 'float', result: 'same', cost: 4, ulp: 0, domain: [0.1, 10],
    js: (x) => 1 / x, derivative: (s, ct, y) => [s.neg(s.mul(ct, s.mul(y, y)))],
    formula: (f, x) => f.map('div', f.constant(1), x),
  },
  // ---- transcendental
  exp: {
    arity: 1, accepts: 'float', result: 'same', cost: 16, ulp: 2, domain: [-5, 5],
    js: Math.exp, derivative: (s, ct, y) => [s.mul(ct, y)],
  },
  expm1: {
    // 2t / (1 - t) with t = tanh(x / 2) near 0, where exp(x) - 1 cancels
    arity: 1, accepts: 'float', result: 'same', cost: 40, ulp: 8, domain: [-5, 5],
    js: Math.expm1, derivative: (s, ct, y) => [s.mul(ct, s.add(y, 1))],
    formula: (f, x) => {
      const t = f.map('tanh', f.map('mul', x, f.constant(0.5)))
      const near = f.map('div', f.map('mul', t, f.constant(2)), f.map('sub', f.constant(1), t))
      const far = f.map('sub', f.map('exp', x), f.constant(1))
      return f.map('select', f.map('lt', f.map('abs', x), f.constant(0.5)), near, far)
    },
  },
  log: {
    arity: 1, accepts: 'float', result: 'same', cost: 20, ulp: 2, domain: [0.1, 10],
    js: Math.log, derivative: (s, ct, _y, x) => [s.div(ct, x)],
  },
  log1p: {
    // Kahan: log(u) * x / (u - 1) with u = 1 + x
    arity: 1, accepts: 'float', result: 'same', cost: 30, ulp: 8, domain: [-0.9, 10],
    js: Math.log1p, derivative: (s, ct, _y, x) => [s.div(ct, s.add(x, 1))],
    formula: (f, x) => {
      const u = f.map('add', x, f.constant(1))
      const d = f.map('sub', u, f.constant(1))
      const kahan = f.map('mul', f.map('log', u), f.map('div', x, d))
      const tiny = f.map('or', f.map('eq', d, f.constant(0)), f.map('eq', u, f.constant(Infinity)))
      return f.map('select', tiny, x, kahan)
    },
  },
  sin: {
    arity: 1, accepts: 'float', result: 'same', cost: 20, ulp: 4, domain: [-6, 6],
    js: Math.sin, derivative: (s, ct, _y, x) => [s.mul(ct, s.cos(x))],
  },
  cos: {
    arity: 1, accepts: 'float', result: 'same', cost: 20, ulp: 4, domain: [-6, 6],
    js: Math.cos, derivative: (s, ct, _y, x) => [s.neg(s.mul(ct, s.sin(x)))],
  },
  tan: {
    arity: 1, accepts: 'float', result: 'same', cost: 45, ulp: 10, domain: [-1.2, 1.2],
    js: Math.tan, derivative: (s, ct, y) => [s.mul(ct, s.add(s.mul(y, y), 1))],
    formula: (f, x) => f.map('div', f.map('sin', x), f.map('cos', x)),
  },
  atan: {
    // Moshier, Cephes: three intervals, then a rational function of the square
    arity: 1, accepts: 'float', result: 'same', cost: 30, ulp: 4, domain: [-6, 6],
    js: Math.atan, derivative: (s, ct, _y, x) => [s.div(ct, s.add(s.mul(x, x), 1))],
    formula: arcTangent,
  },
  tanh: {
    arity: 1, accepts: 'float', result: 'same', cost: 16, ulp: 4, domain: [-4, 4],
    js: Math.tanh, derivative: (s, ct, y) => [s.mul(ct, s.sub(1, s.mul(y, y)))],
  },
  sigmoid: {
    arity: 1, accepts: 'float', result: 'same', cost: 20, ulp: 4, domain: [-5, 5],
    js: (x) => 1 / (1 + Math.exp(-x)), derivative: (s, ct, y) => [s.mul(ct, s.mul(y, s.sub(1, y)))],
  },
  erf: {
    arity: 1, accepts: 'float', result: 'same', cost: 24, ulp: 4, domain: [-3, 3],
    js: erf, derivative: (s, ct, _y, x) => [s.mul(ct, s.mul(s.exp(s.neg(s.mul(x, x))), 2 / Math.sqrt(Math.PI)))],
  },
  relu: {
    arity: 1, accepts: 'number', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (x) => Math.max(x, 0), int: (x) => (x > 0n ? x : 0n),
    derivative: (s, ct, y) => [s.select(s.gt(y, 0), ct, 0)],
    formula: (f, x) => f.map('max', x, f.constant(0)),
  },
  softplus: {
    // max(x, 0) + log1p(exp(-|x|)): never overflows
    arity: 1, accepts: 'float', result: 'same', cost: 50, ulp: 8, domain: [-10, 10],
    js: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    derivative: (s, ct, _y, x) => [s.mul(ct, s.sigmoid(x))],
    formula: (f, x) =>
      f.map('add', f.map('max', x, f.constant(0)), f.map('log1p', f.map('exp', f.map('neg', f.map('abs', x))))),
  },
  // ---- predicates
  isNaN: {
    arity: 1, accepts: 'float', result: 'bool', cost: 1, ulp: 0, domain: [-10, 10],
    js: (x) => bool(x !== x), derivative: NONE1, formula: (f, x) => f.map('ne', x, x),
  },
  isInf: {
    arity: 1, accepts: 'float', result: 'bool', cost: 2, ulp: 0, domain: [-10, 10],
    js: (x) => bool(Math.abs(x) === Infinity), derivative: NONE1,
    formula: (f, x) => f.map('eq', f.map('abs', x), f.constant(Infinity)),
  },
  isFinite: {
    arity: 1, accepts: 'float', result: 'bool', cost: 2, ulp: 0, domain: [-10, 10],
    js: (x) => bool(Number.isFinite(x)), derivative: NONE1,
    formula: (f, x) => f.map('lt', f.map('abs', x), f.constant(Infinity)),
  },
  eq: { arity: 2, accepts: 'any', result: 'bool', cost: 1, ulp: 0, domain: [-2, 2], js: (a, b) => bool(a === b), int: (a, b) => a === b, derivative: NONE2 },
  ne: { arity: 2, accepts: 'any', result: 'bool', cost: 1, ulp: 0, domain: [-2, 2], js: (a, b) => bool(a !== b), int: (a, b) => a !== b, derivative: NONE2 },
  lt: { arity: 2, accepts: 'any', result: 'bool', cost: 1, ulp: 0, domain: [-2, 2], js: (a, b) => bool(a < b), int: (a, b) => a < b, derivative: NONE2 },
  le: { arity: 2, accepts: 'any', result: 'bool', cost: 1, ulp: 0, domain: [-2, 2], js: (a, b) => bool(a <= b), int: (a, b) => a <= b, derivative: NONE2 },
  gt: { arity: 2, accepts: 'any', result: 'bool', cost: 1, ulp: 0, domain: [-2, 2], js: (a, b) => bool(a > b), int: (a, b) => a > b, derivative: NONE2 },
  ge: { arity: 2, accepts: 'any', result: 'bool', cost: 1, ulp: 0, domain: [-2, 2], js: (a, b) => bool(a >= b), int: (a, b) => a >= b, derivative: NONE2 },
  and: { arity: 2, accepts: 'bool', result: 'bool', cost: 1, ulp: 0, js: (a, b) => a & b, derivative: NONE2 },
  or: { arity: 2, accepts: 'bool', result: 'bool', cost: 1, ulp: 0, js: (a, b) => a | b, derivative: NONE2 },
  xor: { arity: 2, accepts: 'bool', result: 'bool', cost: 1, ulp: 0, js: (a, b) => a ^ b, derivative: NONE2 },
  not: { arity: 1, accepts: 'bool', result: 'bool', cost: 1, ulp: 0, js: (a) => 1 - a, derivative: NONE1 },
  // ---- bits
  bitAnd: { arity: 2, accepts: 'int', result: 'same', cost: 1, ulp: 0, js: (a, b) => a & b, int: (a, b) => a & b, derivative: NONE2 },
  bitOr: { arity: 2, accepts: 'int', result: 'same', cost: 1, ulp: 0, js: (a, b) => a | b, int: (a, b) => a | b, derivative: NONE2 },
  bitXor: { arity: 2, accepts: 'int', result: 'same', cost: 1, ulp: 0, js: (a, b) => a ^ b, int: (a, b) => a ^ b, derivative: NONE2 },
  // shift counts are taken modulo the width, as WebAssembly does
  shiftLeft: { arity: 2, accepts: 'int', result: 'same', cost: 1, ulp: 0, js: (a, b) => a << b, int: (a, b) => a << (b & 63n), derivative: NONE2 },
  shiftRightLogical: {
    arity: 2, accepts: 'int', result: 'same', cost: 1, ulp: 0,
    js: (a, b) => (a >>> b) | 0, int: (a, b) => BigInt.asUintN(64, a) >> (b & 63n), derivative: NONE2,
  },
  // ---- the rest
  select: {
    // condition (bool), value where true, value where false
    arity: 3, accepts: 'select', result: 'same', cost: 1, ulp: 0, domain: [-10, 10],
    js: (c, a, b) => (c ? a : b), int: (c, a, b) => (c ? a : b),
    derivative: (s, ct, _y, c) => [null, s.select(c, ct, 0), s.select(c, 0, ct)],
  },
  cast: {
    // float → int truncates toward zero and clamps, NaN → 0; anything → bool is "not 0"
    arity: 1, accepts: 'any', result: 'given', cost: 1, ulp: 0, domain: [-10, 10],
    js: (x) => x, int: (x) => x,
    derivative: (s, ct, _y, x) => [x.dtype === 'float32' || x.dtype === 'float64' ? s.cast(ct, x.dtype) : null],
  },
  bitcast: {
    // reinterprets 32 bits: int32 ↔ float32
    arity: 1, accepts: 'any', result: 'given', cost: 1, ulp: 0, js: (x) => x, derivative: NONE1,
  },
  threefry: {
    // (key word 0, key word 1, counter word 0, counter word 1) → first word, all int32
    arity: 4, accepts: 'threefry', result: 'same', cost: 120, ulp: 0,
    js: (k0, k1, x0, x1) => threefry2x32(k0, k1, x0, x1)[0], derivative: () => [null, null, null, null],
  },
} satisfies Record<ScalarName, ScalarRow>

/** The table. Iterate it in tests: a row that is not tested does not exist. */
export const SCALARS: { readonly [K in ScalarName]: ScalarRow } = rows
export const SCALAR_NAMES: readonly ScalarName[] = Object.keys(rows) as ScalarName[]

/** Dtype of `fn(args…)`; throws when the row does not accept these dtypes. `given` is the target of a cast. */
export function scalarDtype(fn: ScalarName, args: readonly DType[], given?: DType): DType {
  const row = SCALARS[fn]
  const fail = (want: string): never => {
    throw new DTypeError(`[${fn}] expects ${want}, got ${args.join(', ')}; cast the arguments first`)
  }
  const kinds = { float: isFloatDtype, int: (d: DType) => d === 'int32' || d === 'int64' || d === 'uint8' }
  switch (row.accepts) {
    case 'float':
      if (!args.every(kinds.float)) fail('float arguments')
      break
    case 'int':
      if (!args.every(kinds.int)) fail('integer arguments')
      break
    case 'number':
      if (args.includes('bool')) fail('numbers, not bool')
      break
    case 'bool':
      if (args.some((d) => d !== 'bool')) fail('bool arguments')
      break
    case 'select':
      if (args[0] !== 'bool') fail('a bool condition')
      break
    case 'threefry':
      if (args.some((d) => d !== 'int32')) fail('int32 arguments')
      break
    case 'any':
      break
  }
  for (let i = row.accepts === 'select' ? 2 : 1; i < args.length; i++)
    if (args[i] !== args[i - 1]) fail('arguments of one dtype')
  if (row.result === 'bool') return 'bool'
  if (row.result === 'same') return args[args.length - 1]!
  if (given === undefined) return fail('a target dtype')
  return given
}
const isFloatDtype = (d: DType): boolean => d === 'float32' || d === 'float64'

/** Value of `fn` on host elements of dtype `dtype` (the arguments'), in exact integers where the dtype has them. */
export function evaluateScalar(fn: ScalarName, dtype: DType, args: readonly Element[]): Element {
  const row = SCALARS[fn]
  // functions on bits know their width: 32 in `js`, 64 in `int`
  if (row.int && (dtype === 'int64' || (row.accepts !== 'int' && (dtype === 'int32' || dtype === 'uint8')))) {
    const r = row.int(...args.map((a) => BigInt(a)))
    return typeof r === 'boolean' ? bool(r) : r
  }
  return row.js(...(args as number[]))
}
