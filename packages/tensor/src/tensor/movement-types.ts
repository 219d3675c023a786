// Shape rules of operations that move elements: reshape, transpose, expandDims, squeeze, tile, pad, slice.
import type { Add, Divide, Multiply } from './digit-types.ts'
import type {
  Axis,
  Disjoint,
  Index,
  InsertAt,
  Known,
  OutOfRange,
  Show,
  Unsized,
  Without,
} from './shape-types.ts'
import type { Dim, Shape } from './types.ts'

// ---- reshape
/** Product of the known dimensions, and the others. */
type Size<S, P extends number = 1, Others extends Dim[] = []> = S extends readonly [
  infer D,
  ...infer Rest extends Shape,
]
  ? D extends -1
    ? Size<Rest, P, [...Others, -1]>
    : D extends number
      ? number extends D
        ? Size<Rest, P, [...Others, D]>
        : Size<Rest, Multiply<P, D>, Others>
      : Size<Rest, P, [...Others, D & Dim]>
  : [P, Others]

export type Reshape<S, T> = ReshapeKnown<S, T, S, T>
type ReshapeKnown<S, T, WS, WT> = S extends Shape
  ? T extends Shape
    ? Known<T> extends true
      ? Known<S> extends true
        ? Compare<WS, WT, Size<WS>, Size<WT>>
        : Filled<WT>
      : Dim[]
    : never
  : never
/** T with its -1 filled in. */
type Filled<T, Fill = number> = { -readonly [K in keyof T]: T[K] extends -1 ? Fill : T[K] }

type Compare<S, T, SizeS, SizeT> = SizeS extends [infer P extends number, infer U extends Dim[]]
  ? SizeT extends [infer Q extends number, infer V extends Dim[]]
    ? V extends []
      ? U extends []
        ? P extends Q
          ? Filled<T>
          : `reshape: ${Show<S>} holds ${P} values, ${Show<T>} holds ${Q}`
        : Filled<T>
      : V extends [-1]
        ? U extends []
          ? Inferred<S, T, P, Q>
          : P extends Q
            ? U extends [infer D]
              ? Filled<T, D>
              : Filled<T>
            : Filled<T>
        : V extends [infer W]
          ? U extends [infer D]
            ? CompareNamed<S, T, P, Q, D, W>
            : Filled<T>
          : Filled<T>
    : never
  : never
/** One dimension is not known on each side: if it is the same named one, the rest must agree. */
type CompareNamed<S, T, P extends number, Q extends number, D, W> =
  Disjoint<W, D> extends true
    ? Filled<T>
    : P extends Q
      ? Filled<T>
      : number extends D
        ? Filled<T>
        : number extends W
          ? Filled<T>
          : `reshape: ${Show<S>} and ${Show<T>} hold ${P} and ${Q} values per '${D & string}'`

/** P values in a shape whose known dimensions hold Q: small divisors are divided, else leading dimensions are multiplied. */
type Inferred<S, T, P extends number, Q extends number> =
  Divide<P, Q> extends infer R
    ? R extends 'remainder'
      ? `reshape: ${Show<S>} holds ${P} values, which ${Show<T>} does not divide`
      : number extends R
        ? Filled<T, Suffix<S, T>>
        : Filled<T, R>
    : never
/** -1 first: the dimensions of S in front of those that the others of T use up. */
type Suffix<S, T> = T extends readonly [-1]
  ? Size<S>[0]
  : T extends readonly [-1, ...infer Rest extends Shape]
    ? LeadingSize<S, Size<Rest>[0]>
    : number
type LeadingSize<S, Q, P extends number = 1> = P extends Q
  ? Size<S>[0]
  : S extends readonly [...infer Rest extends Shape, infer D extends number]
    ? LeadingSize<Rest, Q, Multiply<P, D>>
    : number

/** All values in one dimension. */
export type Flattened<S> = Reshape<S, readonly [-1]>

// ---- axes
export type Transposed<S, Perm> = S extends Shape
  ? Known<S> extends true
    ? [Perm] extends [undefined]
      ? Reversed<S>
      : Perm extends readonly number[]
        ? number extends Perm['length']
          ? Unsized<S>
          : Perm['length'] extends S['length']
            ? { -readonly [K in keyof Perm]: Perm[K] extends number ? Permuted<S, Perm[K]> : never }
            : `transpose: perm ${Show<Perm>} does not fit the rank of ${Show<S>}`
        : Dim[]
    : Dim[]
  : Dim[]
type Permuted<S, P extends number> = number extends P ? number : `${P}` extends keyof S ? S[`${P}`] : number
type Reversed<S extends Shape, Out extends Shape = []> = S extends readonly [
  infer H extends Dim,
  ...infer Rest extends Shape,
]
  ? Reversed<Rest, [H, ...Out]>
  : Out

type PlusOne = [1, 2, 3, 4, 5, 6, 7]
/** S with a dimension D inserted at A. */
export type Insert<Op extends string, S, A extends number, D extends Dim> = S extends Shape
  ? Known<S> extends true
    ? number extends A
      ? Unsized<[...S, 1]>
      : Axis<PlusOne[S['length'] & keyof PlusOne], A> extends infer I
        ? [I] extends [never]
          ? OutOfRange<Op, A, S>
          : InsertAt<S, I, D>
        : never
    : Dim[]
  : Dim[]

export type Squeezed<S, A> = S extends Shape
  ? Known<S> extends true
    ? [A] extends [undefined | readonly []]
      ? number extends S[number]
        ? Dim[]
        : WithoutOnes<S>
      : A extends number
        ? SqueezedAxes<S, A>
        : A extends readonly number[]
          ? SqueezedAxes<S, A[number]>
          : Dim[]
    : Dim[]
  : Dim[]
type SqueezedAxes<S extends Shape, A extends number> = number extends A
  ? Dim[]
  : Axis<S['length'], A> extends infer I
    ? [I] extends [never]
      ? OutOfRange<'squeeze', A, S>
      : Disjoint<Index<S, I>, 1> extends true
        ? `squeeze: axis ${A} of ${Show<S>} is not 1`
        : Without<S, I, false>
    : never
type WithoutOnes<S extends Shape, Out extends Shape = []> = S extends readonly [
  infer H extends Dim,
  ...infer Rest extends Shape,
]
  ? WithoutOnes<Rest, H extends 1 ? Out : [...Out, H]>
  : Out

// ---- sizes
/** Each dimension times its repetition. */
export type Tiled<S, R> = S extends Shape
  ? R extends Shape
    ? Known<S> extends true
      ? Known<R> extends true
        ? R['length'] extends S['length']
          ? { -readonly [K in keyof S]: K extends keyof R ? Times<S[K], R[K]> : never }
          : `tile: reps ${Show<R>} do not fit the rank of ${Show<S>}`
        : Unsized<S>
      : Dim[]
    : Dim[]
  : Dim[]
type Times<A, B> = A extends number ? (B extends number ? Multiply<A, B> : number) : number

/** Each dimension plus its two paddings. */
export type Padded<S, P> = S extends Shape
  ? Known<S> extends true
    ? P extends readonly (readonly [number, number])[]
      ? number extends P['length']
        ? Unsized<S>
        : P['length'] extends S['length']
          ? { -readonly [K in keyof S]: K extends keyof P ? PaddedDim<S[K], P[K]> : never }
          : `pad: one pair an axis is needed, shape ${Show<S>} has another rank`
      : Dim[]
    : Dim[]
  : Dim[]
type PaddedDim<D, P> = P extends readonly [infer Low extends number, infer High extends number]
  ? D extends number
    ? Add<Add<D, Low>, High>
    : number
  : number

/** Known sizes where `size` names them. */
export type Sliced<S, Z> = S extends Shape
  ? Known<S> extends true
    ? Z extends readonly number[]
      ? Z['length'] extends S['length']
        ? { -readonly [K in keyof Z]: Z[K] extends -1 ? number : Z[K] }
        : Unsized<S>
      : Unsized<S>
    : Dim[]
  : Dim[]
