// The chained methods of a tensor: `x.add(y)` is `add(x, y)`. methods.ts puts them on the prototype.
import type { DType } from '../graph/dtype.ts'
import type { Tensor } from './tensor.ts'
import type { Arg, Axes } from './types.ts'

type Sizes = readonly number[]
type BinaryName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'divNoNan'
  | 'floorDiv'
  | 'mod'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'squaredDifference'
  | 'equal'
  | 'notEqual'
  | 'less'
  | 'lessEqual'
  | 'greater'
  | 'greaterEqual'
  | 'logicalAnd'
  | 'logicalOr'
  | 'logicalXor'
  | 'prelu'
type UnaryName =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'sqrt'
  | 'rsqrt'
  | 'square'
  | 'reciprocal'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'isNaN'
  | 'isInf'
  | 'isFinite'
  | 'relu'
  | 'relu6'
  | 'selu'
  | 'softplus'
  | 'silu'
  | 'swish'
  | 'hardSigmoid'
  | 'mish'
  | 'softsign'
  | 'logicalNot'
  | 'flatten'
  | 'zerosLike'
  | 'onesLike'
type ReductionName = 'sum' | 'prod' | 'mean' | 'max' | 'min' | 'any' | 'all' | 'logSumExp'

type BinaryMethods = { [K in BinaryName]: (b: Arg) => Tensor }
type UnaryMethods = { [K in UnaryName]: () => Tensor }
type ReductionMethods = { [K in ReductionName]: (axis?: Axes | null, keepDims?: boolean) => Tensor }

export interface TensorMethods extends BinaryMethods, UnaryMethods, ReductionMethods {
  matMul(b: Arg, transposeA?: boolean, transposeB?: boolean): Tensor
  dot(b: Arg): Tensor
  reshape(shape: Sizes): Tensor
  expandDims(axis?: number): Tensor
  squeeze(axis?: Axes): Tensor
  transpose(perm?: Sizes): Tensor
  broadcastTo(shape: Sizes): Tensor
  tile(reps: Sizes): Tensor
  reverse(axis?: Axes): Tensor
  pad(paddings: readonly (readonly [number, number])[], constantValue?: number): Tensor
  slice(begin: Axes, size?: Axes): Tensor
  stridedSlice(begin: Sizes, end: Sizes, strides?: Sizes): Tensor
  split(numOrSizeSplits: Axes, axis?: number): Tensor[]
  unstack(axis?: number): Tensor[]
  concat(tensors: Arg | readonly Arg[], axis?: number): Tensor
  stack(tensors: Tensor | readonly Arg[], axis?: number): Tensor
  gather(indices: Arg, axis?: number, batchDims?: number): Tensor
  oneHot(depth: number, onValue?: number, offValue?: number, dtype?: DType): Tensor
  where(condition: Arg, b: Arg): Tensor
  argMax(axis?: number): Tensor
  argMin(axis?: number): Tensor
  norm(ord?: number | 'euclidean' | 'fro', axis?: Axes | null, keepDims?: boolean): Tensor
  cast(dtype: DType): Tensor
  toFloat(): Tensor
  toInt(): Tensor
  toBool(): Tensor
  clone(): Tensor
  clipByValue(clipValueMin: number, clipValueMax: number): Tensor
  leakyRelu(alpha?: number): Tensor
  elu(alpha?: number): Tensor
  step(alpha?: number): Tensor
  gelu(approximate?: 'none' | 'tanh'): Tensor
  softmax(dim?: number): Tensor
  logSoftmax(axis?: number): Tensor
  as1D(): Tensor
  as2D(rows: number, columns: number): Tensor
  asScalar(): Tensor
}
