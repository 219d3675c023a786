// Code of running reductions. Lines that lie side by side (inner ≥ 4) advance together, each row from the row before it;
// narrower ones carry their result in a register, and a single line is scanned four elements at a time.
import { bytesOf } from '@dl/tensor/backend'
import type { CumulateKernel, DType } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, V128 } from '../assembler/opcodes.ts'
import type { Value, VectorEmitter } from '../vector/emitter.ts'
import { wordsOf } from '../vector/emitter.ts'
import { loadContiguous, storeContiguous } from './access.ts'
import type { Environment } from './environment.ts'
import { ExpressionEmitter } from './expressions.ts'
import { combine, identity } from './reduction.ts'
import type { EmittedKernel } from './row.ts'

const LANES = 4
const SOURCE = 0
const OUT = 1

export function emitCumulate(env: Environment, name: string, kernel: CumulateKernel): EmittedKernel {
  const f = env.module.function(name, [I32, I32])
  const { outer, length, inner, dtype } = kernel
  if (outer > 0 && length > 0 && inner > 0) {
    const body = env.module.function('', [I32, I32, I32, I32])
    emitLines(env, body, kernel)
    const cost = length * inner * (bytesOf(dtype) * 0.06 + (inner >= LANES ? 0 : 1))
    env.parallel(f, { body, args: [SOURCE, OUT], units: outer, cost })
  }
  return { fn: f, buffers: [kernel.source, kernel.out] }
}

/** The function cumulate(source, out, from, to) over outer turns. */
function emitLines(env: Environment, f: FunctionWriter, kernel: CumulateKernel): void {
  const { length, inner } = kernel
  const x = new ExpressionEmitter(env, f, { exprs: [], deps: [], lane: 0 }, [], new Map())
  const emitter = new CumulateEmitter(x, kernel)
  const bytes = length * inner * bytesOf(kernel.dtype)
  const [from, to] = [2, 3]
  const o = f.permanent(I32)
  for (const buffer of [SOURCE, OUT]) f.get(from).i32(bytes).mul().get(buffer).add().set(buffer)
  f.get(from)
  f.forUntil(o, to, 1, () => {
    if (inner >= LANES) emitter.rows()
    else if (inner === 1) emitter.line()
    else emitter.columns()
    f.increase(SOURCE, bytes).increase(OUT, bytes)
  })
}

class CumulateEmitter {
  readonly #x: ExpressionEmitter
  readonly #e: VectorEmitter
  readonly #kernel: CumulateKernel
  readonly #dtype: DType
  readonly #bytes: number
  readonly #start: Value
  /** Byte offset of the place at hand. */
  readonly #at: number
  readonly #carry: Value

  constructor(x: ExpressionEmitter, kernel: CumulateKernel) {
    this.#x = x
    this.#e = x.e
    this.#kernel = kernel
    this.#dtype = kernel.dtype
    this.#bytes = bytesOf(kernel.dtype)
    this.#start = x.literal(kernel.dtype, identity(kernel.reduction, kernel.dtype))
    this.#at = x.f.permanent(I32)
    this.#carry = Array.from({ length: wordsOf(kernel.dtype) }, () => x.f.permanent(V128))
  }

  /** `out[j] = out[j - 1] ∘ source[j]`, whole rows, the first from the start value (0 + −0 is 0); exclusive: `∘ source[j - 1]`. */
  rows(): void {
    const { inner, length, exclusive, reverse } = this.#kernel
    const size = length * inner
    const first = reverse ? size - inner : 0
    const from = reverse ? inner : -inner
    this.#run(first, first + inner, false, (lanes) => {
      this.#store(lanes, exclusive ? this.#start : this.#combined(this.#start, this.#load(SOURCE, 0)))
    })
    if (length === 1) return
    const [low, high] = reverse ? [0, size - inner] : [inner, size]
    // a vector may reach into the row that it makes, but never into what it reads
    this.#run(low, high, reverse, (lanes) => {
      const before = this.#load(OUT, from)
      this.#store(lanes, this.#combined(before, this.#load(SOURCE, exclusive ? from : 0)))
    })
  }

  /** Two or three lines in the lanes of one register. */
  columns(): void {
    const { inner, length, reverse, exclusive } = this.#kernel
    const { f } = this.#x
    this.#setCarry(this.#start)
    const step = (reverse ? -inner : inner) * this.#bytes
    f.i32(reverse ? (length - 1) * inner * this.#bytes : 0).set(this.#at)
    this.#times(length, () => {
      const mark = f.mark()
      const next = this.#combined(this.#carry, this.#load(SOURCE, 0))
      this.#store(inner, exclusive ? this.#carry : next)
      this.#setCarry(next)
      f.increase(this.#at, step)
      f.release(mark)
    })
  }

  /** One line: a scan inside of each vector, then what came before it. */
  line(): void {
    const { length, reverse } = this.#kernel
    this.#setCarry(this.#start)
    this.#run(0, length, reverse, (lanes) => this.#vector(lanes))
  }

  #vector(lanes: number): void {
    const { reverse, exclusive } = this.#kernel
    let scan = this.#load(SOURCE, 0)
    // lanes past the end stand in front when the line is walked from its end
    if (reverse && lanes < LANES) {
      const live = this.#e.laneMask(lanes)
      scan = this.#e.choose(wordsOf(this.#dtype) === 2 ? this.#e.widenMask(live) : live, scan, this.#start)
    }
    scan = this.#combined(this.#moved(scan, this.#start, 1), scan)
    scan = this.#combined(this.#moved(scan, this.#start, 2), scan)
    scan = this.#combined(this.#carry, scan)
    this.#store(lanes, exclusive ? this.#moved(scan, this.#carry, 1) : scan)
    this.#setCarry(this.#lastLane(scan))
  }

  // ---- loops
  /** `body` for elements `low` … `high - 1`, four at a time; what is left over comes last in the direction of the walk. */
  #run(low: number, high: number, backwards: boolean, body: (lanes: number) => void): void {
    const { f } = this.#x
    const whole = Math.floor((high - low) / LANES)
    const rest = (high - low) % LANES
    const turn = (lanes: number): void => {
      const mark = f.mark()
      body(lanes)
      f.release(mark)
    }
    f.i32((backwards ? high - LANES : low) * this.#bytes).set(this.#at)
    this.#times(whole, () => {
      turn(LANES)
      f.increase(this.#at, (backwards ? -LANES : LANES) * this.#bytes)
    })
    if (!rest) return
    if (backwards) f.i32(low * this.#bytes).set(this.#at)
    turn(rest)
  }

  #times(count: number, body: () => void): void {
    if (count === 0) return
    const { f } = this.#x
    const turn = f.local()
    f.i32(0).set(turn)
    f.forConstant(turn, count, 1, body)
  }

  // ---- values
  #combined(before: Value, x: Value): Value {
    return combine(this.#e, this.#kernel.reduction, this.#dtype, before, x)
  }

  #push(pointer: number, elements: number): void {
    this.#x.f
      .get(pointer)
      .get(this.#at)
      .add()
      .plus(elements * this.#bytes)
  }

  #load(pointer: number, elements: number): Value {
    return loadContiguous(this.#e, this.#dtype, () => (this.#push(pointer, elements), 0))
  }

  #store(lanes: number, value: Value): void {
    storeContiguous(this.#e, this.#dtype, lanes, () => this.#push(OUT, 0), 0, value)
  }

  #setCarry(value: Value): void {
    this.#carry.forEach((local, w) => this.#x.f.get(value[w % value.length]!).set(local))
  }

  /** Lanes moved by `by` places in the direction of the walk; the last lanes of `before` move in. */
  #moved(x: Value, before: Value, by: number): Value {
    const lane = wordsOf(this.#dtype) === 2 ? 8 : 4
    const { reverse } = this.#kernel
    // the words around the value: those of `before` where lanes come from
    const words = reverse ? [...x, before[0]!] : [before.at(-1)!, ...x]
    return x.map((_, w) => {
      const start = reverse ? w * 16 + by * lane : (w + 1) * 16 - by * lane
      const [word, offset] = [Math.floor(start / 16), start % 16]
      return offset === 0 ? words[word]! : this.#shuffled(words[word]!, words[word + 1]!, offset)
    })
  }

  #shuffled(a: number, b: number, offset: number): number {
    const o = this.#x.f.vector()
    const bytes = Array.from({ length: 16 }, (_, i) => i + offset)
    this.#x.f.get(a).get(b).shuffle(bytes).set(o)
    return o
  }

  /** The lane that the walk reaches last, in all lanes. */
  #lastLane(x: Value): Value {
    const wide = wordsOf(this.#dtype) === 2
    const { reverse } = this.#kernel
    const word = reverse ? x[0]! : x.at(-1)!
    const lane = wide ? 8 : 4
    const from = reverse ? 0 : 16 - lane
    const o = this.#x.f.vector()
    const bytes = Array.from({ length: 16 }, (_, i) => from + (i % lane))
    this.#x.f.get(word).get(word).shuffle(bytes).set(o)
    return wide ? [o, o] : [o]
  }
}
