// Scratch memory for all programs: kernels run one after another and keep nothing in it between them. One block is shared
// by the threads that run a kernel; of the other kind every thread has its own. Their addresses lie in cells that kernels
// read, so blocks can move when a program needs more.
import type { Heap } from './heap.ts'
import { SHARED_WORKSPACE_CELL, WORKSPACE_CELLS } from './threads/control.ts'

/** One block and the programs that want it to be there. */
class Block {
  readonly #heap: Heap
  readonly #cell: number
  /** Bytes that each living program needs. */
  readonly #needs: Map<symbol, number> = new Map()
  #address = 0
  #bytes = 0

  constructor(heap: Heap, cell: number) {
    this.#heap = heap
    this.#cell = cell
  }

  require(key: symbol, bytes: number): void {
    if (bytes > this.#bytes) this.#resize(bytes)
    this.#needs.set(key, bytes)
  }

  release(key: symbol): void {
    this.#needs.delete(key)
    const most = Math.max(0, ...this.#needs.values())
    if (most < this.#bytes / 2) this.#resize(most)
  }

  clear(): void {
    this.#needs.clear()
    this.#resize(0)
  }

  #resize(bytes: number): void {
    const address = bytes > 0 ? this.#heap.allocate(bytes) : 0
    if (this.#bytes > 0) this.#heap.free(this.#address, this.#bytes)
    this.#address = address
    this.#bytes = bytes
    this.#heap.i32[this.#cell >>> 2] = address
  }
}

export interface WorkspaceNeeds {
  /** Bytes that all threads use together. */
  readonly shared: number
  /** Bytes for each thread. */
  readonly own: number
}

export class Workspace {
  readonly #heap: Heap
  readonly #shared: Block
  readonly #own: Block[]
  /** Programs and what they need of each thread. */
  readonly #needs: Map<symbol, number> = new Map()

  constructor(heap: Heap) {
    this.#heap = heap
    this.#shared = new Block(heap, SHARED_WORKSPACE_CELL)
    this.#own = [new Block(heap, WORKSPACE_CELLS)]
  }

  /** Makes room for a program; the result gives the need up again. Throws `OutOfMemoryError` and leaves nothing behind. */
  require({ shared, own }: WorkspaceNeeds): () => void {
    const key = Symbol()
    const release = (): void => {
      this.#needs.delete(key)
      for (const block of [this.#shared, ...this.#own]) block.release(key)
    }
    try {
      this.#shared.require(key, shared)
      for (const block of this.#own) block.require(key, own)
      this.#needs.set(key, own)
    } catch (error) {
      release()
      throw error
    }
    return release
  }

  /**
   * Gives as many threads as this their blocks, and takes those of others back. Only while nothing runs.
   * Throws `OutOfMemoryError` when there is no room for the blocks of more threads; those that have theirs keep them.
   */
  setThreads(count: number): void {
    for (const block of this.#own.splice(count)) block.clear()
    while (this.#own.length < count) {
      const block = new Block(this.#heap, WORKSPACE_CELLS + 4 * this.#own.length)
      try {
        for (const [key, bytes] of this.#needs) block.require(key, bytes)
      } catch (error) {
        block.clear()
        throw error
      }
      this.#own.push(block)
    }
  }
}
