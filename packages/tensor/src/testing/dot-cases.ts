// Products: every transposition, odd sizes, batches, broadcast and moved operands, epilogues, all dtypes.
import { type DType, isFloat } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import {
  broadcastTo,
  constant,
  dot,
  pad,
  reduce,
  reshape,
  reverse,
  s,
  slice,
  transpose,
} from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { Case, CaseGroup } from './case.ts'
import { EXACT, type Tolerance } from './compare.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

/** [M, K, N]: vectors, sizes around the register block, sizes with remainders, deep and shallow. */
const SIZES: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 7, 1],
  [1, 33, 17],
  [31, 33, 1],
  [3, 4, 5],
  [5, 8, 8],
  [7, 31, 9],
  [33, 17, 65],
  [64, 64, 64],
  [13, 300, 11],
  [2, 1031, 3],
  [70, 1, 70],
]
const NUMBER_DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8']

const bound = (dtype: DType): Tolerance =>
  isFloat(dtype) ? { relative: dtype === 'float32' ? 1e-5 : 1e-13 } : EXACT

export function dotCases(): CaseGroup[] {
  return [...NUMBER_DTYPES.map(sizes), batches(), operandsThatMove(), epilogues()]
}

const random = new Random(21)
function values(dtype: DType, shape: Dims): Node {
  return input(
    dtype,
    shape,
    randomArray(random, dtype, sizeOf(shape), isFloat(dtype) ? -1 : -50, isFloat(dtype) ? 1 : 50),
  )
}
const swap = (x: Node): Node => {
  const r = x.shape.length
  return transpose(x, [...x.shape.map((_, a) => a).slice(0, -2), r - 1, r - 2])
}
const x = (...shape: number[]): Node => values('float32', shape)

function sizes(dtype: DType): CaseGroup {
  const small = dtype === 'float32' ? SIZES : SIZES.filter(([m, k, n]) => m * k * n < 40_000)
  return {
    name: `dot ${dtype}`,
    cases: small.flatMap(([m, k, n]) =>
      [0, 1, 2, 3].map((which): Case => ({
        name: `${m} x ${k} x ${n}, ${['A·B', 'Aᵀ·B', 'A·Bᵀ', 'Aᵀ·Bᵀ'][which]}`,
        build: () => {
          const a = which & 1 ? swap(values(dtype, [k, m])) : values(dtype, [m, k])
          const b = which & 2 ? swap(values(dtype, [n, k])) : values(dtype, [k, n])
          return [dot(a, b)]
        },
        tolerance: bound(dtype),
      })),
    ),
  }
}

function group(name: string, builds: Readonly<Record<string, () => readonly Node[]>>): CaseGroup {
  return {
    name,
    cases: Object.entries(builds).map(([title, build]) => ({
      name: title,
      build,
      tolerance: { relative: 1e-5 },
    })),
  }
}

const batches = (): CaseGroup =>
  group('dot with batches', {
    'one batch dimension': () => [dot(x(3, 5, 7), x(3, 7, 9))],
    'two batch dimensions': () => [dot(x(2, 3, 5, 8), x(2, 3, 8, 6))],
    'transposed operands': () => [dot(swap(x(4, 7, 5)), swap(x(4, 9, 7)))],
    'a shared left operand': () => [dot(broadcastTo(x(5, 7), [6, 5, 7]), x(6, 7, 4))],
    'a shared right operand': () => [dot(x(6, 5, 7), broadcastTo(x(7, 4), [6, 7, 4]))],
    'an outer product of batches': () => [
      dot(broadcastTo(x(3, 1, 5, 6), [3, 4, 5, 6]), broadcastTo(x(1, 4, 6, 7), [3, 4, 6, 7])),
    ],
    'rows of one': () => [dot(x(9, 1, 12), x(9, 12, 1))],
    'attention heads': () => {
      const heads = (t: Node): Node => transpose(reshape(t, [2, 9, 3, 5]), [0, 2, 1, 3])
      const [q, k, v] = [heads(x(2, 9, 15)), heads(x(2, 9, 15)), heads(x(2, 9, 15))]
      const scores = s.exp(s.mul(dot(q, swap(k)), 0.2))
      const mixed = dot(s.div(scores, reduce('sum', scores, [3])), v)
      return [reshape(transpose(mixed, [0, 2, 1, 3]), [2, 9, 15])]
    },
  })

const operandsThatMove = (): CaseGroup =>
  group('dot with moved operands', {
    'a slice with steps': () => [
      dot(slice(x(12, 20), [1, 2], [5, 9], [2, 2]), slice(x(20, 11), [3, 1], [9, 8], [1, 1])),
    ],
    'a reversed operand': () => [dot(reverse(x(6, 9), [1]), x(9, 5))],
    'a padded operand': () => [dot(pad(x(5, 6), [1, 0], [0, 2]), x(8, 4))],
    'a computed operand': () => [dot(s.tanh(x(6, 17)), s.add(x(17, 8), x(8)))],
    'a product of products': () => [dot(dot(x(5, 6), x(6, 7)), dot(x(7, 8), x(8, 9)))],
    'a matrix with its transposition': () => {
      const a = x(9, 14)
      return [dot(a, swap(a)), dot(swap(a), a)]
    },
    'a reshaped operand': () => [dot(reshape(x(4, 3, 10), [12, 10]), reshape(x(2, 5, 6), [10, 6]))],
    'zeros of one term are positive': () => [s.div(1, dot(s.mul(x(3, 1), 0), x(1, 4)))],
    'no inner elements': () => [s.add(dot(x(3, 0), x(0, 4)), 1)],
    'no rows': () => [dot(x(0, 5), x(5, 4))],
    'a constant operand': () => [dot(x(5, 6), constant(0.5, 'float32', [6, 7]))],
  })

const epilogues = (): CaseGroup =>
  group('dot with an epilogue', {
    'bias and relu': () => [s.relu(s.add(dot(x(33, 20), x(20, 18)), x(18)))],
    'bias of rows': () => [s.add(dot(x(33, 20), x(20, 18)), x(33, 1))],
    residual: () => [s.add(s.tanh(dot(x(17, 9), x(9, 17))), x(17, 17))],
    'two results': () => {
      const y = dot(x(19, 21), x(21, 13))
      return [s.sigmoid(y), s.mul(y, 2), y]
    },
    'a transposed result': () => [s.add(transpose(dot(x(19, 21), x(21, 13)), [1, 0]), x(13, 19))],
    'an update of what was multiplied': () => {
      const w = x(21, 13)
      const g = dot(swap(x(19, 21)), x(19, 13))
      return [s.sub(w, s.mul(g, 0.1))]
    },
    'deep, with an epilogue': () => [s.relu(s.add(dot(x(9, 1500), x(1500, 10)), x(10)))],
    'reduced afterwards': () => {
      const y = s.square(dot(x(14, 15), x(15, 16)))
      return [reduce('sum', y, [1]), reduce('sum', y, [0]), reduce('sum', y, [0, 1])]
    },
  })
