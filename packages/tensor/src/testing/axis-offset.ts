// Where an axis of nested loops stands in memory.
import type { Axis } from '../backend/ir.ts'

/** Offset of position `at` on an axis of nested loops, by its strides or other steps. */
export function axisOffset({ sizes, strides }: Axis, at: number, steps: readonly number[] = strides): number {
  let offset = 0
  for (let i = sizes.length - 1; i >= 0; i--) {
    offset += (at % sizes[i]!) * steps[i]!
    at = Math.floor(at / sizes[i]!)
  }
  return offset
}
