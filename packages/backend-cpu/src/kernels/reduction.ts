// Accumulators of reductions: their start values, how two combine, and how four lanes become one.
import { DTYPES } from '@dl/tensor/backend'
import type { DType, Element, ReduceKind, ScalarName } from '@dl/tensor/backend'
import { SIMD } from '../assembler/opcodes.ts'
import { map } from '../vector/arithmetic.ts'
import type { Value, VectorEmitter } from '../vector/emitter.ts'

const FUNCTION: { readonly [K in ReduceKind]: ScalarName } = {
  sum: 'add',
  prod: 'mul',
  max: 'max',
  min: 'min',
  maxNumber: 'max',
}

/** The element that changes nothing. */
export function identity(kind: ReduceKind, dtype: DType): Element {
  if (kind === 'sum') return dtype === 'int64' ? 0n : 0
  if (kind === 'prod') return dtype === 'int64' ? 1n : 1
  return kind === 'min' ? DTYPES[dtype].highest : DTYPES[dtype].lowest
}

/** `a` with `b`; NaN wins, except for maxNumber, which keeps the accumulator `a` then. */
export function combine(e: VectorEmitter, kind: ReduceKind, dtype: DType, a: Value, b: Value): Value {
  if (kind === 'maxNumber' && dtype === 'float32') return e.op(SIMD.f32x4PMax, a, b)
  if (kind === 'maxNumber' && dtype === 'float64') return e.op(SIMD.f64x2PMax, a, b)
  return map(e, FUNCTION[kind], dtype, dtype, [a, b])
}

const SWAP_HALVES = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]
const SWAP_NEIGHBOURS = [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11]

/** All lanes and interleaved vectors of an accumulator combined, in every lane of the result. */
export function combineLanes(e: VectorEmitter, kind: ReduceKind, dtype: DType, accumulator: Value): Value {
  const wide = dtype === 'float64' || dtype === 'int64'
  const words = wide ? 2 : 1
  let total = accumulator.slice(0, words)
  for (let w = words; w < accumulator.length; w += words)
    total = [...combine(e, kind, dtype, total, accumulator.slice(w, w + words))]
  const shuffled = (x: number, pattern: readonly number[]): number => {
    const o = e.f.vector()
    e.f.get(x).get(x).shuffle(pattern).set(o)
    return o
  }
  if (wide) {
    const [low, high] = total as [number, number]
    const both = combine(e, kind, dtype, [low, low], [high, high])[0]!
    const swapped = shuffled(both, SWAP_HALVES)
    const all = combine(e, kind, dtype, [both, both], [swapped, swapped])[0]!
    return [all, all]
  }
  const half = combine(e, kind, dtype, total, [shuffled(total[0]!, SWAP_HALVES)])
  return combine(e, kind, dtype, half, [shuffled(half[0]!, SWAP_NEIGHBOURS)])
}
