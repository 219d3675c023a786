// A model by its path, in Node: the file and the data files beside it. node:fs is looked up at run time, so that bundles for
// browsers need no replacement for it.
import { OnnxError } from '../errors.ts'
import type { ExternalData } from './external-data.ts'

interface FileSystem {
  readFile(path: string | URL): Promise<Uint8Array>
  realpath(path: string | URL): Promise<string>
}
interface Paths {
  dirname(path: string): string
  join(...parts: string[]): string
  relative(from: string, to: string): string
  isAbsolute(path: string): boolean
}

function builtin<T>(name: string): T {
  const host = (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process
  const found = host?.getBuiltinModule?.(name)
  if (!found)
    throw new OnnxError(
      'usage',
      '[importOnnx] files are read by their path only in Node; give the bytes: importOnnx(new Uint8Array(await response.arrayBuffer()))',
    )
  return found as T
}

/**
 * The bytes of a file, and a reader of the data files in its folder.
 * @throws OnnxError (`usage`) when the file cannot be read
 */
export async function readModelFile(
  path: string | URL,
): Promise<{ readonly bytes: Uint8Array; readonly externalData: ExternalData }> {
  const fs = builtin<FileSystem>('node:fs/promises')
  try {
    const [bytes, real] = await Promise.all([fs.readFile(path), fs.realpath(path)])
    return { bytes, externalData: (location) => readBeside(fs, real, location) }
  } catch (error) {
    throw new OnnxError('usage', `[importOnnx] the file cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Follows links before it looks where the file is: one that leads out of the folder is refused. */
async function readBeside(fs: FileSystem, model: string, location: string): Promise<Uint8Array> {
  const path = builtin<Paths>('node:path')
  const folder = path.dirname(model)
  const file = await fs.realpath(path.join(folder, location))
  const inside = path.relative(folder, file)
  if (/^\.\.([/\\]|$)/.test(inside) || path.isAbsolute(inside))
    throw new OnnxError(
      'externalData',
      `[importOnnx] the data file '${location}' is a link that leaves the model's folder`,
    )
  return fs.readFile(file)
}
