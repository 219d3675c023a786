// Shape rules of joining, splitting and picking.
import type { DTypeOf, Promote } from './dtype-types.ts'
import type { Add, Divide } from './digit-types.ts'
import type { Insert } from './movement-types.ts'
import type {
  AsDType,
  Axis,
  Disjoint,
  Fix,
  Index,
  Known,
  Meet,
  OutOfRange,
  SetAt,
  ShapeOf,
  Show,
  Unsized,
  Without,
} from './shape-types.ts'
import type { Tensor } from './tensor.ts'
import type { Dim, Shape } from './types.ts'

// ---- concat
/** The list L joined along A. */
export type Joined<L, A extends number> = L extends readonly [infer H, ...infer Rest]
  ? number extends A
    ? Dim[]
    : JoinRest<Rest, ShapeOf<H>, A>
  : L extends readonly []
    ? 'concat: pass at least one tensor'
    : L extends readonly (infer E)[]
      ? JoinedList<ShapeOf<E>, A>
      : Dim[]
/** A list of unknown length: all dimensions but the joined one are kept. */
type JoinedList<S, A extends number> = S extends Shape
  ? Known<S> extends true
    ? number extends A
      ? Unsized<S>
      : SetAt<S, Axis<S['length'], A>, number>
    : Dim[]
  : Dim[]
type JoinRest<L extends readonly unknown[], S, A extends number> = L extends readonly [infer H, ...infer Rest]
  ? JoinTwo<S, ShapeOf<H>, A> extends infer X
    ? X extends string
      ? X
      : JoinRest<Rest, X, A>
    : never
  : S
type JoinTwo<S, T, A extends number> = S extends Shape
  ? T extends Shape
    ? Known<S> extends true
      ? Known<T> extends true
        ? S['length'] extends T['length']
          ? Axis<S['length'], A> extends infer I
            ? [I] extends [never]
              ? OutOfRange<'concat', A, S>
              : AddAt<S, T, I> extends infer X
                ? X extends Shape
                  ? X
                  : `concat: shapes ${Show<S>} and ${Show<T>} differ outside axis ${A}`
                : never
            : never
          : `concat: shapes ${Show<S>} and ${Show<T>} have different ranks`
        : Dim[]
      : Dim[]
    : Dim[]
  : Dim[]
/** Dimension I added, the others met; 'no' where they differ. */
type AddAt<
  S extends Shape,
  T extends Shape,
  I,
  N extends unknown[] = [],
  Out extends Shape = [],
> = S extends readonly [infer X extends Dim, ...infer RestS extends Shape]
  ? T extends readonly [infer Y extends Dim, ...infer RestT extends Shape]
    ? N['length'] extends I
      ? AddAt<
          RestS,
          RestT,
          I,
          [...N, 0],
          [...Out, X extends number ? (Y extends number ? Add<X, Y> : number) : number]
        >
      : Disjoint<X, Y> extends true
        ? 'no'
        : AddAt<RestS, RestT, I, [...N, 0], [...Out, Meet<X, Y>]>
    : never
  : Out

/** The dtype of a list: all promoted. */
export type ListDType<L> = L extends readonly [infer Only]
  ? DTypeOf<Only>
  : L extends readonly [infer H, ...infer Rest]
    ? Promote<DTypeOf<H>, ListDType<Rest>>
    : L extends readonly (infer E)[]
      ? DTypeOf<E>
      : any

// ---- stack
export type Stacked<L, A extends number> = L extends readonly [infer H, ...infer Rest]
  ? SameShape<Rest, ShapeOf<H>> extends infer S
    ? S extends string
      ? S
      : Insert<'stack', S, A, L['length'] & number>
    : never
  : L extends readonly []
    ? 'stack: pass at least one tensor'
    : L extends readonly (infer E)[]
      ? Insert<'stack', ShapeOf<E>, A, number>
      : Dim[]
type SameShape<L extends readonly unknown[], S> = L extends readonly [infer H, ...infer Rest]
  ? SameTwo<S, ShapeOf<H>> extends infer X
    ? X extends Shape
      ? Known<X> extends true
        ? SameShape<Rest, X>
        : Dim[]
      : X
    : never
  : S
type SameTwo<S, T> = S extends Shape
  ? T extends Shape
    ? Known<S> extends true
      ? Known<T> extends true
        ? S['length'] extends T['length']
          ? AddAt<S, T, -1> extends infer X
            ? X extends Shape
              ? X
              : `stack: shapes ${Show<S>} and ${Show<T>} differ`
            : never
          : `stack: shapes ${Show<S>} and ${Show<T>} differ`
        : Dim[]
      : Dim[]
    : Dim[]
  : Dim[]

// ---- split, unstack
interface Few {
  1: [0]
  2: [0, 0]
  3: [0, 0, 0]
  4: [0, 0, 0, 0]
  5: [0, 0, 0, 0, 0]
  6: [0, 0, 0, 0, 0, 0]
  7: [0, 0, 0, 0, 0, 0, 0]
  8: [0, 0, 0, 0, 0, 0, 0, 0]
}
/** A tuple of tensors where the number of parts is known, else an array. */
export type Parts<E, S, N, A extends number, D> = [E] extends [never]
  ? N extends readonly number[]
    ? SizedParts<S, A, N, D>
    : N extends keyof Few
      ? EqualParts<Few[N], Part<S, A, PartSize<DimAt<S, A>, N & number>>, D>
      : Tensor<Fix<Part<S, A, number>>, AsDType<D>>[]
  : NoInfer<E>[]
type PartSize<D, N extends number> = D extends number
  ? Divide<D, N> extends infer Q extends number
    ? Q
    : number
  : number
type DimAt<S, A extends number> =
  Known<S> extends true ? (S extends Shape ? Index<S, Axis<S['length'], A>> : number) : number
type EqualParts<L, P, D> = { -readonly [K in keyof L]: Tensor<Fix<P>, AsDType<D>> }
type SizedParts<S, A extends number, L extends readonly number[], D> = {
  -readonly [K in keyof L]: Tensor<Fix<Part<S, A, L[K] extends -1 ? number : L[K]>>, AsDType<D>>
}
type Part<S, A extends number, Size> = S extends Shape
  ? Known<S> extends true
    ? number extends A
      ? Unsized<S>
      : Axis<S['length'], A> extends infer I
        ? [I] extends [never]
          ? Dim[]
          : SetAt<S, I, Size & Dim>
        : never
    : Dim[]
  : Dim[]

/** The layers along A: a tuple where there are at most 8 and their number is known. */
export type Layers<E, S, A extends number, D> = [E] extends [never]
  ? DimAt<S, A> extends infer N
    ? N extends keyof Few
      ? EqualParts<Few[N], Layer<S, A>, D>
      : Tensor<Fix<Layer<S, A>>, AsDType<D>>[]
    : never
  : NoInfer<E>[]
type Layer<S, A extends number> = S extends Shape
  ? Known<S> extends true
    ? number extends A
      ? Dim[]
      : Without<S, Axis<S['length'], A>, false>
    : Dim[]
  : Dim[]

// ---- gather, oneHot
/** Axis A of S replaced by the shape of the indices. */
export type Gathered<S, I, A extends number, BatchDims extends number> = BatchDims extends 0
  ? S extends Shape
    ? I extends Shape
      ? Known<S> extends true
        ? Known<I> extends true
          ? number extends A
            ? Dim[]
            : Axis<S['length'], A> extends infer X
              ? [X] extends [never]
                ? OutOfRange<'gather', A, S>
                : ReplaceAt<S, I, X>
              : never
          : Dim[]
        : Dim[]
      : Dim[]
    : Dim[]
  : Dim[]
type ReplaceAt<
  S extends Shape,
  I extends Shape,
  A,
  N extends unknown[] = [],
  Out extends Shape = [],
> = S extends readonly [infer H extends Dim, ...infer Rest extends Shape]
  ? N['length'] extends A
    ? [...Out, ...I, ...Rest]
    : ReplaceAt<Rest, I, A, [...N, 0], [...Out, H]>
  : Out
/** The indices' shape and one dimension more. */
export type OneHotShape<I, Depth extends number> = I extends Shape
  ? Known<I> extends true
    ? [...I, Depth]
    : Dim[]
  : Dim[]
