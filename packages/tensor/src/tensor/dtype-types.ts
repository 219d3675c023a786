// Element types at compile time: the dtype of an argument, promotion, and the dtype that JavaScript numbers take. The same
// rules as in ops/operands.ts; `any` (not known) stays `any`.
import type { DType } from '../graph/dtype.ts'
import type { Tensor } from './tensor.ts'
import type { TensorLike } from './types.ts'

type IsAny<X> = 0 extends 1 & X ? true : false

/** The dtype of a tensor, or that which host values get on their own. */
export type DTypeOf<X> = IsAny<X> extends true ? any : X extends Tensor<any, infer D> ? D : HostDType<X>
type HostDType<X> = X extends number
  ? 'float32'
  : X extends boolean
    ? 'bool'
    : X extends bigint
      ? 'int64'
      : X extends Float32Array
        ? 'float32'
        : X extends Float64Array
          ? 'float64'
          : X extends BigInt64Array
            ? 'int64'
            : X extends Int32Array | Uint8Array | Uint8ClampedArray
              ? 'int32'
              : X extends readonly unknown[]
                ? TensorLike extends X[number]
                  ? any
                  : DTypeOf<First<X>>
                : any
/** What the items of an array are, by its first: reading all of a long literal costs the compiler too much. */
type First<X extends readonly unknown[]> = number extends X['length']
  ? X[number]
  : X['length'] extends 0
    ? number
    : X[0]

/** The dtype given by hand, else that of the values. */
export type Given<D, Otherwise> = [D] extends [never] ? Otherwise : D

/** The dtypes below each in bool < uint8 < int32 < int64 < float32 < float64. */
interface Below {
  bool: never
  uint8: 'bool'
  int32: 'bool' | 'uint8'
  int64: 'bool' | 'uint8' | 'int32'
  float32: 'bool' | 'uint8' | 'int32' | 'int64'
  float64: 'bool' | 'uint8' | 'int32' | 'int64' | 'float32'
}
/** The higher of two dtypes. */
export type Promote<A, B> =
  IsAny<A> extends true
    ? any
    : IsAny<B> extends true
      ? any
      : A extends DType
        ? B extends DType
          ? A extends Below[B]
            ? B
            : A
          : never
        : never

/** Dtype of arithmetic: bool counts as int32. */
export type NumberDType<D> = IsAny<D> extends true ? any : D extends 'bool' ? 'int32' : D
/** Dtype of functions with fractional values: integers and bool become float32. */
export type FloatDType<D> = IsAny<D> extends true ? any : D extends 'float32' | 'float64' ? D : 'float32'

/** Dtype of an operation on two arguments; numbers are weak. */
export type Common<A, B> =
  IsWeak<A> extends true
    ? IsWeak<B> extends true
      ? 'float32'
      : Beside<A, DTypeOf<B>>
    : IsWeak<B> extends true
      ? Beside<B, DTypeOf<A>>
      : Promote<DTypeOf<A>, DTypeOf<B>>

/** Numbers and nested arrays of numbers have no dtype of their own. */
type IsWeak<X> =
  IsAny<X> extends true
    ? false
    : X extends number
      ? true
      : X extends readonly unknown[]
        ? TensorLike extends X[number]
          ? false
          : IsWeak<First<X>>
        : false

/** Dtype of numbers N beside a tensor of dtype D: they adopt it when it can hold them, which only literals tell. */
type Beside<N, D> =
  IsAny<D> extends true
    ? any
    : D extends 'float32' | 'float64'
      ? D
      : N extends number
        ? number extends N
          ? any
          : Literal<`${N}`, D>
        : any
type Literal<N extends string, D> = N extends `${bigint}`
  ? IsLong<N> extends true
    ? any
    : D extends 'uint8'
      ? any
      : Promote<D, 'int32'>
  : 'float32'
/** Ten characters or more: perhaps beyond int32. */
type IsLong<S extends string> =
  S extends `${infer _1}${infer _2}${infer _3}${infer _4}${infer _5}${infer _6}${infer _7}${infer _8}${infer _9}${infer Rest}`
    ? Rest extends ''
      ? false
      : true
    : false
