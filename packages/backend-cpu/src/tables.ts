// Constant tables of int32 that the kernels of one program read (offsets of axes that are not uniform); equal tables are one.
import type { Heap } from './heap.ts'

export class Tables {
  readonly #heap: Heap
  readonly #allocate: (bytes: number) => number
  readonly #known: Map<Int32Array, number> = new Map()
  readonly #byHash: Map<number, { readonly values: Int32Array; readonly address: number }[]> = new Map()

  constructor(heap: Heap, allocate: (bytes: number) => number) {
    this.#heap = heap
    this.#allocate = allocate
  }

  /** Byte address of a table with these values. */
  place(values: Int32Array): number {
    const known = this.#known.get(values)
    if (known !== undefined) return known
    const address = this.#find(values)
    this.#known.set(values, address)
    return address
  }

  #find(values: Int32Array): number {
    const hash = hashOf(values)
    const bucket = this.#byHash.get(hash) ?? []
    for (const known of bucket) if (same(known.values, values)) return known.address
    const address = this.#allocate(values.byteLength)
    this.#heap.i32.set(values, address >>> 2)
    bucket.push({ values, address })
    this.#byHash.set(hash, bucket)
    return address
  }
}

function hashOf(values: Int32Array): number {
  let hash = values.length
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i]!, 0x01000193)
  return hash
}

function same(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
