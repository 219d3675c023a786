// Reads and writes vectors of four elements of any dtype: contiguous, one element for all lanes, or lane by lane.
// uint8 and bool are widened on the way in and narrowed on the way out; bool is a lane mask in registers.
import { bytesOf } from '@dl/tensor/backend'
import type { DType } from '@dl/tensor/backend'
import { OP, SIMD } from '../assembler/opcodes.ts'
import { notZero } from '../vector/convert.ts'
import type { Value, VectorEmitter } from '../vector/emitter.ts'

/** Pushes a byte address; the number it returns is what the instruction's offset field adds (never negative). */
export type Address = () => number

/** Pushes `base` and folds a constant offset into the instruction where that is allowed. */
export function offsetBy(e: VectorEmitter, base: () => void, offset: number): Address {
  return () => {
    base()
    if (offset >= 0) return offset
    e.f.plus(offset)
    return 0
  }
}

const isByte = (dtype: DType): boolean => dtype === 'uint8' || dtype === 'bool'
const isWide = (dtype: DType): boolean => dtype === 'float64' || dtype === 'int64'

/** uint8 lanes as they are, bool lanes as a mask. */
const fromBytes = (e: VectorEmitter, dtype: DType, x: Value): Value =>
  dtype === 'bool' ? notZero(e, 'i32', x) : x

/** One element in all four lanes. */
export function loadSplat(e: VectorEmitter, dtype: DType, address: Address): Value {
  const f = e.f
  const o = f.vector()
  const offset = address()
  if (isByte(dtype)) {
    f.memory(OP.i32Load8U, offset).simd(SIMD.i32x4Splat).set(o)
    return fromBytes(e, dtype, [o])
  }
  f.simdMemory(isWide(dtype) ? SIMD.load64Splat : SIMD.load32Splat, offset).set(o)
  return isWide(dtype) ? [o, o] : [o]
}

/** Four neighbours. */
export function loadContiguous(e: VectorEmitter, dtype: DType, address: Address): Value {
  const f = e.f
  const o = f.vector()
  const offset = address()
  if (isByte(dtype)) {
    f.simdMemory(SIMD.load32Zero, offset)
      .simd(SIMD.i16x8ExtendLowI8x16U)
      .simd(SIMD.i32x4ExtendLowI16x8U)
      .set(o)
    return fromBytes(e, dtype, [o])
  }
  f.load(offset).set(o)
  if (!isWide(dtype)) return [o]
  const high = f.vector()
  f.load(address() + 16).set(high)
  return [o, high]
}

/** Elements at `address(lane)`; lanes from `lanes` on are 0. */
export function loadLanes(
  e: VectorEmitter,
  dtype: DType,
  lanes: number,
  address: (lane: number) => Address,
): Value {
  if (isByte(dtype)) return fromBytes(e, dtype, byteLanes(e, lanes, address))
  const perWord = isWide(dtype) ? 2 : 4
  const [zero, lane] = isWide(dtype) ? [SIMD.load64Zero, SIMD.load64Lane] : [SIMD.load32Zero, SIMD.load32Lane]
  const words: number[] = []
  for (let w = 0; w < 4 / perWord; w++) {
    const o = e.f.vector()
    const count = Math.min(perWord, lanes - w * perWord)
    if (count <= 0) e.f.constI32x4(0).set(o)
    for (let l = 0; l < count; l++) {
      const offset = address(w * perWord + l)()
      if (l === 0) e.f.simdMemory(zero, offset).set(o)
      else e.f.get(o).laneMemory(lane, l, offset).set(o)
    }
    words.push(o)
  }
  return words
}

function byteLanes(e: VectorEmitter, lanes: number, address: (lane: number) => Address): Value {
  const o = e.f.vector()
  for (let l = 0; l < lanes; l++) {
    if (l > 0) e.f.get(o)
    e.f.memory(OP.i32Load8U, address(l)())
    if (l === 0) e.f.simd(SIMD.i32x4Splat)
    else e.f.lane(SIMD.i32x4Replace, l)
    e.f.set(o)
  }
  return [o]
}

const SH_LOW = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23]
const SH_HIGH = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31]
const SH_LEFT = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
const SH_RIGHT = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]

/** Transposes four words of four 32-bit lanes. */
export function transpose4(e: VectorEmitter, rows: Value): Value {
  const f = e.f
  const mix = (a: number, b: number, pattern: readonly number[]): number => {
    const o = f.vector()
    f.get(a).get(b).shuffle(pattern).set(o)
    return o
  }
  const [a, b, c, d] = rows as [number, number, number, number]
  const [ab0, ab1] = [mix(a, b, SH_LOW), mix(a, b, SH_HIGH)]
  const [cd0, cd1] = [mix(c, d, SH_LOW), mix(c, d, SH_HIGH)]
  return [mix(ab0, cd0, SH_LEFT), mix(ab0, cd0, SH_RIGHT), mix(ab1, cd1, SH_LEFT), mix(ab1, cd1, SH_RIGHT)]
}

const LOW_BYTES = [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]

/** What is written: bool as 0 or 1. */
function outgoing(e: VectorEmitter, dtype: DType, words: Value): Value {
  return dtype === 'bool' ? e.op(SIMD.and, words, e.i32(1)) : words
}

/** Writes the first `lanes` lanes to neighbouring elements. */
export function storeContiguous(
  e: VectorEmitter,
  dtype: DType,
  lanes: number,
  base: () => void,
  at: number,
  value: Value,
): void {
  const f = e.f
  const words = outgoing(e, dtype, value)
  const start = (offset: number): number => offsetBy(e, base, at + offset)()
  if (isByte(dtype)) {
    if (lanes < 4) return storeLanes(e, dtype, lanes, (l) => offsetBy(e, base, at + l), value)
    const offset = start(0)
    f.get(words[0]!).get(words[0]!).shuffle(LOW_BYTES).laneMemory(SIMD.store32Lane, 0, offset)
    return
  }
  const perWord = isWide(dtype) ? 2 : 4
  words.slice(0, 4 / perWord).forEach((word, w) => {
    const count = Math.min(perWord, lanes - w * perWord)
    if (count <= 0) return
    if (count === perWord) {
      const offset = start(w * 16)
      f.get(word).store(offset)
      return
    }
    if (count >= 2 || isWide(dtype)) {
      const offset = start(w * 16)
      f.get(word).laneMemory(SIMD.store64Lane, 0, offset)
    }
    if (!isWide(dtype) && count % 2 === 1) {
      const offset = start((count - 1) * 4)
      f.get(word).laneMemory(SIMD.store32Lane, count - 1, offset)
    }
  })
}

/** Writes the first `lanes` lanes to `address(lane)`. */
export function storeLanes(
  e: VectorEmitter,
  dtype: DType,
  lanes: number,
  address: (lane: number) => Address,
  value: Value,
): void {
  const words = outgoing(e, dtype, value)
  for (let l = 0; l < lanes; l++) {
    const offset = address(l)()
    if (isWide(dtype)) e.f.get(words[l >> 1]!).laneMemory(SIMD.store64Lane, l & 1, offset)
    else if (bytesOf(dtype) === 1) e.f.get(words[0]!).laneMemory(SIMD.store8Lane, l * 4, offset)
    else e.f.get(words[0]!).laneMemory(SIMD.store32Lane, l, offset)
  }
}
