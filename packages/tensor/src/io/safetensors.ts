// Weights as safetensors bytes: eight bytes of header length, a JSON header, the data. The format is that of
// https://github.com/huggingface/safetensors (format.md); what is read is checked before anything is allocated.
import { bytesOf, type DType, DTYPES, type TypedArray } from '../graph/dtype.ts'

/** A named value in a file. The data of a decoded entry is a copy: it does not hold on to the file's bytes. */
export interface SafetensorsEntry {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TypedArray
}
export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, SafetensorsEntry>>
  readonly metadata: Readonly<Record<string, string>>
}

/** Thrown for bytes that are no safetensors file, or not all of one. */
export class SafetensorsError extends Error {
  override readonly name: string = 'SafetensorsError'
}

const NAMES: Readonly<Record<DType, string>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  int64: 'I64',
  uint8: 'U8',
  bool: 'BOOL',
}
const DTYPE_OF: ReadonlyMap<string, DType> = new Map(
  (Object.keys(NAMES) as DType[]).map((dtype) => [NAMES[dtype], dtype] as const),
)
const LENGTH_BYTES = 8
const MAX_HEADER = 100_000_000
const METADATA = '__metadata__'

/**
 * The bytes of a safetensors file with these tensors, in the order of the record's keys, larger dtypes first so that
 * every tensor is aligned.
 *
 * @throws RangeError when a shape does not hold exactly its data
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from '@dl/tensor'
 * const bytes = encodeSafetensors({ w: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } })
 * console.log(decodeSafetensors(bytes).tensors['w']?.data) // Float32Array(2) [ 1, 2 ]
 * ```
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, SafetensorsEntry>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = Object.entries(tensors).toSorted(([, a], [, b]) => bytesOf(b.dtype) - bytesOf(a.dtype))
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [METADATA]: metadata } : {}
  let offset = 0
  for (const [name, { dtype, shape, data }] of entries) {
    const size = shape.reduce((n, d) => n * d, 1)
    if (name === METADATA) throw new RangeError(`[safetensors] a tensor cannot be called ${METADATA}`)
    if (size !== data.length)
      throw new RangeError(
        `[safetensors] '${name}': shape [${shape.join(',')}] holds ${size} values, data has ${data.length}`,
      )
    const end = offset + size * bytesOf(dtype)
    header[name] = { dtype: NAMES[dtype], shape, data_offsets: [offset, end] }
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const headerBytes = Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + offset)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true)
  bytes.set(json, LENGTH_BYTES)
  bytes.fill(0x20, LENGTH_BYTES + json.length, LENGTH_BYTES + headerBytes)
  let at = LENGTH_BYTES + headerBytes
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

/**
 * Reads a safetensors file.
 *
 * @throws SafetensorsError when the bytes are truncated or garbled, or hold a dtype that is not supported; it says what
 *   was expected where
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { header, dataStart } = readHeader(bytes)
  const entries = Object.entries(header).filter(([name]) => name !== METADATA)
  // fromEntries, because a name like __proto__ must be a name like any other
  const tensors = Object.fromEntries(
    entries.map(([name, entry]) => [name, readEntry(name, entry, bytes, dataStart)]),
  )
  return { tensors, metadata: readMetadata(header[METADATA] ?? {}) }
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < LENGTH_BYTES)
    throw new SafetensorsError(
      `[safetensors] the file has ${bytes.length} bytes, a header length alone has ${LENGTH_BYTES}`,
    )
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > MAX_HEADER)
    throw new SafetensorsError(
      `[safetensors] the header claims ${length} bytes: this is not a safetensors file`,
    )
  if (LENGTH_BYTES + length > bytes.length)
    throw new SafetensorsError(
      `[safetensors] the file is truncated: its header has ${length} bytes, only ${bytes.length - LENGTH_BYTES} follow`,
    )
  let header: unknown
  try {
    header = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)),
    )
  } catch (cause) {
    throw new SafetensorsError(
      `[safetensors] the header is not JSON: this is not a safetensors file, or it is damaged`,
      { cause },
    )
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw new SafetensorsError('[safetensors] the header must be a JSON object')
  return { header: header as Record<string, unknown>, dataStart: LENGTH_BYTES + length }
}

function readMetadata(metadata: unknown): Record<string, string> {
  if (
    typeof metadata !== 'object' ||
    metadata === null ||
    Object.values(metadata).some((v) => typeof v !== 'string')
  )
    throw new SafetensorsError(`[safetensors] ${METADATA} must be an object of strings`)
  return metadata as Record<string, string>
}

const isCount = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0

function readEntry(name: string, entry: unknown, bytes: Uint8Array, dataStart: number): SafetensorsEntry {
  const { dtype: code, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>
  if (typeof code !== 'string' || !Array.isArray(shape) || !shape.every(isCount) || !Array.isArray(offsets))
    throw new SafetensorsError(`[safetensors] '${name}' needs dtype, shape and data_offsets in the header`)
  const dtype = DTYPE_OF.get(code)
  if (dtype === undefined)
    throw new SafetensorsError(
      `[safetensors] '${name}' has dtype ${code}; readable are ${[...DTYPE_OF.keys()].join(', ')}`,
    )
  const [begin, end] = offsets as unknown[]
  const size = shape.reduce((n, d) => n * d, 1)
  if (!isCount(begin) || !isCount(end) || end - begin !== size * bytesOf(dtype))
    throw new SafetensorsError(
      `[safetensors] '${name}' is ${code} [${shape.join(',')}], ${size * bytesOf(dtype)} bytes, but its offsets are ${String(begin)} to ${String(end)}`,
    )
  if (dataStart + end > bytes.length)
    throw new SafetensorsError(
      `[safetensors] the file is truncated: '${name}' ends at byte ${dataStart + end}, the file has ${bytes.length}`,
    )
  const data = DTYPES[dtype].allocate(size)
  new Uint8Array(data.buffer).set(bytes.subarray(dataStart + begin, dataStart + end))
  return { dtype, shape: shape, data }
}
