// Packs a block of a matrix operand into panels that the micro-kernel reads front to back: panel after panel of `width`
// rows, k outermost inside a panel. Any strides or offset tables; rows past the end repeat the last row, and what the
// product makes of them is dropped at the store. Elements outside of an operand's bounds (zero padding) are packed as 0
// without reading memory: blocks that touch the border take a slower way with masks, all others cost one test.
//
// Vectors may be written past the end of a run or stretch: what follows overwrites them, and the block has room at its end.
import type { Operand } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP, SIMD, V128 } from '../assembler/opcodes.ts'
import { axisOffsets, boundBits, panelStretches, runLength } from './axis.ts'
import type { AxisOffsets } from './axis.ts'
import type { Environment } from './environment.ts'

/** Bytes that packing may write past the end of a block. */
export const PACKING_SLACK = 128

const LOW = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23]
const HIGH = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31]
const LEFT = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
const RIGHT = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]

/**
 * `terms`: runs of neighbouring k, four at a time, transposed; `rows`: stretches of neighbouring rows, copied as vectors; else
 * element by element.
 */
type Mode = 'terms' | 'rows' | 'elements'

/** What packing knows of an operand: offsets along both axes, how they lie in memory, and addresses of tables for bounds. */
interface Layout {
  readonly width: number
  readonly rows: AxisOffsets
  readonly ks: AxisOffsets
  readonly mode: Mode
  /** Length of the runs of neighbouring k. */
  readonly run: number
  readonly stretches: 'all' | Int32Array
  readonly bounds: BoundTables | null
}
interface BoundTables {
  /** Bits of each row, the last one repeated to the end of its panel. */
  readonly rows: number
  /** Bits of each term. */
  readonly ks: number
  /** Bits of each term and the three behind it. */
  readonly blocks: number
  /** Zeros to read instead. */
  readonly zeros: number
}

/** The function pack(source, target, firstRow, firstK, rows, ks); counts are at least 1. */
export function packFunction(env: Environment, width: number, operand: Operand): FunctionWriter {
  const layout = layoutOf(env, width, operand)
  const { rows, ks, mode, bounds } = layout
  const name = (a: AxisOffsets): string => (a.table ? `t${env.table(a.table)}` : `${a.stride}`)
  const inside = bounds ? `/${bounds.rows},${bounds.ks}` : ''
  const key = `pack${width}${mode}${name(rows)},${rows.count}/${name(ks)},${ks.count}${inside}`
  return env.module.shared(key, () => new PackWriter(env, layout).write())
}

function layoutOf(env: Environment, width: number, operand: Operand): Layout {
  const rows = axisOffsets(operand.rows, 4)
  const ks = axisOffsets(operand.ks, 4)
  const run = runLength(ks, 4)
  const stretches = panelStretches(rows, width, 4)
  const bits = boundBits(operand)
  const bounds = bits && {
    rows: env.table(extended(bits.rows, width)),
    ks: env.table(withZeros(bits.ks)),
    blocks: env.table(bits.ks.map((_, i) => bits.ks.slice(i, i + 4).reduce((a, b) => a | b, 0))),
    zeros: env.table(new Int32Array(16)),
  }
  return { width, rows, ks, mode: modeOf(rows, run, stretches), run, stretches, bounds }
}

function modeOf(rows: AxisOffsets, run: number, stretches: 'all' | Int32Array): Mode {
  if (stretches === 'all' && !rows.table) return 'rows'
  if (run >= 4) return 'terms'
  const scattered = stretches === 'all' ? 0 : stretches.filter((s) => s === 0).length
  if (stretches === 'all' || scattered * 4 <= stretches.length) return 'rows'
  return run > 1 ? 'terms' : 'elements'
}

/** The last value repeated to whole panels, and a vector more. */
function extended(values: Int32Array, width: number): Int32Array {
  const table = new Int32Array(Math.ceil(values.length / width) * width + 4).fill(values.at(-1)!)
  table.set(values)
  return table
}
function withZeros(values: Int32Array): Int32Array {
  const table = new Int32Array(values.length + 4)
  table.set(values)
  return table
}

class PackWriter {
  readonly #env: Environment
  readonly #f: FunctionWriter
  readonly #layout: Layout
  /** Local with the address of each row of the running panel. */
  readonly #row: readonly number[]
  /** Local with the bits of each row, and all of them together. */
  readonly #bits: readonly number[]
  readonly #anyBits: number
  readonly #target: number
  readonly #i: number
  readonly #k: number
  readonly #offset: number

  constructor(env: Environment, layout: Layout) {
    this.#env = env
    this.#layout = layout
    const f = (this.#f = env.module.function('', [I32, I32, I32, I32, I32, I32]))
    this.#row = range(layout.width).map(() => f.permanent(I32))
    this.#bits = layout.bounds ? range(layout.width).map(() => f.permanent(I32)) : []
    this.#anyBits = f.permanent(I32)
    this.#target = f.permanent(I32)
    this.#i = f.permanent(I32)
    this.#k = f.permanent(I32)
    this.#offset = f.permanent(I32)
  }

  write(): FunctionWriter {
    const f = this.#f
    const { width, mode } = this.#layout
    const [target, firstRow, firstK, rows, ks] = [1, 2, 3, 4, 5]
    const [rowEnd, kEnd] = [f.permanent(I32), f.permanent(I32)]
    f.get(target).set(this.#target)
    f.get(firstRow).get(rows).add().set(rowEnd)
    f.get(firstK).get(ks).add().set(kEnd)
    f.get(firstRow)
    f.forUntil(this.#i, rowEnd, width, () => {
      for (const j of range(width)) this.#pointToRow(j)
      this.#readBits()
      if (mode === 'terms') this.#byRuns(firstK, kEnd)
      else if (mode === 'rows') this.#byStretches(firstK, kEnd)
      else this.#byElements(firstK, kEnd)
    })
    return f
  }

  // ---- rows and bounds

  /** row[j] = source + offset of row min(i + j, last). */
  #pointToRow(j: number): void {
    const f = this.#f
    const { rows } = this.#layout
    const last = rows.count - 1
    f.get(this.#i).plus(j).i32(last).get(this.#i).plus(j).i32(last).op(OP.i32LtS).op(OP.select)
    this.#pushAxis(rows).get(0).add().set(this.#row[j]!)
  }

  #readBits(): void {
    const f = this.#f
    const { bounds } = this.#layout
    if (!bounds) return
    this.#bits.forEach((local, j) =>
      f
        .get(this.#i)
        .scale(4)
        .memory(OP.i32Load, bounds.rows + j * 4)
        .set(local),
    )
    this.#bits.forEach((local, j) => (j === 0 ? f.get(local) : f.get(local).op(OP.i32Or)))
    f.set(this.#anyBits)
  }

  /** `inside` where no element of the panel at the running terms is outside, else `border`. */
  #guarded(table: number, inside: () => void, border: () => void): void {
    if (!this.#layout.bounds) return inside()
    const f = this.#f
    f.get(this.#k).scale(4).memory(OP.i32Load, table).get(this.#anyBits).op(OP.i32And)
    f.if(border, inside)
  }

  /** Turns the position on the stack into a byte offset. */
  #pushAxis(axis: AxisOffsets): FunctionWriter {
    const f = this.#f
    return axis.table ? f.scale(4).memory(OP.i32Load, this.#env.table(axis.table)) : f.i32(axis.stride).mul()
  }

  #setOffset(): void {
    this.#f.get(this.#k)
    this.#pushAxis(this.#layout.ks).set(this.#offset)
  }

  /** Pushes lanes that are set where bits of `vector` and of the term (or row) `word` have nothing in common. */
  #pushInside(vector: number, word: () => void): FunctionWriter {
    const f = this.#f
    f.get(vector)
    word()
    return f.simd(SIMD.i32x4Splat).simd(SIMD.and).constI32x4(0).simd(SIMD.i32x4Eq)
  }

  // ---- element by element

  #byElements(from: number, to: number): void {
    const f = this.#f
    f.get(from)
    f.forUntil(this.#k, to, 1, () => {
      this.#setOffset()
      this.#guarded(
        this.#layout.bounds?.ks ?? 0,
        () => this.#copyElements(),
        () => this.#copyInside(0),
      )
      f.increase(this.#target, this.#layout.width * 4)
    })
  }

  #copyElements(): void {
    const f = this.#f
    for (const j of range(this.#layout.width))
      f.get(this.#target)
        .get(this.#row[j]!)
        .get(this.#offset)
        .add()
        .memory(OP.f32Load)
        .memory(OP.f32Store, j * 4)
  }

  /** The same near the border. */
  #copyInside(first: number): void {
    const f = this.#f
    const { width, bounds } = this.#layout
    const mark = f.mark()
    const word = f.local()
    f.get(this.#k).scale(4).memory(OP.i32Load, bounds!.ks).set(word)
    for (const j of range(width).slice(first)) {
      f.get(this.#target).i32(bounds!.zeros).get(this.#row[j]!).get(this.#offset).add()
      f.get(this.#bits[j]!).get(word).op(OP.i32And).op(OP.select)
      f.memory(OP.f32Load).memory(OP.f32Store, j * 4)
    }
    f.release(mark)
  }

  // ---- stretches of rows

  #byStretches(from: number, to: number): void {
    const f = this.#f
    const { width, stretches } = this.#layout
    const one = (): void => this.#oneStretch(from, to)
    if (stretches === 'all') return one()
    const second = f.permanent(I32)
    f.get(this.#i)
      .i32(width)
      .op(OP.i32DivS)
      .scale(4)
      .memory(OP.i32Load, this.#env.table(stretches))
      .set(second)
    f.get(second).i32(width).op(OP.i32Eq)
    f.if(one, () => {
      f.get(second)
      f.if(
        () => this.#twoStretches(second, from, to),
        () => this.#byElements(from, to),
      )
    })
  }

  #oneStretch(from: number, to: number): void {
    const f = this.#f
    const { width, bounds } = this.#layout
    const source = f.permanent(I32)
    const vectors = range(width >> 2)
    const bits = bounds ? vectors.map(() => f.permanent(V128)) : []
    bits.forEach((local, q) =>
      f
        .get(this.#i)
        .scale(4)
        .load(bounds!.rows + q * 16)
        .set(local),
    )
    f.get(from)
    f.forUntil(this.#k, to, 1, () => {
      this.#setOffset()
      f.get(this.#row[0]!).get(this.#offset).add().set(source)
      this.#guarded(
        bounds?.ks ?? 0,
        () => this.#copyRows(source, () => f.get(this.#target)),
        () => this.#copyRowsInside(source, bits),
      )
      f.increase(this.#target, width * 4)
    })
  }

  #copyRows(source: number, target: () => void): void {
    const f = this.#f
    const { width } = this.#layout
    const vectors = width >> 2
    for (let q = 0; q < vectors; q++) {
      target()
      f.get(source)
        .load(q * 16)
        .store(q * 16)
    }
    for (let r = vectors * 4; r < width; r++) {
      target()
      f.get(source)
        .memory(OP.f32Load, r * 4)
        .memory(OP.f32Store, r * 4)
    }
  }

  /** One stretch near the border: lanes that are outside become 0; where all are, nothing of the operand is read. */
  #copyRowsInside(source: number, bits: readonly number[]): void {
    const f = this.#f
    const { bounds } = this.#layout
    const mark = f.mark()
    const masks = bits.map(() => f.local(V128))
    masks.forEach((mask, q) =>
      this.#pushInside(bits[q]!, () => f.get(this.#k).scale(4).memory(OP.i32Load, bounds!.ks)).set(mask),
    )
    f.get(source).i32(bounds!.zeros)
    masks.forEach((mask, q) => (q === 0 ? f.get(mask) : f.get(mask).simd(SIMD.or)))
    f.simd(SIMD.anyTrue).op(OP.select).set(source)
    masks.forEach((mask, q) =>
      f
        .get(this.#target)
        .get(source)
        .load(q * 16)
        .get(mask)
        .simd(SIMD.and)
        .store(q * 16),
    )
    this.#copyInside(masks.length * 4)
    f.release(mark)
  }

  #twoStretches(second: number, from: number, to: number): void {
    const f = this.#f
    const { width, bounds, rows } = this.#layout
    const [left, right, start] = [f.permanent(I32), f.permanent(I32), f.permanent(I32)]
    f.get(this.#i).get(second).add()
    this.#pushAxis(rows).get(0).add().set(start)
    f.get(from)
    f.forUntil(this.#k, to, 1, () => {
      this.#setOffset()
      const copy = (): void => {
        f.get(this.#row[0]!).get(this.#offset).add().set(left)
        this.#copyRows(left, () => f.get(this.#target))
        f.get(start).get(this.#offset).add().set(left)
        f.get(this.#target).get(second).scale(4).add().set(right)
        this.#copyRows(left, () => f.get(right))
      }
      this.#guarded(bounds?.ks ?? 0, copy, () => this.#copyInside(0))
      f.increase(this.#target, width * 4)
    })
  }

  // ---- runs of terms

  /** Runs of neighbouring k in blocks of four: 4×4 transposes, and lane stores for the rows that are left of a panel. */
  #byRuns(from: number, to: number): void {
    const f = this.#f
    const { width, run, ks, bounds } = this.#layout
    const [end, next] = [f.permanent(I32), f.permanent(I32)]
    f.get(from).set(this.#k)
    f.loop(() => {
      this.#setOffset()
      if (run >= ks.count) f.get(to).set(end)
      else {
        f.get(this.#k).i32(run).op(OP.i32DivS).plus(1).i32(run).mul().set(end)
        f.min(end, to).set(end)
      }
      f.get(end)
        .get(this.#k)
        .sub()
        .i32(width * 4)
        .mul()
        .get(this.#target)
        .add()
        .set(next)
      f.loop(() => {
        this.#guarded(
          bounds?.blocks ?? 0,
          () => this.#transposeBlock((j) => f.get(this.#row[j]!).get(this.#offset).add().load()),
          () => this.#transposeInside(end),
        )
        f.increase(this.#target, 16 * width)
        f.increase(this.#offset, 16)
        f.increase(this.#k, 4)
        f.get(this.#k).get(end).op(OP.i32LtS).branchIf(0)
      })
      f.get(end).set(this.#k).get(next).set(this.#target)
      f.get(this.#k).get(to).op(OP.i32LtS).branchIf(0)
    })
  }

  /** `push` puts four terms of a row on the stack. */
  #transposeBlock(push: (row: number) => void): void {
    const f = this.#f
    const { width } = this.#layout
    const mark = f.mark()
    const v = range(4).map(() => f.local(V128))
    const t = range(4).map(() => f.local(V128))
    const mix = (a: number, b: number, pattern: readonly number[]): FunctionWriter =>
      f.get(a).get(b).shuffle(pattern)
    for (let q = 0; q + 4 <= width; q += 4) {
      for (const r of range(4)) {
        push(q + r)
        f.set(v[r]!)
      }
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
      push(r)
      f.set(v[0]!)
      for (const l of range(4))
        f.get(this.#target)
          .get(v[0]!)
          .laneMemory(SIMD.store32Lane, l, (l * width + r) * 4)
    }
    f.release(mark)
  }

  /** A block near the border: each row reads its terms that are inside, or zeros where none is. */
  #transposeInside(end: number): void {
    const f = this.#f
    const { bounds } = this.#layout
    const mark = f.mark()
    const [terms, lanes, inside] = [f.local(V128), f.local(V128), f.local(V128)]
    f.get(this.#k).scale(4).load(bounds!.ks).set(terms)
    // lanes past the end of the run belong elsewhere
    f.constI32x4(0, 1, 2, 3).get(end).get(this.#k).sub().simd(SIMD.i32x4Splat).simd(SIMD.i32x4LtS).set(lanes)
    this.#transposeBlock((j) => {
      this.#pushInside(terms, () => f.get(this.#bits[j]!))
        .get(lanes)
        .simd(SIMD.and)
        .set(inside)
      f.get(this.#row[j]!).get(this.#offset).add().i32(bounds!.zeros)
      f.get(inside).simd(SIMD.anyTrue).op(OP.select).load().get(inside).simd(SIMD.and)
    })
    f.release(mark)
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
