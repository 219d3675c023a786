// Reductions in WGSL: the value they start with and one step.
import type { ReduceKind } from '@dl/tensor/backend'
import { functionCode } from './functions.ts'
import type { Library } from './library.ts'
import { literal, type ShaderDType } from './values.ts'

const START = {
  sum: { float32: 0, int32: 0, uint8: 0, bool: 0 },
  prod: { float32: 1, int32: 1, uint8: 1, bool: 1 },
  max: { float32: -Infinity, int32: -2147483648, uint8: 0, bool: 0 },
  min: { float32: Infinity, int32: 2147483647, uint8: 255, bool: 1 },
  maxNumber: { float32: -Infinity, int32: -2147483648, uint8: 0, bool: 0 },
} satisfies Record<ReduceKind, Record<ShaderDType, number>>

/** The neutral element. */
export const reduceStart = (kind: ReduceKind, dtype: ShaderDType, library: Library): string =>
  literal(START[kind][dtype], dtype, library)

/** `a` and `b` combined. */
export function reduceStep(
  kind: ReduceKind,
  dtype: ShaderDType,
  a: string,
  b: string,
  library: Library,
): string {
  if (kind === 'maxNumber' && dtype === 'float32') return `max(${a}, ${b})`
  const fn = { sum: 'add', prod: 'mul', max: 'max', min: 'min', maxNumber: 'max' } as const
  const code = functionCode(fn[kind], dtype, [a, b], library)
  if (code === null)
    throw new Error(`[${kind}] adds or multiplies numbers, got ${dtype}; cast to int32 first`)
  return code
}
