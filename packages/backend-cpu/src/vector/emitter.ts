// Emits SSA values of four lanes each, `unroll` of them interleaved so that long dependency chains overlap. A value is a
// list of v128 locals: one word a vector for 32-bit registers, two for 64-bit ones; a value that is the same for all
// interleaved vectors has just the words of one.
import type { DType } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import type { ModuleWriter } from '../assembler/module-writer.ts'
import { SIMD, V128 } from '../assembler/opcodes.ts'

/** Locals of one value, see the head of this file. */
export type Value = readonly number[]

/** How a dtype lives in registers: uint8 as i32 in 0 … 255, bool as a lane mask (0 or -1). */
export type Register = 'f32' | 'f64' | 'i32' | 'i64' | 'mask'
export const REGISTER: { readonly [D in DType]: Register } = {
  float32: 'f32',
  float64: 'f64',
  int32: 'i32',
  uint8: 'i32',
  int64: 'i64',
  bool: 'mask',
}
/** v128 words that four lanes take. */
export const wordsOf = (dtype: DType): 1 | 2 => (dtype === 'float64' || dtype === 'int64' ? 2 : 1)

const LOW_LANES = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]
const LOW_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
const HIGH_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]

export class VectorEmitter {
  readonly f: FunctionWriter
  readonly module: ModuleWriter
  /** Fused multiply-add is available and wanted. */
  readonly relaxed: boolean
  readonly #constants: Map<string, number> = new Map()

  constructor(f: FunctionWriter, module: ModuleWriter, relaxed: boolean) {
    this.f = f
    this.module = module
    this.relaxed = relaxed
  }

  /** A local set once, before the body. */
  constant(key: string, emit: (f: FunctionWriter) => void): number {
    let local = this.#constants.get(key)
    if (local === undefined) {
      const fresh = (local = this.f.permanent(V128))
      this.#constants.set(key, local)
      this.f.inPrologue(() => {
        emit(this.f)
        this.f.set(fresh)
      })
    }
    return local
  }

  f32(x: number): Value {
    return [this.constant(`f${Object.is(x, -0) ? '-0' : x}`, (f) => f.constF32x4(x))]
  }

  /** The float32 with these bits. */
  i32(x: number): Value {
    return [this.constant(`i${x}`, (f) => f.constI32x4(x))]
  }

  f64(x: number): Value {
    const local = this.constant(`d${Object.is(x, -0) ? '-0' : x}`, (f) => f.constF64x2(x))
    return [local, local]
  }

  i64(x: bigint): Value {
    const local = this.constant(`l${x}`, (f) => f.constI64x2(x))
    return [local, local]
  }

  /** `start, start + step, …` in the four lanes. */
  ramp(start: number, step: number): Value {
    return [
      this.constant(`r${start},${step}`, (f) =>
        f.constI32x4(start, start + step, start + 2 * step, start + 3 * step),
      ),
    ]
  }

  /** A mask with the first `lanes` lanes set. */
  laneMask(lanes: number): Value {
    const on = (i: number): number => (i < lanes ? -1 : 0)
    return [this.constant(`m${lanes}`, (f) => f.constI32x4(on(0), on(1), on(2), on(3)))]
  }

  /** One SIMD instruction applied word by word. */
  op(code: number, ...args: readonly Value[]): Value {
    let words = 0
    for (const a of args) words = Math.max(words, a.length)
    const out: number[] = []
    for (let w = 0; w < words; w++) {
      for (const a of args) this.f.get(a[w % a.length]!)
      const o = this.f.vector()
      this.f.simd(code).set(o)
      out.push(o)
    }
    return out
  }

  /** One SIMD shift by a constant. */
  shift(code: number, x: Value, count: number): Value {
    return x.map((word) => {
      const o = this.f.vector()
      this.f.get(word).i32(count).simd(code).set(o)
      return o
    })
  }

  /** `a * b + c`, in one instruction where the engine has it; float32. */
  madd(a: Value, b: Value, c: Value): Value {
    if (this.relaxed) return this.op(SIMD.f32x4RelaxedMadd, a, b, c)
    return this.op(SIMD.f32x4Add, this.op(SIMD.f32x4Mul, a, b), c)
  }

  /** Polynomial by Horner's rule, highest coefficient first; float32. */
  polynomial(x: Value, coefficients: readonly number[]): Value {
    let sum = this.f32(coefficients[0]!)
    for (const c of coefficients.slice(1)) sum = this.madd(sum, x, this.f32(c))
    return sum
  }

  /** Where mask `m` is set `a`, else `b`; word widths must agree. */
  choose(m: Value, a: Value, b: Value): Value {
    return this.op(SIMD.bitselect, a, b, m)
  }

  /** 32-bit lanes of two words become the low halves' lanes of one: narrows a 64-bit mask, wraps int64 to int32. */
  narrow(x: Value): Value {
    return this.#pairs(x, LOW_LANES)
  }

  /** Joins the two valid low lanes of each word into one word of four. */
  joinLow(x: Value): Value {
    return this.#pairs(x, LOW_HALVES)
  }

  #pairs(x: Value, pattern: readonly number[]): Value {
    const out: number[] = []
    for (let i = 0; i < x.length; i += 2) {
      const o = this.f.vector()
      this.f
        .get(x[i]!)
        .get(x[i + 1]!)
        .shuffle(pattern)
        .set(o)
      out.push(o)
    }
    return out
  }

  /** One word becomes two: `low` on the word, then `high`, or `low` on the upper half when there is no `high` instruction. */
  widen(x: Value, low: number, high?: number): Value {
    const out: number[] = []
    for (const word of x) {
      const a = this.f.vector()
      const b = this.f.vector()
      this.f.get(word).simd(low).set(a)
      if (high === undefined) this.f.get(word).get(word).shuffle(HIGH_HALF).simd(low).set(b)
      else this.f.get(word).simd(high).set(b)
      out.push(a, b)
    }
    return out
  }

  /** Duplicates each lane of a mask for 64-bit lanes. */
  widenMask(m: Value): Value {
    return this.widen(m, SIMD.i64x2ExtendLowI32x4S, SIMD.i64x2ExtendHighI32x4S)
  }

  /**
   * A scalar computation for each lane: `emit` finds the lane's arguments on the stack (type of `from`) and leaves the
   * result (type of `to`).
   */
  perLane(from: Register, to: Register, args: readonly Value[], emit: () => void): Value {
    const f = this.f
    const wide = (r: Register): boolean => r === 'f64' || r === 'i64'
    const [inWords, outWords] = [wide(from) ? 2 : 1, wide(to) ? 2 : 1]
    let vectors = 1
    for (const a of args) vectors = Math.max(vectors, a.length / inWords)
    const out: number[] = []
    for (let v = 0; v < vectors; v++)
      for (let half = 0; half < outWords; half++) {
        const o = f.vector()
        const lanes = 4 / outWords
        for (let lane = 0; lane < lanes; lane++) {
          const absolute = half * lanes + lane
          if (lane > 0) f.get(o)
          for (const a of args) {
            const word = inWords === 2 ? v * 2 + (absolute >> 1) : v
            f.get(a[word % a.length]!).lane(EXTRACT[from], inWords === 2 ? absolute & 1 : absolute)
          }
          emit()
          if (lane === 0) f.simd(SPLAT[to])
          else f.lane(REPLACE[to], lane)
          f.set(o)
        }
        out.push(o)
      }
    return out
  }
}

const EXTRACT: { readonly [R in Register]: number } = {
  f32: SIMD.f32x4Extract,
  f64: SIMD.f64x2Extract,
  i32: SIMD.i32x4Extract,
  i64: SIMD.i64x2Extract,
  mask: SIMD.i32x4Extract,
}
const REPLACE: { readonly [R in Register]: number } = {
  f32: SIMD.f32x4Replace,
  f64: SIMD.f64x2Replace,
  i32: SIMD.i32x4Replace,
  i64: SIMD.i64x2Replace,
  mask: SIMD.i32x4Replace,
}
const SPLAT: { readonly [R in Register]: number } = {
  f32: SIMD.f32x4Splat,
  f64: SIMD.f64x2Splat,
  i32: SIMD.i32x4Splat,
  i64: SIMD.i64x2Splat,
  mask: SIMD.i32x4Splat,
}
