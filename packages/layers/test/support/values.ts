// Comparing numbers in tests with a message that names the first wrong one.
import { expect } from 'vitest'

/** Expects equal lengths and elements within `bound`. */
export function arraysEqual(got: ArrayLike<number>, want: ArrayLike<number>, bound: number = 0): void {
  expect(got.length).toBe(want.length)
  for (let i = 0; i < want.length; i++)
    expect(Math.abs(got[i]! - want[i]!), `element ${i}: ${got[i]} instead of ${want[i]}`).toBeLessThanOrEqual(
      bound,
    )
}
