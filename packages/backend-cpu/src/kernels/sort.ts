// Code of sorting. Every element becomes an entry: a key whose order as an unsigned integer is the order wanted, and its
// position. Short lines, and the first few of long ones, are kept in order by insertion; everything else is sorted by radix,
// one byte of the key at a time, bytes that are the same everywhere left out.
import { bytesOf } from '@dl/tensor/backend'
import type { DType, SortKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, I64, OP } from '../assembler/opcodes.ts'
import type { Environment } from './environment.ts'
import type { EmittedKernel } from './row.ts'

/** Lines up to this length, or so few wanted elements of longer lines, are sorted by insertion. */
const SHORT_LINE = 64
const FEW = 32

/**
 * How an entry lies in memory: keys of up to four bytes share an int64 with the position below them, so that comparing
 * entries compares both; longer keys have eight bytes of their own.
 */
interface EntryForm {
  readonly bytes: 8 | 16
  readonly positionOffset: 0 | 8
  /** Bytes of the key, and the place of its lowest bit. */
  readonly keyBytes: number
  readonly keyShift: number
}
const entryForm = (dtype: DType): EntryForm =>
  bytesOf(dtype) === 8
    ? { bytes: 16, positionOffset: 8, keyBytes: 8, keyShift: 0 }
    : { bytes: 8, positionOffset: 0, keyBytes: bytesOf(dtype), keyShift: 32 }

/** Nanoseconds that an element takes. */
const ELEMENT_COST = 10

const SOURCE = 0
const OUT = 1
/** Lines to do: the first, and the one behind the last. */
const FROM = 2
const TO = 3

export function emitSort(env: Environment, name: string, kernel: SortKernel): EmittedKernel {
  const f = env.module.function(name, [I32, I32])
  const { outer, inner, length, count } = kernel
  if (outer > 0 && inner > 0 && length > 0 && count > 0) {
    const body = env.module.function('', [I32, I32, I32, I32])
    new SortEmitter(env, body, kernel).emit()
    const units = outer * inner
    env.parallel(f, { body, args: [SOURCE, OUT], units, cost: length * ELEMENT_COST })
  }
  return { fn: f, buffers: [kernel.source, kernel.out] }
}

class SortEmitter {
  readonly #env: Environment
  readonly #f: FunctionWriter
  readonly #kernel: SortKernel
  readonly #form: EntryForm
  /** Where the entries lie; radix moves them to `#other` and back. */
  readonly #entries: number
  readonly #other: number
  /** Number of the element at hand, and its address. */
  readonly #position: number
  readonly #address: number
  readonly #entry: number

  constructor(env: Environment, f: FunctionWriter, kernel: SortKernel) {
    this.#env = env
    this.#f = f
    this.#kernel = kernel
    this.#form = entryForm(kernel.dtype)
    this.#entries = f.permanent(I32)
    this.#other = f.permanent(I32)
    this.#position = f.permanent(I32)
    this.#address = f.permanent(I32)
    this.#entry = f.permanent(I64)
  }

  emit(): void {
    const { inner, length, count } = this.#kernel
    const f = this.#f
    const byInsertion = length <= SHORT_LINE || count <= FEW
    const [number, line, target] = [f.permanent(), f.permanent(), f.permanent()]
    const bytes = bytesOf(this.#kernel.dtype)
    /** The line's first element in a buffer with `rows` elements a line. */
    const start = (buffer: number, rows: number, size: number): FunctionWriter => {
      f.get(buffer)
      f.get(number)
        .i32(inner)
        .op(OP.i32DivU)
        .i32(rows * inner)
        .mul()
      return f.get(number).i32(inner).op(OP.i32RemU).add().scale(size).add()
    }
    f.get(FROM)
    f.forUntil(number, TO, 1, () => {
      start(SOURCE, length, bytes).set(line)
      start(OUT, count, 4).set(target)
      if (byInsertion) this.#insertion(line)
      else this.#radix(line)
      this.#writePositions(target)
    })
  }

  // ---- walking a line
  /** `body` for each element of the line, its entry's key (and position) in `#entry`. */
  #forEachElement(line: number, body: () => void): void {
    const f = this.#f
    const { length, inner, dtype } = this.#kernel
    f.get(line).set(this.#address)
    f.i32(0).set(this.#position)
    f.forConstant(this.#position, length, 1, () => {
      this.#pushKey()
      if (this.#form.bytes === 8)
        f.i64(32n).op(OP.i64Shl).get(this.#position).op(OP.i64ExtendI32U).op(OP.i64Or)
      f.set(this.#entry)
      body()
      f.increase(this.#address, inner * bytesOf(dtype))
    })
  }

  /** Positions of the first entries, in order, to the line of the result at `target`. */
  #writePositions(target: number): void {
    const f = this.#f
    const { inner, count } = this.#kernel
    const turn = f.local()
    f.get(this.#entries).set(this.#address)
    f.i32(0).set(turn)
    f.forConstant(turn, count, 1, () => {
      f.get(target).get(this.#address).memory(OP.i32Load, this.#form.positionOffset).memory(OP.i32Store)
      f.increase(target, inner * 4).increase(this.#address, this.#form.bytes)
    })
  }

  // ---- keys
  /** The key of the element at `#address` as an int64 whose upper half is 0 where keys have four bytes. */
  #pushKey(): void {
    const f = this.#f
    const { dtype, descending } = this.#kernel
    f.get(this.#address)
    switch (dtype) {
      case 'uint8':
      case 'bool':
        f.memory(OP.i32Load8U)
        if (descending) f.i32(255).op(OP.i32Xor)
        f.op(OP.i64ExtendI32U)
        return
      case 'int32':
        f.memory(OP.i32Load)
          .i32(descending ? 0x7fffffff : -0x80000000)
          .op(OP.i32Xor)
          .op(OP.i64ExtendI32U)
        return
      case 'int64':
        f.memory(OP.i64Load)
          .i64(descending ? 2n ** 63n - 1n : -(2n ** 63n))
          .op(OP.i64Xor)
        return
      case 'float32':
        this.#floatKey32()
        if (descending) f.i32(-1).op(OP.i32Xor)
        f.op(OP.i64ExtendI32U)
        return
      case 'float64':
        this.#floatKey64()
        if (descending) f.i64(-1n).op(OP.i64Xor)
    }
  }

  /** Bits in the order of the numbers: negative ones turned over, −0 as 0, NaN above all. The address is on the stack. */
  #floatKey32(): void {
    const f = this.#f
    const bits = f.local()
    f.memory(OP.i32Load).set(bits)
    f.i32(0).get(bits).get(bits).i32(1).op(OP.i32Shl).op(OP.i32Eqz).op(OP.select).set(bits)
    f.i32(-1)
    f.get(bits).get(bits).i32(31).op(OP.i32ShrS).i32(-0x80000000).op(OP.i32Or).op(OP.i32Xor)
    f.get(bits).i32(0x7fffffff).op(OP.i32And).i32(0x7f800000).op(OP.i32GtS).op(OP.select)
  }

  #floatKey64(): void {
    const f = this.#f
    const bits = f.local(I64)
    f.memory(OP.i64Load).set(bits)
    f.i64(0n).get(bits).get(bits).i64(1n).op(OP.i64Shl).op(OP.i64Eqz).op(OP.select).set(bits)
    f.i64(-1n)
    f.get(bits)
      .get(bits)
      .i64(63n)
      .op(OP.i64ShrS)
      .i64(-(2n ** 63n))
      .op(OP.i64Or)
      .op(OP.i64Xor)
    f.get(bits)
      .i64(2n ** 63n - 1n)
      .op(OP.i64And)
      .i64(0x7ff0000000000000n)
      .op(OP.i64GtS)
      .op(OP.select)
  }

  // ---- entries
  #storeEntry(at: number): void {
    const f = this.#f
    f.get(at).get(this.#entry).memory(OP.i64Store)
    if (this.#form.bytes === 16) f.get(at).get(this.#position).memory(OP.i32Store, 8)
  }

  /** The workspace, cut into entries, as many others, and counts. */
  #takeWorkspace(entries: number, others: number, more: number): void {
    const { bytes } = this.#form
    this.#env.workspace((entries + others) * bytes + more)
    this.#env.pushWorkspace(this.#f)
    this.#f.set(this.#entries)
    this.#f
      .get(this.#entries)
      .i32(entries * bytes)
      .add()
      .set(this.#other)
  }

  /** Copies the entry before `at` to `at`. */
  #moveUp(at: number): void {
    const f = this.#f
    const { bytes } = this.#form
    for (let word = 0; word < bytes; word += 8)
      f.get(at).get(at).plus(-bytes).memory(OP.i64Load, word).memory(OP.i64Store, word)
  }

  // ---- insertion
  /** The best entries so far stay in order; most elements of a long line are told by one comparison that they are not among them. */
  #insertion(line: number): void {
    const f = this.#f
    const { bytes } = this.#form
    const { count } = this.#kernel
    const at = f.local()
    const last = (count - 1) * bytes
    this.#takeWorkspace(count, 0, 0)
    this.#forEachElement(line, () => {
      f.block(() => {
        f.get(this.#position).i32(count).op(OP.i32LtS)
        f.if(
          () => void f.get(this.#entries).get(this.#position).scale(bytes).add().set(at),
          () => {
            f.get(this.#entry).get(this.#entries).memory(OP.i64Load, last).op(OP.i64GeU).branchIf(1)
            f.get(this.#entries).plus(last).set(at)
          },
        )
        f.block(() => {
          f.loop(() => {
            f.get(at).get(this.#entries).op(OP.i32Eq).branchIf(1)
            f.get(at).plus(-bytes).memory(OP.i64Load).get(this.#entry).op(OP.i64LeU).branchIf(1)
            this.#moveUp(at)
            f.increase(at, -bytes).branch(0)
          })
        })
        this.#storeEntry(at)
      })
    })
  }

  // ---- radix
  #radix(line: number): void {
    const f = this.#f
    const { length } = this.#kernel
    const { bytes, keyBytes } = this.#form
    const counts = f.local()
    this.#takeWorkspace(length, length, keyBytes * 1024)
    f.get(this.#other)
      .i32(length * bytes)
      .add()
      .set(counts)
    f.get(counts)
      .i32(0)
      .i32(keyBytes * 1024)
      .memoryFill()
    const at = f.local()
    f.get(this.#entries).set(at)
    this.#forEachElement(line, () => {
      this.#storeEntry(at)
      f.increase(at, bytes)
      for (let byte = 0; byte < keyBytes; byte++) {
        const cell = f.local()
        this.#digit(byte)
        f.get(counts).add().set(cell)
        f.get(cell)
          .get(cell)
          .memory(OP.i32Load, byte * 1024)
          .i32(1)
          .add()
          .memory(OP.i32Store, byte * 1024)
      }
    })
    for (let byte = 0; byte < keyBytes; byte++) this.#pass(byte, counts)
  }

  /** Four times a byte of the key of `#entry`, on the stack. */
  #digit(byte: number): void {
    const f = this.#f
    const shift = this.#form.keyShift + 8 * byte
    f.get(this.#entry)
    if (shift >= 2) f.i64(BigInt(shift - 2)).op(OP.i64ShrU)
    else f.i64(2n).op(OP.i64Shl)
    f.op(OP.i32WrapI64).i32(1020).op(OP.i32And)
  }

  /** Moves all entries to the other half in the order of one byte, unless it is the same everywhere. */
  #pass(byte: number, counts: number): void {
    const f = this.#f
    const { length } = this.#kernel
    const table = byte * 1024
    f.block(() => {
      f.get(this.#entries).memory(OP.i64Load).set(this.#entry)
      this.#digit(byte)
      f.get(counts).add().memory(OP.i32Load, table).i32(length).op(OP.i32Eq).branchIf(0)
      this.#countsToAddresses(counts, table)
      this.#scatter(byte, counts, table)
      const swap = f.local()
      f.get(this.#entries).set(swap).get(this.#other).set(this.#entries).get(swap).set(this.#other)
    })
  }

  #countsToAddresses(counts: number, table: number): void {
    const f = this.#f
    const [cell, end, next, size] = [f.local(), f.local(), f.local(), f.local()]
    f.get(counts).set(cell).get(counts).plus(1024).set(end).get(this.#other).set(next)
    f.loop(() => {
      f.get(cell).memory(OP.i32Load, table).scale(this.#form.bytes).set(size)
      f.get(cell).get(next).memory(OP.i32Store, table)
      f.increaseBy(next, size).increase(cell, 4)
      f.get(cell).get(end).op(OP.i32LtS).branchIf(0)
    })
  }

  #scatter(byte: number, counts: number, table: number): void {
    const f = this.#f
    const { bytes } = this.#form
    const [turn, from, cell, to] = [f.local(), f.local(), f.local(), f.local()]
    f.get(this.#entries).set(from).i32(0).set(turn)
    f.forConstant(turn, this.#kernel.length, 1, () => {
      f.get(from).memory(OP.i64Load).set(this.#entry)
      this.#digit(byte)
      f.get(counts).add().set(cell)
      f.get(cell).memory(OP.i32Load, table).set(to)
      f.get(cell).get(to).plus(bytes).memory(OP.i32Store, table)
      f.get(to).get(this.#entry).memory(OP.i64Store)
      if (bytes === 16) f.get(to).get(from).memory(OP.i64Load, 8).memory(OP.i64Store, 8)
      f.increase(from, bytes)
    })
  }
}
