// Running reductions and sorting: along every axis, both ways, lines of every length that a code generator may treat
// differently, ties, NaN and signed zeros, all dtypes.
import { type DType, DTYPE_NAMES, isFloat } from '../graph/dtype.ts'
import type { CumulateKind, Node } from '../graph/node.ts'
import { cumulate, reduce, reshape, s, sort, takeAlong, transpose } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { Case, CaseGroup } from './case.ts'
import { EXACT, type Tolerance } from './compare.ts'
import { input, inputLaidOut, LAYOUTS } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

const SHAPES: readonly Dims[] = [
  [1],
  [7],
  [64],
  [1031],
  [3, 5],
  [6, 1],
  [2, 9, 2],
  [3, 4, 3],
  [2, 33, 4],
  [4, 6, 13],
]
const KINDS: readonly CumulateKind[] = ['sum', 'prod', 'max', 'min']

export function lineCases(): CaseGroup[] {
  const groups: CaseGroup[] = []
  for (const kind of KINDS)
    for (const dtype of DTYPE_NAMES)
      if (dtype !== 'bool' || kind === 'max' || kind === 'min')
        groups.push({ name: `cumulate ${kind} ${dtype}`, cases: cumulations(kind, dtype) })
  for (const dtype of DTYPE_NAMES) groups.push({ name: `sort ${dtype}`, cases: sorts(dtype) })
  return [...groups, notANumber(), fused()]
}

const alongEach = (build: (shape: Dims, axis: number) => Case[]): Case[] =>
  SHAPES.flatMap((shape) => shape.flatMap((_, axis) => build(shape, axis)))

function cumulations(kind: CumulateKind, dtype: DType): Case[] {
  const random = new Random(41)
  const [low, high] = kind === 'prod' ? [0.9, 1.1] : isFloat(dtype) ? [-1, 1.5] : [-100, 100]
  const exact = !isFloat(dtype) || kind === 'max' || kind === 'min'
  const tolerance: Tolerance = exact ? EXACT : { relative: dtype === 'float32' ? 2e-5 : 1e-12 }
  return alongEach((shape, axis) =>
    [false, true].flatMap((exclusive) =>
      [false, true].map((reverse) => ({
        name: `[${shape.join(', ')}] along ${axis}${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`,
        build: () => {
          const x = input(dtype, shape, randomArray(random, dtype, sizeOf(shape), low, high))
          return [cumulate(kind, x, axis, { exclusive, reverse })]
        },
        tolerance,
      })),
    ),
  )
}

/** How many of a line are wanted: all, few, one. */
const countsOf = (length: number): number[] => [
  ...new Set([length, Math.ceil(length / 2), Math.min(5, length), 1]),
]

function sorts(dtype: DType): Case[] {
  const random = new Random(43)
  const many = randomArray(random, dtype, 5000, isFloat(dtype) ? -1e3 : -1e9, isFloat(dtype) ? 1e3 : 1e9)
  const cases = alongEach((shape, axis) =>
    [false, true].flatMap((descending) =>
      countsOf(shape[axis]!).map((count) => ({
        name: `${count} of [${shape.join(', ')}] along ${axis}${descending ? ', descending' : ''}`,
        // few different values, so that there are ties
        build: () => {
          const x = input(dtype, shape, randomArray(random, 'int32', sizeOf(shape), -4, 5))
          return [sort(x, axis, descending, count)]
        },
        tolerance: EXACT,
      })),
    ),
  )
  for (const descending of [false, true])
    cases.push({
      name: `a long line of many values${descending ? ', descending' : ''}`,
      build: () => [sort(input(dtype, [5000], many), 0, descending)],
      tolerance: EXACT,
    })
  return cases
}

function notANumber(): CaseGroup {
  const line = [1, NaN, -0, 3, 0, -NaN, -Infinity, 2, Infinity, 0, -0, -1, 1e-40, -1e-40, 3.4e38]
  const long = Array.from({ length: 90 }, (_, i) => line[(i * 7) % line.length]!)
  const cases = (['float32', 'float64'] as const).flatMap((dtype) =>
    [line, long].map((values) => ({
      name: `${values.length} values with NaN, infinities and signed zeros, ${dtype}`,
      build: () => {
        const x = input(dtype, [values.length], values)
        return [
          sort(x, 0, false),
          sort(x, 0, true),
          sort(x, 0, true, 4),
          cumulate('max', x, 0),
          cumulate('min', x, 0, { reverse: true }),
        ]
      },
      tolerance: { ulp: 1 },
    })),
  )
  return { name: 'lines with NaN', cases }
}

/** Kernels along lines between others. */
function fused(): CaseGroup {
  const random = new Random(47)
  const x = (...shape: number[]): Node =>
    input('float32', shape, randomArray(random, 'float32', sizeOf(shape), -2, 2))
  const builds: Readonly<Record<string, () => readonly Node[]>> = {
    'values in order': () => {
      const a = x(5, 33)
      return [takeAlong(a, sort(a, 1, false), 1)]
    },
    'the three greatest of a computed value, scaled': () => {
      const a = s.tanh(x(4, 40, 3))
      return [s.mul(takeAlong(a, sort(a, 1, true, 3), 1), 2)]
    },
    'a running sum in a chain': () => [s.exp(s.mul(cumulate('sum', s.sin(x(6, 20)), 1), 0.1))],
    'a running sum of a transposition': () => [cumulate('sum', transpose(x(6, 9), [1, 0]), 0)],
    'a running sum of a reshape, and its total': () => {
      const a = x(6, 10)
      const sums = cumulate('sum', reshape(a, [60]), 0)
      return [sums, reduce('sum', a, [0, 1]), s.add(sums, 1)]
    },
    ranks: () => [sort(sort(x(70), 0, false), 0, false)],
    ...Object.fromEntries(
      LAYOUTS.map((layout) => [
        `sorted and summed, ${layout}`,
        () => {
          const a = inputLaidOut(layout, 'float32', [7, 12], randomArray(random, 'float32', 84, -2, 2))
          return [sort(a, 0, true), cumulate('sum', a, 1, { exclusive: true }), sort(a, 1, false, 2)]
        },
      ]),
    ),
  }
  return {
    name: 'fused lines',
    cases: Object.entries(builds).map(([name, build]) => ({ name, build, tolerance: { relative: 1e-5 } })),
  }
}
