// The functions whose derivatives are tested to the third order: every differentiable row of the scalar table, every
// primitive, and the operations that are made of several.
import { defineComposite } from '../graph/composite.ts'
import type { CumulateKind, Node } from '../graph/node.ts'
import {
  broadcastTo,
  cast,
  concat,
  cumulate,
  dot,
  gather,
  iota,
  map,
  pad,
  reduce,
  reshape,
  reverse,
  s,
  scatterAdd,
  slice,
  sort,
  takeAlong,
  transpose,
  window,
} from '../graph/primitives.ts'
import { SCALAR_NAMES, type ScalarName, SCALARS } from '../graph/scalar-table.ts'
import type { Dims } from '../graph/shape.ts'
import { conv, convTranspose } from '../ops/convolution.ts'
import { avgPoolNd, maxPoolNd } from '../ops/pooling.ts'
import { elu, gelu, leakyRelu, mish, prelu, relu6, selu, silu, softsign } from '../ops/activation.ts'
import { scaledDotProductAttention } from '../ops/attention.ts'
import { batchNorm, layerNorm, logSoftmax, softmax } from '../ops/normalization.ts'
import { rmsNorm } from '../ops/rms-norm.ts'
import { logSumExp, mean, norm, prod } from '../ops/reduction.ts'
import { sin, square } from '../ops/unary.ts'
import { fromNode, nodeOf, type Tensor } from '../tensor/tensor.ts'
import { input } from './graph-values.ts'

/** A function of float inputs of one dtype, any shape out. */
export interface Differentiable {
  readonly name: string
  readonly inputs: readonly {
    readonly shape: Dims
    readonly low: number
    readonly high: number
    readonly values?: readonly number[]
  }[]
  readonly f: (...xs: Node[]) => Node
}

const between = (low: number, high: number, ...shape: number[]) => ({ shape, low, high })
const of = (...shape: number[]) => between(-1.3, 1.3, ...shape)

export function differentiables(): Differentiable[] {
  return [...scalarRows(), ...PRIMITIVES, ...COMPOSITES, ...operations()]
}

/** Rows that take and give floats. */
function scalarRows(): Differentiable[] {
  const rows = SCALAR_NAMES.filter((fn): fn is Exclude<ScalarName, 'cast' | 'bitcast'> => {
    const { accepts, result, derivative } = SCALARS[fn]
    const takesFloats = accepts === 'float' || accepts === 'number' || accepts === 'any'
    return takesFloats && result === 'same' && derivative !== undefined && fn !== 'cast' && fn !== 'bitcast'
  })
  return rows.map((fn) => {
    const { arity, domain = [-2, 2] } = SCALARS[fn]
    const inputs = Array.from({ length: arity }, () => between(domain[0], domain[1], 6))
    return { name: fn, inputs, f: (...xs) => map(fn, ...xs) }
  })
}

const int32 = (shape: Dims, values: readonly number[]): Node => input('int32', shape, values)
const bool = (...values: readonly number[]): Node => input('bool', [values.length], values)

/** Exclusive extrema start at infinity, which sin does not take. */
const running = (kind: CumulateKind, x: Node, exclusive: boolean, backwards: boolean): Node => {
  const y = cumulate(kind, s.exp(x), 1, { exclusive, reverse: backwards })
  return exclusive && (kind === 'max' || kind === 'min') ? s.reciprocal(y) : y
}

/** Linear primitives get something nonlinear behind them, so that higher orders are not all zero. */
const PRIMITIVES: readonly Differentiable[] = [
  {
    name: 'select',
    inputs: [of(5), of(5)],
    f: (a, b) => s.sin(s.select(bool(1, 0, 0, 1, 1), s.mul(a, b), s.exp(a))),
  },
  { name: 'cast', inputs: [of(5)], f: (x) => s.sin(cast(cast(x, 'float64'), x.dtype)) },
  { name: 'reshape', inputs: [of(2, 6)], f: (x) => s.sin(reshape(s.square(x), [3, 4])) },
  {
    name: 'transpose',
    inputs: [of(2, 3, 2)],
    f: (x) => s.mul(transpose(x, [2, 0, 1]), s.sin(transpose(x, [2, 0, 1]))),
  },
  { name: 'broadcast', inputs: [of(2, 1, 3)], f: (x) => s.mul(broadcastTo(x, [4, 2, 5, 3]), s.sin(x)) },
  { name: 'broadcast of arguments', inputs: [of(3, 1), of(4)], f: (a, b) => s.sin(s.mul(a, b)) },
  { name: 'slice', inputs: [of(5, 7)], f: (x) => s.sin(slice(s.square(x), [1, 2], [2, 2], [2, 3])) },
  {
    name: 'empty slice',
    inputs: [of(3, 2)],
    f: (x) => s.add(reduce('sum', slice(x, [1, 0], [0, 2]), [0]), s.square(slice(x, [0, 0], [1, 2]))),
  },
  {
    name: 'pad',
    inputs: [of(3, 2)],
    f: (x) => s.sin(s.add(pad(s.square(x), [1, 0], [0, 2], [1, 0], 0.5), 1)),
  },
  {
    name: 'window',
    inputs: [of(5, 7)],
    f: (x) => s.sin(window(s.square(x), [0, 1], [2, 3], [1, 2], [2, 1])),
  },
  { name: 'reverse', inputs: [of(3, 4)], f: (x) => s.mul(reverse(x, [0, 1]), s.square(x)) },
  {
    name: 'concat',
    inputs: [of(2, 3), of(2, 1)],
    f: (a, b) => s.sin(s.square(concat([a, b, s.mul(a, 2)], 1))),
  },
  { name: 'reduce sum', inputs: [of(3, 4, 2)], f: (x) => s.exp(reduce('sum', s.square(x), [0, 2])) },
  { name: 'reduce prod', inputs: [of(2, 5, 3)], f: (x) => reduce('prod', x, [1]) },
  {
    name: 'reduce prod with zeros',
    inputs: [{ shape: [3, 4], low: 0, high: 0, values: [0, 0.5, 0.7, 1.2, 0, 0, 1.5, 0.3, 0, 0, 0, 2] }],
    f: (x) => reduce('prod', x, [1]),
  },
  { name: 'reduce prod of all', inputs: [of(2, 3)], f: (x) => s.sin(reduce('prod', x, [0, 1])) },
  { name: 'reduce max', inputs: [of(3, 5)], f: (x) => s.exp(reduce('max', s.sin(x), [1])) },
  { name: 'reduce min', inputs: [of(3, 5)], f: (x) => s.exp(reduce('min', s.sin(x), [0])) },
  { name: 'dot', inputs: [of(3, 4), of(4, 2)], f: (a, b) => s.sin(dot(a, b)) },
  {
    name: 'dot with batches',
    inputs: [of(2, 3, 2), of(2, 2, 3)],
    f: (a, b) => dot(s.sin(a), dot(b, s.square(a))),
  },
  {
    name: 'gather',
    inputs: [of(4, 3)],
    f: (x) => s.sin(gather(s.square(x), int32([2, 3], [0, 2, 2, 9, -1, 3]), 0)),
  },
  {
    name: 'gather along the last axis',
    inputs: [of(2, 4)],
    f: (x) => s.exp(gather(x, int32([3], [3, 1, 1]), 1)),
  },
  ...(['sum', 'prod', 'max', 'min'] as const).flatMap((kind) =>
    [false, true].flatMap((exclusive) =>
      [false, true].map((backwards) => ({
        name: `running ${kind}${exclusive ? ', exclusive' : ''}${backwards ? ', reverse' : ''}`,
        inputs: [of(2, 5)],
        f: (x: Node) => s.sin(running(kind, x, exclusive, backwards)),
      })),
    ),
  ),
  {
    name: 'running product with zeros',
    inputs: [{ shape: [3, 4], low: 0, high: 0, values: [0, 0.5, 0.7, 1.2, 0.4, 0, 1.5, 0, 0, 0, 0, 2] }],
    f: (x) => s.sin(s.mul(cumulate('prod', x, 1), x)),
  },
  {
    name: 'values in order',
    inputs: [of(3, 4)],
    f: (x) => s.mul(s.sin(takeAlong(s.exp(x), sort(s.exp(x), 1, false), 1)), iota([3, 4], 1, x.dtype)),
  },
  {
    name: 'the greatest along the first axis',
    inputs: [of(5, 3)],
    f: (x) => s.exp(takeAlong(x, sort(x, 0, true, 2), 0)),
  },
  {
    name: 'scatter',
    inputs: [of(3, 2), of(5, 2)],
    f: (x, updates) => s.sin(scatterAdd(s.square(x), int32([5], [0, 2, 2, 7, -1]), s.exp(updates), 0)),
  },
]

const cubeWithOwnDerivative = defineComposite<{ scale: number }>({
  name: 'scaledCube',
  fallback: ([x], { scale }) => s.mul(s.mul(x!, s.mul(x!, x!)), scale),
  vjp: (ct, _output, [x], { scale }) => [s.mul(ct, s.mul(s.square(x!), 3 * scale))],
})
const swishWithout = defineComposite<Readonly<Record<string, never>>>({
  name: 'swish',
  fallback: ([x]) => s.mul(x!, s.sigmoid(x!)),
})
const exponentialThroughOutput = defineComposite<Readonly<Record<string, never>>>({
  name: 'ownExp',
  fallback: ([x]) => s.exp(x!),
  vjp: (ct, output) => [s.mul(ct, output)],
})

const COMPOSITES: readonly Differentiable[] = [
  {
    name: 'composite with its own derivative',
    inputs: [of(5)],
    f: (x) => s.sin(cubeWithOwnDerivative([x], { scale: 0.5 })),
  },
  { name: 'composite without', inputs: [of(5)], f: (x) => s.sin(swishWithout([x], {})) },
  {
    name: 'composite whose derivative uses the output',
    inputs: [of(5)],
    f: (x) => exponentialThroughOutput([x], {}),
  },
]

/** A public operation as a function of nodes. */
const op =
  (f: (...xs: Tensor[]) => Tensor) =>
  (...xs: Node[]): Node =>
    nodeOf('derivative', 'result', f(...xs.map((x) => fromNode(x))))

function operations(): Differentiable[] {
  const unary = { relu6, leakyRelu, elu, selu, gelu, silu, mish, softsign }
  return [
    ...Object.entries(unary).map(([name, f]) => ({
      name,
      inputs: [between(-2.4, 2.4, 7)],
      f: op((x) => f(x)),
    })),
    { name: 'gelu, approximate', inputs: [of(6)], f: op((x) => gelu(x, 'tanh')) },
    { name: 'prelu', inputs: [of(4), of(4)], f: op((x, alpha) => prelu(x, alpha)) },
    { name: 'softmax', inputs: [of(2, 4)], f: op((x) => softmax(x)) },
    { name: 'softmax of columns', inputs: [of(4, 2)], f: op((x) => softmax(x, 0)) },
    { name: 'logSoftmax', inputs: [of(2, 4)], f: op((x) => logSoftmax(x)) },
    { name: 'logSumExp', inputs: [of(2, 4)], f: op((x) => logSumExp(x, 1)) },
    {
      name: 'attention',
      inputs: [of(1, 3, 2), of(1, 4, 2), of(1, 4, 2)],
      f: op((q, k, v) => scaledDotProductAttention(q, k, v)),
    },
    {
      name: 'causal attention with a float mask',
      inputs: [of(2, 3, 2), of(1, 3, 2), of(1, 3, 2), of(3, 3)],
      f: op((q, k, v, mask) => scaledDotProductAttention(q, k, v, { mask, causal: true })),
    },
    { name: 'rmsNorm', inputs: [of(2, 4), of(4)], f: op((x, g) => rmsNorm(x, g)) },
    { name: 'layerNorm', inputs: [of(2, 4), of(4), of(4)], f: op((x, g, b) => layerNorm(x, g, b)) },
    {
      name: 'batchNorm',
      inputs: [of(2, 3, 2), of(3), of(3), of(3), of(3)],
      f: op((x, m, v, o, g) => batchNorm(x, m, square(v), o, g, 0.1, 1)),
    },
    { name: 'mean', inputs: [of(3, 4)], f: op((x) => mean(sin(square(x)), 0)) },
    { name: 'norm', inputs: [of(3, 4)], f: op((x) => norm(x, 'euclidean', 1)) },
    { name: 'prod', inputs: [of(3, 3)], f: op((x) => prod(x, 1)) },
    ...windowed(),
  ]
}

/** Values in disorder, far enough from each other that a small step changes no order. */
const apart = (n: number): number[] => Array.from({ length: n }, (_, i) => 0.3 + 0.03 * ((i * 17) % n))

function windowed(): Differentiable[] {
  const bent = (f: (...xs: Tensor[]) => Tensor): ((...xs: Node[]) => Node) => op((...xs) => sin(f(...xs)))
  return [
    {
      name: 'conv',
      inputs: [of(1, 4, 3, 2), of(2, 2, 2, 2)],
      f: bent((x, w) => conv(x, w, { padding: 'same', strides: [2, 1] })),
    },
    {
      name: 'conv with gaps and groups, channels first',
      inputs: [of(1, 4, 5), of(2, 2, 2)],
      f: bent((x, w) => conv(x, w, { dilations: 2, groups: 2, padding: 1, dataFormat: 'channelsFirst' })),
    },
    {
      name: 'depthwise conv',
      inputs: [of(1, 3, 3, 2), of(2, 2, 1, 4)],
      f: bent((x, w) => conv(x, w, { groups: 2 })),
    },
    {
      name: 'transposed conv',
      inputs: [of(1, 3, 2), of(3, 2, 2)],
      f: bent((x, w) => convTranspose(x, w, { strides: 2, padding: [[1, 0]] })),
    },
    {
      name: 'conv of a kernel of one element with steps',
      inputs: [of(1, 5, 4, 2), of(1, 1, 2, 2)],
      f: bent((x, w) => conv(x, w, { strides: [2, 3], padding: 'same' })),
    },
    {
      name: 'depthwise conv with steps, channels first',
      inputs: [of(1, 2, 5, 4), of(3, 2, 1, 2)],
      f: bent((x, w) => conv(x, w, { groups: 2, strides: 2, padding: 1, dataFormat: 'channelsFirst' })),
    },
    {
      name: 'transposed conv with steps above the kernel',
      inputs: [of(1, 2, 3), of(2, 2, 2)],
      f: bent((x, w) => convTranspose(x, w, { strides: 3, dataFormat: 'channelsFirst' })),
    },
    {
      name: 'maxPool',
      inputs: [{ shape: [1, 5, 4, 2], low: 0, high: 0, values: apart(40) }],
      f: bent((x) => maxPoolNd(square(x), { size: [3, 2], strides: 2 })),
    },
    {
      name: 'avgPool',
      inputs: [of(1, 4, 5, 1)],
      f: bent((x) => avgPoolNd(square(x), { size: 3, strides: 2, padding: 'same' })),
    },
    {
      name: 'maxPool of windows side by side',
      inputs: [{ shape: [1, 5, 4, 2], low: 0, high: 0, values: apart(40) }],
      f: bent((x) =>
        maxPoolNd(square(x), {
          size: 2,
          padding: [
            [1, 0],
            [0, 1],
          ],
        }),
      ),
    },
    {
      name: 'maxPool with gaps, channels first',
      inputs: [{ shape: [1, 2, 5, 4], low: 0, high: 0, values: apart(40) }],
      f: bent((x) =>
        maxPoolNd(square(x), {
          size: 2,
          strides: [1, 2],
          dilations: 2,
          padding: 1,
          dataFormat: 'channelsFirst',
        }),
      ),
    },
    {
      name: 'avgPool of windows side by side, channels first',
      inputs: [of(1, 2, 5)],
      f: bent((x) => avgPoolNd(square(x), { size: 2, dataFormat: 'channelsFirst' })),
    },
    {
      name: 'avgPool with gaps',
      inputs: [of(1, 5, 2)],
      f: bent((x) =>
        avgPoolNd(square(x), { size: 2, strides: 2, dilations: 2, padding: 1, countPadding: true }),
      ),
    },
  ]
}
