import { describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { Heap, OutOfMemoryError } from '../src/heap.ts'
import { randomSource } from './harness.ts'

describe('heap', () => {
  it('hands out aligned blocks that never overlap, slack included, and joins what comes back', () => {
    const heap = new Heap()
    const random = randomSource(5)
    const live = new Map<number, number>()
    let apart = true
    for (let i = 0; i < 2000; i++) {
      if (random() < 0.55 || live.size === 0) {
        const bytes = Math.floor(random() ** 4 * 200_000)
        const at = heap.allocate(bytes)
        apart &&= at % 64 === 0 && at + bytes + 64 <= heap.reservedBytes
        for (const [other, size] of live) apart &&= at + bytes + 64 <= other || other + size + 64 <= at
        live.set(at, bytes)
      } else {
        const [at, bytes] = [...live][Math.floor(random() * live.size)]!
        live.delete(at)
        heap.free(at, bytes)
      }
    }
    expect(apart).toBe(true)
    for (const [at, bytes] of live) heap.free(at, bytes)
    expect(heap.liveBytes).toBe(0)
    expect(heap.blocks).toBe(0)
    // one block again: everything but the reserved start fits without growing
    const reserved = heap.reservedBytes
    heap.allocate(reserved - 1024 - 64)
    expect(heap.reservedBytes).toBe(reserved)
  })

  it('throws a typed error when memory ends, and works afterwards', () => {
    const heap = new Heap(64)
    const kept = heap.allocate(1 << 20)
    expect(() => heap.allocate(1 << 23)).toThrow(OutOfMemoryError)
    expect(() => heap.allocate(1 << 23)).toThrow(/\[cpu\] cannot allocate 8\.0 MiB: 1\.0 MiB are in use/)
    heap.u8[kept] = 7
    const more = heap.allocate(1 << 20)
    expect(more).not.toBe(kept)
    expect(heap.u8[kept]).toBe(7)
  })

  it('refuses to take a block back twice', () => {
    const heap = new Heap()
    const [a, b] = [heap.allocate(100), heap.allocate(100)]
    heap.free(a, 100)
    expect(() => heap.free(a, 100)).toThrow(/are free already; a buffer was given back twice/)
    heap.free(b, 100)
    expect(heap.liveBytes).toBe(0)
  })

  it('counts live and peak bytes', () => {
    const heap = new Heap()
    const a = heap.allocate(1000)
    const b = heap.allocate(5000)
    const peak = heap.peakBytes
    expect(heap.liveBytes).toBe(peak)
    heap.free(a, 1000)
    heap.free(b, 5000)
    expect([heap.liveBytes, heap.peakBytes]).toEqual([0, peak])
  })
})

describe('backend', () => {
  it('reads what was written, also after the memory grew', () => {
    const backend = new CpuBackend()
    const data = Float32Array.from({ length: 1000 }, (_, i) => i / 3)
    const pointer = backend.allocate(4000)
    backend.write(pointer, data)
    data.fill(0) // the backend has its own copy
    const before = backend.memory().reservedBytes
    const large = backend.allocate(40_000_000)
    expect(backend.memory().reservedBytes).toBeGreaterThan(before)
    const copy = backend.allocate(4000)
    backend.copy(pointer, copy, 4000)
    const read = backend.readSync(copy, 'float32', 1000) as Float32Array
    expect(Array.from(read.slice(0, 4))).toEqual([0, Math.fround(1 / 3), Math.fround(2 / 3), 1])
    read.fill(5)
    expect(backend.readSync(copy, 'float32', 2)[1]).toBe(Math.fround(1 / 3))
    backend.free(large, 40_000_000)
    expect(backend.memory().buffers).toBe(2)
  })

  it('says why it cannot start without WebAssembly', async () => {
    const { WebAssembly: real } = globalThis
    try {
      ;(globalThis as { WebAssembly?: unknown }).WebAssembly = undefined
      const backend = new CpuBackend()
      expect(backend.ready).toBe(false)
      await expect(backend.start()).rejects.toThrow(
        "[cpu] the backend can't start: this engine has no WebAssembly",
      )
    } finally {
      globalThis.WebAssembly = real
    }
  })

  it('says why it cannot start where compilation is forbidden', async () => {
    const { Module } = WebAssembly
    try {
      WebAssembly.Module = function forbidden() {
        throw new Error('Refused to compile by Content Security Policy')
      } as unknown as typeof WebAssembly.Module
      const backend = new CpuBackend()
      await expect(backend.start()).rejects.toThrow(/Content Security Policy.*wasm-unsafe-eval/)
      expect(backend.ready).toBe(false)
    } finally {
      WebAssembly.Module = Module
    }
  })
})
