// What the forward and the backward attention kernel share: block sizes, operands packed for the micro-kernel, and small
// functions on panels. A panel is NR queries (or keys) wide and holds one row for each key (or query, or element of a head):
// lanes are queries, so that softmax needs no work across lanes, and a panel of probabilities is a packed operand as it is.
import type { AttentionGradKernel, AttentionKernel, Operand } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP, SIMD, V128 } from '../assembler/opcodes.ts'
import { PRODUCT_STEP } from '../threads/cost.ts'
import { threefry } from '../vector/threefry.ts'
import { type Value, VectorEmitter } from '../vector/emitter.ts'
import { loadLanes, loadSplat, transpose4 } from './access.ts'
import { type AxisOffsets, axisOffsets } from './axis.ts'
import type { Environment } from './environment.ts'
import { microKernel, NR, tileRows } from './micro.ts'
import { PACKING_SLACK, packFunction } from './packing.ts'

export const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to

/** Keys or queries in a block at most. */
const LARGEST_BLOCK = 240
/** A block of keys is a multiple of this: whole panels and whole tiles. */
const wholeTiles = (relaxed: boolean): number => (NR * tileRows(relaxed)) / (tileRows(relaxed) % 2 ? 1 : 2)

/** The size of blocks that `length` is cut into: as few as fit, as equal as `unit` allows. */
const blockSize = (length: number, unit: number): number => {
  const most = LARGEST_BLOCK - (LARGEST_BLOCK % unit)
  return roundUp(Math.ceil(length / Math.ceil(length / most)), unit)
}
/** Bytes of one row of a panel. */
export const ROW: number = NR * 4
/** Vectors in a row of a panel. */
export const VECTORS: number = NR / 4

/** Nanoseconds that `queries` queries take: pairs of products over both depths, and exponentials of scores. */
export function unitCost(
  { keys, depth, valueDepth, causal }: AttentionKernel | AttentionGradKernel,
  queries: number,
  count: { readonly products: number; readonly exponentials: number },
): number {
  const scores = queries * keys * (causal ? 0.5 : 1)
  return scores * (count.products * (depth + valueDepth) * PRODUCT_STEP + count.exponentials)
}

/** Hands out places in the workspace. */
export class WorkspacePlan {
  bytes = 0
  /** Offset of room for `floats`. */
  take(floats: number): number {
    const at = this.bytes
    this.bytes += roundUp(floats * 4, 64) + PACKING_SLACK
    return at
  }
}

export class AttentionParts {
  readonly env: Environment
  readonly kernel: AttentionKernel | AttentionGradKernel
  readonly buffers: readonly number[]
  readonly mr: number
  /** Keys in a block: a multiple of NR and of the rows of a tile. */
  readonly keyBlock: number
  /** Queries in a block: a multiple of NR. */
  readonly queryBlock: number

  constructor(env: Environment, kernel: AttentionKernel | AttentionGradKernel, buffers: readonly number[]) {
    this.env = env
    this.kernel = kernel
    this.buffers = buffers
    this.mr = tileRows(env.relaxed)
    this.keyBlock = blockSize(kernel.keys, wholeTiles(env.relaxed))
    this.queryBlock = blockSize(kernel.queries, NR)
  }

  function(params: number): FunctionWriter {
    return this.env.module.function(
      '',
      Array.from({ length: params }, () => I32),
    )
  }

  emitter(f: FunctionWriter): VectorEmitter {
    return new VectorEmitter(f, this.env.module, this.env.relaxed)
  }

  /** pack(source, target, firstRow, firstTerm, rows, terms): the rows of an operand in panels of `width`. */
  packRows(operand: Operand, width: number): FunctionWriter {
    return packFunction(this.env, width, operand)
  }

  /** The same with the roles of rows and terms exchanged. */
  packColumns(operand: Operand, width: number): FunctionWriter {
    return packFunction(this.env, width, { ...operand, rows: operand.ks, ks: operand.rows })
  }

  /** Pushes the address of an operand's first element for the batch element in local `batch`. */
  start(f: FunctionWriter, operand: Operand, batch: number, bytes = 4): FunctionWriter {
    const axis = axisOffsets(operand.batch, bytes)
    f.get(this.buffers.indexOf(operand.buffer))
      .plus(operand.base * bytes)
      .get(batch)
    if (axis.table) f.scale(4).memory(OP.i32Load, this.env.table(axis.table))
    else f.i32(axis.stride).mul()
    return f.add()
  }

  /**
   * tiles(a, b, c, rows, terms, accumulate): c (+)= a · b for a packed `a` of `rows` rows, tile below tile; `b` and `c` are
   * panels. `a` may have been packed with more terms: `stride` is the bytes from one of its panels to the next.
   *
   * @param count the rows, where they are known: then the last tile has just the rows that are left
   */
  tiles(count = 0): FunctionWriter {
    const left = count % this.mr
    return this.env.module.shared(`attention tiles ${left}`, () => {
      const micro = microKernel(this.env.module, this.env.relaxed)
      const last = left > 0 ? microKernel(this.env.module, this.env.relaxed, left) : null
      const f = this.function(7)
      const [a, b, c, rows, terms, stride, accumulate] = [0, 1, 2, 3, 4, 5, 6]
      const row = f.permanent(I32)
      if (left > 0) f.get(rows).i32(left).sub().set(rows)
      f.i32(0)
      f.forUntil(row, rows, this.mr, () => {
        f.get(a).get(b).get(c).get(terms).i32(ROW).get(accumulate).call(micro)
        f.increaseBy(a, stride)
        f.increase(c, this.mr * ROW)
      })
      if (last) f.get(a).get(b).get(c).get(terms).i32(ROW).get(accumulate).call(last)
      return f
    })
  }

  /** scale(panel, rows): multiplies a panel by a number. */
  scale(factor: number): FunctionWriter {
    return this.env.module.shared(`attention scale ${factor}`, () => {
      const f = this.function(2)
      const e = this.emitter(f)
      const [at, rows] = [0, 1]
      const end = f.permanent(I32)
      f.get(at).get(rows).scale(ROW).add().set(end)
      const x = f.permanent(I32)
      f.get(at)
      f.forUntil(x, end, ROW, () => {
        const mark = f.mark()
        for (let v = 0; v < VECTORS; v++)
          f.get(x)
            .get(x)
            .load(v * 16)
            .get(e.f32(factor)[0]!)
            .simd(SIMD.f32x4Mul)
            .store(v * 16)
        f.release(mark)
      })
      return f
    })
  }

  /** mask(start, scores, query, key, keys): applies the mask to a panel whose first lane is `query`, whose first row is `key`. */
  mask(operand: Operand): FunctionWriter {
    const { dtype } = this.env.buffers[operand.buffer]!
    const bytes = dtype === 'bool' ? 1 : 4
    const [rows, ks] = [axisOffsets(operand.rows, bytes), axisOffsets(operand.ks, bytes)]
    const f = this.function(5)
    const e = this.emitter(f)
    const [start, scores, query, key, keys] = [0, 1, 2, 3, 4]
    const lanes = Array.from({ length: NR }, () => f.permanent(I32))
    const [j, end, offset, at] = [f.permanent(I32), f.permanent(I32), f.permanent(I32), f.permanent(I32)]
    const push = (axis: AxisOffsets): FunctionWriter =>
      axis.table ? f.scale(4).memory(OP.i32Load, this.env.table(axis.table)) : f.i32(axis.stride).mul()
    const same = rows.table === null && rows.stride === 0
    lanes.forEach((lane, l) => {
      f.get(query).plus(l).set(lane)
      f.atMost(lane, rows.count - 1)
      f.get(lane)
      push(rows).get(start).add().set(lane)
    })
    f.get(scores).set(at)
    f.get(key).get(keys).add().set(end)
    f.get(key)
    f.forUntil(j, end, 1, () => {
      const mark = f.mark()
      f.get(j)
      push(ks).set(offset)
      const address = (lane: number) => (): number => {
        f.get(lanes[lane]!).get(offset).add()
        return 0
      }
      const shared = same ? loadSplat(e, dtype, address(0)) : null
      for (let v = 0; v < VECTORS; v++) {
        const m = shared ?? loadLanes(e, dtype, 4, (l) => address(4 * v + l))
        f.get(at)
        f.get(at).load(v * 16)
        if (dtype === 'bool') f.get(e.f32(-Infinity)[0]!).get(m[0]!).simd(SIMD.bitselect)
        else f.get(m[0]!).simd(SIMD.f32x4Add)
        f.store(v * 16)
      }
      f.increase(at, ROW)
      f.release(mark)
    })
    return f
  }

  /** hide(scores, diagonal, keys): -∞ where the row's number is above lane + diagonal. */
  hide(): FunctionWriter {
    return this.env.module.shared('attention hide', () => {
      const f = this.function(3)
      const e = this.emitter(f)
      const [scores, diagonal, keys] = [0, 1, 2]
      const [row, at] = [f.permanent(I32), f.permanent(I32)]
      // the first rows that anything is hidden in
      f.get(diagonal).plus(1).i32(0).get(diagonal).plus(1).i32(0).op(OP.i32GtS).op(OP.select).set(row)
      f.get(scores).get(row).scale(ROW).add().set(at)
      f.get(row)
      f.forUntil(row, keys, 1, () => {
        const mark = f.mark()
        const limit = f.vector()
        f.get(row).get(diagonal).sub().simd(SIMD.i32x4Splat).set(limit)
        for (let v = 0; v < VECTORS; v++) {
          f.get(at)
          f.get(at)
            .load(v * 16)
            .get(e.f32(-Infinity)[0]!)
          f.get(e.ramp(4 * v, 1)[0]!)
            .get(limit)
            .simd(SIMD.i32x4GeS)
            .simd(SIMD.bitselect)
            .store(v * 16)
        }
        f.increase(at, ROW)
        f.release(mark)
      })
      return f
    })
  }

  /** unload(panel, out, lanes): the lanes of a panel of `rows` rows as rows of `rows` numbers. */
  unload(rows: number): FunctionWriter {
    return this.env.module.shared(`attention unload ${rows}`, () => {
      const f = this.function(3)
      const e = this.emitter(f)
      const [panel, out, lanes] = [0, 1, 2]
      const [d, l, from, to] = [f.permanent(I32), f.permanent(I32), f.permanent(I32), f.permanent(I32)]
      const whole = rows - (rows % 4)
      const single = (first: number, lane: () => void): void => {
        f.i32(first).set(d)
        f.forConstant(d, rows, 1, () => {
          f.get(out)
          lane()
          f.i32(rows).mul().get(d).add().scale(4).add()
          f.get(panel).get(d).i32(NR).mul()
          lane()
          f.add().scale(4).add().memory(OP.f32Load).memory(OP.f32Store)
        })
      }
      const eachLane = (end: number, first: number): void => {
        f.i32(0)
        f.forUntil(l, end, 1, () => single(first, () => void f.get(l)))
      }
      f.get(lanes).i32(NR).op(OP.i32Eq)
      f.if(
        () => {
          if (whole > 0) {
            f.get(panel).set(from)
            f.get(out).set(to)
            f.i32(0).set(d)
            f.forConstant(d, whole, 4, () => {
              for (let v = 0; v < VECTORS; v++) {
                const mark = f.mark()
                const block = Array.from({ length: 4 }, (_, r) => {
                  const x = f.vector()
                  f.get(from)
                    .load(r * ROW + v * 16)
                    .set(x)
                  return x
                })
                transpose4(e, block).forEach((x, lane) =>
                  f
                    .get(to)
                    .get(x)
                    .store((4 * v + lane) * rows * 4),
                )
                f.release(mark)
              }
              f.increase(from, 4 * ROW)
              f.increase(to, 16)
            })
          }
          if (rows > whole) eachLane(lanes, whole)
        },
        () => eachLane(lanes, 0),
      )
      return f
    })
  }

  /** Where a probability is kept: lanes of the element numbers in `numbers`. */
  kept(e: VectorEmitter, words: readonly Value[], numbers: Value, rate: number): Value {
    const [key0, key1, counter] = words as [Value, Value, Value]
    const bits = threefry(e, key0, key1, numbers, counter)
    const mantissa = e.op(SIMD.or, e.shift(SIMD.i32x4ShrU, bits, 9), e.i32(0x3f800000))
    const uniform = e.op(SIMD.f32x4Sub, mantissa, e.f32(1))
    return e.op(SIMD.f32x4Lt, uniform, e.f32(Math.fround(1 - rate)))
  }

  /**
   * Sets locals to the words of the stream and to the numbers of the elements in the first row of a panel; `first` is the
   * number in lane 0. Lanes are queries, `keys` numbers apart.
   */
  streamLocals(
    e: VectorEmitter,
    stream: number,
    first: number,
  ): { readonly words: readonly Value[]; readonly numbers: readonly number[] } {
    const { f } = e
    const words = [0, 1, 2].map((i): Value => {
      const x = f.permanent(V128)
      f.get(stream)
        .simdMemory(SIMD.load32Splat, 4 * i)
        .set(x)
      return [x]
    })
    const numbers = Array.from({ length: VECTORS }, (_, v) => {
      const x = f.permanent(V128)
      f.get(first)
        .simd(SIMD.i32x4Splat)
        .get(e.ramp(4 * v * this.kernel.keys, this.kernel.keys)[0]!)
        .simd(SIMD.i32x4Add)
        .set(x)
      return x
    })
    return { words, numbers }
  }
}
