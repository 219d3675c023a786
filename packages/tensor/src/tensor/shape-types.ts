// The foundation of typed shapes: what shape an argument has, how a rule's verdict becomes a result or a compiler message.
// A rule (broadcast-types.ts, reduction-types.ts, …) answers with a shape, with `Dim[]` when nothing is known, or with a
// string: the message of a mismatch.
import type { DType, TypedArray } from '../graph/dtype.ts'
import type { Tensor } from './tensor.ts'
import type { Dim, Scalars, Shape, TensorLike } from './types.ts'

// ---- verdicts
/** A rule's answer as what stands in `Tensor<…>`; `any` where nothing is known. */
export type Fix<X> = X extends string ? any : X extends Shape ? (number extends X['length'] ? any : X) : any

/** A dtype rule's answer as what stands in `Tensor<…>`. */
export type AsDType<D> = D & DType

/**
 * Added to a parameter's type: nothing where the shapes agree, the message where they do not. The look-up, instead of a
 * conditional type, keeps it permissive inside generic code.
 */
export type Check<X> = Verdicts<X>[Verdict<X>]
interface Verdicts<X> {
  fits: unknown
  differs: Mismatch<X>
}
type Verdict<X> = X extends string ? 'differs' : 'fits'

/** What the compiler prints: `… not assignable to … 'Mismatch<"matMul: inner dimensions 3 and 4 differ (…)">'`. */
export interface Mismatch<Message> {
  readonly mismatch: Message
}

/** Default of an optional parameter's type: anything it may be where the caller gave the result type by hand. */
export type Default<E, Any, Absent> = [E] extends [never] ? Absent : Any
/** The result: E where it was given by hand, as tfjs code does (`x.squeeze<Tensor2D>()`), else the tensor that the rule promises. */
export type Out<E, X, D> = [E] extends [never] ? Tensor<Fix<X>, AsDType<D>> : NoInfer<E>

// ---- pieces that rules are made of
/** True when the rank is known. */
export type Known<S> = 0 extends 1 & S
  ? false
  : S extends Shape
    ? number extends S['length']
      ? false
      : true
    : false
/** `[2, 3]` for messages; unknown dimensions are `?`. */
export type Show<S, Out extends string = ''> = S extends readonly [infer D extends Dim, ...infer Rest]
  ? Show<Rest, `${Out}${Out extends '' ? '' : ', '}${number extends D ? '?' : D}`>
  : `[${Out}]`
/** True when both are known and no value is in both. */
export type Disjoint<A, B> = number extends A
  ? false
  : number extends B
    ? false
    : [A & B] extends [never]
      ? true
      : false
/** What is known of a dimension that is both. */
export type Meet<A extends Dim, B extends Dim> = number extends A ? B : number extends B ? A : A & B
export type Mutable<S> = S extends Shape ? { -readonly [K in keyof S]: S[K] } : never
/** S of the same rank with nothing known of its sizes. */
export type Unsized<S> = { -readonly [K in keyof S]: number }
export type Index<S extends Shape, I> = I extends number ? S[I] : never

interface AxisTable {
  0: {}
  1: { '0': 0; '-1': 0 }
  2: { '0': 0; '1': 1; '-1': 1; '-2': 0 }
  3: { '0': 0; '1': 1; '2': 2; '-1': 2; '-2': 1; '-3': 0 }
  4: { '0': 0; '1': 1; '2': 2; '3': 3; '-1': 3; '-2': 2; '-3': 1; '-4': 0 }
  5: { '0': 0; '1': 1; '2': 2; '3': 3; '4': 4; '-1': 4; '-2': 3; '-3': 2; '-4': 1; '-5': 0 }
  6: { '0': 0; '1': 1; '2': 2; '3': 3; '4': 4; '5': 5; '-1': 5; '-2': 4; '-3': 3; '-4': 2; '-5': 1; '-6': 0 }
}
/** The axis counted from the front; never where it is out of range. */
export type Axis<Rank, A extends number> = Rank extends keyof AxisTable
  ? `${A}` extends keyof AxisTable[Rank]
    ? AxisTable[Rank][`${A}`]
    : never
  : never
export type OutOfRange<
  Op extends string,
  A extends number,
  S,
> = `${Op}: axis ${A} is outside a tensor of shape ${Show<S>}`

/** S with dimension I replaced by D. */
export type SetAt<
  S extends Shape,
  I,
  D extends Dim,
  N extends unknown[] = [],
  Out extends Shape = [],
> = S extends readonly [infer H extends Dim, ...infer Rest extends Shape]
  ? N['length'] extends I
    ? [...Out, D, ...Rest]
    : SetAt<Rest, I, D, [...N, 0], [...Out, H]>
  : Out
/** S with D inserted before dimension I. */
export type InsertAt<
  S extends Shape,
  I,
  D extends Dim,
  N extends unknown[] = [],
  Out extends Shape = [],
> = N['length'] extends I
  ? [...Out, D, ...S]
  : S extends readonly [infer H extends Dim, ...infer Rest extends Shape]
    ? InsertAt<Rest, I, D, [...N, 0], [...Out, H]>
    : Out
/** S without the dimensions I, or with 1 in their places. */
export type Without<S, I, Keep, N extends unknown[] = [], Out extends Shape = []> = S extends readonly [
  infer D,
  ...infer Rest extends Shape,
]
  ? Without<
      Rest,
      I,
      Keep,
      [...N, 0],
      N['length'] extends I ? (Keep extends true ? [...Out, 1] : Out) : [...Out, D & Dim]
    >
  : Out

// ---- shape of an argument
/** The shape of a tensor or of host values. */
export type ShapeOf<X> = 0 extends 1 & X ? Dim[] : X extends Tensor<infer S> ? S : LiteralShape<X>
type LiteralShape<X> = X extends Scalars
  ? []
  : X extends TypedArray
    ? [number]
    : X extends readonly unknown[]
      ? number extends X['length']
        ? UnsizedArray<X[number]>
        : X['length'] extends 0
          ? [0]
          : [X['length'], ...LiteralShape<X[0]>]
      : Dim[]
type UnsizedArray<Item> = TensorLike extends Item
  ? Dim[]
  : Item extends Scalars | readonly unknown[]
    ? [number, ...LiteralShape<Item>]
    : Dim[]
