// Signatures of what makes tensors: host values, constants, sequences, random draws.
import type { DType } from '../graph/dtype.ts'
import type { DTypeOf, Given } from './dtype-types.ts'
import type { AsDType, Fix, Mutable, ShapeOf } from './shape-types.ts'
import type { Tensor } from './tensor.ts'
import type { Scalars, Shape, Sizes, TensorLike } from './types.ts'

export type TensorOf = <
  R extends Shape = never,
  const V extends TensorLike = TensorLike,
  const T extends Sizes = never,
  D extends DType = never,
>(
  values: V,
  shape?: T,
  dtype?: D,
) => [R] extends [never]
  ? Tensor<Fix<[T] extends [never] ? ShapeOf<V> : Mutable<T>>, AsDType<Given<D, DTypeOf<V>>>>
  : Tensor<NoInfer<R>, Given<D, DTypeOf<V>> & DType>
export type ScalarOf = <const V extends Scalars, D extends DType = never>(
  value: V,
  dtype?: D,
) => Tensor<Fix<[]>, AsDType<Given<D, DTypeOf<V>>>>

// As coarse as in tfjs: `let a = tensor2d(…); a = tensor2d(…)` is everyday code.
interface RankShapes {
  1: [number]
  2: [number, number]
  3: [number, number, number]
  4: [number, number, number, number]
  5: [number, number, number, number, number]
  6: [number, number, number, number, number, number]
}
export type VectorOf = <V extends TensorLike, D extends DType = never>(
  values: V,
  dtype?: D,
) => Tensor<Fix<[number]>, AsDType<Given<D, DTypeOf<V>>>>
export type RankedTensor<Rank extends keyof RankShapes> = <V extends TensorLike, D extends DType = never>(
  values: V,
  shape?: Readonly<RankShapes[Rank]>,
  dtype?: D,
) => Tensor<Fix<RankShapes[Rank]>, AsDType<Given<D, DTypeOf<V>>>>
export type Filled = <const T extends Sizes, D extends DType = 'float32'>(
  shape: T,
  dtype?: D,
) => Tensor<Fix<Mutable<T>>, D>
export type Fill = <const T extends Sizes, V extends Scalars = Scalars, D extends DType = never>(
  shape: T,
  value: V,
  dtype?: D,
) => Tensor<Fix<Mutable<T>>, AsDType<Given<D, DTypeOf<V>>>>
export type Eye = <
  const N extends number,
  const M extends number = N,
  const B extends Sizes = [],
  D extends DType = 'float32',
>(
  numRows: N,
  numColumns?: M,
  batchShape?: B,
  dtype?: D,
) => Tensor<Fix<Mutable<[...B, N, M]>>, D>
export type Linspace = <const N extends number>(start: number, stop: number, num: N) => Tensor<[N], 'float32'>
export type Range = <D extends DType = 'float32'>(
  start: number,
  stop: number,
  step?: number,
  dtype?: D,
) => Tensor<[number], D>

// ---- random
export type RandomUniform = <const T extends Sizes, D extends DType = 'float32'>(
  shape: T,
  minval?: number,
  maxval?: number,
  dtype?: D,
  seed?: number,
) => Tensor<Fix<Mutable<T>>, D>
export type RandomInteger = <const T extends Sizes>(
  shape: T,
  minval: number,
  maxval: number,
  seed?: number,
) => Tensor<Fix<Mutable<T>>, 'int32'>
export type RandomNormal = <const T extends Sizes, D extends 'float32' | 'float64' | 'int32' = 'float32'>(
  shape: T,
  mean?: number,
  stdDev?: number,
  dtype?: D | null,
  seed?: number,
) => Tensor<Fix<Mutable<T>>, D>
