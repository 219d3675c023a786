// Gradients of operations that are compositions, in float64 against central differences; second derivatives of the smooth ones.
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'

beforeAll(() => {
  registerBackend(referenceBackend)
})

/** Shapes of the float64 inputs, and the function under test. */
type Row = readonly [
  name: string,
  shapes: readonly (readonly number[])[],
  f: (...x: tf.Tensor[]) => tf.Tensor,
  smooth?: boolean,
]
const idx = (values: tf.TensorLike): tf.Tensor => tf.tensor(values, undefined, 'int32')

const ROWS: readonly Row[] = [
  ['add with broadcasting', [[2, 1], [3]], (a, b) => tf.add(a, b)],
  ['mul with broadcasting', [[2, 3], [3]], (a, b) => tf.mul(a, b), true],
  ['div', [[4], [4]], (a, b) => tf.div(a, b), true],
  ['divNoNan beside a zero', [[3], [3]], (a, b) => tf.divNoNan(a, tf.mul(b, [0, 1, 1]))],
  ['mod', [[4], [4]], (a, b) => tf.mod(tf.mul(a, 5), b)],
  ['pow', [[4], [4]], (a, b) => tf.pow(tf.abs(a), b), true],
  ['maximum', [[5], [5]], (a, b) => tf.maximum(a, b)],
  ['squaredDifference', [[2, 3], [3]], (a, b) => tf.squaredDifference(a, b), true],
  ['addN', [[3], [3], [3]], (a, b, c) => tf.addN([a, b, c, a])],
  ['clipByValue', [[9]], (x) => tf.clipByValue(x, -0.5, 0.7)],
  ['where', [[4], [4]], (a, b) => tf.where([true, false, true, false], a, b)],
  ['step contributes nothing', [[4]], (x) => tf.mul(tf.step(x), x)],
  ['prelu', [[6], [6]], (x, alpha) => tf.prelu(x, alpha)],
  ['mean over an axis', [[3, 4]], (x) => tf.mean(x, 0)],
  ['prod', [[2, 3]], (x) => tf.prod(x, 1), true],
  ['max', [[3, 4]], (x) => tf.max(x, 1)],
  ['logSumExp', [[3, 4]], (x) => tf.logSumExp(x, -1), true],
  ['variance', [[3, 4]], (x) => tf.moments(x, [0, 1]).variance, true],
  ['norm', [[3, 4]], (x) => tf.norm(x, 'euclidean', 1), true],
  ['norm 1', [[3, 4]], (x) => tf.norm(x, 1)],
  ['norm of matrices', [[2, 3, 2]], (x) => tf.norm(x, Infinity, [0, 1])],
  [
    'matMul',
    [
      [2, 3],
      [3, 4],
    ],
    (a, b) => tf.matMul(a, b),
    true,
  ],
  [
    'matMul, A transposed',
    [
      [3, 2],
      [3, 4],
    ],
    (a, b) => tf.matMul(a, b, true),
  ],
  [
    'matMul, B transposed',
    [
      [2, 3],
      [4, 3],
    ],
    (a, b) => tf.matMul(a, b, false, true),
  ],
  [
    'matMul, both transposed',
    [
      [3, 2],
      [4, 3],
    ],
    (a, b) => tf.matMul(a, b, true, true),
  ],
  [
    'matMul of a batch and one matrix',
    [
      [2, 2, 3],
      [3, 2],
    ],
    (a, b) => tf.matMul(a, b),
  ],
  [
    'matMul with broadcast batches',
    [
      [2, 1, 2, 3],
      [2, 3, 1],
    ],
    (a, b) => tf.matMul(a, b),
    true,
  ],
  ['dot of a matrix and a vector', [[2, 3], [3]], (a, b) => tf.dot(a, b)],
  ['outerProduct', [[2], [3]], (a, b) => tf.outerProduct(a, b)],
  ['tile', [[2, 2]], (x) => tf.tile(x, [2, 3])],
  [
    'pad',
    [[2, 2]],
    (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        3,
      ),
  ],
  ['reverse', [[2, 3]], (x) => tf.reverse(x, 1)],
  ['broadcastTo', [[2, 1]], (x) => tf.broadcastTo(x, [3, 2, 2])],
  ['stridedSlice', [[4, 5]], (x) => tf.stridedSlice(x, [-1, 1], [0, 5], [-2, 2])],
  ['split', [[4, 2]], (x) => tf.mul(tf.split(x, 2)[0], tf.split(x, [1, 3])[1].slice([0, 0], [2, 2]))],
  ['unstack', [[2, 3]], (x) => tf.mul(tf.unstack(x)[0]!, tf.unstack(x)[1]!)],
  [
    'concat',
    [
      [1, 2],
      [2, 2],
    ],
    (a, b) => tf.concat([a, b, a]),
  ],
  ['stack', [[2], [2]], (a, b) => tf.stack([a, b, b], 1)],
  ['gather', [[3, 2]], (x) => tf.gather(x, idx([2, 0, 2]))],
  [
    'gather in batches',
    [[2, 3, 2]],
    (x) =>
      tf.gather(
        x,
        idx([
          [2, 0],
          [1, 1],
        ]),
        1,
        1,
      ),
  ],
  [
    'gatherND',
    [[2, 3]],
    (x) =>
      tf.gatherND(
        x,
        idx([
          [0, 1],
          [1, 2],
          [0, 1],
        ]),
      ),
  ],
  ['scatterND with a position twice', [[3, 2]], (x) => tf.scatterND(idx([[1], [3], [1]]), x, [4, 2])],
  [
    'tensorScatterUpdate',
    [
      [4, 2],
      [2, 2],
    ],
    (x, u) => tf.tensorScatterUpdate(x, idx([[2], [0]]), u),
  ],
  ['einsum', [[2, 3], [3, 4], [4]], (x, y, z) => tf.einsum('ij,jk,k->ki', x, y, z)],
  ['einsum of diagonals', [[3, 3, 2], [3]], (x, y) => tf.einsum('iij,i->j', x, y)],
  ['asin', [[3]], (x) => tf.asin(tf.mul(x, 0.3))],
  ['acos', [[3]], (x) => tf.acos(tf.mul(x, 0.3))],
  ['softmax over the first axis', [[3, 2]], (x) => tf.softmax(x, 0), true],
  ['logSoftmax', [[2, 3]], (x) => tf.logSoftmax(x), true],
  ['rmsNorm', [[2, 4], [4]], (x, g) => tf.rmsNorm(x, g), true],
  ['layerNorm', [[2, 4], [4], [4]], (x, g, b) => tf.layerNorm(x, g, b), true],
  [
    'batchNorm along axis 1',
    [[2, 3, 2], [3], [3], [3], [3]],
    (x, mean, variance, offset, scale) => tf.batchNorm(x, mean, tf.square(variance), offset, scale, 0.1, 1),
    true,
  ],
  ['gelu', [[5]], (x) => tf.gelu(x), true],
  ['gelu by tanh', [[5]], (x) => tf.gelu(x, 'tanh'), true],
  ['silu', [[5]], (x) => tf.silu(x), true],
  ['selu', [[5]], (x) => tf.selu(x)],
  ['mish', [[5]], (x) => tf.mish(x), true],
  ['softplus', [[5]], (x) => tf.softplus(x), true],
]

const cases = ROWS.map(([name, shapes, f, smooth = false]) => ({ name, shapes, f, smooth }))

/** Values of [-1.5, 1.5] that stay away from 0 and from each other. */
function values(count: number, salt: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const v = Math.sin(12.9898 * (i + 1) + 78.233 * salt) * 1.4
    return v + 0.1 * Math.sign(v)
  })
}
const total = (x: tf.Tensor): tf.Tensor =>
  tf.sum(tf.mul(x, tf.cos(tf.range(0, x.size, 1, 'float64').reshape(x.shape))))

type Scalar = (...x: tf.Tensor[]) => tf.Tensor
const inputsOf = (shapes: readonly (readonly number[])[]): tf.Tensor[] =>
  shapes.map((shape, k) =>
    tf.tensor(
      values(
        shape.reduce((a, b) => a * b, 1),
        k,
      ),
      shape,
      'float64',
    ),
  )

/** Largest distance between gradients and central differences (error of order 1e-9 at this step). */
function worst(f: Scalar, inputs: readonly tf.Tensor[]): number {
  const { value, pullback } = tf.vjp(f, [...inputs])
  const gradients = pullback(tf.onesLike(value))
  let off = 0
  for (const [k, input] of inputs.entries()) {
    const data = input.dataSync() as Float64Array
    const gradient = gradients[k]!.dataSync() as Float64Array
    for (let i = 0; i < data.length; i++) {
      const at = (shift: number): number => {
        const moved = data.slice()
        moved[i]! += shift
        const x = inputs.map((other, j) => (j === k ? tf.tensor(moved, input.shape, 'float64') : other))
        return (f(...x).dataSync() as Float64Array)[0]!
      }
      const difference = (at(1e-5) - at(-1e-5)) / 2e-5
      off = Math.max(off, Math.abs(difference - gradient[i]!) / Math.max(1, Math.abs(difference)))
    }
  }
  return off
}

describe('gradients against central differences', () => {
  it.each(cases)('$name', ({ shapes, f }) => {
    expect(worst((...x) => total(f(...x)), inputsOf(shapes))).toBeLessThan(1e-7)
  })
})

describe('second derivatives against central differences', () => {
  it.each(cases.filter(({ smooth }) => smooth))('$name', ({ shapes, f }) => {
    const first = (...x: tf.Tensor[]): tf.Tensor => {
      const { value, pullback } = tf.vjp((...y: tf.Tensor[]) => total(f(...y)), x)
      const gradients = pullback(tf.onesLike(value))
      return tf.addN(gradients.map((g) => tf.sum(tf.square(g))))
    }
    expect(worst(first, inputsOf(shapes))).toBeLessThan(1e-6)
  })
})

describe('gradients where functions bend', () => {
  it.each([
    ['relu at 0', (x: tf.Tensor) => tf.relu(x), 0, 0],
    ['abs at 0', (x: tf.Tensor) => tf.abs(x), 0, 0],
    ['clipByValue at its bound', (x: tf.Tensor) => tf.clipByValue(x, 0, 1), 0, 1],
    ['norm at 0', (x: tf.Tensor) => tf.norm(x.reshape([1])), 0, 0],
    ['elu far above 0', (x: tf.Tensor) => tf.elu(x), 1000, 1],
    ['elu far below 0', (x: tf.Tensor) => tf.elu(x), -1000, 0],
    ['softplus far above 0', (x: tf.Tensor) => tf.softplus(x), 1000, 1],
    ['divNoNan by 0', (x: tf.Tensor) => tf.divNoNan(x, 0), 1, 0],
    ['logSumExp of one', (x: tf.Tensor) => tf.logSumExp(x), 1000, 1],
  ])('%s', async (_name, f, at, expected) => {
    const slope = tf.grad((x: tf.Tensor) => f(x))(tf.scalar(at))
    expect((await slope.data())[0]).toBe(expected)
  })
})
