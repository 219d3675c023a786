// Host values to typed arrays and back: nested arrays are flattened and checked, dtypes inferred, results nested again.
import { DTypeError, ShapeError } from '../errors.ts'
import { allocate, type DType, type Element, toElement, type TypedArray } from '../graph/dtype.ts'
import { assertShape, type Dims, sameShape, showShape, sizeOf } from '../graph/shape.ts'
import type { TensorLike } from './types.ts'

export interface HostArray {
  /** A copy; nobody else holds it. */
  readonly data: TypedArray
  readonly shape: Dims
  readonly dtype: DType
}

/**
 * Copies `values` into a typed array.
 * @param op who asks, for errors
 * @param shape if given, must hold as many elements as there are values
 * @param dtype if not given: numbers float32, booleans bool, bigints int64, a typed array its own (`Uint8Array` gives int32, as in tfjs)
 * @throws when nested arrays are ragged, or do not fit `shape`
 */
export function hostArray(op: string, values: TensorLike, shape?: Dims, dtype?: DType): HostArray {
  if (shape) assertShape(op, shape)
  if (ArrayBuffer.isView(values)) return fromTypedArray(op, values, shape, dtype)
  if (!Array.isArray(values)) {
    const type = dtype ?? dtypeOfValue(op, values)
    if (shape && sizeOf(shape) !== 1)
      throw new ShapeError(
        `[${op}] one value was given, the shape ${showShape(shape)} holds ${sizeOf(shape)}`,
      )
    const data = allocate(type, 1)
    data[0] = toElement(type, values as Element | boolean)
    return { data, shape: shape ?? [], dtype: type }
  }
  return fromNested(op, values as readonly TensorLike[], shape, dtype)
}

function fromTypedArray(
  op: string,
  values: TypedArray,
  shape: Dims | undefined,
  dtype: DType | undefined,
): HostArray {
  const own = dtypeOfArray(op, values)
  const type = dtype ?? own
  const dims = shape ?? [values.length]
  if (sizeOf(dims) !== values.length)
    throw new ShapeError(
      `[${op}] Based on the provided shape, ${showShape(dims)}, the tensor should have ${sizeOf(dims)} values but has ${values.length}`,
    )
  const plain = allocate(type, 0).constructor === values.constructor && type !== 'bool'
  if (plain) return { data: values.slice(), shape: dims, dtype: type }
  const data = allocate(type, values.length)
  for (let i = 0; i < values.length; i++) data[i] = toElement(type, values[i]!)
  return { data, shape: dims, dtype: type }
}

function fromNested(
  op: string,
  values: readonly TensorLike[],
  shape: Dims | undefined,
  dtype: DType | undefined,
): HostArray {
  const inferred = nestedShape(values)
  const flat: (Element | boolean)[] = []
  flatten(op, values, inferred, 0, flat)
  const type = dtype ?? (flat.length ? dtypeOfValue(op, flat[0]!) : 'float32')
  if (shape && sizeOf(shape) !== flat.length)
    throw new ShapeError(
      `[${op}] Based on the provided shape, ${showShape(shape)}, the tensor should have ${sizeOf(shape)} values but has ${flat.length}`,
    )
  const ofRows = ArrayBuffer.isView(values[0]) // rows of an image may be given flat
  if (shape && inferred.length > 1 && !ofRows && !sameShape(shape, inferred))
    throw new ShapeError(
      `[${op}] Error creating a new Tensor. Inferred shape ${showShape(inferred)} does not match the provided shape ${showShape(shape)}`,
    )
  const data = allocate(type, flat.length)
  for (let i = 0; i < flat.length; i++) data[i] = toElement(type, flat[i]!)
  return { data, shape: shape ?? inferred, dtype: type }
}

function nestedShape(values: readonly TensorLike[]): number[] {
  const shape: number[] = []
  let level: TensorLike = values
  while (Array.isArray(level) || ArrayBuffer.isView(level)) {
    const length: number = (level as { length: number }).length
    shape.push(length)
    if (length === 0) break
    level = (level as readonly TensorLike[])[0]!
  }
  return shape
}

function flatten(
  op: string,
  values: TensorLike,
  shape: Dims,
  depth: number,
  out: (Element | boolean)[],
): void {
  const isArray = Array.isArray(values) || ArrayBuffer.isView(values)
  if (depth === shape.length) {
    if (isArray)
      throw new ShapeError(
        `[${op}] nested arrays are deeper than ${shape.length} levels in some places; all rows must have equal shapes`,
      )
    out.push(values as Element | boolean)
    return
  }
  const row = values as readonly TensorLike[]
  if (!isArray || row.length !== shape[depth])
    throw new ShapeError(
      `[${op}] all rows must have equal lengths: at depth ${depth} expected ${shape[depth]} elements, got ` +
        (isArray ? String(row.length) : 'a single value'),
    )
  for (let i = 0; i < row.length; i++) flatten(op, row[i]!, shape, depth + 1, out)
}

function dtypeOfValue(op: string, value: unknown): DType {
  switch (typeof value) {
    case 'number':
      return 'float32'
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int64'
    default:
      throw new DTypeError(
        `[${op}] expected a number, a boolean, a bigint, nested arrays of them, or a typed array; got ` +
          (value === null ? 'null' : typeof value),
      )
  }
}

function dtypeOfArray(op: string, values: ArrayBufferView): DType {
  if (values instanceof Float32Array) return 'float32'
  if (values instanceof Float64Array) return 'float64'
  if (values instanceof BigInt64Array) return 'int64'
  if (values instanceof Int32Array || values instanceof Uint8Array || values instanceof Uint8ClampedArray)
    return 'int32'
  throw new DTypeError(
    `[${op}] expected a Float32Array, Float64Array, Int32Array, BigInt64Array, Uint8Array or Uint8ClampedArray, got ` +
      values.constructor.name,
  )
}

/** Nested arrays with the values of `data`; a bare value for shape []. bool values become booleans only in print. */
export function nest(data: TypedArray, shape: Dims): unknown {
  let at = 0
  const build = (depth: number): unknown => {
    if (depth === shape.length) return data[at++]
    return Array.from({ length: shape[depth]! }, () => build(depth + 1))
  }
  return build(0)
}
