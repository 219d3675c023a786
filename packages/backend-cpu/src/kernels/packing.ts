// Packs a block of a matrix operand into panels that the micro-kernel reads front to back: panel after panel of `width`
// rows, k outermost inside a panel. Any strides or offset tables; rows past the end repeat the last row, and what the
// product makes of them is dropped at the store.
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP, SIMD, V128 } from '../assembler/opcodes.ts'
import { contiguousPanels, inRunsOfFour } from './axis.ts'
import type { AxisOffsets } from './axis.ts'
import type { Environment } from './environment.ts'

const LOW = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23]
const HIGH = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31]
const LEFT = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
const RIGHT = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]

/** `k`: four k lie side by side, transpose blocks; `rows`: the panel's rows do, copy vectors; else element by element. */
type Mode = 'k' | 'rows' | 'elements'

/** The function pack(source, target, firstRow, firstK, rows, ks); counts are at least 1. */
export function packFunction(
  env: Environment,
  width: number,
  rows: AxisOffsets,
  ks: AxisOffsets,
): FunctionWriter {
  const panels = contiguousPanels(rows, width, 4)
  const preferRows = panels !== null && rows.table === null
  const mode: Mode = inRunsOfFour(ks, 4) && !preferRows ? 'k' : panels ? 'rows' : 'elements'
  const name = (a: AxisOffsets): string => (a.table ? `t${env.table(a.table)}` : `${a.stride}`)
  const key = `pack${width}${mode}${name(rows)},${rows.count}/${name(ks)}`
  return env.module.shared(key, () => new PackWriter(env, width, rows, ks, mode, panels).write())
}

class PackWriter {
  readonly #env: Environment
  readonly #f: FunctionWriter
  readonly #width: number
  readonly #rows: AxisOffsets
  readonly #ks: AxisOffsets
  readonly #mode: Mode
  readonly #panels: 'all' | Int32Array | null
  /** Local with the address of each row of the running panel. */
  readonly #row: readonly number[]
  readonly #target: number
  readonly #i: number
  readonly #k: number
  readonly #offset: number

  constructor(
    env: Environment,
    width: number,
    rows: AxisOffsets,
    ks: AxisOffsets,
    mode: Mode,
    panels: 'all' | Int32Array | null,
  ) {
    this.#env = env
    this.#width = width
    this.#rows = rows
    this.#ks = ks
    this.#mode = mode
    this.#panels = panels
    const f = (this.#f = env.module.function('', [I32, I32, I32, I32, I32, I32]))
    this.#row = Array.from({ length: width }, () => f.permanent(I32))
    this.#target = f.permanent(I32)
    this.#i = f.permanent(I32)
    this.#k = f.permanent(I32)
    this.#offset = f.permanent(I32)
  }

  write(): FunctionWriter {
    const f = this.#f
    const [target, firstRow, firstK, rows, ks] = [1, 2, 3, 4, 5]
    const [rowEnd, kEnd, kEnd4] = [f.permanent(I32), f.permanent(I32), f.permanent(I32)]
    f.get(target).set(this.#target)
    f.get(firstRow).get(rows).add().set(rowEnd)
    f.get(firstK).get(ks).add().set(kEnd)
    f.get(firstK).get(ks).i32(-4).op(OP.i32And).add().set(kEnd4)
    f.get(firstRow)
    f.forUntil(this.#i, rowEnd, this.#width, () => {
      for (let j = 0; j < this.#width; j++) this.#pointToRow(j)
      if (this.#mode === 'k') {
        this.#transposeBlocks(firstK, kEnd4)
        this.#byElements(kEnd4, kEnd)
      } else if (this.#mode === 'rows') this.#byRows(firstK, kEnd)
      else this.#byElements(firstK, kEnd)
    })
    return f
  }

  /** row[j] = source + offset of row min(i + j, last). */
  #pointToRow(j: number): void {
    const f = this.#f
    const last = this.#rows.count - 1
    f.get(this.#i).plus(j).i32(last).get(this.#i).plus(j).i32(last).op(OP.i32LtS).op(OP.select)
    this.#pushAxis(this.#rows).get(0).add().set(this.#row[j]!)
  }

  /** Turns the position on the stack into a byte offset. */
  #pushAxis(axis: AxisOffsets): FunctionWriter {
    const f = this.#f
    return axis.table ? f.scale(4).memory(OP.i32Load, this.#env.table(axis.table)) : f.i32(axis.stride).mul()
  }

  #setOffset(): void {
    this.#f.get(this.#k)
    this.#pushAxis(this.#ks).set(this.#offset)
  }

  #byElements(from: number, to: number): void {
    const f = this.#f
    f.get(from)
    f.forUntil(this.#k, to, 1, () => {
      this.#setOffset()
      for (let j = 0; j < this.#width; j++)
        f.get(this.#target)
          .get(this.#row[j]!)
          .get(this.#offset)
          .add()
          .memory(OP.f32Load)
          .memory(OP.f32Store, j * 4)
      f.increase(this.#target, this.#width * 4)
    })
  }

  #byRows(from: number, to: number): void {
    const f = this.#f
    const source = f.permanent(I32)
    const copy = (): void => {
      f.get(from)
      f.forUntil(this.#k, to, 1, () => {
        this.#setOffset()
        f.get(this.#row[0]!).get(this.#offset).add().set(source)
        const vectors = this.#width >> 2
        for (let q = 0; q < vectors; q++)
          f.get(this.#target)
            .get(source)
            .load(q * 16)
            .store(q * 16)
        for (let r = vectors * 4; r < this.#width; r++)
          f.get(this.#target)
            .get(source)
            .memory(OP.f32Load, r * 4)
            .memory(OP.f32Store, r * 4)
        f.increase(this.#target, this.#width * 4)
      })
    }
    if (this.#panels === 'all') return copy()
    const flags = this.#env.table(this.#panels!)
    f.get(this.#i).i32(this.#width).op(OP.i32DivS).scale(4).memory(OP.i32Load, flags)
    f.if(copy, () => this.#byElements(from, to))
  }

  /** Blocks of four k: 4×4 transposes, and lane stores for the rows that are left of a panel. */
  #transposeBlocks(from: number, to: number): void {
    const f = this.#f
    const v = Array.from({ length: 4 }, () => f.permanent(V128))
    const t = Array.from({ length: 4 }, () => f.permanent(V128))
    const mix = (a: number, b: number, pattern: readonly number[]): FunctionWriter =>
      f.get(a).get(b).shuffle(pattern)
    const width = this.#width
    f.get(from)
    f.forUntil(this.#k, to, 4, () => {
      this.#setOffset()
      for (let q = 0; q + 4 <= width; q += 4) {
        for (let r = 0; r < 4; r++)
          f.get(this.#row[q + r]!)
            .get(this.#offset)
            .add()
            .load()
            .set(v[r]!)
        mix(v[0]!, v[1]!, LOW).set(t[0]!)
        mix(v[0]!, v[1]!, HIGH).set(t[1]!)
        mix(v[2]!, v[3]!, LOW).set(t[2]!)
        mix(v[2]!, v[3]!, HIGH).set(t[3]!)
        const put = (k: number, a: number, b: number, pattern: readonly number[]): void => {
          f.get(this.#target)
          mix(a, b, pattern).store((k * width + q) * 4)
        }
        put(0, t[0]!, t[2]!, LEFT)
        put(1, t[0]!, t[2]!, RIGHT)
        put(2, t[1]!, t[3]!, LEFT)
        put(3, t[1]!, t[3]!, RIGHT)
      }
      for (let r = width & ~3; r < width; r++) {
        f.get(this.#row[r]!).get(this.#offset).add().load().set(v[0]!)
        for (let l = 0; l < 4; l++)
          f.get(this.#target)
            .get(v[0]!)
            .laneMemory(SIMD.store32Lane, l, (l * width + r) * 4)
      }
      f.increase(this.#target, 16 * width)
    })
  }
}
