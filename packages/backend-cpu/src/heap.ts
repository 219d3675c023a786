// The linear memory of the backend and its allocator: first fit over an address-ordered free list whose neighbours
// coalesce. Every block is 64-byte aligned and followed by at least 64 bytes that kernels may read past the end.
import { MAX_PAGES } from './assembler/module-writer.ts'
import { sharedMemory } from './threads/shared-memory.ts'

const PAGE = 65536
const ALIGNMENT = 64
/** Bytes that may be read past the end of every block. */
const SLACK = 64
/** Below this nothing is handed out: address 0 stays invalid, and a few cells are the backend's own. */
const FIRST_ADDRESS = 1024
const FIRST_PAGES = 64

/** Thrown when the WebAssembly memory can't grow any more; everything allocated before stays usable. */
export class OutOfMemoryError extends Error {
  readonly requestedBytes: number
  constructor(requestedBytes: number, liveBytes: number, limitBytes: number) {
    const mega = (x: number): string => `${(x / 2 ** 20).toFixed(1)} MiB`
    super(
      `[cpu] cannot allocate ${mega(requestedBytes)}: ${mega(liveBytes)} are in use and WebAssembly memory ends at ` +
        `${mega(limitBytes)}; dispose tensors that are no longer needed, or use a smaller batch`,
    )
    this.name = 'OutOfMemoryError'
    this.requestedBytes = requestedBytes
  }
}

interface FreeBlock {
  address: number
  bytes: number
}

const rounded = (bytes: number): number => Math.ceil((bytes + SLACK) / ALIGNMENT) * ALIGNMENT

export class Heap {
  readonly memory: WebAssembly.Memory
  readonly isShared: boolean
  /** Views of the memory; replaced when it grows. */
  u8: Uint8Array
  i32: Int32Array
  f32: Float32Array
  readonly #free: FreeBlock[] = []
  readonly #maximumPages: number
  #live = 0
  #peak = 0
  #blocks = 0

  /** @param shared whether other threads are to see the memory; {@link isShared} says whether they do */
  constructor(maximumPages: number = MAX_PAGES, shared = false) {
    const initial = Math.min(FIRST_PAGES, maximumPages)
    const made = shared ? sharedMemory(initial, maximumPages) : null
    this.memory = made?.memory ?? new WebAssembly.Memory({ initial, maximum: MAX_PAGES })
    this.isShared = made !== null
    this.#maximumPages = made?.pages ?? maximumPages
    this.u8 = new Uint8Array(this.memory.buffer)
    this.i32 = new Int32Array(this.memory.buffer)
    this.f32 = new Float32Array(this.memory.buffer)
    this.#free.push({ address: FIRST_ADDRESS, bytes: initial * PAGE - FIRST_ADDRESS })
  }

  get liveBytes(): number {
    return this.#live
  }

  get peakBytes(): number {
    return this.#peak
  }

  get reservedBytes(): number {
    return this.memory.buffer.byteLength
  }

  get blocks(): number {
    return this.#blocks
  }

  /** Address of a fresh block; its content is undefined. Throws {@link OutOfMemoryError}. */
  allocate(bytes: number): number {
    const size = rounded(bytes)
    let at = this.#firstFit(size)
    if (at < 0) {
      this.#grow(size, bytes)
      at = this.#firstFit(size)
    }
    const block = this.#free[at]!
    const { address } = block
    if (block.bytes === size) this.#free.splice(at, 1)
    else {
      block.address += size
      block.bytes -= size
    }
    this.#live += size
    this.#blocks++
    if (this.#live > this.#peak) this.#peak = this.#live
    return address
  }

  /** Gives a block back; `bytes` as it was asked for. Throws when it is free already. */
  free(address: number, bytes: number): void {
    const size = rounded(bytes)
    this.#insert(address, size)
    this.#live -= size
    this.#blocks--
  }

  #firstFit(size: number): number {
    const free = this.#free
    for (let i = 0; i < free.length; i++) if (free[i]!.bytes >= size) return i
    return -1
  }

  #insert(address: number, bytes: number): void {
    const free = this.#free
    let [low, high] = [0, free.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (free[middle]!.address < address) low = middle + 1
      else high = middle
    }
    const before = low > 0 ? free[low - 1]! : null
    const after = low < free.length ? free[low]! : null
    if ((before && before.address + before.bytes > address) || (after && address + bytes > after.address))
      throw new Error(
        `[cpu] the ${bytes} bytes at ${address} are free already; a buffer was given back twice`,
      )
    const joinsBefore = before !== null && before.address + before.bytes === address
    const joinsAfter = after !== null && address + bytes === after.address
    if (joinsBefore && joinsAfter) {
      before.bytes += bytes + after.bytes
      free.splice(low, 1)
    } else if (joinsBefore) before.bytes += bytes
    else if (joinsAfter) {
      after.address = address
      after.bytes += bytes
    } else free.splice(low, 0, { address, bytes })
  }

  #grow(size: number, requested: number): void {
    const before = this.memory.buffer.byteLength
    const last = this.#free.at(-1)
    const atEnd = last !== undefined && last.address + last.bytes === before ? last.bytes : 0
    const needed = Math.ceil((size - atEnd) / PAGE)
    const room = this.#maximumPages - before / PAGE
    // A quarter more than now, so that growing stays rare; exactly what is needed when that is too much.
    for (const pages of [Math.min(Math.max(needed, Math.ceil(before / PAGE / 4)), room), needed]) {
      if (pages < needed || pages > room) continue
      try {
        this.memory.grow(pages)
      } catch {
        continue
      }
      this.u8 = new Uint8Array(this.memory.buffer)
      this.i32 = new Int32Array(this.memory.buffer)
      this.f32 = new Float32Array(this.memory.buffer)
      this.#insert(before, this.memory.buffer.byteLength - before)
      return
    }
    throw new OutOfMemoryError(requested, this.#live, this.#maximumPages * PAGE)
  }
}
