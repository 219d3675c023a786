// Types of elements: what one sample of given arrays is, and what a batch of given samples is.
import type { Tensor } from '@dl/tensor/core'
import type { DTypeOfData, HostArray, HostData, HostDType, HostShape, TensorDType } from './host-array.ts'

type ScalarOf<D> = D extends 'int64' ? bigint : D extends 'bool' ? boolean : number
type Sizes<S> = S extends readonly unknown[]
  ? Extract<{ -readonly [K in keyof S]: S[K] extends number ? S[K] : number }, HostShape>
  : never

/** Arrays that {@link fromArrays} takes: leaves whose first dimension counts the samples, in tuples and records. */
export type ArrayTree =
  | Tensor
  | HostData
  | HostArray
  | readonly ArrayTree[]
  | { readonly [key: string]: ArrayTree }

type RowOf<S, D> = S extends readonly [unknown, ...infer R]
  ? R extends readonly []
    ? ScalarOf<D>
    : HostArray<Sizes<R>, Extract<D, HostDType>>
  : HostArray<any, Extract<D, HostDType>> | ScalarOf<D>

/** One sample of arrays: a scalar for each one-dimensional leaf, a {@link HostArray} of the row for each other. */
export type SampleOf<A> =
  A extends Tensor<infer S, infer D>
    ? RowOf<S, D>
    : A extends HostArray<infer S, infer D>
      ? RowOf<S, D>
      : A extends HostData
        ? ScalarOf<DTypeOfData<A>>
        : { [K in keyof A]: SampleOf<A[K]> }

type RowsOf<S> = S extends readonly [unknown, ...infer R] ? [number, ...Sizes<R>] : any

/** A batch of rows of arrays: every leaf a tensor `[batch, ...row]` of the array's dtype. */
export type BatchOf<A> =
  A extends Tensor<infer S, infer D>
    ? Tensor<RowsOf<S>, D>
    : A extends HostArray<infer S, infer D>
      ? Tensor<RowsOf<S>, TensorDType<D>>
      : A extends HostData
        ? Tensor<[number], TensorDType<DTypeOfData<A>>>
        : { [K in keyof A]: BatchOf<A[K]> }

/** A batch of samples: numbers become float32 `[batch]`, typed arrays `[batch, length]`, others `[batch, ...shape]`. */
export type Batched<T> =
  T extends Tensor<infer S, infer D>
    ? Tensor<S extends readonly unknown[] ? [number, ...Sizes<S>] : any, D>
    : T extends HostArray<infer S, infer D>
      ? Tensor<[number, ...S], TensorDType<D>>
      : T extends number
        ? Tensor<[number], 'float32'>
        : T extends boolean
          ? Tensor<[number], 'bool'>
          : T extends bigint
            ? Tensor<[number], 'int64'>
            : T extends HostData
              ? Tensor<[number, number], TensorDType<DTypeOfData<T>>>
              : T extends string | null | undefined
                ? never
                : { [K in keyof T]: Batched<T[K]> }
