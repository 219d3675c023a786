// How weights begin. Random ones are draws from a counter-based generator: a seed always gives the same weights.
import {
  equal,
  expandDims,
  fill,
  matMul,
  mul,
  ones,
  random,
  range,
  reshape,
  rsqrt,
  scan,
  square,
  sub,
  sum,
  transpose,
  where,
  zeros,
  type DType,
  type Tensor,
} from '@dl/tensor/core'
import { nextSeed } from './seeds.ts'

/** Makes the first value of a weight. */
export interface Initializer {
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  init(shape: readonly number[], dtype: DType): Tensor
}
/** An initializer or the name of one: `'glorotUniform'`, `'zeros'`, … */
export type InitializerLike = Initializer | string

export interface SeedOption {
  /** Default: the next of the sequence that `setRandomSeed` starts; then every call gives other numbers. */
  readonly seed?: number | undefined
}

const initial = (
  name: string,
  config: Readonly<Record<string, unknown>>,
  init: (shape: readonly number[], dtype: DType) => Tensor,
): Initializer => ({ name, config, init })

const keyOf = (options: SeedOption): random.Key => random.key(options.seed ?? nextSeed())
const floatOf = (dtype: DType): 'float32' | 'float64' => {
  if (dtype === 'float32' || dtype === 'float64') return dtype
  throw new Error(`[initializer] random weights are float32 or float64, got ${dtype}`)
}

/** All 0. */
const zerosInitializer = (): Initializer =>
  initial('zeros', {}, (shape, dtype) => zeros(shape as number[], dtype))
/** All 1. */
const onesInitializer = (): Initializer =>
  initial('ones', {}, (shape, dtype) => ones(shape as number[], dtype))
/** All `value`, default 0. */
export const constant = (options: { readonly value?: number } = {}): Initializer =>
  initial('constant', options, (shape, dtype) => fill(shape as number[], options.value ?? 0, dtype))

export interface UniformInitializerOptions extends SeedOption {
  /** Default -0.05. */
  readonly minValue?: number | undefined
  /** Default 0.05. */
  readonly maxValue?: number | undefined
}
/** Uniform between two bounds. */
export const randomUniform = (options: UniformInitializerOptions = {}): Initializer =>
  initial('randomUniform', { ...options }, (shape, dtype) => {
    const { minValue = -0.05, maxValue = 0.05 } = options
    return random.uniform(keyOf(options), shape, { minValue, maxValue, dtype: floatOf(dtype) })
  })

export interface NormalInitializerOptions extends SeedOption {
  /** Default 0. */
  readonly mean?: number | undefined
  /** Default 0.05. */
  readonly stddev?: number | undefined
}
/** Normal. */
export const randomNormal = (options: NormalInitializerOptions = {}): Initializer =>
  initial('randomNormal', { ...options }, (shape, dtype) => {
    const { mean = 0, stddev = 0.05 } = options
    return random.normal(keyOf(options), shape, { mean, stddev, dtype: floatOf(dtype) })
  })
/** Normal, without values beyond two standard deviations. */
export const truncatedNormal = (options: NormalInitializerOptions = {}): Initializer =>
  initial('truncatedNormal', { ...options }, (shape, dtype) => {
    const { mean = 0, stddev = 0.05 } = options
    return random.truncatedNormal(keyOf(options), shape, { mean, stddev, dtype: floatOf(dtype) })
  })

export interface VarianceScalingOptions extends SeedOption {
  /** Default 1. */
  readonly scale?: number | undefined
  /** What the variance is divided by; default `fanIn`. */
  readonly mode?: 'fanIn' | 'fanOut' | 'fanAvg' | undefined
  /** Default `truncatedNormal`. */
  readonly distribution?: 'truncatedNormal' | 'untruncatedNormal' | 'uniform' | undefined
}

/** Standard deviation of a unit normal that is cut at two standard deviations. */
const TRUNCATED_STDDEV = 0.87962566103423978

/**
 * Variance `scale / fan`: the initializers by the names of Glorot, He and LeCun are settings of this one, as in Keras.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { initializers, layers, sequential } from '@dl/layers'
 * const kernelInitializer = initializers.varianceScaling({ scale: 2, mode: 'fanOut', seed: 1 })
 * sequential([layers.dense({ units: 8, inputShape: [4], kernelInitializer })])
 * ```
 */
export function varianceScaling(
  options: VarianceScalingOptions = {},
  name: string = 'varianceScaling',
): Initializer {
  const { scale = 1, mode = 'fanIn', distribution = 'truncatedNormal' } = options
  if (!(scale > 0)) throw new Error(`[${name}] scale must be positive, got ${scale}`)
  return initial(name, { ...options }, (shape, dtype) => {
    const { fanIn, fanOut } = random.fans(shape)
    const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[mode]
    const variance = scale / Math.max(1, fan)
    const key = keyOf(options)
    const float = floatOf(dtype)
    if (distribution === 'uniform') {
      const limit = Math.sqrt(3 * variance)
      return random.uniform(key, shape, { minValue: -limit, maxValue: limit, dtype: float })
    }
    if (distribution === 'untruncatedNormal')
      return random.normal(key, shape, { stddev: Math.sqrt(variance), dtype: float })
    return random.truncatedNormal(key, shape, {
      stddev: Math.sqrt(variance) / TRUNCATED_STDDEV,
      dtype: float,
    })
  })
}

/** Uniform with variance `2 / (fanIn + fanOut)`. Source: X. Glorot and Y. Bengio, 2010. */
export const glorotUniform = (options: SeedOption = {}): Initializer =>
  varianceScaling({ ...options, mode: 'fanAvg', distribution: 'uniform' }, 'glorotUniform')
/** Truncated normal with variance `2 / (fanIn + fanOut)`. Source: X. Glorot and Y. Bengio, 2010. */
export const glorotNormal = (options: SeedOption = {}): Initializer =>
  varianceScaling({ ...options, mode: 'fanAvg' }, 'glorotNormal')
/** Uniform with variance `2 / fanIn`. Source: K. He et al., 2015. */
export const heUniform = (options: SeedOption = {}): Initializer =>
  varianceScaling({ ...options, scale: 2, distribution: 'uniform' }, 'heUniform')
/** Truncated normal with variance `2 / fanIn`. Source: K. He et al., 2015. */
export const heNormal = (options: SeedOption = {}): Initializer =>
  varianceScaling({ ...options, scale: 2 }, 'heNormal')
/** Uniform with variance `1 / fanIn`. Source: Y. LeCun et al., 1998. */
export const lecunUniform = (options: SeedOption = {}): Initializer =>
  varianceScaling({ ...options, distribution: 'uniform' }, 'lecunUniform')
/** Truncated normal with variance `1 / fanIn`. Source: Y. LeCun et al., 1998. */
export const lecunNormal = (options: SeedOption = {}): Initializer =>
  varianceScaling({ ...options }, 'lecunNormal')

export interface OrthogonalOptions extends SeedOption {
  /** What the orthogonal matrix is multiplied with; default 1. */
  readonly gain?: number | undefined
}
/**
 * A random matrix with orthonormal rows or, when it has more rows than columns, columns: what recurrent weights begin as,
 * so that repeated products neither grow nor vanish. Dimensions before the last count as rows. Source: A. Saxe et al., 2013.
 *
 * @throws Error for shapes of fewer than two dimensions
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { matMul, transpose } from '@dl/tensor'
 * import { initializers } from '@dl/layers'
 * const w = initializers.orthogonal({ seed: 1 }).init([2, 8], 'float32')
 * matMul(w, transpose(w)).print() // the identity, [[1, 0], [0, 1]], up to rounding
 * ```
 */
export const orthogonal = (options: OrthogonalOptions = {}): Initializer =>
  initial('orthogonal', { ...options }, (shape, dtype) => {
    if (shape.length < 2)
      throw new Error(`[orthogonal] needs a shape of two or more dimensions, got [${shape.join(',')}]`)
    const columns = shape.at(-1)!
    const rows = shape.slice(0, -1).reduce((n, d) => n * d, 1)
    const [count, width] = [Math.min(rows, columns), Math.max(rows, columns)]
    const normal = random.normal(keyOf(options), [count, width], { dtype: floatOf(dtype) })
    const basis = orthonormalRows(normal)
    return mul(reshape(rows > columns ? transpose(basis) : basis, [...shape]), options.gain ?? 1)
  })

/**
 * Gram and Schmidt's process on the rows, each against those before it, and a second time against rounding ("twice is enough",
 * W. Kahan). Their normal draws make the result uniform among all such matrices (G. Stewart, 1980).
 */
function orthonormalRows(x: Tensor): Tensor {
  const [count, width] = x.shape as [number, number]
  const places = expandDims(range(0, count, 1, 'int32'), 1)
  const step = (basis: Tensor, [row, place]: readonly [Tensor, Tensor]): readonly [Tensor, null] => {
    const part = (v: Tensor): Tensor => matMul(matMul(v, transpose(basis)), basis)
    const once = sub(expandDims(row, 0), part(expandDims(row, 0)))
    const rest = sub(once, part(once))
    const unit = mul(rest, rsqrt(sum(square(rest))))
    return [where(equal(places, place), unit, basis), null]
  }
  return scan(step, zeros([count, width], x.dtype) as Tensor, [x, range(0, count, 1, 'int32')] as const).carry
}

export { onesInitializer as ones, zerosInitializer as zeros }
