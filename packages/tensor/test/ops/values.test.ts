// Values of every operation: tables by hand, or from the examples in tfjs-core's documentation.
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'

beforeAll(() => {
  registerBackend(referenceBackend)
})

type Nested = number | bigint | readonly Nested[]
/** Name of the row, the computation, the expected values as nested arrays, the expected dtype (default float32). */
type Row = readonly [name: string, run: () => tf.Tensor, expected: Nested, dtype?: tf.DType]

const flat = (x: unknown): (number | bigint)[] =>
  Array.isArray(x) ? x.flatMap(flat) : [x as number | bigint]
function shapeOf(x: unknown): number[] {
  return Array.isArray(x) ? [x.length, ...(x.length > 0 ? shapeOf(x[0]) : [])] : []
}

/** How far a value is off: 0 when equal (also NaN, infinities, bigints), else relative to numbers above 1. */
function distance(value: number | bigint, want: number | bigint): number {
  if (Object.is(value, want)) return 0
  const d = Math.abs(Number(value) - Number(want)) / Math.max(1, Math.abs(Number(want)))
  return typeof want === 'bigint' || Number.isNaN(d) ? Infinity : d
}

function check(rows: readonly Row[]): void {
  it.each(rows.map(([name, run, expected, dtype]) => ({ name, run, expected, dtype })))(
    '$name',
    async ({ run, expected, dtype = 'float32' }) => {
      const x = run()
      expect(x.dtype).toBe(dtype)
      expect([...x.shape]).toEqual(shapeOf(expected))
      const values: (number | bigint)[] = [...((await x.data()) as Float32Array)]
      const wanted = flat(expected)
      const worst = Math.max(0, ...wanted.map((want, i) => distance(values[i]!, want)))
      expect(worst, `got ${values.join(', ')}`).toBeLessThanOrEqual(2e-6)
    },
  )
}

const { fill, tensor } = tf
const ints = (values: tf.TensorLike): tf.Tensor => tensor(values, undefined, 'int32')
const m23 = (): tf.Tensor<[2, 3]> =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ])

describe('creation', () => {
  check([
    [
      'tensor of nested arrays',
      () =>
        tensor([
          [1, 2],
          [3, 4],
        ]),
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'tensor with shape',
      () => tensor([1, 2, 3, 4], [2, 2]),
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['tensor with dtype', () => tensor([1.7, -1.7], [2], 'int32'), [1, -1], 'int32'],
    ['tensor of booleans', () => tensor([true, false]), [1, 0], 'bool'],
    ['tensor of bigints', () => tensor([1n, -(2n ** 62n)]), [1n, -(2n ** 62n)], 'int64'],
    ['tensor of a typed array', () => tensor(Int32Array.of(1, 2)), [1, 2], 'int32'],
    ['tensor of doubles', () => tensor(Float64Array.of(0.1)), [0.1], 'float64'],
    ['scalar', () => tf.scalar(3.5), 3.5],
    ['tensor1d', () => tf.tensor1d([1, 2]), [1, 2]],
    [
      'tensor2d of flat values',
      () => tf.tensor2d([1, 2, 3, 4], [2, 2]),
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'tensor3d',
      () =>
        tf.tensor3d([
          [[1], [2]],
          [[3], [4]],
        ]),
      [
        [[1], [2]],
        [[3], [4]],
      ],
    ],
    [
      'tensor4d',
      () => tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]),
      [
        [
          [[1], [2]],
          [[3], [4]],
        ],
      ],
    ],
    ['tensor5d', () => tf.tensor5d([1, 2], [1, 1, 1, 2, 1]), [[[[[1], [2]]]]]],
    ['tensor6d', () => tf.tensor6d([1, 2], [1, 1, 1, 1, 2, 1]), [[[[[[1], [2]]]]]]],
    [
      'zeros',
      () => tf.zeros([2, 2]),
      [
        [0, 0],
        [0, 0],
      ],
    ],
    ['zeros of size 0', () => tf.zeros([0]), []],
    ['ones', () => tf.ones([2], 'int32'), [1, 1], 'int32'],
    ['fill', () => fill([2], 4), [4, 4]],
    ['fill with a boolean', () => fill([2], true), [1, 1], 'bool'],
    ['zerosLike', () => tf.zerosLike(ints([5, 6])), [0, 0], 'int32'],
    ['onesLike', () => tf.onesLike(tensor([5, 6])), [1, 1]],
    [
      'eye',
      () => tf.eye(2),
      [
        [1, 0],
        [0, 1],
      ],
    ],
    [
      'eye, wide and batched',
      () => tf.eye(2, 3, [1]),
      [
        [
          [1, 0, 0],
          [0, 1, 0],
        ],
      ],
    ],
    ['linspace', () => tf.linspace(0, 9, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['linspace downward', () => tf.linspace(1, -1, 5), [1, 0.5, 0, -0.5, -1]],
    ['linspace of one', () => tf.linspace(3, 9, 1), [3]],
    ['range', () => tf.range(0, 9, 2), [0, 2, 4, 6, 8]],
    ['range downward by default', () => tf.range(3, 0), [3, 2, 1]],
    ['range by fractions', () => tf.range(0, 1, 0.25), [0, 0.25, 0.5, 0.75]],
    ['range of integers', () => tf.range(2, 5, 1, 'int32'), [2, 3, 4], 'int32'],
    ['range that is empty', () => tf.range(0, 3, -1), []],
    ['clone', () => tf.clone(tensor([1, 2])), [1, 2]],
    [
      'cast to int truncates, clamps, kills NaN',
      () => tf.cast(tensor([1.9, -1.9, NaN, 1e20]), 'int32'),
      [1, -1, 0, 2147483647],
      'int32',
    ],
    ['cast to bool', () => tf.cast(tensor([0, -0.5, 2]), 'bool'), [0, 1, 1], 'bool'],
    ['cast of bool', () => tf.cast(tensor([true, false]), 'float32'), [1, 0]],
  ])
  it('linspace has exact ends', async () => {
    const x = await tf.linspace(0.1, 0.7, 7).data()
    expect([x[0], x[6]]).toEqual([Math.fround(0.1), Math.fround(0.7)])
  })
})

describe('arithmetic', () => {
  check([
    [
      'add broadcasts',
      () => tf.add([[1], [2]], [10, 20]),
      [
        [11, 21],
        [12, 22],
      ],
    ],
    ['sub', () => tf.sub([10, 20], [1, 2]), [9, 18]],
    ['mul', () => tf.mul([1, 2, 3], 2), [2, 4, 6]],
    ['div', () => tf.div([1, 4, 9, 16], [1, 2, 3, 4]), [1, 2, 3, 4]],
    ['div of ints floors, as tfjs', () => tf.div(ints([7, -7, 6]), ints([2, 2, 4])), [3, -4, 1], 'int32'],
    ['div by zero', () => tf.div([1, -1, 0], [0, 0, 0]), [Infinity, -Infinity, NaN]],
    ['divNoNan', () => tf.divNoNan([1, 2], [0, 4]), [0, 0.5]],
    [
      'floorDiv of ints',
      () => tf.floorDiv(ints([7, -7, 7, -7, 6]), ints([2, 2, -2, -2, 0])),
      [3, -4, -4, 3, 0],
      'int32',
    ],
    ['floorDiv of floats', () => tf.floorDiv([7, -7], 2), [3, -4]],
    [
      'mod has the sign of the divisor',
      () => tf.mod([7, -7, 7, -7, 6], [3, 3, -3, -3, 3]),
      [1, 2, -2, -1, 0],
    ],
    ['mod of ints', () => tf.mod(ints([7, -7, 7, -7]), ints([3, 3, -3, -3])), [1, 2, -2, -1], 'int32'],
    ['pow', () => tf.pow([2, 3, 4], [1, 2, 3]), [2, 9, 64]],
    ['pow of ints', () => tf.pow(ints([2, -3]), 3), [8, -27], 'int32'],
    ['maximum', () => tf.maximum([1, 4, 3, 16], [1, 2, 9, 4]), [1, 4, 9, 16]],
    ['maximum of NaN', () => tf.maximum([NaN, 1], [1, NaN]), [NaN, NaN]],
    ['minimum', () => tf.minimum([1, 4, 3, 16], [1, 2, 9, 4]), [1, 2, 3, 4]],
    ['squaredDifference', () => tf.squaredDifference([1, 4, 3, 16], [1, 2, 9, 4]), [0, 4, 36, 144]],
    ['addN', () => tf.addN([[1, 2], [3, 4], tensor([5, 6])]), [9, 12]],
  ])
})

describe('promotion', () => {
  check([
    ['a whole number adopts int32', () => ints([1, 2]).add(1), [2, 3], 'int32'],
    ['a fraction makes float32', () => ints([1, 2]).add(0.5), [1.5, 2.5]],
    ['an array of whole numbers adopts int32', () => ints([1, 2]).mul([3, 4]), [3, 8], 'int32'],
    ['a number too large for int32 makes float32', () => ints([1]).add(3e9), [3000000001]],
    ['a number adopts float64', () => tensor(Float64Array.of(1)).mul(0.1), [0.1], 'float64'],
    ['a number adopts int64', () => tensor([2n ** 40n]).mul(2), [2n ** 41n], 'int64'],
    ['a number too large for uint8 makes int32', () => tensor([1], [1], 'uint8').add(300), [301], 'int32'],
    ['a number adopts uint8', () => tensor([1], [1], 'uint8').add(3), [4], 'uint8'],
    ['int32 and float32', () => ints([1]).add(tensor([0.5])), [1.5]],
    ['int32 and int64', () => ints([1]).add(tensor([2n])), [3n], 'int64'],
    ['float32 and float64', () => tensor([1]).add(tensor(Float64Array.of(2))), [3], 'float64'],
    ['bool and bool add as int32', () => tensor([true, true]).add(tensor([true, false])), [2, 1], 'int32'],
    ['bool and a number', () => tensor([true, false]).mul(3), [3, 0], 'int32'],
    ['two numbers are float32', () => tf.add(1, 2), 3],
    ['integers become float32 in float functions', () => tf.sqrt(ints([4])), [2]],
    ['relu keeps int32', () => tf.relu(ints([-1, 2])), [0, 2], 'int32'],
  ])
})

describe('functions of one tensor', () => {
  check([
    ['neg', () => tf.neg([1, -2]), [-1, 2]],
    ['abs', () => tf.abs([1, -2]), [1, 2]],
    ['abs of ints', () => tf.abs(ints([-3])), [3], 'int32'],
    ['sign', () => tf.sign([0.6, -1.1, 0, NaN]), [1, -1, 0, NaN]],
    ['floor', () => tf.floor([0.6, 1.1, -3.3]), [0, 1, -4]],
    ['ceil', () => tf.ceil([0.6, 1.1, -3.3]), [1, 2, -3]],
    ['round, halves to even', () => tf.round([0.6, 1.1, -3.3, 0.5, 1.5, -2.5]), [1, 1, -3, 0, 2, -2]],
    ['floor of ints', () => tf.floor(ints([3])), [3], 'int32'],
    ['sqrt', () => tf.sqrt([1, 2, 4, -1]), [1, Math.SQRT2, 2, NaN]],
    ['rsqrt', () => tf.rsqrt([1, 4, 16]), [1, 0.5, 0.25]],
    ['square', () => tf.square([1, Math.SQRT2, -1]), [1, 2, 1]],
    ['reciprocal', () => tf.reciprocal([0, 1, 2]), [Infinity, 1, 0.5]],
    ['exp', () => tf.exp([1, 2, -3]), [Math.E, Math.exp(2), Math.exp(-3)]],
    ['expm1', () => tf.expm1([1, 1e-5]), [Math.E - 1, Math.expm1(1e-5)]],
    ['log', () => tf.log([1, 2, Math.E, 0]), [0, Math.LN2, 1, -Infinity]],
    ['log1p', () => tf.log1p([1, 2, 1e-5]), [Math.LN2, Math.log(3), Math.log1p(1e-5)]],
    ['sin', () => tf.sin([0, Math.PI / 2, 0.75 * Math.PI]), [0, 1, Math.SQRT1_2]],
    ['cos', () => tf.cos([0, Math.PI / 2, 0.75 * Math.PI]), [1, 0, -Math.SQRT1_2]],
    ['tan', () => tf.tan([0, Math.PI / 4]), [0, 1]],
    ['tanh', () => tf.tanh([0, 1, -1]), [0, Math.tanh(1), -Math.tanh(1)]],
    [
      'sigmoid',
      () => tf.sigmoid([0, -1, 2, -3]),
      [0.5, 0.2689414213699951, 0.8807970779778823, 0.04742587317756678],
    ],
    ['erf', () => tf.erf([0, 0.1, -0.1, 0.7]), [0, 0.1124629, -0.1124629, 0.6778012]],
    ['clipByValue', () => tf.clipByValue([-1, 2, -3, 4], -2, 3), [-1, 2, -2, 3]],
    ['isNaN', () => tf.isNaN([NaN, 1, Infinity]), [1, 0, 0], 'bool'],
    ['isInf', () => tf.isInf([NaN, 1, -Infinity]), [0, 0, 1], 'bool'],
    ['isFinite', () => tf.isFinite([NaN, 1, Infinity]), [0, 1, 0], 'bool'],
  ])
})

describe('activations', () => {
  check([
    ['relu', () => tf.relu([-1, 2, -3, 4]), [0, 2, 0, 4]],
    ['relu6', () => tf.relu6([-1, 2, -3, 8]), [0, 2, 0, 6]],
    ['leakyRelu', () => tf.leakyRelu([-1, 2, -3, 4], 0.1), [-0.1, 2, -0.3, 4]],
    ['leakyRelu by default', () => tf.leakyRelu([-1, 2]), [-0.2, 2]],
    ['prelu', () => tf.prelu([-1, 2, -3, 4], 0.1), [-0.1, 2, -0.3, 4]],
    ['elu', () => tf.elu([-1, 1, -3, 2]), [Math.exp(-1) - 1, 1, Math.exp(-3) - 1, 2]],
    ['selu', () => tf.selu([-1, 2, -3, 4]), [-1.1113307, 2.101402, -1.6705687, 4.202804]],
    ['softplus', () => tf.softplus([0, 1, -1, 200]), [Math.LN2, 1.3132617, 0.3132617, 200]],
    ['logSigmoid', () => tf.logSigmoid([0, 1, -200]), [-Math.LN2, -0.3132617, -200]],
    ['step', () => tf.step([0, 2, -1, NaN]), [0, 1, 0, NaN]],
    ['step with alpha', () => tf.step([0, 2, -1, -3], 2), [2, 1, 2, 2]],
    ['step of ints', () => tf.step(ints([-1, 3])), [0, 1], 'int32'],
    ['elu of NaN', () => tf.elu([NaN]), [NaN]],
    ['gelu', () => tf.gelu([-1, 0, 2]), [-0.15865525, 0, 1.9544997]],
    ['gelu by tanh', () => tf.gelu([-1, 0, 2], 'tanh'), [-0.15880801, 0, 1.9545977]],
    ['silu', () => tf.silu([-1, 2]), [-0.26894142, 1.7615942]],
    ['swish is silu', () => tf.swish([-1, 2]), [-0.26894142, 1.7615942]],
    ['hardSigmoid', () => tf.hardSigmoid([-4, -1, 0, 4]), [0, 0.3, 0.5, 1]],
    ['mish', () => tf.mish([-1, 2]), [-0.30340144, 1.943959]],
    ['softsign', () => tf.softsign([-1, 3]), [-0.5, 0.75]],
  ])
})

describe('comparison and logic', () => {
  const t = (): tf.Tensor => tensor([true, true, false, false])
  const u = (): tf.Tensor => tensor([true, false, true, false])
  check([
    ['equal', () => tf.equal([1, 2, NaN], [2, 2, NaN]), [0, 1, 0], 'bool'],
    ['notEqual', () => tf.notEqual([1, 2, NaN], [2, 2, NaN]), [1, 0, 1], 'bool'],
    ['less', () => tf.less([1, 2, 3], [2, 2, 2]), [1, 0, 0], 'bool'],
    ['lessEqual', () => tf.lessEqual([1, 2, 3], [2, 2, 2]), [1, 1, 0], 'bool'],
    ['greater', () => tf.greater([1, 2, 3], [2, 2, 2]), [0, 0, 1], 'bool'],
    ['greaterEqual', () => tf.greaterEqual([1, 2, 3], [2, 2, 2]), [0, 1, 1], 'bool'],
    ['int64 is compared exactly', () => tf.less(tensor([2n ** 53n]), tensor([2n ** 53n + 1n])), [1], 'bool'],
    ['logicalAnd', () => tf.logicalAnd(t(), u()), [1, 0, 0, 0], 'bool'],
    ['logicalOr', () => tf.logicalOr(t(), u()), [1, 1, 1, 0], 'bool'],
    ['logicalXor', () => tf.logicalXor(t(), u()), [0, 1, 1, 0], 'bool'],
    ['logicalNot', () => tf.logicalNot(t()), [0, 0, 1, 1], 'bool'],
    ['logicalAnd of numbers', () => tf.logicalAnd([1, 0], [3, 1]), [1, 0], 'bool'],
    ['where', () => tf.where([true, false, true], [1, 2, 3], [-1, -2, -3]), [1, -2, 3]],
    [
      'where broadcasts the condition',
      () => tf.where([[true], [false]], [1, 2], 0),
      [
        [1, 2],
        [0, 0],
      ],
    ],
    ['where as a method', () => tensor([1, 2]).where([false, true], [8, 9]), [8, 2]],
  ])
})

describe('reductions', () => {
  const b = (): tf.Tensor =>
    tensor([
      [true, false],
      [false, false],
      [true, true],
    ])
  check([
    ['sum', () => tf.sum(m23()), 21],
    ['sum over an axis', () => tf.sum(m23(), 0), [5, 7, 9]],
    ['sum over the last axis, kept', () => tf.sum(m23(), -1, true), [[6], [15]]],
    ['sum over null is all', () => tf.sum(m23(), null, true), [[21]]],
    [
      'sum over no axis',
      () => tf.sum(m23(), []),
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    ['sum of bool counts', () => tf.sum(b()), 3, 'int32'],
    ['sum of nothing', () => tf.sum(tf.zeros([0, 2]), 0), [0, 0]],
    ['prod', () => tf.prod(m23(), 1), [6, 120]],
    ['mean', () => tf.mean(m23(), 0), [2.5, 3.5, 4.5]],
    ['mean of ints is float', () => tf.mean(ints([1, 2])), 1.5],
    ['max', () => tf.max(m23(), 1), [3, 6]],
    ['max of NaN', () => tf.max([1, NaN, 3]), NaN],
    ['min', () => tf.min(m23(), [0, 1]), 1],
    ['any', () => tf.any(b(), 1), [1, 0, 1], 'bool'],
    ['all', () => tf.all(b(), 1), [0, 0, 1], 'bool'],
    ['all of nothing', () => tf.all(tf.zeros([0], 'bool')), 1, 'bool'],
    ['logSumExp', () => tf.logSumExp([1000, 1000]), 1000 + Math.LN2],
    ['logSumExp of -Infinity', () => tf.logSumExp([-Infinity, -Infinity]), -Infinity],
    ['logSumExp of Infinity', () => tf.logSumExp([1, Infinity]), Infinity],
    [
      'logSumExp over an axis, kept',
      () =>
        tf.logSumExp(
          [
            [0, 0],
            [1, 1],
          ],
          1,
          true,
        ),
      [[Math.LN2], [1 + Math.LN2]],
    ],
    ['moments: mean', () => tf.moments([1, 2, 3, 4]).mean, 2.5],
    ['moments: variance', () => tf.moments(m23(), 1).variance, [2 / 3, 2 / 3]],
    ['norm', () => tf.norm([3, 4]), 5],
    [
      'norm over an axis',
      () =>
        tf.norm(
          [
            [3, 4],
            [6, 8],
          ],
          'euclidean',
          1,
        ),
      [5, 10],
    ],
    ['norm 1', () => tf.norm([-3, 4], 1), 7],
    ['norm Infinity', () => tf.norm([-3, 2], Infinity), 3],
    ['norm -Infinity', () => tf.norm([-3, 2], -Infinity), 2],
    [
      'norm of a matrix, 1: columns',
      () =>
        tf.norm(
          [
            [1, -2],
            [3, 4],
          ],
          1,
          [0, 1],
        ),
      6,
    ],
    [
      'norm of a matrix, Infinity: rows',
      () =>
        tf.norm(
          [
            [1, -2],
            [3, 4],
          ],
          Infinity,
          [0, 1],
        ),
      7,
    ],
    [
      'norm of a matrix, columns named first',
      () =>
        tf.norm(
          [
            [1, -2],
            [3, 4],
          ],
          Infinity,
          [1, 0],
          true,
        ),
      [[6]],
    ],
    [
      'norm of a matrix, -Infinity',
      () =>
        tf.norm(
          [
            [1, -2],
            [3, 4],
          ],
          -Infinity,
          [0, 1],
        ),
      3,
    ],
    [
      'norm of a matrix, fro',
      () =>
        tf.norm(
          [
            [1, -2],
            [2, 4],
          ],
          'fro',
          [0, 1],
        ),
      5,
    ],
    ['any of numbers', () => tf.any([0, 2, 0]), 1, 'bool'],
    [
      'argMax',
      () =>
        tf.argMax([
          [1, 2, 3],
          [4, 3, 2],
        ]),
      [1, 1, 0],
      'int32',
    ],
    [
      'argMax over the last axis',
      () =>
        tf.argMax(
          [
            [1, 9, 3],
            [7, 5, 7],
          ],
          -1,
        ),
      [1, 0],
      'int32',
    ],
    ['argMax of NaN', () => tf.argMax([1, NaN, 3]), 1, 'int32'],
    [
      'argMin',
      () =>
        tf.argMin(
          [
            [1, 2, 3],
            [4, 3, 2],
          ],
          1,
        ),
      [0, 2],
      'int32',
    ],
    ['argMax of a scalar', () => tf.argMax(5), 0, 'int32'],
  ])
})

describe('products', () => {
  const a = (): tf.Tensor =>
    tensor([
      [1, 2],
      [3, 4],
    ])
  const batch = (): tf.Tensor => tf.range(0, 12).reshape([3, 2, 2])
  check([
    [
      'matMul',
      () =>
        tf.matMul(
          [[1, 2]],
          [
            [1, 2],
            [3, 4],
          ],
        ),
      [[7, 10]],
    ],
    [
      'matMul, A transposed',
      () =>
        tf.matMul(
          a(),
          [
            [1, 0],
            [0, 1],
          ],
          true,
        ),
      [
        [1, 3],
        [2, 4],
      ],
    ],
    [
      'matMul, B transposed',
      () =>
        tf.matMul(
          [
            [1, 0],
            [0, 1],
          ],
          m23().slice([0, 0], [2, 2]),
          false,
          true,
        ),
      [
        [1, 4],
        [2, 5],
      ],
    ],
    [
      'matMul, both transposed',
      () => tf.matMul(a(), a(), true, true),
      [
        [7, 15],
        [10, 22],
      ],
    ],
    ['matMul of ints', () => tf.matMul(ints([[1, 2]]), ints([[3], [4]])), [[11]], 'int32'],
    [
      'matMul of batches',
      () => tf.matMul(batch(), batch()),
      [
        [
          [2, 3],
          [6, 11],
        ],
        [
          [46, 55],
          [66, 79],
        ],
        [
          [154, 171],
          [190, 211],
        ],
      ],
    ],
    [
      'matMul of a batch and one matrix',
      () => tf.matMul(batch(), a()),
      [
        [
          [3, 4],
          [11, 16],
        ],
        [
          [19, 28],
          [27, 40],
        ],
        [
          [35, 52],
          [43, 64],
        ],
      ],
    ],
    [
      'matMul of a transposed batch and one matrix',
      () => tf.matMul(batch(), a(), true),
      [
        [
          [6, 8],
          [10, 14],
        ],
        [
          [22, 32],
          [26, 38],
        ],
        [
          [38, 56],
          [42, 62],
        ],
      ],
    ],
    [
      'matMul of one matrix and a batch',
      () => tf.matMul(a(), batch()),
      [
        [
          [4, 7],
          [8, 15],
        ],
        [
          [16, 19],
          [36, 43],
        ],
        [
          [28, 31],
          [64, 71],
        ],
      ],
    ],
    [
      'matMul broadcasts batches',
      () => tf.matMul(tf.ones([2, 1, 1, 3]), tf.ones([4, 3, 1])),
      [
        [[[3]], [[3]], [[3]], [[3]]],
        [[[3]], [[3]], [[3]], [[3]]],
      ],
    ],
    ['matMul with no inner elements', () => tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 1])), [[0], [0]]],
    ['dot of vectors', () => tf.dot([1, 2], [3, 4]), 11],
    ['dot of a matrix and a vector', () => tf.dot(a(), [5, 6]), [17, 39]],
    ['dot of a vector and a matrix', () => tf.dot([5, 6], a()), [23, 34]],
    [
      'dot of matrices',
      () => tf.dot(a(), a()),
      [
        [7, 10],
        [15, 22],
      ],
    ],
    [
      'outerProduct',
      () => tf.outerProduct([1, 2, 3], [3, 4, 5]),
      [
        [3, 4, 5],
        [6, 8, 10],
        [9, 12, 15],
      ],
    ],
  ])
})

describe('movement', () => {
  const m = (): tf.Tensor =>
    tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
  check([
    [
      'reshape',
      () => tf.reshape([1, 2, 3, 4], [2, 2]),
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'reshape infers',
      () => tf.reshape(m(), [3, -1]),
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    ['flatten', () => tf.flatten(m()), [1, 2, 3, 4, 5, 6]],
    ['expandDims', () => tf.expandDims([1, 2]), [[1, 2]]],
    ['expandDims at the end', () => tf.expandDims([1, 2], -1), [[1], [2]]],
    ['squeeze', () => tf.squeeze([[[1], [2]]]), [1, 2]],
    ['squeeze of an empty list is of all', () => tf.squeeze([[[1], [2]]], []), [1, 2]],
    ['squeeze of one axis', () => tf.squeeze([[[1], [2]]], [0]), [[1], [2]]],
    [
      'transpose',
      () => tf.transpose(m()),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    [
      'transpose by perm',
      () => tf.transpose(tf.range(0, 6).reshape([1, 2, 3]), [2, 0, 1]),
      [[[0, 3]], [[1, 4]], [[2, 5]]],
    ],
    [
      'transpose by negative perm',
      () => tf.transpose(m(), [-1, 0]),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    [
      'broadcastTo',
      () => tf.broadcastTo([[1], [2]], [2, 2]),
      [
        [1, 1],
        [2, 2],
      ],
    ],
    [
      'tile',
      () =>
        tf.tile(
          [
            [1, 2],
            [3, 4],
          ],
          [1, 2],
        ),
      [
        [1, 2, 1, 2],
        [3, 4, 3, 4],
      ],
    ],
    ['tile by zero', () => tf.tile([1, 2], [0]), []],
    ['reverse', () => tf.reverse([1, 2, 3, 4]), [4, 3, 2, 1]],
    [
      'reverse of one axis',
      () => tf.reverse(m(), -1),
      [
        [3, 2, 1],
        [6, 5, 4],
      ],
    ],
    ['pad', () => tf.pad([1, 2, 3, 4], [[1, 2]]), [0, 1, 2, 3, 4, 0, 0]],
    [
      'pad with a value',
      () =>
        tf.pad(
          ints([[1]]),
          [
            [0, 1],
            [1, 0],
          ],
          7,
        ),
      [
        [7, 1],
        [7, 7],
      ],
      'int32',
    ],
    ['slice', () => tf.slice([1, 2, 3, 4], [1], [2]), [2, 3]],
    ['slice of leading axes', () => tf.slice(m(), 1), [[4, 5, 6]]],
    ['slice with -1', () => tf.slice(m(), [0, 1], [1, -1]), [[2, 3]]],
    ['stridedSlice', () => tf.stridedSlice([0, 1, 2, 3, 4, 5], [1], [6], [2]), [1, 3, 5]],
    ['stridedSlice backward', () => tf.stridedSlice([0, 1, 2, 3, 4, 5], [-1], [0], [-2]), [5, 3, 1]],
    [
      'stridedSlice clamps',
      () => tf.stridedSlice(m(), [0, -99], [99, 2]),
      [
        [1, 2],
        [4, 5],
      ],
    ],
    ['stridedSlice that is empty', () => tf.stridedSlice([1, 2], [1], [1]), []],
    [
      'stridedSlice, begin and end left out',
      () => tf.stridedSlice([1, 2, 3], [2], [1], [1], 1, 1),
      [1, 2, 3],
    ],
    [
      'stridedSlice, backward and left out',
      () => tf.stridedSlice([1, 2, 3], [0], [0], [-1], 1, 1),
      [3, 2, 1],
    ],
    [
      'stridedSlice, ellipsis',
      () => tf.stridedSlice(tf.range(0, 8).reshape([2, 2, 2]), [0, 1], [0, 2], [1, 1], 0, 0, 1),
      [
        [[1], [3]],
        [[5], [7]],
      ],
    ],
    [
      'stridedSlice, new axis',
      () => tf.stridedSlice([1, 2, 3], [0, 1], [0, 3], [1, 1], 0, 0, 0, 1),
      [[2, 3]],
    ],
    [
      'stridedSlice, picked element',
      () => tf.stridedSlice(m(), [-1, 0], [0, 2], [1, 1], 0, 0, 0, 0, 1),
      [4, 5],
    ],
    [
      'stridedSlice, ellipsis between',
      () =>
        tf.stridedSlice(tf.range(0, 8).reshape([2, 2, 2]), [1, 0, 0], [2, 0, 1], [1, 1, 1], 0, 0, 2, 0, 5),
      [4, 6],
    ],
    ['split: second of equal parts', () => tf.split([1, 2, 3, 4], 2)[1], [3, 4]],
    [
      'split: by sizes',
      () => tf.split(m(), [1, -1], 1)[1],
      [
        [2, 3],
        [5, 6],
      ],
    ],
    ['unstack', () => tf.unstack(m())[1]!, [4, 5, 6]],
    ['unstack along an axis', () => tf.unstack(m(), 1)[2]!, [3, 6]],
    [
      'concat',
      () =>
        tf.concat([
          [1, 2],
          [3, 4, 5],
        ]),
      [1, 2, 3, 4, 5],
    ],
    [
      'concat along an axis',
      () =>
        tf.concat(
          [
            [
              [1, 2],
              [10, 20],
            ],
            [
              [3, 4],
              [30, 40],
            ],
          ],
          1,
        ),
      [
        [1, 2, 3, 4],
        [10, 20, 30, 40],
      ],
    ],
    ['concat promotes', () => tf.concat([ints([1]), tensor([0.5])]), [1, 0.5]],
    ['concat as a method', () => tensor([1]).concat([tensor([2]), tensor([3])]), [1, 2, 3]],
    [
      'stack',
      () =>
        tf.stack([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    [
      'stack along an axis',
      () =>
        tf.stack(
          [
            [1, 2],
            [3, 4],
          ],
          -1,
        ),
      [
        [1, 3],
        [2, 4],
      ],
    ],
    ['stack as a method', () => tensor([1]).stack(tensor([2])), [[1], [2]]],
    ['as2D', () => tensor([1, 2]).as2D(2, 1), [[1], [2]]],
    ['asScalar', () => tensor([[5]]).asScalar(), 5],
  ])
})

describe('indexed', () => {
  const m = (): tf.Tensor =>
    tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
  const batch = (): tf.Tensor => tf.range(0, 12).reshape([2, 3, 2])
  check([
    [
      'gather',
      () => tf.gather(m(), [2, 0]),
      [
        [5, 6],
        [1, 2],
      ],
    ],
    [
      'gather along an axis',
      () => tf.gather(m(), ints([1, 1, 0]), 1),
      [
        [2, 2, 1],
        [4, 4, 3],
        [6, 6, 5],
      ],
    ],
    ['gather by a scalar', () => tf.gather(m(), 1), [3, 4]],
    [
      'gather by a matrix',
      () =>
        tf.gather(
          [10, 20, 30],
          ints([
            [0, 1],
            [2, 2],
          ]),
        ),
      [
        [10, 20],
        [30, 30],
      ],
    ],
    ['gather clamps a tensor of indices', () => tf.gather([10, 20], ints([-5, 7])), [10, 20]],
    ['gather by int64', () => tf.gather([10, 20], tensor([1n])), [20]],
    [
      'gather in batches',
      () =>
        tf.gather(
          batch(),
          ints([
            [2, 0],
            [1, 1],
          ]),
          1,
          1,
        ),
      [
        [
          [4, 5],
          [0, 1],
        ],
        [
          [8, 9],
          [8, 9],
        ],
      ],
    ],
    [
      'gather in batches, further axis',
      () => tf.gather(batch(), ints([[1], [0]]), 2, 1),
      [
        [[1], [3], [5]],
        [[6], [8], [10]],
      ],
    ],
    [
      'gatherND',
      () =>
        tf.gatherND(
          [
            [1, 2],
            [3, 4],
          ],
          ints([
            [0, 1],
            [1, 0],
          ]),
        ),
      [2, 3],
    ],
    [
      'gatherND of rows',
      () => tf.gatherND(m(), ints([[2], [0]])),
      [
        [5, 6],
        [1, 2],
      ],
    ],
    [
      'oneHot',
      () => tf.oneHot([0, 1], 3),
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
      'int32',
    ],
    [
      'oneHot with values and dtype',
      () => tf.oneHot(ints([2]), 3, 0.9, 0.05, 'float32'),
      [[0.05, 0.05, 0.9]],
    ],
    [
      'oneHot out of range in a tensor',
      () => tf.oneHot(ints([-1, 12345]), 2),
      [
        [0, 0],
        [0, 0],
      ],
      'int32',
    ],
  ])
})

describe('normalization', () => {
  check([
    ['softmax', () => tf.softmax([1, 2, 3]), [0.09003057, 0.24472847, 0.66524096]],
    ['softmax without overflow', () => tf.softmax([1000, 1000]), [0.5, 0.5]],
    [
      'softmax over the first axis',
      () =>
        tf.softmax(
          [
            [0, 0],
            [0, Math.log(3)],
          ],
          0,
        ),
      [
        [0.5, 0.25],
        [0.5, 0.75],
      ],
    ],
    ['softmax of NaN', () => tf.softmax([NaN, 1]), [NaN, NaN]],
    ['logSoftmax', () => tf.logSoftmax([1, 2, 3]), [-2.407606, -1.4076059, -0.4076059]],
    ['rmsNorm', () => tf.rmsNorm([[3, 4]], [1, 2], -1, 0), [[3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5)]]],
    ['layerNorm', () => tf.layerNorm([[1, 2, 3]], [2, 2, 2], [0, 1, 0], -1, 0), [[-2.4494897, 1, 2.4494897]]],
    [
      'batchNorm',
      () =>
        tf.batchNorm(
          [
            [2, 4],
            [8, 12],
          ],
          [2, 4],
          [4, 16],
          [10, 20],
          [3, 0.5],
          0,
        ),
      [
        [10, 20],
        [19, 21],
      ],
    ],
    [
      'batchNorm with statistics of full rank',
      () =>
        tf.batchNorm(
          [
            [2, 4],
            [8, 12],
          ],
          [[2], [8]],
          [[4], [16]],
          null,
          null,
          0,
        ),
      [
        [0, 1],
        [0, 1],
      ],
    ],
    [
      'batchNorm along the first axis',
      () =>
        tf.batchNorm(
          [
            [2, 4],
            [8, 12],
          ],
          [2, 8],
          [4, 16],
          null,
          null,
          0,
          0,
        ),
      [
        [0, 1],
        [0, 1],
      ],
    ],
    [
      'layerNorm over two axes',
      () =>
        tf.layerNorm(
          [
            [
              [1, 2],
              [3, 4],
            ],
          ],
          null,
          null,
          [1, 2],
          0,
        ),
      [
        [
          [-1.3416408, -0.4472136],
          [0.4472136, 1.3416408],
        ],
      ],
    ],
  ])
})

describe('scatter', () => {
  check([
    [
      'scatterND adds up, and drops what is outside',
      () => tf.scatterND(ints([[1], [3], [1], [7], [-1]]), [10, 20, 5, 1, 1], [5]),
      [0, 15, 0, 20, 0],
    ],
    [
      'scatterND of rows',
      () =>
        tf.scatterND(
          ints([[2], [0]]),
          [
            [1, 2],
            [3, 4],
          ],
          [3, 2],
        ),
      [
        [3, 4],
        [0, 0],
        [1, 2],
      ],
    ],
    [
      'tensorScatterUpdate',
      () =>
        tf.tensorScatterUpdate(
          m23(),
          ints([
            [0, 2],
            [1, 0],
            [5, 0],
          ]),
          [9, 8, 7],
        ),
      [
        [1, 2, 9],
        [8, 5, 6],
      ],
    ],
    [
      'tensorScatterUpdate of int64',
      () =>
        tf.tensorScatterUpdate(
          tensor([1n, 2n, 3n], [3], 'int64'),
          tensor([[1n]], [1, 1], 'int64'),
          tensor([2n ** 40n], [1], 'int64'),
        ),
      [1n, 2n ** 40n, 3n],
      'int64',
    ],
    [
      'tensorScatterUpdate of bool',
      () => tf.tensorScatterUpdate(tensor([true, true]), ints([[1]]), tensor([false])),
      [1, 0],
      'bool',
    ],
  ])
})

describe('einsum', () => {
  const square = (): tf.Tensor<[2, 2]> =>
    tensor([
      [1, 2],
      [3, 4],
    ])
  check([
    [
      'matrix product',
      () => tf.einsum('ij,jk->ik', m23(), tf.transpose(m23())),
      [
        [14, 32],
        [32, 77],
      ],
    ],
    [
      'matrix product without ->',
      () => tf.einsum('ij, jk', square(), square()),
      [
        [7, 10],
        [15, 22],
      ],
    ],
    [
      'transposed',
      () => tf.einsum('ij->ji', m23()),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    [
      'labels in alphabetical order',
      () => tf.einsum('ba', m23()),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    ['sum of all', () => tf.einsum('ij->', m23()), 21],
    ['trace', () => tf.einsum('ii', square()), 5],
    ['diagonal', () => tf.einsum('ii->i', square()), [1, 4]],
    [
      'outer product',
      () => tf.einsum('i,j->ji', [1, 2], [3, 4]),
      [
        [3, 6],
        [4, 8],
      ],
    ],
    [
      'elementwise',
      () => tf.einsum('ij,ij->ij', square(), square()),
      [
        [1, 4],
        [9, 16],
      ],
    ],
    ['batches', () => tf.einsum('bi,bi->b', m23(), m23()), [14, 77]],
    ['ellipsis', () => tf.einsum('...i,i', square(), [1, 1]), [3, 7]],
    [
      'ellipses broadcast',
      () => tf.einsum('...i,...i->...', tensor([[[1, 2]], [[3, 4]]]), square()),
      [
        [5, 11],
        [11, 25],
      ],
    ],
    ['three operands', () => tf.einsum('ij,jk,k->i', square(), square(), [1, 1]), [17, 37]],
    ['integers', () => tf.einsum('i,i', ints([1, 2]), ints([3, 4])), 11, 'int32'],
  ])
})

describe('bits', () => {
  const [a, b] = [ints([12, 10, -1]), ints([6, 6, 6])]
  check([
    ['bitwiseAnd', () => tf.bitwiseAnd(a, b), [4, 2, 6], 'int32'],
    ['bitwiseOr', () => tf.bitwiseOr(a, b), [14, 14, -1], 'int32'],
    ['bitwiseXor', () => tf.bitwiseXor(a, b), [10, 12, -7], 'int32'],
    ['bitwiseNot', () => tf.bitwiseNot(a), [-13, -11, 0], 'int32'],
    ['bitwiseNot of uint8', () => tf.bitwiseNot(tensor([0, 5], [2], 'uint8')), [255, 250], 'uint8'],
    [
      'bitwiseAnd of int64',
      () => tf.bitwiseAnd(tensor([2n ** 40n + 3n]), tensor([2n ** 40n + 5n])),
      [2n ** 40n + 1n],
      'int64',
    ],
  ])
})

describe('inverse trigonometric functions', () => {
  const x = [-1, -0.5, 0, 0.1, 1]
  check([
    ['asin', () => tf.asin(x), x.map((v) => Math.asin(v))],
    ['acos', () => tf.acos(x), x.map((v) => Math.acos(v))],
    ['atan', () => tf.atan([...x, 50, -Infinity]), [...x, 50, -Infinity].map((v) => Math.atan(v))],
    ['asin outside', () => tf.asin([2]), [NaN]],
  ])
})
