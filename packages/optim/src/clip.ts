// Gradient clipping: by value, by the norm of each gradient, by the norm of all gradients together.
import { add, clipByValue, div, maximum, mul, sqrt, square, sum, type Tensor } from '@dl/tensor/core'

/** Elements limited to [-limit, limit]. */
export function clipValue(gradients: readonly Tensor[], limit: number): Tensor[] {
  check('clipValue', limit)
  return gradients.map((g) => clipByValue(g, -limit, limit))
}

/** Each gradient scaled down so that its Euclidean norm is at most `maxNorm`. */
export function clipNorm(gradients: readonly Tensor[], maxNorm: number): Tensor[] {
  check('clipNorm', maxNorm)
  return gradients.map((g) => mul(g, div(maxNorm, maximum(sqrt(sum(square(g))), maxNorm))))
}

/** Euclidean norm of all gradients together: a scalar. */
export function globalNorm(gradients: readonly Tensor[]): Tensor {
  const [first, ...rest] = gradients
  if (!first) throw new Error('[globalNorm] expects at least one gradient, got none')
  return sqrt(rest.reduce((total: Tensor, g) => add(total, sum(square(g))), sum(square(first))))
}

/**
 * All gradients scaled by one factor so that their common norm is at most `maxNorm`.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { tensor } from '@dl/tensor'
 * import { globalClipNorm } from '@dl/optim'
 * globalClipNorm([tensor([3]), tensor([4])], 1)[1]?.print() // [0.8]
 * ```
 */
export function globalClipNorm(gradients: readonly Tensor[], maxNorm: number): Tensor[] {
  check('globalClipNorm', maxNorm)
  if (gradients.length === 0) return []
  const factor = div(maxNorm, maximum(globalNorm(gradients), maxNorm))
  return gradients.map((g) => mul(g, factor))
}

function check(op: string, limit: number): void {
  if (!(limit > 0)) throw new Error(`[${op}] the limit must be positive, got ${limit}`)
}
