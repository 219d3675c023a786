// Writes the body of one WebAssembly function. Locals are handed out from free lists that a scope gives back, because a
// kernel emits the same expressions several times (unrolled, single vector, tail) and every local is zeroed at each call.
import { Bytes } from './bytes.ts'
import { ATOMIC, I32, OP, SIMD, V128 } from './opcodes.ts'
import type { ValueType } from './opcodes.ts'

const EMPTY_BLOCK = 0x40

export class FunctionWriter {
  readonly index: number
  /** Exported under this name; an empty name is not exported. */
  readonly name: string
  readonly params: readonly ValueType[]
  readonly results: readonly ValueType[]
  /** Runs before everything in `code`: constants that loops use live in locals set here. */
  readonly prologue: Bytes = new Bytes(64)
  readonly #body: Bytes = new Bytes(512)
  #code: Bytes = this.#body
  readonly #locals: ValueType[] = []
  readonly #free: Map<ValueType, number[]> = new Map()
  readonly #scoped: number[] = []

  constructor(index: number, name: string, params: readonly ValueType[], results: readonly ValueType[]) {
    this.index = index
    this.name = name
    this.params = params
    this.results = results
  }

  // ---- locals

  /** A local that stays taken until the function ends. */
  permanent(type: ValueType = I32): number {
    this.#locals.push(type)
    return this.params.length + this.#locals.length - 1
  }

  /** A local that {@link release} gives back. Its first use must be a write. */
  local(type: ValueType = I32): number {
    const local = this.#free.get(type)?.pop() ?? this.permanent(type)
    this.#scoped.push(local)
    return local
  }

  vector(): number {
    return this.local(V128)
  }

  /** Start of a scope of locals. */
  mark(): number {
    return this.#scoped.length
  }

  /** Gives all locals back that were handed out since `mark`. */
  release(mark: number): void {
    while (this.#scoped.length > mark) {
      const local = this.#scoped.pop()!
      const type = this.#locals[local - this.params.length]!
      const list = this.#free.get(type)
      if (list) list.push(local)
      else this.#free.set(type, [local])
    }
  }

  /** What `emit` writes goes before the body. */
  inPrologue(emit: () => void): void {
    const code = this.#code
    this.#code = this.prologue
    emit()
    this.#code = code
  }

  // ---- instructions

  get(local: number): this {
    this.#code.byte(0x20)
    this.#code.unsigned(local)
    return this
  }

  set(local: number): this {
    this.#code.byte(0x21)
    this.#code.unsigned(local)
    return this
  }

  tee(local: number): this {
    this.#code.byte(0x22)
    this.#code.unsigned(local)
    return this
  }

  i32(value: number): this {
    this.#code.byte(0x41)
    this.#code.signed(value | 0)
    return this
  }

  i64(value: bigint): this {
    this.#code.byte(0x42)
    this.#code.signed64(value)
    return this
  }

  f64(value: number): this {
    this.#code.byte(0x44)
    this.#code.float64(value)
    return this
  }

  /** A plain instruction without immediates. */
  op(code: number): this {
    this.#code.byte(code)
    return this
  }

  /** A SIMD instruction without immediates. */
  simd(code: number): this {
    this.#code.byte(0xfd)
    this.#code.unsigned(code)
    return this
  }

  /** A saturating conversion. */
  truncSat(code: number): this {
    this.#code.byte(0xfc)
    this.#code.byte(code)
    return this
  }

  add(): this {
    return this.op(OP.i32Add)
  }

  sub(): this {
    return this.op(OP.i32Sub)
  }

  mul(): this {
    return this.op(OP.i32Mul)
  }

  /** Multiplies the i32 on the stack by a constant. */
  scale(factor: number): this {
    if (factor === 1) return this
    if (factor > 1 && Number.isInteger(Math.log2(factor))) return this.i32(Math.log2(factor)).op(OP.i32Shl)
    return this.i32(factor).mul()
  }

  /** Adds a constant to the i32 on the stack. */
  plus(constant: number): this {
    return constant === 0 ? this : this.i32(constant).add()
  }

  /** `local += constant`. */
  increase(local: number, constant: number): this {
    return this.get(local).i32(constant).add().set(local)
  }

  /** `local += other`. */
  increaseBy(local: number, other: number): this {
    return this.get(local).get(other).add().set(local)
  }

  /** Plain memory instruction; alignment is a hint and stays 0. */
  memory(code: number, offset = 0): this {
    this.#code.byte(code)
    this.#code.byte(0)
    this.#code.unsigned(offset)
    return this
  }

  /** SIMD memory instruction. */
  simdMemory(code: number, offset = 0): this {
    this.#code.byte(0xfd)
    this.#code.unsigned(code)
    this.#code.byte(0)
    this.#code.unsigned(offset)
    return this
  }

  /** SIMD memory instruction on one lane. */
  laneMemory(code: number, lane: number, offset = 0): this {
    this.simdMemory(code, offset)
    this.#code.byte(lane)
    return this
  }

  /** Atomic memory instruction on 4 or 8 bytes; the address has to be a multiple of that. */
  atomic(code: number, offset = 0): this {
    const wide = code === ATOMIC.i64Load || code === ATOMIC.i64Store || code === ATOMIC.i64CompareExchange
    this.#code.byte(0xfe)
    this.#code.unsigned(code)
    this.#code.byte(wide ? 3 : 2)
    this.#code.unsigned(offset)
    return this
  }

  /** The number of the thread that runs, 0 for the main one: an import of every module. */
  thread(): this {
    this.#code.byte(0x23)
    this.#code.unsigned(0)
    return this
  }

  /** extract_lane or replace_lane. */
  lane(code: number, lane: number): this {
    this.simd(code)
    this.#code.byte(lane)
    return this
  }

  load(offset = 0): this {
    return this.simdMemory(SIMD.load, offset)
  }

  store(offset = 0): this {
    return this.simdMemory(SIMD.store, offset)
  }

  shuffle(bytes: readonly number[]): this {
    this.#code.byte(0xfd)
    this.#code.byte(0x0d)
    for (let i = 0; i < 16; i++) this.#code.byte(bytes[i]!)
    return this
  }

  constF32x4(a: number, b: number = a, c: number = a, d: number = a): this {
    this.#vectorConstant()
    for (const x of [a, b, c, d]) this.#code.float32(x)
    return this
  }

  constI32x4(a: number, b: number = a, c: number = a, d: number = a): this {
    this.#vectorConstant()
    for (const x of [a, b, c, d]) this.#code.int32(x)
    return this
  }

  constF64x2(x: number): this {
    this.#vectorConstant()
    this.#code.float64(x)
    this.#code.float64(x)
    return this
  }

  constI64x2(a: bigint, b: bigint = a): this {
    this.#vectorConstant()
    this.#code.int64(a)
    this.#code.int64(b)
    return this
  }

  #vectorConstant(): void {
    this.#code.byte(0xfd)
    this.#code.byte(0x0c)
  }

  call(fn: { readonly index: number }): this {
    this.#code.byte(0x10)
    this.#code.unsigned(fn.index)
    return this
  }

  /** `memory.fill(address, byte, count)` of what is on the stack. */
  memoryFill(): this {
    this.#code.byte(0xfc)
    this.#code.byte(0x0b)
    this.#code.byte(0)
    return this
  }

  /** `memory.copy(to, from, count)` of what is on the stack. */
  memoryCopy(): this {
    this.#code.byte(0xfc)
    this.#code.byte(0x0a)
    this.#code.byte(0)
    this.#code.byte(0)
    return this
  }

  // ---- control

  block(body: () => void): this {
    this.#code.byte(0x02)
    this.#code.byte(EMPTY_BLOCK)
    body()
    this.#code.byte(0x0b)
    return this
  }

  loop(body: () => void): this {
    this.#code.byte(0x03)
    this.#code.byte(EMPTY_BLOCK)
    body()
    this.#code.byte(0x0b)
    return this
  }

  /** Takes an i32 from the stack. */
  if(then: () => void, otherwise?: () => void): this {
    this.#code.byte(0x04)
    this.#code.byte(EMPTY_BLOCK)
    then()
    if (otherwise) {
      this.#code.byte(0x05)
      otherwise()
    }
    this.#code.byte(0x0b)
    return this
  }

  branch(depth: number): this {
    this.#code.byte(0x0c)
    this.#code.unsigned(depth)
    return this
  }

  branchIf(depth: number): this {
    this.#code.byte(0x0d)
    this.#code.unsigned(depth)
    return this
  }

  /** Leaves the function. */
  return(): this {
    this.#code.byte(0x0f)
    return this
  }

  /** `for (counter = start; counter < end; counter += step)` with a run-time end; the start is on the stack. */
  forUntil(counter: number, end: number, step: number, body: () => void): this {
    this.set(counter)
    return this.block(() => {
      this.get(counter).get(end).op(OP.i32GeS).branchIf(0)
      this.loop(() => {
        body()
        this.increase(counter, step)
        this.get(counter).get(end).op(OP.i32LtS).branchIf(0)
      })
    })
  }

  /** `for (; counter < end; counter += step)` with a constant end, at least one turn; the counter is set already. */
  forConstant(counter: number, end: number, step: number, body: () => void): this {
    return this.loop(() => {
      body()
      this.increase(counter, step)
      this.get(counter).i32(end).op(OP.i32LtS).branchIf(0)
    })
  }

  /** Signed minimum of two locals, on the stack. */
  min(a: number, b: number): this {
    return this.get(a).get(b).get(a).get(b).op(OP.i32LtS).op(OP.select)
  }

  /** `local = min(local, constant)`. */
  atMost(local: number, constant: number): this {
    return this.get(local).i32(constant).get(local).i32(constant).op(OP.i32LtS).op(OP.select).set(local)
  }

  // ---- output

  /** Bytes of the function's entry in the code section. */
  writeTo(out: Bytes): void {
    const groups: [number, ValueType][] = []
    for (const type of this.#locals) {
      const last = groups.at(-1)
      if (last && last[1] === type) last[0]++
      else groups.push([1, type])
    }
    const entry = new Bytes(this.prologue.length + this.#body.length + 16 + groups.length * 4)
    entry.unsigned(groups.length)
    for (const [count, type] of groups) {
      entry.unsigned(count)
      entry.byte(type)
    }
    entry.append(this.prologue)
    entry.append(this.#body)
    entry.byte(0x0b)
    out.unsigned(entry.length)
    out.append(entry)
  }
}
