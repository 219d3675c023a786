// Every row of the scalar table, for every dtype it accepts, in odd sizes, broadcast, strided, empty, and at special values.
import { type DType, DTYPE_NAMES, type Element, isFloat, isInteger } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { bitcast, cast, map } from '../graph/primitives.ts'
import { SCALAR_NAMES, type ScalarName, SCALARS } from '../graph/scalar-table.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { Case, CaseGroup } from './case.ts'
import type { Tolerance } from './compare.ts'
import { input, inputLaidOut, type Layout } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

type Elementwise = Exclude<ScalarName, 'cast' | 'bitcast'>

/** Sizes around the width of a vector, and one that needs a tail after many. */
const SIZES: readonly Dims[] = [[], [1], [3], [4], [5], [17], [1031], [0], [3, 0, 2]]
/** Shapes of up to three arguments that broadcast. */
const BROADCASTS: readonly (readonly Dims[])[] = [
  [[3, 1], [1, 5], []],
  [[2, 3, 4], [4], [3, 1]],
  [[1], [17], [1, 1]],
  [[5, 1, 7], [6, 1], [7]],
]

/** Groups for one row: one for each dtype. */
export function scalarCases(): CaseGroup[] {
  return SCALAR_NAMES.flatMap((fn) => {
    if (fn === 'cast') return castCases()
    if (fn === 'bitcast') return [bitcastCases()]
    return dtypesOf(fn).map((dtype) => ({ name: `${fn} ${dtype}`, cases: casesOf(fn, dtype) }))
  })
}

/** Dtypes of the (last) argument that a row accepts. */
export function dtypesOf(fn: ScalarName): readonly DType[] {
  switch (SCALARS[fn].accepts) {
    case 'float':
      return DTYPE_NAMES.filter(isFloat)
    case 'int':
      return DTYPE_NAMES.filter(isInteger)
    case 'number':
      return DTYPE_NAMES.filter((d) => d !== 'bool')
    case 'bool':
      return ['bool']
    case 'threefry':
      return ['int32']
    case 'any':
    case 'select':
      return DTYPE_NAMES
  }
}

function casesOf(fn: Elementwise, dtype: DType): Case[] {
  const { arity, ulp } = SCALARS[fn]
  const tolerance: Tolerance = { ulp: isFloat(dtype) ? ulp : 0 }
  const random = new Random(arity * 1000 + dtype.length)
  const build = (shapes: readonly Dims[], layout: Layout): readonly Node[] => [
    map(
      fn,
      ...shapes.map((shape, i) =>
        inputLaidOut(layout, argumentDtype(fn, i, dtype), shape, argument(fn, i, dtype, shape, random)),
      ),
    ),
  ]
  const cases: Case[] = SIZES.map((shape) => ({
    name: `[${shape.join(', ')}]`,
    build: () => build(repeated(shape, arity), 'plain'),
    tolerance,
  }))
  for (const layout of ['transposed', 'sliced'] as const)
    cases.push({ name: layout, build: () => build(repeated([5, 7], arity), layout), tolerance })
  if (arity > 1)
    for (const shapes of BROADCASTS)
      cases.push({
        name: `broadcast ${shapes
          .slice(0, arity)
          .map((x) => `[${x.join(', ')}]`)
          .join(' ')}`,
        build: () =>
          build(
            Array.from({ length: arity }, (_, i) => shapes[i % 3]!),
            'plain',
          ),
        tolerance,
      })
  cases.push({ name: 'special values', build: () => specials(fn, dtype), tolerance })
  return cases
}

const repeated = (shape: Dims, count: number): Dims[] => Array.from({ length: count }, () => shape)
const argumentDtype = (fn: ScalarName, i: number, dtype: DType): DType =>
  fn === 'select' && i === 0 ? 'bool' : dtype

function argument(fn: ScalarName, i: number, dtype: DType, shape: Dims, random: Random): ArrayLike<Element> {
  const size = sizeOf(shape)
  const d = argumentDtype(fn, i, dtype)
  if (fn === 'threefry') return randomArray(random, d, size, -2147483648, 2147483647)
  if (fn === 'shiftLeft' || fn === 'shiftRightLogical')
    return randomArray(random, d, size, i === 0 ? -100 : 0, i === 0 ? 100 : 7)
  if (fn === 'pow' && !isFloat(d)) return randomArray(random, d, size, i === 0 ? -9 : -2, i === 0 ? 9 : 12)
  const [low, high] = isFloat(d) ? (SCALARS[fn].domain ?? [-10, 10]) : [-100, 100]
  return randomArray(random, d, size, low, high)
}

// ---- special values
const FLOATS = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e-40,
  -1e-40,
  3e38,
  -3e38,
  88.5,
  -104,
  16777217,
]
const INTEGERS: Readonly<Record<'uint8' | 'int32' | 'int64', readonly Element[]>> = {
  uint8: [0, 1, 2, 7, 127, 128, 255],
  int32: [0, 1, -1, 7, -7, 2, 65537, 2147483647, -2147483648],
  int64: [0n, 1n, -1n, 7n, -7n, 2n, 4294967297n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)],
}
/** Functions whose bound holds for these floats only; elsewhere no bound is stated (arguments of huge angles, powers at ±1). */
const LIMITED: Partial<Record<ScalarName, readonly number[]>> = {
  sin: [NaN, Infinity, -Infinity, 0, -0, 1e-40, 1, -1],
  cos: [NaN, Infinity, -Infinity, 0, -0, 1e-40, 1, -1],
  tan: [NaN, Infinity, -Infinity, 0, -0, 1e-40, 1, -1],
  pow: [0, 0.5, 1, 2, 3],
  rem: [0.5, 1.5, 2.5, -2.5, 7.25],
}

function valuesFor(fn: ScalarName, dtype: DType): readonly Element[] {
  if (dtype === 'bool') return [0, 1]
  if (dtype === 'float32' || dtype === 'float64') return LIMITED[fn] ?? FLOATS
  if (fn === 'shiftLeft' || fn === 'shiftRightLogical')
    return INTEGERS[dtype].map((v) => BigInt.asUintN(2, BigInt(v)))
  if (fn === 'pow') return [0, 1, 2, 3, 5]
  return INTEGERS[dtype]
}

/** All pairs of special values (all values for one argument). */
function specials(fn: Elementwise, dtype: DType): readonly Node[] {
  const { arity } = SCALARS[fn]
  const values = valuesFor(fn, dtype)
  if (arity === 1) return [map(fn, input(dtype, [values.length], values))]
  const n = values.length
  const left = input(
    dtype,
    [n * n],
    values.flatMap((v) => Array<Element>(n).fill(v)),
  )
  const right = input(dtype, [n * n], Array.from({ length: n }, () => values).flat())
  if (fn === 'select')
    return [
      map(
        fn,
        input(
          'bool',
          [n * n],
          Array.from({ length: n * n }, (_, i) => i % 2),
        ),
        left,
        right,
      ),
    ]
  if (fn === 'threefry') return [map(fn, left, right, right, left)]
  return [map(fn, left, right)]
}

// ---- conversions
function castCases(): CaseGroup[] {
  const random = new Random(7)
  return DTYPE_NAMES.flatMap((from) => {
    const values =
      from === 'bool'
        ? [0, 1]
        : isFloat(from)
          ? [...FLOATS, 255.9, 256, -1.5, 2147483648, 1e19, -1e19, 4294967297]
          : INTEGERS[from as 'int32']
    const cases = DTYPE_NAMES.filter((to) => to !== from).map((to): Case => ({
      name: `to ${to}`,
      build: () => [
        cast(input(from, [values.length], values), to),
        cast(input(from, [1031], randomArray(random, from, 1031, -300, 300)), to),
        cast(input(from, [], randomArray(random, from, 1, 1, 100)), to),
      ],
      tolerance: { ulp: 0 },
    }))
    return { name: `cast ${from}`, cases }
  })
}

function bitcastCases(): CaseGroup {
  const random = new Random(11)
  const ints = [...INTEGERS.int32, 0x3f800000, 0x7f800000]
  return {
    name: 'bitcast',
    cases: [
      {
        name: 'int32 to float32',
        build: () => [bitcast(input('int32', [ints.length], ints), 'float32')],
        tolerance: { ulp: 0 },
      },
      {
        name: 'float32 to int32',
        build: () => [
          bitcast(input('float32', [1031], randomArray(random, 'float32', 1031, -1e6, 1e6)), 'int32'),
        ],
        tolerance: { ulp: 0 },
      },
    ],
  }
}
