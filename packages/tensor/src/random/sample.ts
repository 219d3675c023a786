// Draws from a key. `random.normal(key, shape)`: the same key and shape always give the same numbers.
import { isFloat, type DType } from '../graph/dtype.ts'
import { cast, s } from '../graph/primitives.ts'
import { assertShape, sizeOf } from '../graph/shape.ts'
import { fromNode, type Tensor } from '../tensor/tensor.ts'
import { type Key, type Stream, uniformInteger, unitNormal, unitUniform } from './stream.ts'

/** The shape in the type of a result that was asked for with `shape`. */
type OfShape<T extends readonly number[]> = number extends T['length']
  ? any
  : { -readonly [K in keyof T]: T[K] }

/** Options of {@link uniform}. */
export interface UniformOptions {
  /** Inclusive. Default 0. */
  readonly minValue?: number | undefined
  /** Exclusive. Default 1. */
  readonly maxValue?: number | undefined
  readonly dtype?: 'float32' | 'float64' | undefined
}
/** Options of {@link normal} and {@link truncatedNormal}. */
export interface NormalOptions {
  /** Default 0. */
  readonly mean?: number | undefined
  /** Standard deviation. Default 1. */
  readonly stddev?: number | undefined
  readonly dtype?: 'float32' | 'float64' | undefined
}

const streamOf = (op: string, key: Key): Stream => {
  if (!key || typeof key !== 'object' || !('stream' in key))
    throw new Error(`[${op}] the first argument must be a key: ${op}(random.key(42), shape)`)
  return key.stream
}
function floatDtype(op: string, dtype: DType = 'float32'): DType {
  if (!isFloat(dtype)) throw new Error(`[${op}] draws float32 or float64, got ${dtype}`)
  return dtype
}

/**
 * Uniform on [minValue, maxValue).
 * @param shape of the result
 * @example
 * ```ts
 * import { random } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const x = random.uniform(random.key(1), [1000])
 * console.log(x.shape, (await x.mean().data())[0]) // [1000], near 0.5
 * ```
 */
export function uniform<const T extends readonly number[]>(
  key: Key,
  shape: T,
  options: UniformOptions = {},
): Tensor<OfShape<T>> {
  assertShape('random.uniform', shape)
  const { minValue = 0, maxValue = 1 } = options
  const unit = cast(
    unitUniform(streamOf('random.uniform', key), shape),
    floatDtype('random.uniform', options.dtype),
  )
  return fromNode(s.add(s.mul(unit, maxValue - minValue), minValue))
}

/** Normal with the given mean and standard deviation. */
export function normal<const T extends readonly number[]>(
  key: Key,
  shape: T,
  options: NormalOptions = {},
): Tensor<OfShape<T>> {
  assertShape('random.normal', shape)
  const { mean = 0, stddev = 1 } = options
  const unit = cast(
    unitNormal(streamOf('random.normal', key), shape),
    floatDtype('random.normal', options.dtype),
  )
  return fromNode(s.add(s.mul(unit, stddev), mean))
}

/**
 * Normal without the tails beyond two standard deviations: the mass of the tails is spread over the rest (draws are
 * Φ⁻¹ of a uniform between Φ(−2) and Φ(2), Giles' approximation of erf⁻¹, error below 1e-6).
 */
export function truncatedNormal<const T extends readonly number[]>(
  key: Key,
  shape: T,
  options: NormalOptions = {},
): Tensor<OfShape<T>> {
  assertShape('random.truncatedNormal', shape)
  const { mean = 0, stddev = 1 } = options
  const unit = unitUniform(streamOf('random.truncatedNormal', key), shape)
  const ERF_SQRT2 = 0.9544997361036416 // erf(2 / √2): the mass within two standard deviations
  const x = s.mul(s.sub(s.mul(unit, 2), 1), ERF_SQRT2)
  const draw = s.mul(inverseErf(x), Math.SQRT2)
  return fromNode(s.add(s.mul(cast(draw, floatDtype('random.truncatedNormal', options.dtype)), stddev), mean))
}

// M. Giles, "Approximating the erfinv function", GPU Computing Gems, 2011: single precision, both branches.
const CENTRAL = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
]
const TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
]

function inverseErf(x: ReturnType<typeof s.add>): ReturnType<typeof s.add> {
  const w = s.neg(s.log(s.mul(s.sub(1, x), s.add(x, 1))))
  const polynomial = (v: typeof x, c: readonly number[]): typeof x =>
    c.slice(1).reduce((sum, k) => s.add(s.mul(sum, v), k), s.add(s.mul(v, 0), c[0]!))
  return s.mul(
    x,
    s.select(s.lt(w, 5), polynomial(s.sub(w, 2.5), CENTRAL), polynomial(s.sub(s.sqrt(w), 3), TAIL)),
  )
}

/** Integers of [low, high) as int32. */
export function integers<const T extends readonly number[]>(
  key: Key,
  shape: T,
  low: number,
  high: number,
): Tensor<OfShape<T>, 'int32'> {
  assertShape('random.integers', shape)
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low || high - low > 2 ** 31 - 1)
    throw new Error(
      `[random.integers] expects integers low < high at most 2^31 - 1 apart, got ${low} and ${high}`,
    )
  return fromNode(uniformInteger(streamOf('random.integers', key), shape, low, high))
}

/** True with probability `probability`. */
export function bernoulli<const T extends readonly number[]>(
  key: Key,
  shape: T,
  probability: number,
): Tensor<OfShape<T>, 'bool'> {
  assertShape('random.bernoulli', shape)
  if (!(probability >= 0 && probability <= 1))
    throw new Error(`[random.bernoulli] the probability must lie in [0, 1], got ${probability}`)
  return fromNode(s.lt(unitUniform(streamOf('random.bernoulli', key), shape), probability))
}

/** Inputs and outputs of one unit of a weight: `[…receptive field, in, out]`. */
export function fans(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) return { fanIn: sizeOf(shape), fanOut: sizeOf(shape) }
  const field = sizeOf(shape.slice(0, -2))
  return { fanIn: field * shape[shape.length - 2]!, fanOut: field * shape[shape.length - 1]! }
}

/** Normal with variance 2 / fanIn, for layers followed by relu (He et al., 2015). Weights are `[…field, in, out]`. */
export function heNormal<const T extends readonly number[]>(key: Key, shape: T): Tensor<OfShape<T>> {
  return normal(key, shape, { stddev: Math.sqrt(2 / fans(shape).fanIn) })
}

/** Uniform with variance 2 / (fanIn + fanOut) (Glorot and Bengio, 2010). Weights are `[…field, in, out]`. */
export function glorotUniform<const T extends readonly number[]>(key: Key, shape: T): Tensor<OfShape<T>> {
  const { fanIn, fanOut } = fans(shape)
  const limit = Math.sqrt(6 / (fanIn + fanOut))
  return uniform(key, shape, { minValue: -limit, maxValue: limit })
}
