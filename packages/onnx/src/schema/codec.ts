// Bytes to messages and back, and the owner of 64-bit integers. protobufjs gives them as Long objects and, handed a bigint,
// writes 0 without a word; so every message passes through here, where Long becomes bigint and bigint becomes Long.
import $protobuf from 'protobufjs/minimal.js'
import { OnnxError } from '../errors.ts'
import { fileKind } from './file-kinds.ts'
import type { ModelProto, TensorProto } from './messages.ts'
import { ModelProto as modelCodec, TensorProto as tensorCodec } from './onnx.generated.ts'

/** What the generated code offers for one message type. */
export interface MessageCodec {
  decode(reader: object): object
  encode(message: object): { finish(): Uint8Array }
}

interface Long {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean
}
interface Runtime {
  readonly Reader: {
    create(bytes: Uint8Array): {
      discardUnknown: boolean
      readonly pos: number
      bytes(): Uint8Array
      string(): string
    }
  }
  readonly util: {
    readonly Long: {
      isLong(x: unknown): boolean
      fromBits(low: number, high: number, unsigned: boolean): object
    } | null
  }
}
const { Reader, util } = $protobuf as unknown as Runtime
type Record64 = Record<string, unknown>

/** Parts of a file that this version of the format does not know, by the path of the message that holds them. */
export type UnknownFields = readonly string[]

/**
 * Reads a model file.
 * @throws OnnxError when the bytes are no protobuf message, or not this one
 */
export function decodeModel(bytes: Uint8Array): {
  readonly model: ModelProto
  readonly unknown: UnknownFields
} {
  if (bytes.length === 0) throw new OnnxError('notOnnx', '[importOnnx] the file is empty (0 bytes)')
  const unknown: string[] = []
  const model = decode(modelCodec, bytes, 'model', unknown) as ModelProto
  if (!model.graph) {
    const kind = fileKind(bytes)
    if (kind !== undefined) throw new OnnxError('notOnnx', `[importOnnx] the file is ${kind}`)
  }
  return { model, unknown }
}

/** Reads a file that holds one tensor (`input_0.pb` beside a model). */
export function decodeTensorProto(bytes: Uint8Array): TensorProto {
  return decode(tensorCodec, bytes, 'tensor', [])
}

export const encodeModel = (model: ModelProto): Uint8Array => encode(modelCodec, model)
export const encodeTensorProto = (tensor: TensorProto): Uint8Array => encode(tensorCodec, tensor)

function decode(codec: MessageCodec, bytes: Uint8Array, what: string, unknown: string[]): object {
  const reader = Reader.create(bytes)
  reader.discardUnknown = false
  reader.string = () => textOf(reader.bytes())
  let message: object
  try {
    message = codec.decode(reader)
  } catch (error) {
    throw whatIsWrong(bytes, reader.pos, error)
  }
  return readable(message, what, unknown) as object
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const NOT_UTF8 = 'a text in it is not UTF-8'

/** Names are compared and written back, so bytes that are no text must not become replacement characters. */
function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new Error(NOT_UTF8, { cause: error })
  }
}

function whatIsWrong(bytes: Uint8Array, position: number, cause: unknown): OnnxError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const kind = fileKind(bytes)
  const place = `near byte ${position} of ${bytes.length}`
  if (kind !== undefined) return new OnnxError('notOnnx', `[importOnnx] the file is ${kind}`, { cause })
  if (/max depth/.test(reason))
    return new OnnxError(
      'invalid',
      '[importOnnx] the file nests messages more than 100 deep; it is damaged or hostile',
      { cause },
    )
  if (/index out of range/.test(reason))
    return new OnnxError(
      'damaged',
      `[importOnnx] the file ends, or a part of it ends, before what it announces: truncated or damaged ${place}`,
      { cause },
    )
  return new OnnxError(
    'damaged',
    `[importOnnx] the file is not an ONNX model, or is damaged ${place} (${reason})`,
    { cause },
  )
}

/** Long to bigint, everywhere; messages become plain objects without a prototype, absent fields stay absent. */
function readable(value: unknown, path: string, unknown: string[]): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (isLong(value)) return toBigInt(value)
  if (Array.isArray(value)) {
    const first: unknown = value[0]
    if (first === undefined || typeof first !== 'object') return value
    return value.map((item, i) => readable(item, `${path}[${i}]`, unknown))
  }
  const message = value as Record64
  const fields = Object.create(null) as Record64
  for (const key of Object.keys(message)) fields[key] = readable(message[key], `${path}.${key}`, unknown)
  if (Array.isArray(message['$unknowns'])) unknown.push(path)
  return fields
}

const isLong = (value: object): value is Long => util.Long?.isLong(value) === true

function toBigInt({ low, high, unsigned }: Long): bigint {
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  return unsigned ? bits : BigInt.asIntN(64, bits)
}

function encode(codec: MessageCodec, message: object): Uint8Array {
  return Uint8Array.from(codec.encode(writable(message) as object).finish())
}

const UNSIGNED = new Set(['uint64Data'])
/** The schema's fields of type int64. */
const SIGNED = new Set(
  'irVersion modelVersion version i ints begin end dims int64Data dimValue device key value axis numShards'.split(
    ' ',
  ),
)

/** Bigint to Long where the schema has 64 bits; elsewhere protobufjs would write 0 without a word, so it throws. */
function writable(value: unknown, key = ''): unknown {
  if (typeof value === 'bigint') {
    if (!SIGNED.has(key) && !UNSIGNED.has(key))
      throw new OnnxError(
        'usage',
        `[exportOnnx] the field '${key}' is no 64-bit integer, got the bigint ${value}`,
      )
    return toLong(value, UNSIGNED.has(key))
  }
  if (Array.isArray(value)) return value.map((item) => writable(item, key))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, writable(field, name)]))
}

function toLong(value: bigint, unsigned: boolean): object {
  if (!util.Long)
    throw new Error(
      '[onnx] protobufjs found no Long class, so 64-bit integers would be lost; install the package "long"',
    )
  const bits = BigInt.asUintN(64, value)
  if ((unsigned ? bits : BigInt.asIntN(64, bits)) !== value)
    throw new OnnxError('usage', `[exportOnnx] ${value} does not fit in 64 bits`)
  return util.Long.fromBits(Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0, unsigned)
}
