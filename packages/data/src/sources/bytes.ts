// Where bytes come from: a path (Node), an address, a Blob, a stream, or bytes at hand. Node's file system is looked up at
// run time, so that this package bundles for browsers without a word about Node.
import { DatasetError } from '../dataset-error.ts'

/**
 * Something to read: a path (in Node) or address as text, a URL (`file:`, `http:`, `https:`, `data:`), a Blob or File, a
 * fetch Response, a stream of bytes, or bytes. Streams and Responses can be read once.
 */
export type ByteSource =
  | string
  | URL
  | Blob
  | Response
  | ReadableStream<Uint8Array>
  | Uint8Array
  | ArrayBuffer

interface NodeFiles {
  readFile(path: string | URL): Promise<Uint8Array>
  createReadStream(path: string | URL): AsyncIterable<Uint8Array>
}

/** Node's file functions, undefined outside Node. */
function nodeFiles(): NodeFiles | undefined {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process
  const fs = host?.getBuiltinModule?.('node:fs') as
    | { promises: Pick<NodeFiles, 'readFile'>; createReadStream: NodeFiles['createReadStream'] }
    | undefined
  if (fs === undefined) return undefined
  return {
    readFile: (path) => fs.promises.readFile(path),
    createReadStream: (path) => fs.createReadStream(path),
  }
}

const isWeb = (text: string): boolean => /^(https?|data|blob):/.test(text)

/** The place of a source on disk, undefined when it is not a file of Node's. */
function filePath(source: ByteSource): string | URL | undefined {
  if (typeof source === 'string') return nodeFiles() !== undefined && !isWeb(source) ? source : undefined
  return source instanceof URL && source.protocol === 'file:' ? source : undefined
}

/** All bytes of a source; `op` names the caller in errors. */
export async function readBytes(op: string, source: ByteSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  const path = filePath(source)
  if (path !== undefined) {
    const bytes = await guarded(op, source, () => files(op, source).readFile(path))
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }
  const body = await openBody(op, source)
  return guarded(op, source, async () => new Uint8Array(await new Response(body).arrayBuffer()))
}

/** The bytes of a source piece by piece. Leaving the loop early closes the file or connection. */
export async function* streamBytes(
  op: string,
  source: ByteSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    yield await readBytes(op, source)
    return
  }
  const path = filePath(source)
  const pieces =
    path !== undefined
      ? files(op, source).createReadStream(path)[Symbol.asyncIterator]()
      : readerPieces(await openBody(op, source))
  let ended = false
  try {
    for (;;) {
      const step = await guarded(op, source, () => pieces.next())
      ended = step.done === true
      if (step.done === true) return
      yield step.value
    }
  } finally {
    if (!ended) await pieces.return?.()
  }
}

async function openBody(op: string, source: ByteSource): Promise<ReadableStream<Uint8Array>> {
  if (source instanceof ReadableStream) return once(op, source)
  if (source instanceof Blob) return source.stream()
  const response =
    source instanceof Response ? source : await guarded(op, source, () => fetch(source as string | URL))
  if (!response.ok)
    throw new DatasetError(
      'source',
      `[${op}] cannot read ${describe(source)}: the server answered ${response.status}`,
    )
  return once(op, response.body ?? new Blob([]).stream())
}

function once(op: string, stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  if (!stream.locked) return stream
  throw new DatasetError(
    'source',
    `[${op}] this stream was read before; a stream gives its bytes once, pass a path, a URL or a Blob to read again`,
  )
}

async function* readerPieces(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
  }
}

function files(op: string, source: ByteSource): NodeFiles {
  const found = nodeFiles()
  if (found !== undefined) return found
  throw new DatasetError(
    'source',
    `[${op}] cannot read ${describe(source)}: there is no file system here; pass a Blob or an address`,
  )
}

async function guarded<R>(op: string, source: ByteSource, read: () => Promise<R>): Promise<R> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new DatasetError('source', `[${op}] cannot read ${describe(source)}: ${text}`, { cause })
  }
}

/** A source in a message. */
export function describe(source: ByteSource): string {
  if (typeof source === 'string') return source
  if (source instanceof URL) return source.href
  if (source instanceof Response) return source.url === '' ? 'the response' : source.url
  return source instanceof ReadableStream ? 'the stream' : source instanceof Blob ? 'the blob' : 'the bytes'
}
