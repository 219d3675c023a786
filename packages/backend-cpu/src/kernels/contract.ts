// Code of contractions: the BLIS loops around the micro-kernel. B is packed in blocks of KC × NC, A in blocks of some tiles ×
// KC; a tile that is finished (all of k seen) goes through the epilogue while it is in the first-level cache. Threads share
// the panels of B that are packed and then the units of the product of blocks, or each takes whole products of a batch.
import type { ContractKernel, Operand } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import { axisOffsets } from './axis.ts'
import { contractBlocks } from './contract-blocks.ts'
import type { ContractBlocks } from './contract-blocks.ts'
import type { Environment } from './environment.ts'
import { emitFills } from './fill.ts'
import { NR, tileRows } from './micro.ts'
import { packFunction, PACKING_SLACK } from './packing.ts'
import { buffersOf } from './row.ts'
import type { EmittedKernel } from './row.ts'
import { productFunction, workspaceOfTiles } from './tiles.ts'

const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to

/** Most bytes of a packed operand that a loop keeps. */
const MOST_KEPT = 1 << 23

/** @param isFixed buffers that stay what they are while a loop runs the kernel again and again: their packed form is kept */
export function emitContract(
  env: Environment,
  name: string,
  kernel: ContractKernel,
  isFixed: (buffer: number) => boolean = () => false,
): EmittedKernel {
  const buffers = [...new Set([kernel.a.buffer, kernel.b.buffer, ...buffersOf(kernel)])]
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  if (kernel.m === 0 || kernel.n === 0 || kernel.batch === 0) return { fn: f, buffers }
  const writer = new ContractWriter(env, kernel, buffers)
  if (!isFixed(kernel.b.buffer) || !writer.keep()) {
    writer.write(f)
    return { fn: f, buffers }
  }
  writer.write(f)
  return { fn: f, buffers, prepare: writer.prepare() }
}

/** Partial sums can wait in the output: one store of the bare sum with neighbouring columns. */
function isPlain({ stores, exprs }: ContractKernel): boolean {
  const only = stores.length === 1 ? stores[0]! : null
  return only !== null && exprs[only.expr]!.op === 'acc' && only.addr[3] === 1
}

class ContractWriter {
  readonly #env: Environment
  readonly #kernel: ContractKernel
  readonly #buffers: readonly number[]
  readonly #blocks: ContractBlocks
  readonly #packB: FunctionWriter
  readonly #product: FunctionWriter
  readonly #bytesB: number
  readonly #bytesSums: number
  /** Address of the packed blocks of B that are kept between two runs; 0 where they are packed at each. */
  #kept = 0

  constructor(env: Environment, kernel: ContractKernel, buffers: readonly number[]) {
    this.#env = env
    this.#kernel = kernel
    this.#buffers = buffers
    const rows = tileRows(env.relaxed)
    const plain = isPlain(kernel)
    const { columns, depth, sums } = (this.#blocks = contractBlocks(kernel, rows, plain, env.finestUnits))
    this.#packB = packPanels(env, kernel.b)
    this.#product = productFunction(env, kernel, buffers, { blocks: this.#blocks, plain })
    const { m, n } = kernel
    const width = roundUp(Math.min(n, columns), NR)
    this.#bytesB = (width / NR) * panelBytes(depth) + PACKING_SLACK
    this.#bytesSums = sums === 'all' ? roundUp(m, rows) * width * 4 + 64 : 0
  }

  /** Takes memory for the packed blocks of B, if it is little enough; then {@link write} only reads them. */
  keep(): boolean {
    const { batch, n, k } = this.#kernel
    const { columns, depth } = this.#blocks
    const bytes = Math.ceil(n / columns) * Math.ceil(k / depth) * this.#bytesB
    if (batch !== 1 || k === 0 || bytes > MOST_KEPT) return false
    this.#kept = this.#env.reserve(bytes)
    return true
  }

  /** The function that packs the blocks of B that are kept; its parameters are those of the kernel. */
  prepare(): FunctionWriter {
    const f = this.#env.module.function(
      '',
      this.#buffers.map(() => I32),
    )
    const l = localsOf(f)
    f.i32(this.#kept).set(l.bufferB)
    this.#blocksOf(f, l, null, () => this.#pack(f, l, true))
    return f
  }

  write(f: FunctionWriter): void {
    const { batch, stores } = this.#kernel
    const pointers = this.#buffers.map((_, i) => i)
    emitFills(this.#env, f, stores, new Map(this.#buffers.map((b, i) => [b, i])))
    const units = batch
    const cost = this.#blocks.productCost
    if (!this.#blocks.byBatch || !this.#env.splits({ units, cost })) return this.#products(f, null)
    const body = this.#env.module.function('', [...pointers.map(() => I32), I32, I32] as (typeof I32)[])
    this.#products(body, { from: pointers.length, to: pointers.length + 1 })
    this.#env.parallel(f, { body, args: pointers, units, cost })
  }

  /** Products of the batch: all of them, their units shared by threads, or those of a range by one thread alone. */
  #products(f: FunctionWriter, range: Range | null): void {
    const l = localsOf(f)
    this.#placeBlocks(f, l, range === null)
    this.#blocksOf(f, l, range, () => this.#productOfBlocks(f, l, range === null))
  }

  /** Walks over blocks of B; those that are kept lie one behind the other. */
  #blocksOf(f: FunctionWriter, l: Locals, range: Range | null, body: () => void): void {
    const { n, k, batch, a, b } = this.#kernel
    const { columns, depth } = this.#blocks
    f.i32(n).set(l.nEnd).i32(k).set(l.kEnd)
    if (range) f.get(range.to).set(l.batchEnd).get(range.from)
    else f.i32(batch).set(l.batchEnd).i32(0)
    f.forUntil(l.batch, l.batchEnd, 1, () => {
      this.#operandStart(f, l, a).set(l.aStart)
      this.#operandStart(f, l, b).set(l.bStart)
      f.i32(0)
      f.forUntil(l.jc, l.nEnd, columns, () => {
        f.get(l.nEnd).get(l.jc).sub().set(l.nc)
        f.atMost(l.nc, columns)
        f.i32(0).set(l.pc)
        f.loop(() => {
          f.get(l.kEnd).get(l.pc).sub().set(l.kc)
          f.atMost(l.kc, depth)
          body()
          if (this.#kept) f.increase(l.bufferB, this.#bytesB)
          f.increase(l.pc, depth)
          f.get(l.pc).get(l.kEnd).op(OP.i32LtS).branchIf(0)
        })
      })
    })
  }

  /** Runs `l.count` units, shared by threads or not. */
  #run(f: FunctionWriter, l: Locals, shared: boolean, part: Part): void {
    const { body, args, units, cost } = part
    if (shared) return this.#env.parallel(f, { body, args, units, count: l.count, cost })
    for (const local of args) f.get(local)
    f.i32(0).get(l.count).call(body)
  }

  /** Packs a block of B. */
  #pack(f: FunctionWriter, l: Locals, shared: boolean): void {
    const { columns, panelCost } = this.#blocks
    f.get(l.nc)
      .plus(NR - 1)
      .i32(NR)
      .op(OP.i32DivU)
      .set(l.count)
    const args = [l.bStart, l.bufferB, l.jc, l.pc, l.nc, l.kc]
    const units = Math.ceil(Math.min(this.#kernel.n, columns) / NR)
    this.#run(f, l, shared, { body: this.#packB, args, units, cost: panelCost })
  }

  /** Packs a block of B, unless it is kept, and does all tiles for one block of k. */
  #productOfBlocks(f: FunctionWriter, l: Locals, shared: boolean): void {
    const { units, unitCost, unitColumns, blocksDown } = this.#blocks
    if (this.#kernel.k > 0 && !this.#kept) this.#pack(f, l, shared)
    f.get(l.nc)
      .plus(unitColumns - 1)
      .i32(unitColumns)
      .op(OP.i32DivU)
      .i32(blocksDown)
      .mul()
      .set(l.count)
    const args = [l.aStart, l.bufferB, l.sums, l.batch, l.jc, l.nc, l.pc, l.kc]
    const all = [...this.#buffers.map((_, i) => i), ...args]
    this.#run(f, l, shared, { body: this.#product, args: all, units, cost: unitCost })
  }

  /** Pushes the address of an operand's first element for the running batch. */
  #operandStart(f: FunctionWriter, l: Locals, operand: Operand): FunctionWriter {
    const axis = axisOffsets(operand.batch, 4)
    f.get(this.#buffers.indexOf(operand.buffer))
      .plus(operand.base * 4)
      .get(l.batch)
    if (axis.table) f.scale(4).memory(OP.i32Load, this.#env.table(axis.table))
    else f.i32(axis.stride).mul()
    return f.add()
  }

  /** The block of B and the partial sums: shared by the threads, or behind what tiles need in a thread's own workspace. */
  #placeBlocks(f: FunctionWriter, l: Locals, shared: boolean): void {
    const packed = this.#kept ? 0 : this.#bytesB
    const bytes = packed + this.#bytesSums
    if (shared) {
      this.#env.sharedWorkspace(bytes)
      this.#env.pushSharedWorkspace(f)
    } else {
      const before = workspaceOfTiles(this.#kernel, this.#blocks, tileRows(this.#env.relaxed)).bytes
      this.#env.workspace(before + bytes)
      this.#env.pushWorkspace(f)
      f.plus(before)
    }
    f.set(l.bufferB)
    f.get(l.bufferB).plus(packed).set(l.sums)
    if (this.#kept) f.i32(this.#kept).set(l.bufferB)
  }
}

/** Bytes from a packed panel of B to the next: packing may write past the end of one while another thread packs the next. */
const panelBytes = (depth: number): number => depth * NR * 4 + PACKING_SLACK

/** The function pack(source, target, firstColumn, firstK, columns, ks, from, to) over the panels of a block of B. */
function packPanels(env: Environment, operand: Operand): FunctionWriter {
  const pack = packFunction(env, NR, operand)
  return env.module.shared(`panels of ${pack.index}`, () => {
    const f = env.module.function('', [I32, I32, I32, I32, I32, I32, I32, I32])
    const [source, target, column, k, columns, ks, from, to] = [0, 1, 2, 3, 4, 5, 6, 7]
    const [panel, first, width] = [f.permanent(), f.permanent(), f.permanent()]
    f.get(from)
    f.forUntil(panel, to, 1, () => {
      f.get(panel).i32(NR).mul().set(first)
      f.get(columns).get(first).sub().set(width)
      f.atMost(width, NR)
      f.get(source).get(target)
      f.get(ks)
        .i32(NR * 4)
        .mul()
        .plus(PACKING_SLACK)
        .get(panel)
        .mul()
        .add()
      f.get(column).get(first).add().get(k).get(width).get(ks).call(pack)
    })
    return f
  })
}

/** Products of a batch that one body does, in locals. */
interface Range {
  readonly from: number
  readonly to: number
}

/** Units of work: a function, locals with its arguments, how many units at most, and nanoseconds of one. */
interface Part {
  readonly body: FunctionWriter
  readonly args: readonly number[]
  readonly units: number
  readonly cost: number
}

const LOCALS = [
  'batch',
  'batchEnd',
  'jc',
  'nEnd',
  'nc',
  'pc',
  'kEnd',
  'kc',
  'aStart',
  'bStart',
  'bufferB',
  'sums',
  'count',
] as const
type Locals = { readonly [K in (typeof LOCALS)[number]]: number }
const localsOf = (f: FunctionWriter): Locals =>
  Object.fromEntries(LOCALS.map((n) => [n, f.permanent(I32)])) as { [K in (typeof LOCALS)[number]]: number }
