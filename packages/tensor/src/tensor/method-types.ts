// The chained methods of a tensor: `x.add(y)` is `add(x, y)`. methods.ts puts them on the prototype. None depends on the
// class's own type parameters: shape and dtype come in through `this`, which keeps tensors cheap to compare for the compiler.
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
import type { Distinct, LastDim, Moments, Ranked, ReducedDTypes, Same } from './op-types.ts'
import type { Reduce } from './reduction-types.ts'
import type { AsDType, Check, Default, Fix, Mutable, Out, ShapeOf, Unsized } from './shape-types.ts'
import type { Tensor } from './tensor.ts'
import type { Arg, Axes, AxisArgument, Dim, Paddings, Sizes } from './types.ts'

type UnaryMethod = <E extends Tensor = never, H extends Tensor = Tensor>(
  this: H,
) => Same<E, H, NumberDType<DTypeOf<H>>>
type FloatMethod = <E extends Tensor = never, H extends Tensor = Tensor>(
  this: H,
) => Same<E, H, FloatDType<DTypeOf<H>>>
type SlopedMethod = <E extends Tensor = never, H extends Tensor = Tensor>(
  this: H,
  alpha?: number,
) => Same<E, H, FloatDType<DTypeOf<H>>>
type StepMethod = <E extends Tensor = never, H extends Tensor = Tensor>(
  this: H,
  alpha?: number,
) => Same<E, H, NumberDType<DTypeOf<H>>>
type AxisMethod = <E extends Tensor = never, H extends Tensor = Tensor>(
  this: H,
  axis?: number,
) => Same<E, H, FloatDType<DTypeOf<H>>>
type CumulationMethod = <E extends Tensor = never, H extends Tensor = Tensor>(
  this: H,
  axis?: number,
  exclusive?: boolean,
  reverse?: boolean,
) => Same<E, H, NumberDType<DTypeOf<H>>>
type PredicateMethod = <E extends Tensor = never, H extends Tensor = Tensor>(this: H) => Same<E, H, 'bool'>
type LikeMethod = <E extends Tensor = never, H extends Tensor = Tensor>(this: H) => Same<E, H, DTypeOf<H>>
type CastMethod<D> = <H extends Tensor>(this: H) => Tensor<Fix<ShapeOf<H>>, AsDType<D>>
type BinaryMethod<Op extends string> = <
  E extends Tensor = never,
  H extends Tensor = Tensor,
  const B extends Arg = Arg,
>(
  this: H,
  b: B & Check<Broadcast<Op, ShapeOf<H>, ShapeOf<B>>>,
) => Out<E, Broadcast<Op, ShapeOf<H>, ShapeOf<B>>, NumberDType<Common<H, B>>>
type ComparisonMethod<Op extends string> = <
  E extends Tensor = never,
  H extends Tensor = Tensor,
  const B extends Arg = Arg,
>(
  this: H,
  b: B & Check<Broadcast<Op, ShapeOf<H>, ShapeOf<B>>>,
) => Out<E, Broadcast<Op, ShapeOf<H>, ShapeOf<B>>, 'bool'>
type ReductionMethod<Op extends string, Kind extends keyof ReducedDTypes<any> = 'number'> = <
  E extends Tensor = never,
  H extends Tensor = Tensor,
  const A extends AxisArgument = Default<E, AxisArgument, undefined>,
  const K extends boolean = Default<E, boolean, false>,
>(
  this: H,
  axis?: A & Check<Reduce<Op, ShapeOf<H>, A, K>>,
  keepDims?: K,
) => Out<E, Reduce<Op, ShapeOf<H>, A, K>, ReducedDTypes<DTypeOf<H>>[Kind]>
type ArgMethod<Op extends string> = <
  E extends Tensor = never,
  H extends Tensor = Tensor,
  const A extends number = Default<E, number, 0>,
>(
  this: H,
  axis?: A & Check<Reduce<Op, ShapeOf<H>, A, false>>,
) => Out<E, Reduce<Op, ShapeOf<H>, A, false>, 'int32'>

/** H joined with one tensor or a list. */
type WithOthers<H, L> = L extends readonly unknown[] ? [H, ...L] : [H, L]

export interface TensorMethods {
  // ---- arithmetic
  /** `this + b`, with broadcasting. */
  add: BinaryMethod<'add'>
  /** `this - b`, with broadcasting. */
  sub: BinaryMethod<'sub'>
  /** `this * b`, with broadcasting. */
  mul: BinaryMethod<'mul'>
  /** `this / b`, with broadcasting; two integer tensors as by `floorDiv`. */
  div: BinaryMethod<'div'>
  /** `this / b`, and 0 where `b` is 0. */
  divNoNan: BinaryMethod<'divNoNan'>
  /** `this / b` rounded toward minus infinity. */
  floorDiv: BinaryMethod<'floorDiv'>
  /** Remainder with the sign of `b`. */
  mod: BinaryMethod<'mod'>
  /** `this` to the power of `b`. */
  pow: BinaryMethod<'pow'>
  /** The greater of both. */
  maximum: BinaryMethod<'maximum'>
  /** The lesser of both. */
  minimum: BinaryMethod<'minimum'>
  /** `(this - b)²`. */
  squaredDifference: BinaryMethod<'squaredDifference'>
  /** `-this`. */
  neg: UnaryMethod
  /** Absolute value. */
  abs: UnaryMethod
  /** -1, 0 or 1. */
  sign: UnaryMethod
  /** Greatest integer not above. */
  floor: UnaryMethod
  /** Least integer not below. */
  ceil: UnaryMethod
  /** Nearest integer, halves to even. */
  round: UnaryMethod
  /** `this * this`. */
  square: UnaryMethod
  /** Square root. */
  sqrt: FloatMethod
  /** `1 / sqrt(this)`. */
  rsqrt: FloatMethod
  /** `1 / this`. */
  reciprocal: FloatMethod
  /** `e` to the power of `this`. */
  exp: FloatMethod
  /** `exp(this) - 1`, accurate near 0. */
  expm1: FloatMethod
  /** Natural logarithm. */
  log: FloatMethod
  /** `log(1 + this)`, accurate near 0. */
  log1p: FloatMethod
  /** Sine of radians. */
  sin: FloatMethod
  /** Cosine of radians. */
  cos: FloatMethod
  /** Tangent of radians. */
  tan: FloatMethod
  /** Hyperbolic tangent. */
  tanh: FloatMethod
  /** `1 / (1 + exp(-this))`. */
  sigmoid: FloatMethod
  /** Gauss error function. */
  erf: FloatMethod
  /** Limited to an interval. */
  clipByValue<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    clipValueMin: number,
    clipValueMax: number,
  ): Same<E, H, NumberDType<DTypeOf<H>>>

  // ---- activations
  /** `max(this, 0)`. */
  relu: UnaryMethod
  /** `min(max(this, 0), 6)`. */
  relu6: UnaryMethod
  /** `alpha * this` below 0; `alpha` is 0.2 by default. */
  leakyRelu: SlopedMethod
  /** `alpha * (exp(this) - 1)` below 0; `alpha` is 1 by default. */
  elu: SlopedMethod
  /** 1 above 0, `alpha` (default 0) elsewhere. */
  step: StepMethod
  /** `b * this` below 0. */
  prelu: BinaryMethod<'prelu'>
  /** Self-normalizing elu. */
  selu: FloatMethod
  /** `log(1 + exp(this))`. */
  softplus: FloatMethod
  /** `log(sigmoid(this))`, without overflow. */
  logSigmoid: FloatMethod
  /** `this * sigmoid(this)`. */
  silu: FloatMethod
  /** `this * sigmoid(this)`. */
  swish: FloatMethod
  /** `min(max(0.2 * this + 0.5, 0), 1)`. */
  hardSigmoid: FloatMethod
  /** `this * tanh(softplus(this))`. */
  mish: FloatMethod
  /** `this / (1 + |this|)`. */
  softsign: FloatMethod
  /** Gaussian error linear unit, exact or by tanh. */
  gelu<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    approximate?: 'none' | 'tanh',
  ): Same<E, H, FloatDType<DTypeOf<H>>>
  /** `exp(this) / sum(exp(this))` along an axis, by default the last. */
  softmax: AxisMethod
  /** `log(softmax(this))` along an axis, by default the last. */
  logSoftmax: AxisMethod
  /** Mean 0 and variance 1 over an axis (default the last), then scaled by gamma and shifted by beta. */
  layerNorm<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    gamma?: Arg | null,
    beta?: Arg | null,
    axis?: Axes,
    epsilon?: number,
  ): Same<E, H, FloatDType<DTypeOf<H>>>
  /** Normalized with given statistics of each channel (axis, default the last), then scaled and shifted. */
  batchNorm<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    mean: Arg,
    variance: Arg,
    offset?: Arg | null,
    scale?: Arg | null,
    varianceEpsilon?: number,
    axis?: number,
  ): Same<E, H, FloatDType<DTypeOf<H>>>

  // ---- comparison and logic
  /** True where equal. */
  equal: ComparisonMethod<'equal'>
  /** True where different. */
  notEqual: ComparisonMethod<'notEqual'>
  /** True where `this < b`. */
  less: ComparisonMethod<'less'>
  /** True where `this <= b`. */
  lessEqual: ComparisonMethod<'lessEqual'>
  /** True where `this > b`. */
  greater: ComparisonMethod<'greater'>
  /** True where `this >= b`. */
  greaterEqual: ComparisonMethod<'greaterEqual'>
  /** True where both are true. */
  logicalAnd: ComparisonMethod<'logicalAnd'>
  /** True where at least one is true. */
  logicalOr: ComparisonMethod<'logicalOr'>
  /** True where exactly one is true. */
  logicalXor: ComparisonMethod<'logicalXor'>
  /** True where false. */
  logicalNot: PredicateMethod
  /** True where not a number. */
  isNaN: PredicateMethod
  /** True where infinite. */
  isInf: PredicateMethod
  /** True where neither NaN nor infinite. */
  isFinite: PredicateMethod
  /** `this` where the condition is true, else `b`. */
  where<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const C extends Arg = Arg,
    const B extends Arg = Arg,
  >(
    this: H,
    condition: C,
    b: B & Check<BroadcastThree<'where', ShapeOf<C>, ShapeOf<H>, ShapeOf<B>>>,
  ): Out<E, BroadcastThree<'where', ShapeOf<C>, ShapeOf<H>, ShapeOf<B>>, Common<H, B>>

  // ---- reductions
  /** Sum over `axis` (default all). */
  sum: ReductionMethod<'sum'>
  /** Product over `axis` (default all). */
  prod: ReductionMethod<'prod'>
  /** Greatest element over `axis` (default all). */
  max: ReductionMethod<'max'>
  /** Least element over `axis` (default all). */
  min: ReductionMethod<'min'>
  /** Mean over `axis` (default all). */
  mean: ReductionMethod<'mean', 'float'>
  /** `log(sum(exp(this)))` over `axis` (default all), without overflow. */
  logSumExp: ReductionMethod<'logSumExp', 'float'>
  /** True where at least one element over `axis` is true. */
  any: ReductionMethod<'any', 'bool'>
  /** True where all elements over `axis` are true. */
  all: ReductionMethod<'all', 'bool'>
  /** Index of the first greatest element along `axis` (default 0). */
  argMax: ArgMethod<'argMax'>
  /** Index of the first least element along `axis` (default 0). */
  argMin: ArgMethod<'argMin'>
  /** Running sum along `axis` (default 0). */
  cumsum: CumulationMethod
  /** Running product along `axis` (default 0). */
  cumprod: CumulationMethod
  /** Elements in order along `axis` (default -1). */
  sort<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    axis?: number,
    descending?: boolean,
  ): Same<E, H, DTypeOf<H>>
  /** Positions of the elements in order along `axis` (default -1). */
  argsort<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    axis?: number,
    descending?: boolean,
  ): Same<E, H, 'int32'>
  /** The `k` (default 1) greatest elements of the last axis and their positions. */
  topk<H extends Tensor, const K extends number = 1>(
    this: H,
    k?: K,
    sorted?: boolean,
  ): Ranked<LastDim<ShapeOf<H>, K>, DTypeOf<H>>
  /** The distinct slices along `axis` (default 0), and which of them each slice is. */
  unique<H extends Tensor>(this: H, axis?: number): Distinct<Unsized<ShapeOf<H>>, DTypeOf<H>>
  /** Mean and variance over `axis` (default all). */
  moments<H extends Tensor, const A extends AxisArgument = undefined, const K extends boolean = false>(
    this: H,
    axis?: A & Check<Reduce<'moments', ShapeOf<H>, A, K>>,
    keepDims?: K,
  ): Moments<Tensor<Fix<Reduce<'moments', ShapeOf<H>, A, K>>, AsDType<FloatDType<DTypeOf<H>>>>>
  /** Vector norm over `axis` (default all). */
  norm<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const A extends AxisArgument = Default<E, AxisArgument, undefined>,
    const K extends boolean = Default<E, boolean, false>,
  >(
    this: H,
    ord?: number | 'euclidean' | 'fro',
    axis?: A & Check<Reduce<'norm', ShapeOf<H>, A, K>>,
    keepDims?: K,
  ): Out<E, Reduce<'norm', ShapeOf<H>, A, K>, FloatDType<DTypeOf<H>>>

  // ---- products
  /** Matrix product over the last two axes. */
  matMul<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const B extends Arg = Arg,
    const TA extends boolean = Default<E, boolean, false>,
    const TB extends boolean = Default<E, boolean, false>,
  >(
    this: H,
    b: B & Check<MatMulShape<ShapeOf<H>, ShapeOf<B>, TA, TB>>,
    transposeA?: TA,
    transposeB?: TB,
  ): Out<E, MatMulShape<ShapeOf<H>, ShapeOf<B>, TA, TB>, NumberDType<Common<H, B>>>
  /** Product of vectors and matrices. */
  dot<E extends Tensor = never, H extends Tensor = Tensor, const B extends Arg = Arg>(
    this: H,
    b: B & Check<DotShape<ShapeOf<H>, ShapeOf<B>>>,
  ): Out<E, DotShape<ShapeOf<H>, ShapeOf<B>>, NumberDType<Common<H, B>>>
  /** All products of two vectors' elements. */
  outerProduct<E extends Tensor = never, H extends Tensor = Tensor, const B extends Arg = Arg>(
    this: H,
    b: B & Check<OuterShape<ShapeOf<H>, ShapeOf<B>>>,
  ): Out<E, OuterShape<ShapeOf<H>, ShapeOf<B>>, NumberDType<Common<H, B>>>

  // ---- movement
  /** The same elements in another shape; one dimension may be -1. */
  reshape<E extends Tensor = never, H extends Tensor = Tensor, const T extends Sizes = Sizes>(
    this: H,
    shape: T & Check<Reshape<ShapeOf<H>, T>>,
  ): Out<E, Reshape<ShapeOf<H>, T>, DTypeOf<H>>
  /** All elements in one dimension. */
  flatten<H extends Tensor>(this: H): Tensor<Fix<Flattened<ShapeOf<H>>>, AsDType<DTypeOf<H>>>
  /** A dimension of 1 inserted at `axis` (default 0). */
  expandDims<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const A extends number = Default<E, number, 0>,
  >(
    this: H,
    axis?: A & Check<Insert<'expandDims', ShapeOf<H>, A, 1>>,
  ): Out<E, Insert<'expandDims', ShapeOf<H>, A, 1>, DTypeOf<H>>
  /** Without dimensions of 1. */
  squeeze<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const A extends Axes | undefined = Default<E, Axes | undefined, undefined>,
  >(
    this: H,
    axis?: A & Check<Squeezed<ShapeOf<H>, A>>,
  ): Out<E, Squeezed<ShapeOf<H>, A>, DTypeOf<H>>
  /** Axes in another order, by default reversed. */
  transpose<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const P extends Sizes | undefined = Default<E, Sizes | undefined, undefined>,
  >(
    this: H,
    perm?: P & Check<Transposed<ShapeOf<H>, P>>,
  ): Out<E, Transposed<ShapeOf<H>, P>, DTypeOf<H>>
  /** Stretched to a shape. */
  broadcastTo<E extends Tensor = never, H extends Tensor = Tensor, const T extends Sizes = Sizes>(
    this: H,
    shape: T & Check<StretchTo<ShapeOf<H>, Mutable<T>>>,
  ): Out<E, StretchTo<ShapeOf<H>, Mutable<T>>, DTypeOf<H>>
  /** Repeated along each axis. */
  tile<E extends Tensor = never, H extends Tensor = Tensor, const R extends Sizes = Sizes>(
    this: H,
    reps: R & Check<Tiled<ShapeOf<H>, R>>,
  ): Out<E, Tiled<ShapeOf<H>, R>, DTypeOf<H>>
  /** Elements in opposite order along `axis` (default all). */
  reverse<E extends Tensor = never, H extends Tensor = Tensor>(this: H, axis?: Axes): Same<E, H, DTypeOf<H>>
  /** With a border of a constant. */
  pad<E extends Tensor = never, H extends Tensor = Tensor, const P extends Paddings = Paddings>(
    this: H,
    paddings: P & Check<Padded<ShapeOf<H>, P>>,
    constantValue?: number,
  ): Out<E, Padded<ShapeOf<H>, P>, DTypeOf<H>>
  /** `size` elements from `begin` along each axis. */
  slice<E extends Tensor = never, H extends Tensor = Tensor, const Z extends Axes | undefined = undefined>(
    this: H,
    begin: Axes,
    size?: Z,
  ): Out<E, Sliced<ShapeOf<H>, Z>, DTypeOf<H>>
  /** As Python's `x[begin:end:stride]`. */
  stridedSlice<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    begin: Sizes,
    end: Sizes,
    strides?: Sizes,
    beginMask?: number,
    endMask?: number,
    ellipsisMask?: number,
    newAxisMask?: number,
    shrinkAxisMask?: number,
  ): Out<E, Dim[], DTypeOf<H>>
  /** Parts along `axis` (default 0). */
  split<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const N extends Axes = Axes,
    const A extends number = Default<E, number, 0>,
  >(
    this: H,
    numOrSizeSplits: N,
    axis?: A,
  ): Parts<E, ShapeOf<H>, N, A, DTypeOf<H>>
  /** The layers along `axis` (default 0). */
  unstack<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const A extends number = Default<E, number, 0>,
  >(
    this: H,
    axis?: A,
  ): Layers<E, ShapeOf<H>, A, DTypeOf<H>>
  /** Joined with others along `axis` (default 0). */
  concat<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const L extends Arg | readonly Arg[] = Arg,
    const A extends number = Default<E, number, 0>,
  >(
    this: H,
    tensors: L & Check<Joined<WithOthers<H, L>, A>>,
    axis?: A,
  ): Out<E, Joined<WithOthers<H, L>, A>, ListDType<WithOthers<H, L>>>
  /** Stacked with others along a new `axis` (default 0). */
  stack<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const L extends Arg | readonly Arg[] = Arg,
    const A extends number = Default<E, number, 0>,
  >(
    this: H,
    tensors: L & Check<Stacked<WithOthers<H, L>, A>>,
    axis?: A,
  ): Out<E, Stacked<WithOthers<H, L>, A>, ListDType<WithOthers<H, L>>>

  // ---- indexed
  /** Slices along `axis` (default 0) picked by indices. */
  gather<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const I extends Arg = Arg,
    const A extends number = Default<E, number, 0>,
    const B extends number = Default<E, number, 0>,
  >(
    this: H,
    indices: I,
    axis?: A & Check<Gathered<ShapeOf<H>, ShapeOf<I>, A, B>>,
    batchDims?: B,
  ): Out<E, Gathered<ShapeOf<H>, ShapeOf<I>, A, B>, DTypeOf<H>>
  /** Slices at positions. */
  gatherND<E extends Tensor = never, H extends Tensor = Tensor>(
    this: H,
    indices: Arg,
  ): Out<E, Dim[], DTypeOf<H>>
  /** Rows with one value set. */
  oneHot<
    E extends Tensor = never,
    H extends Tensor = Tensor,
    const N extends number = number,
    D extends DType = 'int32',
  >(
    this: H,
    depth: N,
    onValue?: number,
    offValue?: number,
    dtype?: D,
  ): Out<E, OneHotShape<ShapeOf<H>, N>, D>

  // ---- conversion
  /** With another dtype. */
  cast<H extends Tensor, const D extends DType>(this: H, dtype: D): Tensor<Fix<ShapeOf<H>>, AsDType<D>>
  /** With another dtype. */
  asType<H extends Tensor, const D extends DType>(this: H, dtype: D): Tensor<Fix<ShapeOf<H>>, AsDType<D>>
  /** As float32. */
  toFloat: CastMethod<'float32'>
  /** As int32. */
  toInt: CastMethod<'int32'>
  /** As bool: true where not 0. */
  toBool: CastMethod<'bool'>
  /** A second handle on the same value. */
  clone: LikeMethod
  /** Zeros of this shape and dtype. */
  zerosLike: LikeMethod
  /** Ones of this shape and dtype. */
  onesLike: LikeMethod
  /** All elements in one dimension. */
  as1D<H extends Tensor>(this: H): Tensor<Fix<[number]>, AsDType<DTypeOf<H>>>
  /** In two dimensions. */
  as2D<H extends Tensor, const A extends number, const B extends number>(
    this: H,
    rows: A,
    columns: B,
  ): Tensor<Fix<[A, B]>, AsDType<DTypeOf<H>>>
  /** The only element, with shape []. */
  asScalar<H extends Tensor>(this: H): Tensor<Fix<[]>, AsDType<DTypeOf<H>>>
}
