// The bounds of a matrix operand, counted: which row and term coordinates leave their range together. Compilers promise that
// the pairs fit a word of bits, so that code generators can test a whole element with one `and`.
import type { Axis, Bound, Operand } from './ir.ts'

/** Places at which one bound can be crossed, seen from the side (rows or terms) that has fewer coordinates. */
export interface BoundPlaces {
  readonly side: 'rows' | 'ks'
  /** Coordinates of that side for which some coordinate of the other is outside. */
  readonly places: readonly number[]
}

/** Different values of `start + Σ coefficients[i] · (loop i)`. */
function coordinates({ sizes }: Axis, coefficients: readonly number[], start: number): number[] {
  let values = new Set([start])
  sizes.forEach((size, loop) => {
    const step = coefficients[loop]!
    if (step === 0 || size === 1) return
    const next = new Set<number>()
    for (const v of values) for (let i = 0; i < size; i++) next.add(v + i * step)
    values = next
  })
  return [...values]
}

/** Where `bound` of `operand` is crossed. The base counts to the rows. */
export function boundPlaces(operand: Operand | Omit<Operand, 'buffer'>, bound: Bound): BoundPlaces {
  const rows = coordinates(operand.rows, bound.rows, bound.base)
  const ks = coordinates(operand.ks, bound.ks, 0)
  const [side, few, many] =
    rows.length < ks.length ? (['rows', rows, ks] as const) : (['ks', ks, rows] as const)
  const least = Math.min(...many)
  const greatest = Math.max(...many)
  return { side, places: few.filter((v) => v + least < 0 || v + greatest >= bound.limit) }
}
