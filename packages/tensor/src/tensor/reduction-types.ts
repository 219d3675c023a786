// Shape rules of reductions.
import type { Axis, Known, OutOfRange, Unsized, Without } from './shape-types.ts'
import type { Dim, Shape } from './types.ts'

/** S reduced over A (a number, a tuple, undefined for all); Keep leaves dimensions of 1. */
export type Reduce<Op extends string, S, A, Keep> = S extends Shape
  ? Known<S> extends true
    ? [A] extends [undefined | null]
      ? ReduceAll<S, Keep>
      : A extends number
        ? number extends A
          ? ReduceUnknownAxis<S, Keep>
          : ReduceAxes<Op, S, Axis<S['length'], A>, A, Keep>
        : A extends readonly []
          ? S
          : A extends readonly number[]
            ? number extends A['length']
              ? Keep extends true
                ? Unsized<S>
                : Dim[]
              : number extends A[number]
                ? Dim[]
                : ReduceAxes<Op, S, Axis<S['length'], A[number]>, A[number], Keep>
            : Dim[]
    : Dim[]
  : Dim[]
type ReduceAll<S, Keep> = boolean extends Keep
  ? Dim[]
  : Keep extends true
    ? { -readonly [K in keyof S]: 1 }
    : []
type ReduceUnknownAxis<S extends Shape, Keep> = Keep extends true
  ? Unsized<S>
  : Keep extends false
    ? S extends readonly [unknown, ...infer Rest extends Shape]
      ? Unsized<Rest>
      : []
    : Dim[]
type ReduceAxes<Op extends string, S extends Shape, I, A extends number, Keep> = [I] extends [never]
  ? OutOfRange<Op, A, S>
  : boolean extends Keep
    ? Dim[]
    : Without<S, I, Keep>
