// Dropout. The mask is never stored: the backward pass generates the same random bits again.
import { isFloat } from '../graph/dtype.ts'
import { constant, s } from '../graph/primitives.ts'
import { showShape } from '../graph/shape.ts'
import { streamFor } from '../random/generator.ts'
import { unitUniform } from '../random/stream.ts'
import type { Dropout } from '../tensor/op-types.ts'
import { given, result } from './operands.ts'

/**
 * Sets each element to 0 with probability `rate` and divides the others by `1 - rate`, so that the expected sum stays
 * (Srivastava et al. 2014). Every call draws anew, also inside `jit`.
 * @param rate in [0, 1)
 * @param noiseShape shape of the mask, broadcast against `x`: `[batch, 1, channels]` drops whole channels. Default `x.shape`
 * @param seed an integer for a repeatable mask; default: the generator of `random.seed`
 * @throws when `x` is not float or the rate is outside [0, 1)
 * @example
 * ```ts
 * dropout(ones([4]), 0.5, undefined, 1).print() // some 0, the others 2
 * ```
 */
export const dropout: Dropout = (x, rate, noiseShape, seed) => {
  const node = given('dropout', 'x', x)
  if (!isFloat(node.dtype))
    throw new Error(
      `[dropout] x has to be a floating point tensor since it's going to be scaled, but got a ${node.dtype} tensor ` +
        `instead (shape ${showShape(node.shape)}); cast it first`,
    )
  if (!(rate >= 0 && rate < 1))
    throw new Error(`[dropout] rate must be a float in the range [0, 1), but got ${rate}`)
  if (rate === 0) return result(node)
  const kept = s.lt(unitUniform(streamFor(seed), noiseShape ?? node.shape), 1 - rate)
  return result(s.select(kept, s.div(node, 1 - rate), constant(0, node.dtype)))
}
