// Shape rules of elementwise operations and products.
//
// Here and below the shapes travel twice: A and B are taken apart, WA and WB are only handed on. A parameter that a
// conditional type has tested carries that test along wherever its true branch names it; handing A itself on costs the
// compiler up to 15 times the work.
import type { Disjoint, Known, Meet, Show } from './shape-types.ts'
import type { Dim, Shape } from './types.ts'

// ---- broadcasting
export type Broadcast<Op extends string, A, B> = BroadcastKnown<Op, A, B, A, B>
type BroadcastKnown<Op extends string, A, B, WA, WB> = A extends Shape
  ? B extends Shape
    ? Known<A> extends true
      ? Known<B> extends true
        ? Stretch<Op, WA, WB, WA, WB, []>
        : Dim[]
      : Dim[]
    : Dim[]
  : Dim[]
/** From the last dimension to the first. */
type Stretch<Op extends string, A, B, WA, WB, Out extends Shape> = A extends readonly [
  ...infer RestA extends Shape,
  infer X extends Dim,
]
  ? B extends readonly [...infer RestB extends Shape, infer Y extends Dim]
    ? X extends 1
      ? Stretch<Op, RestA, RestB, WA, WB, [Y, ...Out]>
      : Y extends 1
        ? Stretch<Op, RestA, RestB, WA, WB, [X, ...Out]>
        : Disjoint<X, Y> extends true
          ? `${Op}: dimensions ${X} and ${Y} do not broadcast (shapes ${Show<WA>} and ${Show<WB>})`
          : Stretch<Op, RestA, RestB, WA, WB, [Meet<X, Y>, ...Out]>
    : Front<A, Out>
  : Front<B, Out>
type Front<A, Out extends Shape> = A extends Shape ? [...A, ...Out] : never

/** The condition of `where` against what its two values make together. */
export type BroadcastThree<Op extends string, C, A, B> =
  Broadcast<Op, A, B> extends infer R ? (R extends string ? R : Broadcast<Op, C, R>) : never

/** `broadcastTo`: T itself, where S stretches to it. */
export type StretchTo<S, T> =
  Broadcast<'broadcastTo', S, T> extends infer R
    ? R extends string
      ? R
      : Known<R> extends true
        ? Known<T> extends true
          ? R extends T
            ? T
            : T extends R
              ? T
              : `broadcastTo: shape ${Show<S>} does not stretch to ${Show<T>}`
          : Dim[]
        : T
    : never

// ---- matMul
export type MatMulShape<A, B, TransposeA, TransposeB> = MatMulKnown<A, B, TransposeA, TransposeB, A, B>
type MatMulKnown<A, B, TA, TB, WA, WB> = A extends Shape
  ? B extends Shape
    ? Known<A> extends true
      ? Known<B> extends true
        ? A extends readonly [...infer P extends Shape, infer A1 extends Dim, infer A2 extends Dim]
          ? B extends readonly [...infer Q extends Shape, infer B1 extends Dim, infer B2 extends Dim]
            ? Product<
                P,
                Q,
                Pick2<TA, A1, A2>,
                Pick2<TA, A2, A1>,
                Pick2<TB, B1, B2>,
                Pick2<TB, B2, B1>,
                WA,
                WB
              >
            : `matMul: the second argument needs rank 2 or more, its shape is ${Show<WB>}`
          : `matMul: the first argument needs rank 2 or more, its shape is ${Show<WA>}`
        : Dim[]
      : Dim[]
    : Dim[]
  : Dim[]
type Pick2<T, X, Y> = boolean extends T ? number : T extends true ? Y : X
type Product<P extends Shape, Q extends Shape, M, K, K2, N, A, B> =
  Disjoint<K, K2> extends true
    ? `matMul: inner dimensions ${K & Dim} and ${K2 & Dim} differ (shapes ${Show<A>} and ${Show<B>})`
    : P extends readonly []
      ? [...Q, M, N]
      : Q extends readonly []
        ? [...P, M, N]
        : Broadcast<'matMul', P, Q> extends infer R
          ? R extends string
            ? R
            : R extends Shape
              ? [...R, M, N]
              : never
          : never

// ---- dot, outerProduct
export type DotShape<A, B> = A extends Shape
  ? B extends Shape
    ? Known<A> extends true
      ? Known<B> extends true
        ? A extends readonly [...infer M extends [] | [Dim], infer K extends Dim]
          ? B extends readonly [infer K2 extends Dim, ...infer N extends [] | [Dim]]
            ? Disjoint<K, K2> extends true
              ? `dot: inner dimensions ${K} and ${K2} differ (shapes ${Show<A>} and ${Show<B>})`
              : [...M, ...N]
            : `dot: inputs need rank 1 or 2 (shapes ${Show<A>} and ${Show<B>})`
          : `dot: inputs need rank 1 or 2 (shapes ${Show<A>} and ${Show<B>})`
        : Dim[]
      : Dim[]
    : Dim[]
  : Dim[]
export type OuterShape<A, B> = A extends Shape
  ? B extends Shape
    ? Known<A> extends true
      ? Known<B> extends true
        ? A extends readonly [infer N]
          ? B extends readonly [infer M]
            ? [N, M]
            : `outerProduct: inputs need rank 1 (shapes ${Show<A>} and ${Show<B>})`
          : `outerProduct: inputs need rank 1 (shapes ${Show<A>} and ${Show<B>})`
        : Dim[]
      : Dim[]
    : Dim[]
  : Dim[]
