// Reductions over every set of axes, for every kind and dtype; argReduce with ties and NaN.
import { type DType, DTYPE_NAMES, isFloat } from '../graph/dtype.ts'
import type { Node, ReduceKind } from '../graph/node.ts'
import { argReduce, broadcastTo, dot, reduce, reshape, reverse, s, transpose } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { Case, CaseGroup } from './case.ts'
import { EXACT, type Tolerance } from './compare.ts'
import { input, inputLaidOut, type Layout, LAYOUTS } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

const SHAPES: readonly Dims[] = [[17], [1031], [3, 5], [33, 65], [2, 3, 4], [5, 1, 7, 3], [4, 0, 3], [1, 1]]
const KINDS: readonly ReduceKind[] = ['sum', 'prod', 'max', 'min', 'maxNumber']

/** All subsets of the axes, the empty one left out. */
function axisSets(rank: number): number[][] {
  return Array.from({ length: 2 ** rank - 1 }, (_, bits) =>
    Array.from({ length: rank }, (__, a) => a).filter((a) => ((bits + 1) >> a) & 1),
  )
}

export function reductionCases(): CaseGroup[] {
  const groups: CaseGroup[] = []
  for (const kind of KINDS)
    for (const dtype of DTYPE_NAMES)
      if (dtype !== 'bool' || (kind !== 'sum' && kind !== 'prod'))
        groups.push({ name: `reduce ${kind} ${dtype}`, cases: reductions(kind, dtype) })
  for (const dtype of DTYPE_NAMES) groups.push({ name: `argReduce ${dtype}`, cases: argReductions(dtype) })
  return [...groups, notANumber(), chains()]
}

const bound = (kind: ReduceKind, dtype: DType): Tolerance =>
  !isFloat(dtype) || kind === 'max' || kind === 'min' || kind === 'maxNumber'
    ? EXACT
    : { relative: dtype === 'float32' ? 1e-5 : 1e-13 }

function reductions(kind: ReduceKind, dtype: DType): Case[] {
  const tolerance = bound(kind, dtype)
  const random = new Random(5)
  const [low, high] = kind === 'prod' ? [0.8, 1.2] : isFloat(dtype) ? [-1, 1.5] : [-100, 100]
  const cases: Case[] = SHAPES.flatMap((shape) =>
    axisSets(shape.length).map((axes) => ({
      name: `[${shape.join(', ')}] over ${axes.join(', ')}`,
      build: () => [
        reduce(kind, input(dtype, shape, randomArray(random, dtype, sizeOf(shape), low, high)), axes),
      ],
      tolerance,
    })),
  )
  for (const layout of ['transposed', 'sliced'] satisfies Layout[])
    for (const axes of [[0], [1], [0, 1]])
      cases.push({
        name: `${layout} over ${axes.join(', ')}`,
        build: () => [
          reduce(
            kind,
            inputLaidOut(layout, dtype, [9, 13], randomArray(random, dtype, 117, low, high)),
            axes,
          ),
        ],
        tolerance,
      })
  return cases
}

function argReductions(dtype: DType): Case[] {
  const random = new Random(6)
  return (['max', 'min'] as const).flatMap((kind) =>
    [[1], [17], [3, 5], [2, 6, 3], [70, 3]].flatMap((shape) =>
      shape.map((_, axis): Case => ({
        name: `arg${kind} [${shape.join(', ')}] along ${axis}`,
        // few different values, so that there are ties
        build: () => [
          argReduce(kind, input(dtype, shape, randomArray(random, 'int32', sizeOf(shape), 0, 3)), axis),
        ],
        tolerance: EXACT,
      })),
    ),
  )
}

function notANumber(): CaseGroup {
  const rows = [
    [1, NaN, 3, 2],
    [NaN, NaN, 0, 1],
    [1, 2, 3, NaN],
    [-Infinity, -Infinity, -Infinity, -Infinity],
    [-0, 0, -0, 0],
    [Infinity, 1, -Infinity, 2],
  ]
  const cases = (['float32', 'float64'] as const).flatMap((dtype) => {
    const x = (): Node => input(dtype, [6, 4], rows.flat())
    return [
      {
        name: `max and min keep NaN, ${dtype}`,
        build: () => [reduce('max', x(), [1]), reduce('min', x(), [1]), reduce('max', x(), [0])],
        tolerance: { ulp: 1 },
      },
      {
        name: `argmax and argmin: the first NaN wins, ${dtype}`,
        build: () => [argReduce('max', x(), 1), argReduce('min', x(), 1), argReduce('max', x(), 0)],
        tolerance: EXACT,
      },
      {
        name: `sums of NaN and infinity, ${dtype}`,
        build: () => [reduce('sum', x(), [1])],
        tolerance: { ulp: 1 },
      },
    ]
  })
  return { name: 'reductions of NaN', cases }
}

/** Reductions that depend on each other, and values of different shapes around them: what fuses into rows. */
function chains(): CaseGroup {
  const random = new Random(8)
  const x = (shape: Dims): Node =>
    input('float32', shape, randomArray(random, 'float32', sizeOf(shape), -2, 2))
  const softmax = (a: Node, axis: number): Node => {
    const e = s.exp(s.sub(a, reduce('maxNumber', a, [axis])))
    return s.div(e, reduce('sum', e, [axis]))
  }
  const normalized = (a: Node, axes: Dims): Node => {
    const n = sizeOf(axes.map((i) => a.shape[i]!))
    const mean = s.div(reduce('sum', a, axes), n)
    const centered = s.sub(a, mean)
    return s.mul(centered, s.rsqrt(s.add(s.div(reduce('sum', s.square(centered), axes), n), 1e-3)))
  }
  const builds: Readonly<Record<string, () => readonly Node[]>> = {
    'softmax of rows': () => [softmax(x([7, 37]), 1)],
    'softmax of columns': () => [softmax(x([37, 7]), 0)],
    'softmax in the middle': () => [softmax(x([3, 9, 5]), 1)],
    'layer normalization': () => [s.add(s.mul(normalized(x([6, 33]), [1]), x([33])), x([33]))],
    'batch normalization': () => [s.add(s.mul(normalized(x([12, 5, 6]), [0, 1]), x([6])), x([6]))],
    'softmax of a normalization': () => [softmax(normalized(x([4, 21]), [1]), 1)],
    'sum of squares and the normalized rows': () => {
      const a = x([9, 14])
      const norm = s.sqrt(reduce('sum', s.square(a), [1]))
      return [norm, s.div(a, norm), reduce('max', s.abs(a), [1])]
    },
    'sums over different axes of one value': () => {
      const a = s.tanh(x([8, 11]))
      return [reduce('sum', a, [0]), reduce('sum', a, [1]), reduce('sum', a, [0, 1])]
    },
    'sum of a transposition': () => [reduce('sum', s.exp(transpose(x([5, 19]), [1, 0])), [1])],
    'sum of a broadcast': () => [reduce('sum', s.mul(broadcastTo(x([1, 8]), [5, 8]), x([5, 1])), [0, 1])],
    'sum over split axes': () => [reduce('sum', reshape(s.square(x([4, 30])), [4, 5, 6]), [0, 2])],
    'the place of a maximum, found again after a product': () => {
      const p = softmax(x([9, 7]), 1)
      const best = reduce('max', p, [1])
      const weights = dot(s.tanh(best), x([1, 7]))
      return [best, s.select(s.eq(p, best), weights, 0), argReduce('max', p, 1)]
    },
    ...Object.fromEntries(
      LAYOUTS.flatMap((layout) =>
        [
          [12, 12],
          [5, 19],
          [3, 4, 9],
        ].map((shape) => [
          `a value scaled by the sum of its squares, ${layout} [${shape.join(', ')}]`,
          () => {
            const a = inputLaidOut(layout, 'float32', shape, randomArray(random, 'float32', sizeOf(shape)))
            const all = a.shape.map((_, i) => i)
            return [s.mul(a, reduce('sum', s.square(a), all)), s.sub(a, reduce('max', a, all))]
          },
        ]),
      ),
    ),
    'a reversed value and its sum': () => {
      const a = reverse(x([12, 12]), [1])
      return [s.add(a, s.mul(reduce('sum', s.square(a), [0, 1]), 0.01))]
    },
    'a long row': () => [softmax(x([2, 5000]), 1)],
  }
  return {
    name: 'fused reductions',
    cases: Object.entries(builds).map(([name, build]) => ({ name, build, tolerance: { relative: 1e-5 } })),
  }
}
