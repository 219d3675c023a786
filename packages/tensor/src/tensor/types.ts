// Types that every signature of the library uses: dimensions, shapes, what may stand where a tensor is expected.
import type { DType, TypedArray } from '../graph/dtype.ts'
import type { Tensor } from './tensor.ts'

export type { TensorMethods } from './method-types.ts'

/** `784`: known; `number`: not known; `'batch'`: not known, but the same wherever the name stands. */
export type Dim = number | string
/** The shape in a tensor's type. `any`, the default, agrees with every shape. */
export type Shape = readonly Dim[]

/** One element as written in JavaScript. */
export type Scalars = number | boolean | bigint
/** Host values that become a tensor: a number, nested arrays of numbers, a typed array. */
export type TensorLike = TypedArray | Scalars | readonly TensorLike[]
/** What every operation takes: a tensor or host values. */
export type Arg = Tensor | TensorLike
/** One axis or several; negative ones count from the back. */
export type Axes = number | readonly number[]
/** The axes of a reduction: null and undefined mean all. */
export type AxisArgument = Axes | undefined | null
/** Run-time sizes, one an axis. */
export type Sizes = readonly number[]
/** `[before, after]` for each axis. */
export type Paddings = readonly (readonly [number, number])[]

/** Nested arrays that hold the values of a tensor: `number[][]` for rank 2; `bigint` for int64. */
export type ArrayOf<S extends Shape, D extends DType> = 0 extends 1 & S
  ? any
  : S extends readonly []
    ? ElementOf<D>
    : S extends readonly [any, ...infer Rest extends Shape]
      ? ArrayOf<Rest, D>[]
      : any
type ElementOf<D> = unknown extends D ? any : D extends 'int64' ? bigint : number

// Assignability. Two shapes agree when their ranks agree and no pair of literal or of named dimensions differs; `number`
// agrees with everything. The method makes the comparison two-way; the mapped type makes the compiler compare member by
// member instead of by variance, dimension by dimension.
interface LiteralDim<D> {
  dim(d: { literal: D; name: any }): void
}
interface NamedDim<D> {
  dim(d: { literal: any; name: D }): void
}
declare const dims: unique symbol
declare const element: unique symbol

/** The phantom member that compares tensors by shape and dtype. It exists in types only. */
export interface ShapeMark<S extends Shape, D extends DType> {
  // It returns a tensor so that the shape can be read back from intersections.
  [dims](s: { -readonly [K in keyof S]: S[K] extends string ? NamedDim<S[K]> : LiteralDim<S[K]> }): Tensor<
    S,
    D
  >
  /** A method, thus two-way: `DType` (not known) agrees with every dtype, `'float32'` not with `'int32'`. */
  [element](d: D): void
}

export type Scalar<D extends DType = any> = Tensor<[], D>
export type Tensor1D<D extends DType = any> = Tensor<[number], D>
export type Tensor2D<D extends DType = any> = Tensor<[number, number], D>
export type Tensor3D<D extends DType = any> = Tensor<[number, number, number], D>
export type Tensor4D<D extends DType = any> = Tensor<[number, number, number, number], D>
export type Tensor5D<D extends DType = any> = Tensor<[number, number, number, number, number], D>
export type Tensor6D<D extends DType = any> = Tensor<[number, number, number, number, number, number], D>
