// NumPy's .npz files for tests: a zip of .npy arrays, float32 and int64.
import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'
import type { HostTensor } from '../../src/schema/tensor-values.ts'

const END = 0x06054b50

/** @returns arrays by name, without `.npy` */
export function readNpz(path: string): ReadonlyMap<string, HostTensor> {
  const bytes = readFileSync(path)
  let end = bytes.length - 22
  while (bytes.readUInt32LE(end) !== END) end--
  const arrays = new Map<string, HostTensor>()
  let at = bytes.readUInt32LE(end + 16)
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i--) {
    const [method, packed] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20)]
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset))
    const local = bytes.readUInt32LE(at + 42)
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength!)
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
    const content = bytes.subarray(start, start + packed)
    arrays.set(name.replace(/\.npy$/, ''), readNpy(method === 0 ? content : inflateRawSync(content)))
    at += 46 + nameLength! + extra! + comment!
  }
  return arrays
}

function readNpy(bytes: Uint8Array): HostTensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [length, start] = bytes[6] === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12]
  const header = new TextDecoder().decode(bytes.subarray(start, start + length))
  const shape = [.../'shape': \((?<dims>[^)]*)\)/.exec(header)!.groups!['dims']!.matchAll(/\d+/g)].map(Number)
  const data = Uint8Array.from(bytes.subarray(start + length)).buffer
  if (header.includes("'<f4'")) return { dtype: 'float32', shape, data: new Float32Array(data) }
  if (header.includes("'<i8'")) return { dtype: 'int64', shape, data: new BigInt64Array(data) }
  throw new Error(`an array of another type: ${header}`)
}
