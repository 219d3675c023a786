// gather and scatter: along every axis, with indices of any shape, indices that lie outside, repeated indices, all dtypes.
import { type DType, DTYPE_NAMES, isFloat } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { constant, gather, iota, reduce, reshape, s, scatterAdd, transpose } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { Case, CaseGroup } from './case.ts'
import { EXACT } from './compare.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

const INDEX_SHAPES: readonly Dims[] = [[], [1], [7], [2, 3], [40], [0]]

export function indexedCases(): CaseGroup[] {
  return [...DTYPE_NAMES.flatMap((dtype) => [gathers(dtype), scatters(dtype)]), fused()]
}

const random = new Random(31)
const values = (dtype: DType, shape: Dims): Node =>
  input(
    dtype,
    shape,
    randomArray(random, dtype, sizeOf(shape), isFloat(dtype) ? -1 : -50, isFloat(dtype) ? 1 : 50),
  )
/** Some of the indices lie outside of 0 … limit - 1. */
const indices = (shape: Dims, limit: number): Node =>
  input('int32', shape, randomArray(random, 'int32', sizeOf(shape), -2, limit + 1))

function each(build: (shape: Dims, axis: number, picked: Dims) => readonly Node[]): Case[] {
  return ([[9], [5, 6], [4, 3, 7]] as const).flatMap((shape) =>
    shape.flatMap((_, axis) =>
      INDEX_SHAPES.map((picked) => ({
        name: `[${shape.join(', ')}] along ${axis} by [${picked.join(', ')}]`,
        build: () => build(shape, axis, picked),
        tolerance: EXACT,
      })),
    ),
  )
}

const gathers = (dtype: DType): CaseGroup => ({
  name: `gather ${dtype}`,
  cases: each((shape, axis, picked) => [gather(values(dtype, shape), indices(picked, shape[axis]!), axis)]),
})

const scatters = (dtype: DType): CaseGroup => ({
  name: `scatter ${dtype}`,
  cases: each((shape, axis, picked) => {
    const updates = [...shape.slice(0, axis), ...picked, ...shape.slice(axis + 1)]
    return [scatterAdd(values(dtype, shape), indices(picked, shape[axis]!), values(dtype, updates), axis)]
  }),
})

function fused(): CaseGroup {
  const x = (...shape: number[]): Node => values('float32', shape)
  const builds: Readonly<Record<string, () => readonly Node[]>> = {
    'gather of a computed value': () => [gather(s.tanh(x(10, 4)), indices([6], 10), 0)],
    'gather with computed indices': () => [gather(x(10, 4), s.add(s.mul(iota([5], 0), 2), 1), 0)],
    'gather in a chain': () => [s.mul(s.exp(gather(x(10, 4), indices([6], 10), 0)), x(6, 4))],
    'gather of a gather': () => [gather(gather(x(9, 8), indices([5], 9), 0), indices([3], 8), 1)],
    'gather of a transposition': () => [gather(transpose(x(4, 10), [1, 0]), indices([6], 10), 0)],
    'sum of gathered rows': () => [reduce('sum', gather(x(10, 6), indices([4, 3], 10), 0), [1])],
    'gather, then softmax': () => {
      const e = s.exp(gather(x(12, 9), indices([5], 12), 0))
      return [s.div(e, reduce('sum', e, [1]))]
    },
    'two gathers of one table': () => {
      const table = x(11, 5)
      return [s.add(gather(table, indices([6], 11), 0), gather(table, indices([6], 11), 0))]
    },
    'scatter into zeros, then scaled': () => [
      s.mul(scatterAdd(constant(0, 'float32', [8, 3]), indices([20], 8), x(20, 3), 0), 0.5),
    ],
    'scatter of computed updates': () => [scatterAdd(s.neg(x(8, 3)), indices([5], 8), s.square(x(5, 3)), 0)],
    'one-hot by comparison': () => [
      s.mul(s.select(s.eq(reshape(indices([6], 5), [6, 1]), iota([6, 5], 1)), x(6, 5), 0), 2),
    ],
  }
  return {
    name: 'fused gather and scatter',
    cases: Object.entries(builds).map(([name, build]) => ({ name, build, tolerance: { relative: 2e-6 } })),
  }
}
