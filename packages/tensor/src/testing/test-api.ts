// What the conformance kit needs of a test runner, and its own assertions, so that it depends on none.
import type { Tensor } from '../tensor/tensor.ts'

/** Test functions of any runner: vitest's and node:test's fit. */
export interface TestApi {
  describe(name: string, body: () => void): void
  it(name: string, body: () => void | Promise<void>, timeout?: number): void
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** Passes when `fn` throws an error whose message matches. */
export function assertThrows(fn: () => unknown, pattern: RegExp): void {
  let message: string
  try {
    fn()
  } catch (error) {
    message = (error as Error).message
    if (pattern.test(message)) return
    throw new Error(`expected an error that matches ${pattern}, got: ${message}`, { cause: error })
  }
  throw new Error(`expected an error that matches ${pattern}, but nothing was thrown`)
}

/** Passes when the values of `x` are within `tolerance` (absolute and relative) of `expected`; NaN equals NaN. */
export async function assertValues(
  x: Tensor,
  expected: ArrayLike<number | bigint>,
  tolerance = 0,
): Promise<void> {
  const values = (await x.data()) as ArrayLike<number | bigint>
  assert(values.length === expected.length, `expected ${expected.length} values, got ${values.length}`)
  for (let i = 0; i < expected.length; i++) {
    const a = values[i]!
    const b = expected[i]!
    if (Object.is(a, b) || a === b) continue
    const difference = Math.abs(Number(a) - Number(b))
    assert(
      difference <= tolerance * Math.max(1, Math.abs(Number(b))),
      `element ${i}: expected ${b}, got ${a} (difference ${difference}, allowed ${tolerance})`,
    )
  }
}
