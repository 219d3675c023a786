// The table of element types: one row a dtype. Everything that depends on a dtype (bytes, typed array, promotion class,
// the number that stands for "smallest") is read from here, so that a new dtype is one row.

/** Element types that compute today. More rows of the table in `docs/design/dtypes.md` arrive with the work that needs them. */
export type DType = 'float32' | 'float64' | 'int32' | 'uint8' | 'bool' | 'int64'

export interface DataTypeMap {
  float32: Float32Array
  float64: Float64Array
  int32: Int32Array
  uint8: Uint8Array
  bool: Uint8Array
  int64: BigInt64Array
}
/** The typed array that holds elements of a dtype on the host (`bool` is 0 or 1 in a `Uint8Array`). */
export type DataOf<D extends DType> = DataTypeMap[D]
export type TypedArray = DataTypeMap[DType]
/** One element as JavaScript sees it: `bigint` for int64, else `number`. */
export type Element = number | bigint

export interface DTypeRow {
  readonly bytes: number
  readonly kind: 'float' | 'int' | 'bool'
  readonly signed: boolean
  /** Position in the promotion lattice; see {@link promote}. */
  readonly rank: number
  readonly lowest: Element
  readonly highest: Element
  readonly allocate: (length: number) => TypedArray
}

export const DTYPES: { readonly [D in DType]: DTypeRow } = {
  bool: {
    bytes: 1,
    kind: 'bool',
    signed: false,
    rank: 0,
    lowest: 0,
    highest: 1,
    allocate: (n) => new Uint8Array(n),
  },
  uint8: {
    bytes: 1,
    kind: 'int',
    signed: false,
    rank: 1,
    lowest: 0,
    highest: 255,
    allocate: (n) => new Uint8Array(n),
  },
  int32: {
    bytes: 4,
    kind: 'int',
    signed: true,
    rank: 2,
    lowest: -2147483648,
    highest: 2147483647,
    allocate: (n) => new Int32Array(n),
  },
  int64: {
    bytes: 8,
    kind: 'int',
    signed: true,
    rank: 3,
    lowest: -(2n ** 63n),
    highest: 2n ** 63n - 1n,
    allocate: (n) => new BigInt64Array(n),
  },
  float32: {
    bytes: 4,
    kind: 'float',
    signed: true,
    rank: 4,
    lowest: -Infinity,
    highest: Infinity,
    allocate: (n) => new Float32Array(n),
  },
  float64: {
    bytes: 8,
    kind: 'float',
    signed: true,
    rank: 5,
    lowest: -Infinity,
    highest: Infinity,
    allocate: (n) => new Float64Array(n),
  },
}

export const DTYPE_NAMES: readonly DType[] = Object.keys(DTYPES) as DType[]
/** Small stable integers for hashing. */
export const DTYPE_CODE: { readonly [D in DType]: number } = {
  bool: 1,
  uint8: 2,
  int32: 3,
  int64: 4,
  float32: 5,
  float64: 6,
}

export const isFloat = (d: DType): boolean => DTYPES[d].kind === 'float'
export const isInteger = (d: DType): boolean => DTYPES[d].kind === 'int'
export const bytesOf = (d: DType): number => DTYPES[d].bytes

/** An array of `length` zeros of dtype `d`. */
export function allocate<D extends DType>(d: D, length: number): DataOf<D> {
  return DTYPES[d].allocate(length) as DataOf<D>
}

/**
 * The dtype of `a op b`: the higher of the two in bool < uint8 < int32 < int64 < float32 < float64. On
 * float32/int32/bool this is tfjs's table. JavaScript numbers never take part: they adopt the tensor's dtype.
 */
export function promote(a: DType, b: DType): DType {
  return DTYPES[a].rank >= DTYPES[b].rank ? a : b
}

/** `value` as an element of `d`: wraps integers, rounds float32, normalises bool to 0 or 1. */
export function toElement(d: DType, value: Element | boolean): Element {
  switch (d) {
    case 'float64':
      return Number(value)
    case 'float32':
      return Math.fround(Number(value))
    case 'int64':
      return typeof value === 'bigint' ? BigInt.asIntN(64, value) : saturateToInt64(Number(value))
    case 'int32':
      return typeof value === 'bigint'
        ? Number(BigInt.asIntN(32, value))
        : saturate(Number(value), -2147483648, 2147483647)
    case 'uint8':
      return typeof value === 'bigint' ? Number(BigInt.asUintN(8, value)) : wrapUint8(Number(value))
    case 'bool':
      return value === 0 || value === 0n || value === false ? 0 : 1 // NaN is not 0
  }
}

/** Float to integer as WebAssembly's `trunc_sat`: toward zero, NaN becomes 0, out of range clamps. */
function saturate(x: number, low: number, high: number): number {
  if (x !== x) return 0
  return Math.min(Math.max(Math.trunc(x), low), high) + 0
}
const wrapUint8 = (x: number): number => saturate(x, -2147483648, 2147483647) & 255
function saturateToInt64(x: number): bigint {
  if (x !== x) return 0n
  if (x >= 2 ** 63) return 2n ** 63n - 1n
  if (x <= -(2 ** 63)) return -(2n ** 63n)
  return BigInt(Math.trunc(x))
}
