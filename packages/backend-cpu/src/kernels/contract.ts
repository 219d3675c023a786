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

export function emitContract(env: Environment, name: string, kernel: ContractKernel): EmittedKernel {
  const buffers = [...new Set([kernel.a.buffer, kernel.b.buffer, ...buffersOf(kernel)])]
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  if (kernel.m > 0 && kernel.n > 0 && kernel.batch > 0) new ContractWriter(env, kernel, buffers).write(f)
  return { fn: f, buffers }
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
  #products(f: FunctionWriter, range: { readonly from: number; readonly to: number } | null): void {
    const { n, k, batch, a, b } = this.#kernel
    const { columns, depth } = this.#blocks
    const l = localsOf(f)
    this.#placeBlocks(f, l, range === null)
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
          this.#productOfBlocks(f, l, range === null)
          f.increase(l.pc, depth)
          f.get(l.pc).get(l.kEnd).op(OP.i32LtS).branchIf(0)
        })
      })
    })
  }

  /** Packs a block of B and does all tiles for one block of k. */
  #productOfBlocks(f: FunctionWriter, l: Locals, shared: boolean): void {
    const { units, unitCost, unitColumns, panelCost, blocksDown, columns } = this.#blocks
    const run = (body: FunctionWriter, args: readonly number[], most: number, cost: number): void => {
      if (shared) this.#env.parallel(f, { body, args, units: most, count: l.count, cost })
      else {
        for (const local of args) f.get(local)
        f.i32(0).get(l.count).call(body)
      }
    }
    if (this.#kernel.k > 0) {
      f.get(l.nc)
        .plus(NR - 1)
        .i32(NR)
        .op(OP.i32DivU)
        .set(l.count)
      const panels = Math.ceil(Math.min(this.#kernel.n, columns) / NR)
      run(this.#packB, [l.bStart, l.bufferB, l.jc, l.pc, l.nc, l.kc], panels, panelCost)
    }
    f.get(l.nc)
      .plus(unitColumns - 1)
      .i32(unitColumns)
      .op(OP.i32DivU)
      .i32(blocksDown)
      .mul()
      .set(l.count)
    const args = [l.aStart, l.bufferB, l.sums, l.batch, l.jc, l.nc, l.pc, l.kc]
    run(this.#product, [...this.#buffers.map((_, i) => i), ...args], units, unitCost)
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
    const bytes = this.#bytesB + this.#bytesSums
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
    f.get(l.bufferB).plus(this.#bytesB).set(l.sums)
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
