// One alias for each kind of operation, so that an operation's declaration is one short line.
import type { DType } from '../graph/dtype.ts'
import type { Tensor } from './tensor.ts'
import type { Arg, Axes, Scalars, TensorLike } from './types.ts'

// ---- creation
type Sizes = readonly number[]
export type TensorOf = (values: TensorLike, shape?: Sizes, dtype?: DType) => Tensor
export type ScalarOf = (value: Scalars, dtype?: DType) => Tensor
export type RankedTensor<Rank extends number> = Rank extends 1
  ? (values: TensorLike, dtype?: DType) => Tensor
  : (values: TensorLike, shape?: Sizes, dtype?: DType) => Tensor
export type Filled = (shape: Sizes, dtype?: DType) => Tensor
export type Fill = (shape: Sizes, value: Scalars, dtype?: DType) => Tensor
export type Like = (x: Arg) => Tensor
export type Eye = (numRows: number, numColumns?: number, batchShape?: Sizes, dtype?: DType) => Tensor
export type Linspace = (start: number, stop: number, num: number) => Tensor
export type Range = (start: number, stop: number, step?: number, dtype?: DType) => Tensor

// ---- elementwise
export type Unary = (x: Arg) => Tensor
export type FloatUnary = (x: Arg) => Tensor
export type SlopedUnary = (x: Arg, alpha?: number) => Tensor
export type GeluUnary = (x: Arg, approximate?: 'none' | 'tanh') => Tensor
export type ClipByValue = (x: Arg, clipValueMin: number, clipValueMax: number) => Tensor
export type Predicate = (x: Arg) => Tensor
export type CastOf = (x: Arg, dtype: DType) => Tensor
export type Binary<Op extends string> = (a: Arg, b: Arg) => Tensor
export type Comparison<Op extends string> = (a: Arg, b: Arg) => Tensor
export type Select = (condition: Arg, a: Arg, b: Arg) => Tensor

// ---- reductions
export type Reduction<Op extends string> = (x: Arg, axis?: Axes | null, keepDims?: boolean) => Tensor
export type FloatReduction<Op extends string> = Reduction<Op>
export type BoolReduction<Op extends string> = Reduction<Op>
export type ArgReduction = (x: Arg, axis?: number) => Tensor
export type MomentsOf = (x: Arg, axis?: Axes | null, keepDims?: boolean) => { mean: Tensor; variance: Tensor }
export type NormOf = (
  x: Arg,
  ord?: number | 'euclidean' | 'fro',
  axis?: Axes | null,
  keepDims?: boolean,
) => Tensor

// ---- products
export type MatMul = (a: Arg, b: Arg, transposeA?: boolean, transposeB?: boolean) => Tensor
export type DotOf = (a: Arg, b: Arg) => Tensor

// ---- movement
export type ReshapeOf = (x: Arg, shape: Sizes) => Tensor
export type Flatten = (x: Arg) => Tensor
export type ExpandDims = (x: Arg, axis?: number) => Tensor
export type Squeeze = (x: Arg, axis?: Axes) => Tensor
export type Transpose = (x: Arg, perm?: Sizes) => Tensor
export type BroadcastTo = (x: Arg, shape: Sizes) => Tensor
export type Tile = (x: Arg, reps: Sizes) => Tensor
export type Reverse = (x: Arg, axis?: Axes) => Tensor
export type Pad = (x: Arg, paddings: readonly (readonly [number, number])[], constantValue?: number) => Tensor
export type Slice = (x: Arg, begin: Axes, size?: Axes) => Tensor
export type StridedSlice = (x: Arg, begin: Sizes, end: Sizes, strides?: Sizes) => Tensor
export type Split = (x: Arg, numOrSizeSplits: Axes, axis?: number) => Tensor[]
export type Unstack = (x: Arg, axis?: number) => Tensor[]
export type Concat = (tensors: readonly Arg[], axis?: number) => Tensor
export type Stack = (tensors: readonly Arg[], axis?: number) => Tensor

// ---- indexed
export type Gather = (x: Arg, indices: Arg, axis?: number, batchDims?: number) => Tensor
export type GatherND = (x: Arg, indices: Arg) => Tensor
export type OneHot = (
  indices: Arg,
  depth: number,
  onValue?: number,
  offValue?: number,
  dtype?: DType,
) => Tensor

// ---- normalization
export type Softmax = (logits: Arg, dim?: number) => Tensor
export type LayerNorm = (
  x: Arg,
  gamma?: Arg | null,
  beta?: Arg | null,
  axis?: Axes,
  epsilon?: number,
) => Tensor
