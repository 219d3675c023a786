// Functions of one tensor that are exported with a free batch: each operation whose export is more than a name.
import {
  add,
  scaledDotProductAttention,
  median,
  cumsum,
  topk,
  argsort,
  sort,
  all,
  any,
  argMax,
  argMin,
  avgPoolNd,
  batchNorm,
  cast,
  clipByValue,
  concat,
  conv,
  convTranspose,
  type DType,
  div,
  divNoNan,
  elu,
  equal,
  erf,
  expm1,
  floorDiv,
  gather,
  gatherND,
  gelu,
  greater,
  hardSigmoid,
  isFinite,
  isNaN,
  layerNorm,
  leakyRelu,
  less,
  log1p,
  logicalAnd,
  logicalNot,
  logSoftmax,
  matMul,
  max,
  maximum,
  maxPoolNd,
  mean,
  min,
  mish,
  mod,
  moments,
  mul,
  oneHot,
  ones,
  pad,
  pow,
  prod,
  range,
  reshape,
  reverse,
  round,
  scatterND,
  selu,
  sign,
  silu,
  slice,
  softmax,
  softplus,
  softsign,
  sqrt,
  square,
  stridedSlice,
  sub,
  sum,
  tensor,
  tensorScatterUpdate,
  type Tensor,
  tile,
  transpose,
  variable,
  where,
  step,
  logSumExp,
  einsum,
} from '@dl/tensor/core'
import { sample } from './samples.ts'

export interface ExportedFunction {
  readonly name: string
  /** Of the input, without the batch. */
  readonly shape: readonly number[]
  /** Default float32. */
  readonly dtype?: DType
  /** The first operator set that can express it; default 13. */
  readonly since?: number
  readonly fn: (x: Tensor) => Tensor
}

const rows = (x: Tensor): number => x.shape[0] as number
const w = variable(sample([4, 3]), true, 'w')
const b = variable(sample([3]), true, 'b')
const kernel = variable(sample([3, 3, 2, 4]), true, 'kernel')
const turned = variable(sample([2, 3, 4, 2]), true, 'turned')
const grouped = variable(sample([3, 2, 1, 4]), true, 'grouped')
const bias = variable(sample([4]), true, 'bias')
const four = [0, 1, 2, 3].map((i) => variable(square(add(sample([4]), i)), true, `four_${i}`))
const float = (x: Tensor): Tensor => cast(x, 'float32')
const picks = (list: number[]): Tensor => tensor(Int32Array.from(list), [list.length], 'int32')

const VECTORS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  'a product and a bias': (x) => add(matMul(x, w), b),
  'products of all rows': (x) => matMul(x, x, false, true),
  'activations, smooth': (x) =>
    concat([gelu(x), gelu(x, 'tanh'), silu(x), mish(x), softplus(x), softsign(x)], 1),
  'activations, in pieces': (x) => concat([elu(x), selu(x), leakyRelu(x), hardSigmoid(x), step(x)], 1),
  'functions without an operator': (x) => add(expm1(x), where(isFinite(x), log1p(mul(x, x)), 0)),
  'error function, powers and rounding': (x) => add(erf(x), add(pow(x, 2), round(x))),
  'signs, limits and remainders': (x) => add(add(sign(x), clipByValue(x, -1, 0.5)), mod(x, 0.7)),
  'careful division': (x) => add(divNoNan(x, round(x)), div(x, add(square(x), 1))),
  probabilities: (x) => concat([softmax(x), logSoftmax(x)], 0),
  'logarithms of sums': (x) => logSumExp(x, 1, true),
  'layer normalization': (x) => layerNorm(x, four[0], four[1]),
  'batch normalization': (x) => batchNorm(x, four[0]!, four[1]!, four[2], four[3]),
  'batch normalization without parameters': (x) => batchNorm(x, four[0]!, four[1]!),
  moments: (x) => concat([moments(x, 1, true).mean, moments(x, 1, true).variance], 1),
  'means of rows': (x) => mean(x, 1),
  'the mean of the batch': (x) => mean(x, 0),
  'the mean of everything': (x) => mean(x),
  'products and extremes': (x) => concat([prod(x, 1, true), max(x, 1, true), min(x, 1, true)], 1),
  'slices, reversed and padded': (x) =>
    pad(
      reverse(stridedSlice(x, [0, 0], [rows(x), 4], [1, 2]), 1),
      [
        [1, 2],
        [0, 1],
      ],
      7,
    ),
  'the batch without its first row': (x) => slice(x, [1, 0], [rows(x) - 1, 4]),
  'tiles and constants of its size': (x) => concat([tile(x, [1, 2]), ones([rows(x), 1])], 1),
  'reductions and positions': (x) => add(max(x, 1), float(argMax(x, 1))),
  'positions as they are': (x) => argMin(x, 1),
  'picked rows': (x) => gather(w, argMax(x, 1), 0),
  'picked columns': (x) => gather(x, picks([3, 0, 0]), 1),
  'picked in batches': (x) => gather(x, argMax(x, 1), 1, 1),
  'picked elements': (x) =>
    mul(x, gatherND(w, tensor(Int32Array.of(0, 1, 3, 2, 1, 0, 2, 2), [4, 2], 'int32'))),
  'in order': (x) => concat([sort(x), sort(x, -1, true)], 1),
  'positions in order': (x) => argsort(x),
  'the greatest two': (x) => topk(x, 2).values,
  'running sums': (x) => concat([cumsum(x, 1), cumsum(x, 1, true), cumsum(x, 1, false, true)], 1),
  medians: (x) => median(x, 1),
  'one hot': (x) => oneHot(argMax(x, 1), 5, 2, -1, 'float32'),
  'matrices of the batch': (x) =>
    matMul(reshape(x, [rows(x), 2, 2]), transpose(reshape(x, [rows(x), 2, 2]), [0, 2, 1])),
  sums: (x) => einsum('ij,jk->ik', x, w),
  comparisons: (x) => where(less(x, sum(x, 1, true)), maximum(x, 0), x),
  'truth values': (x) => logicalAnd(greater(x, 0), logicalNot(isNaN(sqrt(x)))),
  'any and all': (x) => concat([any(greater(x, 0), 1, true), all(greater(x, -1), 1, true)], 1),
  'numbered rows': (x) => add(x, reshape(cast(range(0, rows(x)), 'float32'), [rows(x), 1])),
}

const SEQUENCES: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  attention: (x) => scaledDotProductAttention(x, x, mul(x, 0.5)),
  'attention, causal': (x) => scaledDotProductAttention(x, x, x, { causal: true }),
  'attention in heads': (x) => {
    const heads = (y: Tensor): Tensor => transpose(reshape(y, [rows(y), 5, 2, 2]), [0, 2, 1, 3])
    return scaledDotProductAttention(heads(x), heads(x), heads(x))
  },
}

const SCATTERS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  'added into rows': (x) =>
    add(scatterND(tensor(Int32Array.of(0, 3, 3, 9), [4, 1], 'int32'), transpose(x), [5, rows(x)]), 1),
  'rows replaced': (x) =>
    tensorScatterUpdate(
      transpose(x),
      tensor(Int32Array.of(2, 0), [2, 1], 'int32'),
      reshape(slice(transpose(x), [1, 0], [2, rows(x)]), [2, rows(x)]),
    ),
}

const IMAGES: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  'a convolution and a bias': (x) => add(conv(x, kernel, { padding: 'same', strides: 2 }), bias),
  'a convolution with dilation and uneven padding': (x) =>
    conv(x, kernel, {
      padding: [
        [0, 2],
        [1, 0],
      ],
      dilations: [2, 1],
    }),
  'a convolution in groups': (x) => conv(x, grouped, { groups: 2 }),
  'a convolution with channels first': (x) =>
    add(conv(transpose(x, [0, 3, 1, 2]), kernel, { dataFormat: 'channelsFirst' }), reshape(bias, [4, 1, 1])),
  'a transposed convolution': (x) => convTranspose(x, turned, { strides: 2 }),
  'a transposed convolution, padded': (x) =>
    convTranspose(x, turned, {
      strides: [2, 3],
      padding: [
        [1, 0],
        [0, 1],
      ],
      outputPadding: [1, 0],
    }),
  'a transposed convolution, dilated': (x) => convTranspose(x, turned, { dilations: 2 }),
  maxima: (x) => maxPoolNd(x, { size: 3, strides: 2, padding: 1 }),
  means: (x) =>
    avgPoolNd(x, {
      size: [2, 3],
      strides: 2,
      padding: [
        [0, 1],
        [1, 1],
      ],
    }),
  'means that count padding': (x) => avgPoolNd(x, { size: 3, strides: 1, padding: 1, countPadding: true }),
  'means of what is there': (x) => avgPoolNd(x, { size: 2, ceil: true }),
  'means of channels': (x) => mean(x, [1, 2]),
}

const INTEGERS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  'sums and products': (x) => add(mul(x, 3), sub(x, sum(x, 1, true))),
  'quotients and remainders': (x) => add(floorDiv(sub(x, 5), 3), mod(sub(x, 5), 3)),
  'to float': (x) => div(float(x), 2),
  'comparisons of integers': (x) => where(equal(x, 3), x, maximum(x, 4)),
}

export const FUNCTIONS: readonly ExportedFunction[] = [
  ...Object.entries(VECTORS).map(([name, fn]) => ({ name, shape: [4], fn })),
  ...Object.entries(SCATTERS).map(([name, fn]) => ({ name, shape: [4], since: 16, fn })),
  ...Object.entries(IMAGES).map(([name, fn]) => ({ name, shape: [7, 6, 2], fn })),
  ...Object.entries(SEQUENCES).map(([name, fn]) => ({ name, shape: [5, 4], fn })),
  {
    name: 'a product in float64',
    shape: [4],
    dtype: 'float64',
    fn: (x) => add(matMul(x, cast(w, 'float64')), mean(x, 1, true)),
  },
  { name: 'bytes to numbers', shape: [4], dtype: 'uint8', fn: (x) => div(float(x), 255) },
  {
    name: 'bytes moved',
    shape: [4],
    dtype: 'uint8',
    fn: (x) => concat([reverse(x, 1), slice(x, [0, 1], [rows(x), 2])], 1),
  },
  {
    name: 'truth values in and out',
    shape: [4],
    dtype: 'bool',
    fn: (x) => logicalAnd(x, logicalNot(reverse(x, 1))),
  },
  { name: 'counted truth values', shape: [4], dtype: 'bool', fn: (x) => sum(float(x), 1) },
  ...(['int32', 'int64'] as const).flatMap((dtype) =>
    Object.entries(INTEGERS).map(([name, fn]) => ({ name: `${name}, ${dtype}`, shape: [4], dtype, fn })),
  ),
]
