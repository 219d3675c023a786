// Derivatives of orders 1 to 3 of every differentiable scalar row, primitive and composite against central differences.
import { describe, it } from 'vitest'
import { compareWithDifferences, differentiables } from '../../src/testing/derivative-cases.ts'

describe('derivatives of orders 1 to 3 equal differences', () => {
  it.each(differentiables().map((spec) => [spec.name, spec] as const))('%s', (_, spec) =>
    compareWithDifferences(spec),
  )
})
