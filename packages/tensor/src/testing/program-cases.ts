// Whole programs: long elementwise chains, mixed dtypes in one kernel, run-time scalars, random bits.
import type { DType } from '../graph/dtype.ts'
import { type Node, type ScalarLeaf, serial } from '../graph/node.ts'
import { cast, constant, iota, reduce, s, scalarInput, stop } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { CaseGroup } from './case.ts'
import { EXACT } from './compare.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

const random = new Random(77)
const x = (...shape: number[]): Node => values('float32', shape, -2, 2)
const values = (dtype: DType, shape: Dims, low: number, high: number): Node =>
  input(dtype, shape, randomArray(random, dtype, sizeOf(shape), low, high))

export function programCases(): CaseGroup[] {
  return [chains(), mixed(), runtimeScalars(), randomBits()]
}

function chains(): CaseGroup {
  const builds: Readonly<Record<string, () => readonly Node[]>> = {
    'a chain of forty operations': () => {
      let y = x(37)
      for (let i = 0; i < 20; i++) y = s.sin(s.add(s.mul(y, 1 + i / 50), 0.1))
      return [y]
    },
    'a value with many users': () => {
      const e = s.exp(x(6, 7))
      return [s.add(e, 1), s.mul(e, e), s.log(e), reduce('sum', e, [0]), e]
    },
    'a diamond': () => {
      const a = x(5, 9)
      const b = s.tanh(a)
      const c = s.sigmoid(a)
      return [s.mul(s.add(b, c), s.sub(b, c))]
    },
    'gelu by hand': () => {
      const a = x(4, 33)
      return [s.mul(s.mul(a, 0.5), s.add(s.erf(s.mul(a, Math.SQRT1_2)), 1))]
    },
    'where by hand': () => {
      const a = x(129)
      return [s.select(s.gt(a, 0), a, s.sub(s.exp(a), 1))]
    },
    'stop in the middle': () => [s.mul(stop(s.square(x(8))), 3)],
    'constants alone': () => [
      constant(2.5, 'float32', [3, 4]),
      constant(7, 'int32', [5]),
      constant(true, 'bool', []),
    ],
    'an input as result': () => {
      const a = x(3, 3)
      return [a, s.add(a, 1), a]
    },
    'many results of different shapes': () => {
      const a = x(4, 5)
      return [
        a,
        ...[0, 1].map((axis) => reduce('max', a, [axis])),
        reduce('sum', a, [0, 1]),
        s.neg(a),
        s.add(a, x(5)),
      ]
    },
  }
  return {
    name: 'chains',
    cases: Object.entries(builds).map(([name, build]) => ({ name, build, tolerance: { relative: 5e-6 } })),
  }
}

/** Kernels in which narrow, wide, integer and float values meet. */
function mixed(): CaseGroup {
  const builds: Readonly<Record<string, () => readonly Node[]>> = {
    'uint8 pixels to float32': () => [s.div(cast(values('uint8', [5, 13], 0, 255), 'float32'), 255)],
    'a mask of comparisons': () => {
      const [a, b] = [x(31), x(31)]
      const mask = s.and(s.gt(a, 0), s.not(s.lt(b, 0)))
      return [mask, s.select(mask, a, b), cast(mask, 'float32'), cast(mask, 'int32')]
    },
    'counting with bool, int32 and int64': () => {
      const hits = s.eq(values('int32', [9, 17], 0, 3), values('int32', [9, 17], 0, 3))
      return [
        reduce('sum', cast(hits, 'int32'), [1]),
        reduce('sum', cast(hits, 'int64'), [0]),
        reduce('max', hits, [1]),
        reduce('min', hits, [0]),
      ]
    },
    'float64 beside float32': () => {
      const wide = values('float64', [19], -2, 2)
      return [s.mul(cast(wide, 'float32'), x(19)), s.add(cast(x(19), 'float64'), s.exp(wide))]
    },
    'int64 beside int32': () => [
      s.add(cast(values('int32', [21], -99, 99), 'int64'), s.mul(values('int64', [21], -99, 99), 3)),
    ],
    'uint8 arithmetic that wraps': () => [
      s.add(values('uint8', [35], 100, 255), values('uint8', [35], 100, 255)),
      s.mul(values('uint8', [35], 0, 255), 3),
    ],
    'floats by integer positions': () => [s.mul(cast(iota([7, 6], 1), 'float32'), x(7, 6))],
    'integers by rounding floats': () => [
      cast(s.round(s.mul(x(41), 10)), 'int32'),
      cast(s.floor(x(41)), 'int64'),
      cast(s.abs(s.mul(x(41), 50)), 'uint8'),
    ],
    'mean of integers': () => [
      s.div(reduce('sum', cast(values('int32', [6, 11], -50, 50), 'float32'), [1]), 11),
    ],
  }
  return {
    name: 'mixed dtypes',
    cases: Object.entries(builds).map(([name, build]) => ({ name, build, tolerance: { relative: 5e-6 } })),
  }
}

/** The same graph with other scalar values: a backend must read them at each run, also from a cached program. */
function runtimeScalars(): CaseGroup {
  const leaves = (['float32', 'float64', 'int32'] as const).map((dtype): ScalarLeaf => ({
    id: serial(),
    dtype,
    value: 0,
  }))
  const cases = [1, 2.5, -3].flatMap((value) =>
    leaves.map((leaf) => ({
      name: `${leaf.dtype} ${value}`,
      build: () => {
        leaf.value = leaf.dtype === 'int32' ? Math.trunc(value) : value
        const scale = scalarInput(leaf)
        const a = input(
          leaf.dtype,
          [13],
          Array.from({ length: 13 }, (_, i) => i - 6),
        )
        return [s.mul(a, scale), s.sub(reduce('sum', s.mul(a, s.add(scale, 1)), [0]), scale), scale]
      },
      tolerance: { relative: 1e-6 },
    })),
  )
  return { name: 'run-time scalars', cases }
}

function randomBits(): CaseGroup {
  const bits = (shape: Dims, key: number): Node =>
    s.threefry(
      constant(key, 'int32', shape),
      constant(-7, 'int32', shape),
      iota(shape, shape.length - 1),
      constant(3, 'int32', shape),
    )
  return {
    name: 'random bits',
    cases: [
      {
        name: 'bits of a counter',
        build: () => [bits([1031], 42), bits([3, 5], -1), bits([1], 0)],
        tolerance: EXACT,
      },
      {
        name: 'a key that is a value',
        build: () => [
          s.threefry(
            values('int32', [1], -99, 99),
            values('int32', [1], -99, 99),
            iota([257], 0),
            constant(0, 'int32', [257]),
          ),
        ],
        tolerance: EXACT,
      },
      {
        name: 'uniform numbers of bits',
        build: () => [
          s.mul(cast(s.shiftRightLogical(bits([129], 5), constant(8, 'int32')), 'float32'), 2 ** -24),
        ],
        tolerance: EXACT,
      },
      {
        name: 'the same mask in two kernels',
        build: () => {
          const keep = s.ge(bits([9, 16], 1), constant(0, 'int32'))
          const a = x(9, 16)
          const y = s.select(keep, s.mul(a, 2), 0)
          return [y, reduce('sum', y, [0]), s.select(keep, 1, s.neg(a))]
        },
        tolerance: { relative: 2e-6 },
      },
    ],
  }
}
