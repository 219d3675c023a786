// One block of scratch memory for all programs: kernels run one after another and keep nothing in it between them. Its
// address lies in a cell that kernels read, so it can move when a program needs more.
import type { Heap } from './heap.ts'

/** Reserved by the heap below its first block. */
const CELL = 512

export class Workspace {
  readonly cell: number = CELL
  readonly #heap: Heap
  /** Bytes that each living program needs. */
  readonly #needs: Map<symbol, number> = new Map()
  #address = 0
  #bytes = 0

  constructor(heap: Heap) {
    this.#heap = heap
  }

  /** Makes room for a program; the result gives the need up again. */
  require(bytes: number): () => void {
    if (bytes > this.#bytes) this.#resize(bytes)
    const key = Symbol()
    this.#needs.set(key, bytes)
    return () => {
      this.#needs.delete(key)
      const most = Math.max(0, ...this.#needs.values())
      if (most < this.#bytes / 2) this.#resize(most)
    }
  }

  #resize(bytes: number): void {
    const address = bytes > 0 ? this.#heap.allocate(bytes) : 0
    if (this.#bytes > 0) this.#heap.free(this.#address, this.#bytes)
    this.#address = address
    this.#bytes = bytes
    this.#heap.i32[CELL >>> 2] = address
  }
}
