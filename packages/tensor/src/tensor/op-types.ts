// One alias for each kind of operation, so that an operation's declaration is one short line. In each, E is the result's type
// given by hand (`squeeze<Tensor2D>(x)`, as tfjs code does), and arguments are checked by the shape rules where the shapes
// are known. There is no untyped overload: it would accept every mismatch.
import type { DType } from '../graph/dtype.ts'
import type {
  Broadcast,
  BroadcastThree,
  DotShape,
  MatMulShape,
  OuterShape,
  StretchTo,
} from './broadcast-types.ts'
import type { Common, DTypeOf, FloatDType, NumberDType } from './dtype-types.ts'
import type { Gathered, Joined, Layers, ListDType, OneHotShape, Parts, Stacked } from './join-types.ts'
import type {
  Flattened,
  Insert,
  Padded,
  Reshape,
  Sliced,
  Squeezed,
  Tiled,
  Transposed,
} from './movement-types.ts'
import type { Reduce } from './reduction-types.ts'
import type {
  AsDType,
  Axis,
  Check,
  Default,
  Fix,
  Known,
  Mutable,
  Out,
  SetAt,
  ShapeOf,
  Unsized,
} from './shape-types.ts'
import type { Tensor } from './tensor.ts'
import type { Arg, Axes, AxisArgument, Dim, Paddings, Shape, Sizes } from './types.ts'
import type { Variable } from './variable.ts'

// ---- elementwise, one argument
/** X itself where its dtype stays (so generic code keeps its type), a plain tensor where X is a variable or host values. */
type SameKind<X, D> = X extends Variable
  ? Tensor<Fix<ShapeOf<X>>, AsDType<D>>
  : X extends Tensor<any, infer Own>
    ? 0 extends 1 & Own
      ? X
      : [Own] extends [D]
        ? X
        : Tensor<Fix<ShapeOf<X>>, AsDType<D>>
    : Tensor<Fix<ShapeOf<X>>, AsDType<D>>
/** The same shape, with dtype D. */
export type Same<E, X, D> = [E] extends [never] ? SameKind<X, D> : NoInfer<E>

export type Like = <const X extends Arg>(x: X) => SameKind<X, DTypeOf<X>>
export type Unary = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
) => Same<E, X, NumberDType<DTypeOf<X>>>
export type FloatUnary = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
) => Same<E, X, FloatDType<DTypeOf<X>>>
export type SlopedUnary = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  alpha?: number,
) => Same<E, X, FloatDType<DTypeOf<X>>>
export type Step = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  alpha?: number,
) => Same<E, X, NumberDType<DTypeOf<X>>>
export type GeluUnary = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  approximate?: 'none' | 'tanh',
) => Same<E, X, FloatDType<DTypeOf<X>>>
export type ClipByValue = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  clipValueMin: number,
  clipValueMax: number,
) => Same<E, X, NumberDType<DTypeOf<X>>>
export type Predicate = <E extends Tensor = never, const X extends Arg = Arg>(x: X) => Same<E, X, 'bool'>
export type CastOf = <const X extends Arg, const D extends DType>(
  x: X,
  dtype: D,
) => Tensor<Fix<ShapeOf<X>>, AsDType<D>>

// ---- elementwise, two arguments
export type Binary<Op extends string> = <
  E extends Tensor = never,
  const A extends Arg = Arg,
  const B extends Arg = Arg,
>(
  a: A,
  b: B & Check<Broadcast<Op, ShapeOf<A>, ShapeOf<B>>>,
) => Out<E, Broadcast<Op, ShapeOf<A>, ShapeOf<B>>, NumberDType<Common<A, B>>>
export type Comparison<Op extends string> = <
  E extends Tensor = never,
  const A extends Arg = Arg,
  const B extends Arg = Arg,
>(
  a: A,
  b: B & Check<Broadcast<Op, ShapeOf<A>, ShapeOf<B>>>,
) => Out<E, Broadcast<Op, ShapeOf<A>, ShapeOf<B>>, 'bool'>
export type Select = <
  E extends Tensor = never,
  const C extends Arg = Arg,
  const A extends Arg = Arg,
  const B extends Arg = Arg,
>(
  condition: C,
  a: A,
  b: B & Check<BroadcastThree<'where', ShapeOf<C>, ShapeOf<A>, ShapeOf<B>>>,
) => Out<E, BroadcastThree<'where', ShapeOf<C>, ShapeOf<A>, ShapeOf<B>>, Common<A, B>>

// ---- reductions
export interface ReducedDTypes<D> {
  number: NumberDType<D>
  float: FloatDType<D>
  bool: 'bool'
}
export type Reduction<Op extends string, Kind extends keyof ReducedDTypes<any> = 'number'> = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const A extends AxisArgument = Default<E, AxisArgument, undefined>,
  const K extends boolean = Default<E, boolean, false>,
>(
  x: X,
  axis?: A & Check<Reduce<Op, ShapeOf<X>, A, K>>,
  keepDims?: K,
) => Out<E, Reduce<Op, ShapeOf<X>, A, K>, ReducedDTypes<DTypeOf<X>>[Kind]>
export type ArgReduction<Op extends string> = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const A extends number = Default<E, number, 0>,
>(
  x: X,
  axis?: A & Check<Reduce<Op, ShapeOf<X>, A, false>>,
) => Out<E, Reduce<Op, ShapeOf<X>, A, false>, 'int32'>
export type MomentsOf = <
  const X extends Arg,
  const A extends AxisArgument = undefined,
  const K extends boolean = false,
>(
  x: X,
  axis?: A & Check<Reduce<'moments', ShapeOf<X>, A, K>>,
  keepDims?: K,
) => Moments<Tensor<Fix<Reduce<'moments', ShapeOf<X>, A, K>>, AsDType<FloatDType<DTypeOf<X>>>>>
export interface Moments<T> {
  readonly mean: T
  readonly variance: T
}
export type NormOf = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const A extends AxisArgument = Default<E, AxisArgument, undefined>,
  const K extends boolean = Default<E, boolean, false>,
>(
  x: X,
  ord?: number | 'euclidean' | 'fro',
  axis?: A & Check<Reduce<'norm', ShapeOf<X>, A, K>>,
  keepDims?: K,
) => Out<E, Reduce<'norm', ShapeOf<X>, A, K>, FloatDType<DTypeOf<X>>>

// ---- along one axis
export type Cumulation = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  axis?: number,
  exclusive?: boolean,
  reverse?: boolean,
) => Same<E, X, NumberDType<DTypeOf<X>>>
export type ExtremeCumulation = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  axis?: number,
  reverse?: boolean,
) => Same<E, X, NumberDType<DTypeOf<X>>>
export type FloatCumulation = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  axis?: number,
  reverse?: boolean,
) => Same<E, X, FloatDType<DTypeOf<X>>>
export type Ordered = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  axis?: number,
  descending?: boolean,
) => Same<E, X, DTypeOf<X>>
export type Order = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  axis?: number,
  descending?: boolean,
) => Same<E, X, 'int32'>
/** The greatest elements and where they stand. */
export interface Ranked<S, D> {
  readonly values: Tensor<Fix<S>, AsDType<D>>
  readonly indices: Tensor<Fix<S>, 'int32'>
}
export type LastDim<S, K extends number> =
  Known<S> extends true ? SetAt<S & Shape, Axis<(S & Shape)['length'], -1>, K> : Dim[]
export type TopK = <const X extends Arg, const K extends number = 1>(
  x: X,
  k?: K,
  sorted?: boolean,
) => Ranked<LastDim<ShapeOf<X>, K>, DTypeOf<X>>
export type QuantileOf = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const A extends AxisArgument = Default<E, AxisArgument, undefined>,
  const K extends boolean = Default<E, boolean, false>,
>(
  x: X,
  q: number,
  axis?: A & Check<Reduce<'quantile', ShapeOf<X>, A, K>>,
  keepDims?: K,
) => Out<E, Reduce<'quantile', ShapeOf<X>, A, K>, FloatDType<DTypeOf<X>>>
export type MedianOf = Reduction<'median', 'float'>

// ---- products
export type MatMul = <
  E extends Tensor = never,
  const A extends Arg = Arg,
  const B extends Arg = Arg,
  const TA extends boolean = Default<E, boolean, false>,
  const TB extends boolean = Default<E, boolean, false>,
>(
  a: A,
  b: B & Check<MatMulShape<ShapeOf<A>, ShapeOf<B>, TA, TB>>,
  transposeA?: TA,
  transposeB?: TB,
) => Out<E, MatMulShape<ShapeOf<A>, ShapeOf<B>, TA, TB>, NumberDType<Common<A, B>>>
export type DotOf = <E extends Tensor = never, const A extends Arg = Arg, const B extends Arg = Arg>(
  t1: A,
  t2: B & Check<DotShape<ShapeOf<A>, ShapeOf<B>>>,
) => Out<E, DotShape<ShapeOf<A>, ShapeOf<B>>, NumberDType<Common<A, B>>>
export type OuterProduct = <E extends Tensor = never, const A extends Arg = Arg, const B extends Arg = Arg>(
  v1: A,
  v2: B & Check<OuterShape<ShapeOf<A>, ShapeOf<B>>>,
) => Out<E, OuterShape<ShapeOf<A>, ShapeOf<B>>, NumberDType<Common<A, B>>>

// ---- movement
export type ReshapeOf = <R extends Shape = never, const X extends Arg = Arg, const T extends Sizes = Sizes>(
  x: X,
  shape: T & Check<Reshape<ShapeOf<X>, T>>,
) => [R] extends [never]
  ? Tensor<Fix<Reshape<ShapeOf<X>, T>>, AsDType<DTypeOf<X>>>
  : Tensor<NoInfer<R>, DTypeOf<X> & DType>
export type Flatten = <const X extends Arg>(x: X) => Tensor<Fix<Flattened<ShapeOf<X>>>, AsDType<DTypeOf<X>>>
export type ExpandDims = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const A extends number = Default<E, number, 0>,
>(
  x: X,
  axis?: A & Check<Insert<'expandDims', ShapeOf<X>, A, 1>>,
) => Out<E, Insert<'expandDims', ShapeOf<X>, A, 1>, DTypeOf<X>>
export type Squeeze = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const A extends Axes | undefined = Default<E, Axes | undefined, undefined>,
>(
  x: X,
  axis?: A & Check<Squeezed<ShapeOf<X>, A>>,
) => Out<E, Squeezed<ShapeOf<X>, A>, DTypeOf<X>>
export type Transpose = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const P extends Sizes | undefined = Default<E, Sizes | undefined, undefined>,
>(
  x: X,
  perm?: P & Check<Transposed<ShapeOf<X>, P>>,
) => Out<E, Transposed<ShapeOf<X>, P>, DTypeOf<X>>
export type BroadcastTo = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const T extends Sizes = Sizes,
>(
  x: X,
  shape: T & Check<StretchTo<ShapeOf<X>, Mutable<T>>>,
) => Out<E, StretchTo<ShapeOf<X>, Mutable<T>>, DTypeOf<X>>
export type Tile = <E extends Tensor = never, const X extends Arg = Arg, const R extends Sizes = Sizes>(
  x: X,
  reps: R & Check<Tiled<ShapeOf<X>, R>>,
) => Out<E, Tiled<ShapeOf<X>, R>, DTypeOf<X>>
export type Reverse = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  axis?: Axes,
) => Same<E, X, DTypeOf<X>>
export type Pad = <E extends Tensor = never, const X extends Arg = Arg, const P extends Paddings = Paddings>(
  x: X,
  paddings: P & Check<Padded<ShapeOf<X>, P>>,
  constantValue?: number,
) => Out<E, Padded<ShapeOf<X>, P>, DTypeOf<X>>
export type Slice = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const Z extends Axes | undefined = undefined,
>(
  x: X,
  begin: Axes,
  size?: Z,
) => Out<E, Sliced<ShapeOf<X>, Z>, DTypeOf<X>>
export type StridedSlice = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  begin: Sizes,
  end: Sizes,
  strides?: Sizes,
  beginMask?: number,
  endMask?: number,
  ellipsisMask?: number,
  newAxisMask?: number,
  shrinkAxisMask?: number,
) => Out<E, Dim[], DTypeOf<X>>
export type Split = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const N extends Axes = Axes,
  const A extends number = Default<E, number, 0>,
>(
  x: X,
  numOrSizeSplits: N,
  axis?: A,
) => Parts<E, ShapeOf<X>, N, A, DTypeOf<X>>
export type Unstack = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const A extends number = Default<E, number, 0>,
>(
  x: X,
  axis?: A,
) => Layers<E, ShapeOf<X>, A, DTypeOf<X>>

// ---- several tensors
export type AddN = <E extends Tensor = never, const L extends readonly Arg[] = readonly Arg[]>(
  tensors: L,
) => Out<
  E,
  L extends readonly [infer X, ...unknown[]] ? ShapeOf<X> : ShapeOf<L[number]>,
  NumberDType<ListDType<L>>
>
export type Concat = <
  E extends Tensor = never,
  const L extends readonly Arg[] = readonly Arg[],
  const A extends number = Default<E, number, 0>,
>(
  tensors: L & Check<Joined<L, A>>,
  axis?: A,
) => Out<E, Joined<L, A>, ListDType<L>>
export type Stack = <
  E extends Tensor = never,
  const L extends readonly Arg[] = readonly Arg[],
  const A extends number = Default<E, number, 0>,
>(
  tensors: L & Check<Stacked<L, A>>,
  axis?: A,
) => Out<E, Stacked<L, A>, ListDType<L>>

// ---- indexed
export type Gather = <
  E extends Tensor = never,
  const X extends Arg = Arg,
  const I extends Arg = Arg,
  const A extends number = Default<E, number, 0>,
  const B extends number = Default<E, number, 0>,
>(
  x: X,
  indices: I,
  axis?: A & Check<Gathered<ShapeOf<X>, ShapeOf<I>, A, B>>,
  batchDims?: B,
) => Out<E, Gathered<ShapeOf<X>, ShapeOf<I>, A, B>, DTypeOf<X>>
export type GatherND = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  indices: Arg,
) => Out<E, Dim[], DTypeOf<X>>
export type OneHot = <
  E extends Tensor = never,
  const I extends Arg = Arg,
  const N extends number = number,
  D extends DType = 'int32',
>(
  indices: I,
  depth: N,
  onValue?: number,
  offValue?: number,
  dtype?: D,
) => Out<E, OneHotShape<ShapeOf<I>, N>, D>

// ---- searching and counting
export type SearchSorted<Rest extends readonly unknown[] = []> = <const V extends Arg>(
  sortedSequence: Arg,
  values: V,
  ...rest: Rest
) => Tensor<Fix<ShapeOf<V>>, 'int32'>
export type Bincount = <const W extends Arg, const N extends number>(
  x: Arg,
  weights: W,
  size: N,
) => Tensor<[N], AsDType<NumberDType<DTypeOf<W>>>>
export type DenseBincount = <const W extends Arg>(
  x: Arg,
  weights: W,
  size: number,
  binaryOutput?: boolean,
) => Tensor<Dim[], AsDType<NumberDType<DTypeOf<W>>>>

// ---- shapes that depend on values
/** Distinct slices and which of them each slice is. */
export interface Distinct<S, D> {
  readonly values: Tensor<Fix<S>, AsDType<D>>
  readonly indices: Tensor<[Dim], 'int32'>
}
export type Unique = <const X extends Arg>(x: X, axis?: number) => Distinct<Unsized<ShapeOf<X>>, DTypeOf<X>>
export type UniqueAsync = <const X extends Arg>(
  x: X,
  axis?: number,
) => Promise<Distinct<Unsized<ShapeOf<X>>, DTypeOf<X>>>
export type WhereAsync = (condition: Arg) => Promise<Tensor<[Dim, Dim], 'int32'>>
export type BooleanMask = <const X extends Arg>(
  x: X,
  mask: Arg,
  axis?: number,
) => Promise<Tensor<Dim[], AsDType<DTypeOf<X>>>>
export type SetDifference = <const X extends Arg>(
  x: X,
  y: Arg,
) => Promise<[Tensor<[Dim], AsDType<DTypeOf<X>>>, Tensor<[Dim], 'int32'>]>
export type InTopK = <const T extends Arg>(
  predictions: Arg,
  targets: T,
  k?: number,
) => Promise<Tensor<Fix<ShapeOf<T>>, 'bool'>>

// ---- normalization
export type Softmax = <E extends Tensor = never, const X extends Arg = Arg>(
  logits: X,
  dim?: number,
) => Same<E, X, FloatDType<DTypeOf<X>>>
export type LayerNorm = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  gamma?: Arg | null,
  beta?: Arg | null,
  axis?: Axes,
  epsilon?: number,
) => Same<E, X, FloatDType<DTypeOf<X>>>
export type BatchNorm = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  mean: Arg,
  variance: Arg,
  offset?: Arg | null,
  scale?: Arg | null,
  varianceEpsilon?: number,
  axis?: number,
) => Same<E, X, FloatDType<DTypeOf<X>>>
export type RmsNorm = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  gamma?: Arg | null,
  axis?: Axes,
  epsilon?: number,
) => Same<E, X, FloatDType<DTypeOf<X>>>
// ---- dropout
export type Dropout = <E extends Tensor = never, const X extends Arg = Arg>(
  x: X,
  rate: number,
  noiseShape?: Sizes,
  seed?: number,
) => Same<E, X, DTypeOf<X>>
