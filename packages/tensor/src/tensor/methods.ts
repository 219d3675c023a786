// Puts the chained methods on Tensor.prototype: `x.add(y)` is `add(x, y)`. Imported for this side effect by `@dl/tensor`
// alone; packages and bundles that import `@dl/tensor/core` do without.
import type { DType } from '../graph/dtype.ts'
import {
  elu,
  gelu,
  hardSigmoid,
  leakyRelu,
  logSigmoid,
  mish,
  prelu,
  relu,
  relu6,
  selu,
  silu,
  softplus,
  softsign,
  step,
  swish,
} from '../ops/activation.ts'
import { argMax, argMin } from '../ops/arg.ts'
import { cumprod, cumsum } from '../ops/cumulative.ts'
import { argsort, sort, topk } from '../ops/sort.ts'
import { unique } from '../ops/value-dependent.ts'
import {
  add,
  div,
  divNoNan,
  floorDiv,
  maximum,
  minimum,
  mod,
  mul,
  pow,
  squaredDifference,
  sub,
} from '../ops/arithmetic.ts'
import { cast } from '../ops/cast.ts'
import { equal, greater, greaterEqual, less, lessEqual, notEqual } from '../ops/comparison.ts'
import { clone, onesLike, zerosLike } from '../ops/creation.ts'
import { gather, gatherND, oneHot } from '../ops/gather.ts'
import { concat, stack } from '../ops/join.ts'
import { logicalAnd, logicalNot, logicalOr, logicalXor, where } from '../ops/logical.ts'
import { dot, matMul, outerProduct } from '../ops/matmul.ts'
import {
  broadcastTo,
  expandDims,
  flatten,
  pad,
  reshape,
  reverse,
  squeeze,
  tile,
  transpose,
} from '../ops/movement.ts'
import { batchNorm, layerNorm, logSoftmax, softmax } from '../ops/normalization.ts'
import { all, any, logSumExp, max, mean, min, moments, norm, prod, sum } from '../ops/reduction.ts'
import { slice, split, unstack } from '../ops/slice.ts'
import { stridedSlice } from '../ops/strided-slice.ts'
import {
  abs,
  ceil,
  clipByValue,
  cos,
  erf,
  exp,
  expm1,
  floor,
  isFinite,
  isInf,
  isNaN,
  log,
  log1p,
  neg,
  reciprocal,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tan,
  tanh,
} from '../ops/unary.ts'
import { Tensor } from './tensor.ts'
import type { Arg } from './types.ts'

/** Functions whose first argument becomes `this`. */
const FIRST = {
  abs,
  add,
  all,
  any,
  argMax,
  argMin,
  argsort,
  batchNorm,
  broadcastTo,
  cast,
  ceil,
  clipByValue,
  clone,
  cos,
  cumprod,
  cumsum,
  div,
  divNoNan,
  dot,
  elu,
  equal,
  erf,
  exp,
  expandDims,
  expm1,
  flatten,
  floor,
  floorDiv,
  gather,
  gatherND,
  gelu,
  greater,
  greaterEqual,
  hardSigmoid,
  isFinite,
  isInf,
  isNaN,
  layerNorm,
  leakyRelu,
  less,
  lessEqual,
  log,
  log1p,
  logSoftmax,
  logSigmoid,
  logSumExp,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  matMul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mish,
  mod,
  moments,
  mul,
  neg,
  norm,
  notEqual,
  oneHot,
  onesLike,
  outerProduct,
  pad,
  pow,
  prelu,
  prod,
  reciprocal,
  relu,
  relu6,
  reshape,
  reverse,
  round,
  rsqrt,
  selu,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  softmax,
  softplus,
  softsign,
  sort,
  split,
  sqrt,
  square,
  squaredDifference,
  squeeze,
  step,
  stridedSlice,
  sub,
  sum,
  swish,
  tan,
  tanh,
  tile,
  topk,
  transpose,
  unique,
  unstack,
  zerosLike,
} satisfies Record<string, (x: never, ...rest: never[]) => unknown>

const list = (x: Arg | readonly Arg[]): readonly Arg[] =>
  Array.isArray(x) ? (x as readonly Arg[]) : [x as Arg]

/** Methods that are not "the function with `this` in front". */
const OTHERS: Record<string, (x: Tensor, ...rest: never[]) => Tensor> = {
  concat: (x, tensors: Arg | readonly Arg[], axis?: number) => concat([x, ...list(tensors)], axis),
  stack: (x, tensors: Arg | readonly Arg[], axis?: number) => stack([x, ...list(tensors)], axis),
  where: (x, condition: Arg, b: Arg) => where(condition, x, b),
  toFloat: (x) => cast(x, 'float32'),
  toInt: (x) => cast(x, 'int32'),
  toBool: (x) => cast(x, 'bool'),
  asType: (x, dtype: DType) => cast(x, dtype),
  as1D: (x) => flatten(x),
  as2D: (x, rows: number, columns: number) => reshape(x, [rows, columns]),
  asScalar: (x) => reshape(x, []),
}

for (const [name, fn] of [...Object.entries(FIRST), ...Object.entries(OTHERS)])
  Object.defineProperty(Tensor.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Tensor, ...rest: never[]): unknown {
      return (fn as (x: Tensor, ...rest: never[]) => unknown)(this, ...rest)
    },
  })
