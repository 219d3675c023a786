// Threefry-2x32 with 20 rounds on int32 lanes (Salmon et al., SC 2011): counter-based random bits without memory.
import { SIMD } from '../assembler/opcodes.ts'
import type { VectorEmitter, Value } from './emitter.ts'

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const
const PARITY = 0x1bd11bda

/** First word of the block for key (k0, k1) and counter (x0, x1). */
export function threefry(e: VectorEmitter, k0: Value, k1: Value, x0: Value, x1: Value): Value {
  const add = (a: Value, b: Value): Value => e.op(SIMD.i32x4Add, a, b)
  const keys = [k0, k1, e.op(SIMD.xor, e.op(SIMD.xor, k0, k1), e.i32(PARITY))]
  let a = add(x0, k0)
  let b = add(x1, k1)
  for (let round = 0; round < 20; round++) {
    const turn = ROTATIONS[round % 8]!
    a = add(a, b)
    if (round === 19) break // the last rotation only feeds the second word
    b = e.op(SIMD.or, e.shift(SIMD.i32x4Shl, b, turn), e.shift(SIMD.i32x4ShrU, b, 32 - turn))
    b = e.op(SIMD.xor, b, a)
    if (round % 4 === 3) {
      const injection = (round + 1) / 4
      a = add(a, keys[injection % 3]!)
      b = add(add(b, keys[(injection + 1) % 3]!), e.i32(injection))
    }
  }
  return add(a, keys[5 % 3]!)
}
