// Random bits: Threefry over the element's number. A stream is a key (two words) and a counter; equal streams give equal
// bits on every backend, in any order and on any number of threads, and a kernel that needs them again makes them again.
import { toElement } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { bitcast, cast, constant, iota, reshape, s, slice } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { hostNode, nodeOf } from '../tensor/tensor.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Where bits come from; all int32 scalars. */
export interface Stream {
  readonly key0: Node
  readonly key1: Node
  readonly counter: Node
}

/** Element `i` of an int32 vector, as a scalar. */
export const word = (vector: Node, i: number): Node => reshape(slice(vector, [i], [1]), [])

/** int32 random bits of `shape`. Draws that need several independent words an element use lanes 0, 1. */
export function bits(stream: Stream, shape: Dims, lane: 0 | 1 = 0): Node {
  const number = iota([sizeOf(shape)], 0)
  const counter = lane === 0 ? stream.counter : s.add(stream.counter, lane)
  return reshape(s.threefry(stream.key0, stream.key1, number, counter), shape)
}

/** float32 uniform on [0, 1): 23 random bits below the exponent of 1, minus 1. */
export function unitUniform(stream: Stream, shape: Dims, lane: 0 | 1 = 0): Node {
  const mantissa = s.shiftRightLogical(bits(stream, shape, lane), 9)
  return s.sub(bitcast(s.bitOr(mantissa, 0x3f800000), 'float32'), 1)
}

/** float32 standard normal (Box and Muller, 1958). */
export function unitNormal(stream: Stream, shape: Dims): Node {
  const radius = s.sqrt(s.mul(s.log(s.sub(1, unitUniform(stream, shape, 0))), -2))
  return s.mul(radius, s.cos(s.mul(unitUniform(stream, shape, 1), 2 * Math.PI)))
}

/** Integers of [low, high) as int32; the span is at most 2³¹. The modulo's bias is below span / 2³¹. */
export function uniformInteger(stream: Stream, shape: Dims, low: number, high: number): Node {
  const positive = s.shiftRightLogical(bits(stream, shape), 1)
  return s.add(s.rem(positive, constant(high - low, 'int32')), low)
}

// Counters of the different uses of a key, so that they never meet.
const DRAW = 0
const FOLD = 2

/**
 * A key of the counter-based generator: splits into as many independent streams as needed, holds no state. A function that
 * takes a key and uses it once is reproducible.
 */
export class Key {
  readonly #words: Node
  /** @param words int32 [2] */
  constructor(words: Node) {
    this.#words = words
  }
  /** The key as a tensor's node, int32 [2]. */
  get words(): Node {
    return this.#words
  }
  get stream(): Stream {
    return { key0: word(this.#words, 0), key1: word(this.#words, 1), counter: constant(DRAW, 'int32') }
  }
  /** A new key from this one and a number (int32, may be a traced tensor): `key.fold(layer)`, `key.fold(step)`. */
  fold(data: number | Tensor): Key {
    const number =
      typeof data === 'number'
        ? constant(toElement('int32', data), 'int32')
        : cast(nodeOf('fold', 'data', data), 'int32')
    const lanes = s.add(iota([2], 0), FOLD)
    return new Key(s.threefry(word(this.#words, 0), word(this.#words, 1), reshape(number, [1]), lanes))
  }
  /** `count` independent keys. */
  split(count: number): Key[] {
    return Array.from({ length: count }, (_, i) => this.fold(i))
  }
}

/** The key of a seed: any integer of up to 53 bits. */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed)) throw new Error(`[random.key] the seed must be an integer, got ${seed}`)
  return new Key(hostNode('random.key', Int32Array.of(seed | 0, Math.floor(seed / 2 ** 32) | 0)))
}
