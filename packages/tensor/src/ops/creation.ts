// New tensors from host values, constants and sequences. Constants and sequences take no memory: they are generated where
// they are used.
import { DTypeError } from '../errors.ts'
import { type DType, isFloat } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { broadcastTo, cast, constant, iota, s } from '../graph/primitives.ts'
import { assertShape, showShape } from '../graph/shape.ts'
import type {
  Eye,
  Fill,
  Filled,
  Linspace,
  Range,
  RankedTensor,
  ScalarOf,
  TensorOf,
  VectorOf,
} from '../tensor/creation-types.ts'
import type { Like } from '../tensor/op-types.ts'
import { hostNode } from '../tensor/tensor.ts'
import type { TensorLike } from '../tensor/types.ts'
import { assertDType } from './cast.ts'
import { given, result } from './operands.ts'

/** A number without its own dtype is a constant in the graph; everything else is copied into a buffer. */
function valuesNode(op: string, values: TensorLike, shape?: readonly number[], dtype?: DType): Node {
  if (dtype !== undefined) assertDType(op, dtype)
  return hostNode(op, values, shape, dtype)
}

/**
 * A tensor with a copy of host values.
 * @param values a number, nested arrays, or a typed array
 * @param shape default: as nested
 * @param dtype default: float32 for numbers, bool for booleans, int64 for bigints, that of a typed array
 * @throws when nested arrays are ragged or do not fit `shape`
 * @example
 * ```ts
 * tensor([[1, 2], [3, 4]]).print()
 * tensor([1, 2, 3, 4], [2, 2], 'int32').print()
 * ```
 */
export const tensor: TensorOf = (values, shape, dtype) => result(valuesNode('tensor', values, shape, dtype))

/**
 * A tensor of shape [].
 * @throws when `value` is an array
 * @example
 * ```ts
 * scalar(3.14).print()
 * ```
 */
export const scalar: ScalarOf = (value, dtype) => {
  if (typeof value === 'object')
    throw new Error(
      '[scalar] Error creating a new Scalar: value must be a primitive (number|boolean|bigint); use tensor()',
    )
  return result(valuesNode('scalar', value, [], dtype))
}

function ranked(
  rank: 1 | 2 | 3 | 4 | 5 | 6,
  values: TensorLike,
  shape: readonly number[] | undefined,
  dtype?: DType,
): Node {
  const op = `tensor${rank}d`
  const flat =
    ArrayBuffer.isView(values) ||
    (Array.isArray(values) && !Array.isArray(values[0]) && !ArrayBuffer.isView(values[0]))
  if (shape !== undefined && shape.length !== rank)
    throw new Error(`[${op}] ${op}() requires shape to have ${rank} numbers, got ${showShape(shape)}`)
  if (rank > 1 && flat && shape === undefined)
    throw new Error(`[${op}] ${op}() requires shape to be provided when \`values\` are a flat/TypedArray`)
  const node = valuesNode(op, values, shape, dtype)
  if (node.shape.length !== rank)
    throw new Error(`[${op}] ${op}() requires values of rank ${rank}, got shape ${showShape(node.shape)}`)
  return node
}

/**
 * A vector.
 * @throws when `values` are nested
 * @example
 * ```ts
 * tensor1d([1, 2, 3]).print()
 * ```
 */
export const tensor1d: VectorOf = (values: TensorLike, dtype?: DType) =>
  result(ranked(1, values, undefined, dtype))

/**
 * A matrix. `shape` is needed when `values` are flat.
 * @throws when values or shape have another rank
 * @example
 * ```ts
 * tensor2d([1, 2, 3, 4], [2, 2]).print()
 * ```
 */
export const tensor2d: RankedTensor<2> = (values, shape, dtype) => result(ranked(2, values, shape, dtype))

/**
 * A tensor of rank 3. `shape` is needed when `values` are flat.
 * @throws when values or shape have another rank
 * @example
 * ```ts
 * tensor3d([[[1], [2]], [[3], [4]]]).print()
 * ```
 */
export const tensor3d: RankedTensor<3> = (values, shape, dtype) => result(ranked(3, values, shape, dtype))

/**
 * A tensor of rank 4. `shape` is needed when `values` are flat.
 * @throws when values or shape have another rank
 * @example
 * ```ts
 * tensor4d([1, 2, 3, 4], [1, 2, 2, 1]).print()
 * ```
 */
export const tensor4d: RankedTensor<4> = (values, shape, dtype) => result(ranked(4, values, shape, dtype))

/**
 * A tensor of rank 5. `shape` is needed when `values` are flat.
 * @throws when values or shape have another rank
 * @example
 * ```ts
 * tensor5d([1, 2, 3, 4], [1, 1, 2, 2, 1]).print()
 * ```
 */
export const tensor5d: RankedTensor<5> = (values, shape, dtype) => result(ranked(5, values, shape, dtype))

/**
 * A tensor of rank 6. `shape` is needed when `values` are flat.
 * @throws when values or shape have another rank
 * @example
 * ```ts
 * tensor6d([1, 2, 3, 4], [1, 1, 1, 2, 2, 1]).print()
 * ```
 */
export const tensor6d: RankedTensor<6> = (values, shape, dtype) => result(ranked(6, values, shape, dtype))

function filled(op: string, shape: readonly number[], value: number | boolean | bigint, dtype: DType): Node {
  assertShape(op, shape)
  assertDType(op, dtype)
  if (typeof value === 'string')
    throw new DTypeError(
      `[${op}] the value is a number, a boolean or a bigint, got the string '${String(value)}'`,
    )
  return constant(value, dtype, shape)
}

/**
 * Zeros.
 * @param dtype default `'float32'`
 * @example
 * ```ts
 * zeros([2, 2]).print()
 * ```
 */
export const zeros: Filled = (shape, dtype) => result(filled('zeros', shape, 0, dtype ?? 'float32'))

/**
 * Ones.
 * @param dtype default `'float32'`
 * @example
 * ```ts
 * ones([2, 2], 'int32').print()
 * ```
 */
export const ones: Filled = (shape, dtype) => result(filled('ones', shape, 1, dtype ?? 'float32'))

const dtypeOfElement = (value: number | boolean | bigint): DType =>
  typeof value === 'number' ? 'float32' : typeof value === 'boolean' ? 'bool' : 'int64'

/**
 * `value` everywhere.
 * @param dtype default: float32 for a number, bool for a boolean, int64 for a bigint
 * @example
 * ```ts
 * fill([2, 2], 4).print()
 * ```
 */
export const fill: Fill = (shape, value, dtype) =>
  result(filled('fill', shape, value, dtype ?? dtypeOfElement(value)))

/**
 * Zeros of the shape and dtype of `x`.
 * @example
 * ```ts
 * zerosLike(tensor([1, 2])).print() // [0, 0]
 * ```
 */
export const zerosLike: Like = (x) => {
  const node = given('zerosLike', 'x', x)
  return result(constant(0, node.dtype, node.shape))
}

/**
 * Ones of the shape and dtype of `x`.
 * @example
 * ```ts
 * onesLike(tensor([1, 2])).print() // [1, 1]
 * ```
 */
export const onesLike: Like = (x) => {
  const node = given('onesLike', 'x', x)
  return result(constant(1, node.dtype, node.shape))
}

/**
 * Ones on the diagonal, zeros elsewhere.
 * @param numColumns default `numRows`
 * @param batchShape leading dimensions over which the matrix is repeated
 * @param dtype default `'float32'`
 * @returns `[...batchShape, numRows, numColumns]`
 * @example
 * ```ts
 * eye(2).print() // [[1, 0], [0, 1]]
 * ```
 */
export const eye: Eye = (numRows, numColumns, batchShape, dtype) => {
  const shape = [numRows, numColumns ?? numRows]
  assertShape('eye', shape)
  const diagonal = cast(s.eq(iota(shape, 0), iota(shape, 1)), dtype ?? 'float32')
  return result(broadcastTo(diagonal, [...(batchShape ?? []), ...shape]))
}

/**
 * `num` float32 values from `start` to `stop`, both included, in equal steps.
 * @throws when `num` is not positive
 * @example
 * ```ts
 * linspace(0, 9, 10).print()
 * ```
 */
export const linspace: Linspace = (start, stop, num) => {
  if (!Number.isInteger(num) || num <= 0)
    throw new Error(
      `[linspace] The number of values should be positive. Expected a whole number above 0, got ${num}`,
    )
  if (num === 1) return result(constant(start, 'float32', [1]))
  const step = (stop - start) / (num - 1)
  const i = iota([num], 0)
  // counted from the nearer end, so that both ends are exact
  const fromStart = s.add(s.mul(cast(i, 'float32'), step), start)
  const fromStop = s.sub(constant(stop, 'float32'), s.mul(cast(s.sub(num - 1, i), 'float32'), step))
  return result(s.select(s.lt(i, Math.ceil(num / 2)), fromStart, fromStop))
}

/**
 * `start`, `start + step`, … below (or, for negative steps, above) `stop`.
 * @param step default 1, or -1 when `stop` is below `start`
 * @param dtype default `'float32'`
 * @throws when `step` is 0
 * @example
 * ```ts
 * range(0, 9, 2).print() // [0, 2, 4, 6, 8]
 * ```
 */
export const range: Range = (start, stop, step, dtype) => {
  const type = dtype ?? 'float32'
  assertDType('range', type)
  if (step === 0) throw new Error('[range] Cannot have a step of zero')
  const by = step === undefined || step === 1 ? (stop < start ? -1 : 1) : step
  const count = Math.max(0, Math.ceil((stop - start) / by))
  const index = iota([count], 0, isFloat(type) ? type : 'int32')
  return result(cast(s.add(s.mul(index, by), start), type))
}

/**
 * A second handle on the same value; nothing is copied.
 * @example
 * ```ts
 * clone(tensor([1, 2])).print()
 * ```
 */
export const clone: Like = (x) => result(given('clone', 'x', x))
