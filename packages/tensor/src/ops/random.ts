// Random tensors under tfjs's names. With a seed the numbers repeat; without one they come from the default generator, which
// `random.seed` seeds. `random.normal(key, shape)` and its kin are the same draws from explicit keys.
import type { Node } from '../graph/node.ts'
import { cast, s } from '../graph/primitives.ts'
import { assertShape } from '../graph/shape.ts'
import { streamFor } from '../random/generator.ts'
import { integers, truncatedNormal as truncatedNormalOf } from '../random/sample.ts'
import { type Key, unitNormal, unitUniform } from '../random/stream.ts'
import type { RandomInteger, RandomNormal, RandomUniform } from '../tensor/creation-types.ts'
import { assertDType } from './cast.ts'
import { given, result } from './operands.ts'

/** What draws read of a key: its stream, here a seed's or the default generator's next. */
const source = (seed: number | undefined): Key => ({ stream: streamFor(seed) }) as Key

/**
 * Uniform on [minval, maxval).
 * @param minval default 0
 * @param maxval default 1
 * @param dtype default `'float32'`; integers are rounded down
 * @param seed an integer; default: the generator of `random.seed`
 * @example
 * ```ts
 * randomUniform([2, 2], -1, 1).print()
 * ```
 */
export const randomUniform: RandomUniform = (shape, minval, maxval, dtype, seed) => {
  const [low, high, type] = [minval ?? 0, maxval ?? 1, dtype ?? 'float32']
  assertShape('randomUniform', shape)
  assertDType('randomUniform', type)
  const unit = unitUniform(streamFor(seed), shape)
  const draw = s.add(s.mul(type === 'float64' ? cast(unit, type) : unit, high - low), low)
  return result(type === 'float32' || type === 'float64' ? draw : cast(s.floor(draw), type))
}

/**
 * Integers of [minval, maxval) as int32, all equally likely.
 * @param seed an integer; default: the generator of `random.seed`
 * @throws when the bounds are not integers with `minval < maxval`
 * @example
 * ```ts
 * randomUniformInt([6], 1, 7).print() // six rolls of a die
 * ```
 */
export const randomUniformInt: RandomInteger = (shape, minval, maxval, seed) =>
  integers(source(seed), shape, minval, maxval) as never

type DrawDType = 'float32' | 'float64' | 'int32'
function drawDType(op: string, dtype: DrawDType | null | undefined): DrawDType {
  const type = dtype ?? 'float32'
  if (type !== 'float32' && type !== 'float64' && type !== 'int32')
    throw new Error(`[${op}] Unsupported data type ${String(type)}; draw float32, float64 or int32 and cast`)
  return type
}
const rounded = (draw: Node, dtype: DrawDType): Node =>
  dtype === 'int32' ? cast(s.round(draw), dtype) : draw

/**
 * Normal with the given mean and standard deviation.
 * @param mean default 0
 * @param stdDev default 1
 * @param dtype `'float32'` (default), `'float64'`, or `'int32'`: rounded to the nearest
 * @param seed an integer; default: the generator of `random.seed`
 * @example
 * ```ts
 * randomNormal([2, 2]).print()
 * ```
 */
export const randomNormal: RandomNormal = (shape, mean, stdDev, dtype, seed) => {
  assertShape('randomNormal', shape)
  const type = drawDType('randomNormal', dtype)
  const unit = cast(unitNormal(streamFor(seed), shape), type === 'float64' ? type : 'float32')
  return result(rounded(s.add(s.mul(unit, stdDev ?? 1), mean ?? 0), type))
}

/**
 * Normal without the tails beyond two standard deviations.
 * @param mean default 0
 * @param stdDev default 1
 * @param dtype `'float32'` (default), `'float64'`, or `'int32'`: rounded to the nearest
 * @param seed an integer; default: the generator of `random.seed`
 * @example
 * ```ts
 * truncatedNormal([2, 2]).print()
 * ```
 */
export const truncatedNormal: RandomNormal = (shape, mean, stdDev, dtype, seed) => {
  const type = drawDType('truncatedNormal', dtype)
  const options = {
    mean: mean ?? 0,
    stddev: stdDev ?? 1,
    dtype: type === 'float64' ? type : 'float32',
  } as const
  const draw = truncatedNormalOf(source(seed), shape, options)
  return result(rounded(given('truncatedNormal', 'draw', draw), type))
}
