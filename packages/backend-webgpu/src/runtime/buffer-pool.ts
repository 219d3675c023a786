// Whole GPU buffers, used again: creating one costs more than a small kernel. A buffer that is given back serves the next
// request of its size class; the queue's order keeps the commands that still read it apart from those that write it anew.
import { OutOfDeviceMemoryError } from '../errors.ts'
import type { OpenDevice } from './device.ts'

// GPUBufferUsage is a global that Node lacks.
const COPY_SRC = 4
const COPY_DST = 8
const STORAGE = 128
const USAGE = COPY_SRC | COPY_DST | STORAGE

/** Idle buffers above this share of the live ones are destroyed. */
const IDLE_SHARE = 0.5
const IDLE_LEAST = 64 * 2 ** 20

/** A power of two, or one of three steps between it and the next: at most a quarter is wasted. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256
  const step = 2 ** Math.max(6, Math.floor(Math.log2(bytes - 1)) - 2)
  return Math.ceil(bytes / step) * step
}

export class BufferPool {
  readonly #device: OpenDevice
  readonly #idle = new Map<number, GPUBuffer[]>()
  #live = 0
  #peak = 0
  #idleBytes = 0
  #count = 0

  constructor(device: OpenDevice) {
    this.#device = device
  }

  /** Bytes in buffers that are in use. */
  get liveBytes(): number {
    return this.#live
  }
  get peakBytes(): number {
    return this.#peak
  }
  get reservedBytes(): number {
    return this.#live + this.#idleBytes
  }
  /** Buffers in use. */
  get count(): number {
    return this.#count
  }

  /** A buffer of at least this size, with undefined contents. */
  acquire(bytes: number): GPUBuffer {
    const size = sizeClass(bytes)
    const { mostBytes } = this.#device
    if (bytes > mostBytes) throw new OutOfDeviceMemoryError(bytes, mostBytes)
    const fitted = Math.min(size, mostBytes)
    const known = this.#idle.get(fitted)?.pop()
    if (known) this.#idleBytes -= fitted
    this.#live += fitted
    this.#count++
    if (this.#live > this.#peak) this.#peak = this.#live
    return known ?? this.#device.gpu.createBuffer({ size: fitted, usage: USAGE })
  }

  /** Takes a buffer back. Commands that use it may still be waiting in the queue. */
  release(buffer: GPUBuffer): void {
    const { size } = buffer
    this.#live -= size
    this.#count--
    let list = this.#idle.get(size)
    if (!list) this.#idle.set(size, (list = []))
    list.push(buffer)
    this.#idleBytes += size
  }

  /** Destroys idle buffers beyond the budget, largest first. Only when no recorded command waits for submission. */
  trim(): void {
    const budget = Math.max(IDLE_LEAST, this.#live * IDLE_SHARE)
    if (this.#idleBytes <= budget) return
    for (const size of [...this.#idle.keys()].toSorted((a, b) => b - a)) {
      const list = this.#idle.get(size)!
      while (list.length > 0 && this.#idleBytes > budget) {
        list.pop()!.destroy()
        this.#idleBytes -= size
      }
      if (list.length === 0) this.#idle.delete(size)
    }
  }
}
