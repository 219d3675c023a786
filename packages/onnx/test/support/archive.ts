// Files of a .tar.gz by name, for tests: the conformance cases of ONNX come in one.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const BLOCK = 512
/** GNU tar: the content is the name of the next file. */
const LONG_NAME = 'L'.charCodeAt(0)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/\0.*$/s, '')

/** @returns contents by path, e.g. `conformance/test_abs/model.onnx` */
export function readTarGz(path: string): ReadonlyMap<string, Uint8Array> {
  const bytes = new Uint8Array(gunzipSync(readFileSync(path)))
  const files = new Map<string, Uint8Array>()
  let longName = ''
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK)
    const name = text(header.subarray(0, 100))
    if (name === '') break
    const prefix = text(header.subarray(345, 500))
    const size = Number.parseInt(text(header.subarray(124, 136)), 8)
    const start = at + BLOCK
    const content = bytes.subarray(start, start + size)
    if (header[156] === LONG_NAME) longName = text(content)
    else {
      files.set(longName || (prefix === '' ? name : `${prefix}/${name}`), content)
      longName = ''
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}
