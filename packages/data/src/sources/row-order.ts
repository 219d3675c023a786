// Orders of row numbers: what shuffle, take, skip, repeat and batch do to an array-backed dataset before a single row is
// touched. Orders come in blocks so that endless repetition needs no endless memory.
import { ShuffleBuffer } from '../shuffle-buffer.ts'

type Order = Iterable<Uint32Array>
const BLOCK = 8192

/** 0, 1, … n − 1. */
export function* ascending(n: number): Generator<Uint32Array, void, undefined> {
  for (let start = 0; start < n; start += BLOCK) {
    const block = new Uint32Array(Math.min(BLOCK, n - start))
    for (let i = 0; i < block.length; i++) block[i] = start + i
    yield block
  }
}

export function* takeRows(order: Order, count: number): Generator<Uint32Array, void, undefined> {
  let left = count
  if (left === 0) return
  for (const block of order) {
    yield block.subarray(0, left)
    left -= block.length
    if (left <= 0) return
  }
}

export function* skipRows(order: Order, count: number): Generator<Uint32Array, void, undefined> {
  let left = count
  for (const block of order) {
    if (left < block.length) yield block.subarray(left)
    left = Math.max(0, left - block.length)
  }
}

export function* shuffleRows(
  order: Order,
  capacity: number,
  seed: number,
  epoch: number,
): Generator<Uint32Array, void, undefined> {
  const buffer = new ShuffleBuffer<number>(capacity, seed, epoch)
  for (const block of order) {
    const out: number[] = []
    for (const index of block) {
      if (buffer.filling) buffer.fill(index)
      else out.push(buffer.exchange(index))
    }
    if (out.length > 0) yield Uint32Array.from(out)
  }
  const rest = Uint32Array.from(buffer.drain())
  if (rest.length > 0) yield rest
}

/** The same row numbers in blocks of exactly `size`; the last one is shorter, or dropped with `dropRemainder`. */
export function* reblock(
  order: Order,
  size: number,
  dropRemainder: boolean,
): Generator<Uint32Array, void, undefined> {
  let pending = new Uint32Array(size)
  let filled = 0
  for (const block of order) {
    let at = 0
    while (at < block.length) {
      const piece = block.subarray(at, at + size - filled)
      pending.set(piece, filled)
      filled += piece.length
      at += piece.length
      if (filled === size) {
        yield pending
        pending = new Uint32Array(size)
        filled = 0
      }
    }
  }
  if (filled > 0 && !dropRemainder) yield pending.subarray(0, filled)
}
