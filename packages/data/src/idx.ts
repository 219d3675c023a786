// The IDX format of the handwritten digits: a magic number that names dtype and rank, the dimensions, the elements, all
// big-endian. Specification: http://yann.lecun.com/exdb/mnist/ ("The IDX file format").
import { DatasetError } from './dataset-error.ts'
import { allocateHost, elementCount, HostArray, showShape } from './host-array.ts'
import type { HostData, HostDType } from './host-array.ts'
import type { ByteSource } from './sources/bytes.ts'
import { describe, readBytes } from './sources/bytes.ts'

interface IdxType {
  readonly dtype: HostDType
  readonly bytes: number
  readonly read: (view: DataView, at: number) => number
}

const TYPES: ReadonlyMap<number, IdxType> = new Map<number, IdxType>([
  [0x08, { dtype: 'uint8', bytes: 1, read: (view, at) => view.getUint8(at) }],
  [0x09, { dtype: 'int8', bytes: 1, read: (view, at) => view.getInt8(at) }],
  [0x0b, { dtype: 'int16', bytes: 2, read: (view, at) => view.getInt16(at) }],
  [0x0c, { dtype: 'int32', bytes: 4, read: (view, at) => view.getInt32(at) }],
  [0x0d, { dtype: 'float32', bytes: 4, read: (view, at) => view.getFloat32(at) }],
  [0x0e, { dtype: 'float64', bytes: 8, read: (view, at) => view.getFloat64(at) }],
])

/**
 * Reads an IDX file, gzipped or not. All six element types of the format are read.
 *
 * @returns the array with the shape that the file states
 * @throws DatasetError (`format`) when the magic number, the length or the gzip stream is wrong, (`source`) when the
 *   source cannot be read
 * @example
 * ```ts
 * import { idx } from '@dl/data'
 * const labels = await idx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1))
 * console.log(labels.dtype, labels.shape, labels.data) // uint8 [ 3 ] Uint8Array [7, 2, 1]
 * ```
 */
export async function idx(source: ByteSource): Promise<HostArray<number[], HostDType>> {
  const name = describe(source)
  const bytes = await readBytes('idx', source)
  return parseIdx(bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes, name) : bytes, name)
}

function parseIdx(bytes: Uint8Array, name: string): HostArray<number[], HostDType> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const type = bytes.length >= 4 && view.getUint16(0) === 0 ? TYPES.get(bytes[2]!) : undefined
  if (type === undefined)
    throw new DatasetError(
      'format',
      `[idx] ${name} is not an IDX file: expected the bytes 00 00, a type of 08, 09, 0b, 0c, 0d or 0e and a rank, ` +
        `got ${bytes.length < 4 ? `only ${bytes.length} bytes` : hex(bytes.subarray(0, 4))}`,
    )
  const rank = bytes[3]!
  const start = 4 + 4 * rank
  if (bytes.length < start)
    throw new DatasetError(
      'format',
      `[idx] ${name} is truncated: a header of rank ${rank} has ${start} bytes, got ${bytes.length}`,
    )
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  const expected = start + elementCount(shape) * type.bytes
  if (bytes.length !== expected)
    throw new DatasetError(
      'format',
      `[idx] ${name} ${bytes.length < expected ? 'is truncated' : 'has bytes after its end'}: ` +
        `${type.dtype} ${showShape(shape)} takes ${expected} bytes with the header, got ${bytes.length}`,
    )
  return new HostArray(elements(bytes, view, start, type), shape, type.dtype)
}

/** The elements in this machine's byte order; bytes are not copied. */
function elements(bytes: Uint8Array, view: DataView, start: number, type: IdxType): HostData & Uint8Array {
  const count = (bytes.length - start) / type.bytes
  if (type.dtype === 'uint8') return bytes.subarray(start)
  const out = allocateHost(type.dtype, count) as Float64Array
  for (let i = 0; i < count; i++) out[i] = type.read(view, start + i * type.bytes)
  return out as unknown as Uint8Array
}

async function gunzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new DatasetError('format', `[idx] ${name} is a broken or truncated gzip file: ${text}`, { cause })
  }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(' ')
