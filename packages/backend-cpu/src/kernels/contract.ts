// Code of contractions: the BLIS loops around the micro-kernel. B is packed in blocks of KC × NC, A in blocks of MC × KC;
// a tile that is finished (all of k seen) goes through the epilogue while it is in the first-level cache.
import type { ContractKernel, Operand } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import { axisOffsets } from './axis.ts'
import type { Environment } from './environment.ts'
import { epilogueFunction } from './epilogue.ts'
import { emitFills } from './fill.ts'
import { microKernel, NR, tileRows } from './micro.ts'
import { PACKING_SLACK, packFunction } from './packing.ts'
import { buffersOf } from './row.ts'
import type { EmittedKernel } from './row.ts'

/** Depth of a block: two panels of it fit the first-level cache. */
const KC = 256
/** Columns of a packed block of B. */
const NC = 2048
/** Tiles in a packed block of A. */
const TILES_DOWN = 32

const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to

export function emitContract(env: Environment, name: string, kernel: ContractKernel): EmittedKernel {
  const buffers = [...new Set([kernel.a.buffer, kernel.b.buffer, ...buffersOf(kernel)])]
  const writer = new ContractWriter(env, name, kernel, buffers)
  writer.write()
  return { fn: writer.f, buffers }
}

class ContractWriter {
  readonly f: FunctionWriter
  readonly #env: Environment
  readonly #kernel: ContractKernel
  readonly #buffers: readonly number[]
  readonly #rows: number
  readonly #micro: FunctionWriter
  readonly #packA: FunctionWriter
  readonly #packB: FunctionWriter
  readonly #epilogue: FunctionWriter
  /** One store of the bare sum with neighbouring columns: full tiles go straight to the output. */
  readonly #plain: boolean
  /** Partial sums wait in the output (plain) or in a workspace. */
  readonly #manyBlocks: boolean
  // run-time locals
  readonly #l: { readonly [K in LocalName]: number }

  constructor(env: Environment, name: string, kernel: ContractKernel, buffers: readonly number[]) {
    this.#env = env
    this.#kernel = kernel
    this.#buffers = buffers
    this.#rows = tileRows(env.relaxed)
    const only = kernel.stores.length === 1 ? kernel.stores[0]! : null
    this.#plain = only !== null && kernel.exprs[only.expr]!.op === 'acc' && only.addr[3] === 1
    this.#manyBlocks = kernel.k > KC
    this.#micro = microKernel(env.module, env.relaxed)
    this.#packA = packFunction(env, this.#rows, kernel.a)
    this.#packB = packFunction(env, NR, kernel.b)
    this.#epilogue = epilogueFunction(env, kernel, buffers)
    const f = (this.f = env.module.function(
      name,
      buffers.map(() => I32),
    ))
    this.#l = Object.fromEntries(LOCALS.map((n) => [n, f.permanent(I32)])) as { [K in LocalName]: number }
  }

  write(): void {
    const { f } = this
    const { m, n, k, batch, a, b } = this.#kernel
    if (m === 0 || n === 0 || batch === 0) return
    emitFills(this.#env, f, this.#kernel.stores, new Map(this.#buffers.map((b, i) => [b, i])))
    this.#placeWorkspace()
    const l = this.#l
    f.i32(n).set(l.nEnd).i32(m).set(l.mEnd).i32(batch).set(l.batchEnd)
    f.i32(0)
    f.forUntil(l.batch, l.batchEnd, 1, () => {
      this.#operandStart(a).set(l.aStart)
      this.#operandStart(b).set(l.bStart)
      f.i32(0)
      f.forUntil(l.jc, l.nEnd, NC, () => {
        f.get(l.nEnd).get(l.jc).sub().set(l.nc)
        f.atMost(l.nc, NC)
        f.i32(k).set(l.kEnd).i32(0).set(l.pc)
        f.loop(() => {
          f.get(l.kEnd).get(l.pc).sub().set(l.kc)
          f.atMost(l.kc, KC)
          f.get(l.pc).get(l.kc).add().get(l.kEnd).op(OP.i32GeS).set(l.last)
          this.#blockOfK()
          f.increase(l.pc, KC)
          f.get(l.pc).get(l.kEnd).op(OP.i32LtS).branchIf(0)
        })
      })
    })
  }

  /** All tiles for one block of k. */
  #blockOfK(): void {
    const { f } = this
    const l = this.#l
    const rows = this.#rows
    const depth = this.#kernel.k
    if (depth > 0) f.get(l.bStart).get(l.bufferB).get(l.jc).get(l.pc).get(l.nc).get(l.kc).call(this.#packB)
    f.i32(0)
    f.forUntil(l.ic, l.mEnd, rows * TILES_DOWN, () => {
      f.get(l.mEnd).get(l.ic).sub().set(l.mc)
      f.atMost(l.mc, rows * TILES_DOWN)
      if (depth > 0) f.get(l.aStart).get(l.bufferA).get(l.ic).get(l.pc).get(l.mc).get(l.kc).call(this.#packA)
      f.get(l.bufferB).set(l.bPanel)
      f.i32(0)
      f.forUntil(l.jr, l.nc, NR, () => {
        f.get(l.bufferA).set(l.aPanel)
        f.get(l.nc).get(l.jr).sub().set(l.width)
        f.atMost(l.width, NR)
        f.get(l.jc).get(l.jr).add().set(l.column)
        f.i32(0)
        f.forUntil(l.ir, l.mc, rows, () => {
          f.get(l.mc).get(l.ir).sub().set(l.height)
          f.atMost(l.height, rows)
          f.get(l.ic).get(l.ir).add().set(l.row)
          this.#tile()
          f.get(l.kc)
            .i32(rows * 4)
            .mul()
            .get(l.aPanel)
            .add()
            .set(l.aPanel)
        })
        f.get(l.kc)
          .i32(NR * 4)
          .mul()
          .get(l.bPanel)
          .add()
          .set(l.bPanel)
      })
    })
  }

  /** One tile: sums into the output, the tile buffer or the workspace, and what follows. */
  #tile(): void {
    if (this.#plain) this.#plainTile()
    else if (this.#manyBlocks) this.#workspaceTile()
    else {
      this.#toTileBuffer()
      this.#finish(this.#l.tile, NR * 4)
    }
  }

  #toTileBuffer(): void {
    const l = this.#l
    this.f
      .get(l.aPanel)
      .get(l.bPanel)
      .get(l.tile)
      .get(l.kc)
      .i32(NR * 4)
      .i32(0)
      .call(this.#micro)
  }

  #finish(tile: number, rowBytes: number): void {
    const { f } = this
    const l = this.#l
    this.#buffers.forEach((_, i) => f.get(i))
    f.get(tile)
      .i32(rowBytes)
      .get(l.batch)
      .get(l.row)
      .get(l.column)
      .get(l.height)
      .get(l.width)
      .call(this.#epilogue)
  }

  #plainTile(): void {
    const { f } = this
    const l = this.#l
    const { addr, buffer } = this.#kernel.stores[0]!
    f.get(this.#buffers.indexOf(buffer)).plus(addr[0]! * 4)
    if (addr[1] !== 0)
      f.get(l.batch)
        .scale(addr[1]! * 4)
        .add()
    f.get(l.row)
      .i32(addr[2]! * 4)
      .mul()
      .add()
      .get(l.column)
      .scale(4)
      .add()
      .set(l.output)
    f.get(l.width).i32(NR).op(OP.i32Eq).get(l.height).i32(this.#rows).op(OP.i32Eq).op(OP.i32And)
    const accumulate = (): FunctionWriter => f.get(l.pc).i32(0).op(OP.i32GtS)
    f.if(
      () => {
        f.get(l.aPanel)
          .get(l.bPanel)
          .get(l.output)
          .get(l.kc)
          .i32(addr[2]! * 4)
        accumulate().call(this.#micro)
      },
      () => {
        this.#toTileBuffer()
        if (!this.#manyBlocks) return this.#finish(l.tile, NR * 4)
        accumulate()
        f.if(
          () => this.#addTileToOutput(addr[2]! * 4),
          () => this.#finish(l.tile, NR * 4),
        )
      },
    )
  }

  /** output[x, y] += tile[x, y] at the edges of a plain product. */
  #addTileToOutput(rowBytes: number): void {
    const { f } = this
    const l = this.#l
    f.get(l.tile).set(l.from)
    f.i32(0)
    f.forUntil(l.x, l.height, 1, () => {
      f.i32(0)
      f.forUntil(l.y, l.width, 1, () => {
        f.get(l.output).get(l.y).scale(4).add()
        f.get(l.output).get(l.y).scale(4).add().memory(OP.f32Load)
        f.get(l.from).get(l.y).scale(4).add().memory(OP.f32Load).op(OP.f32Add).memory(OP.f32Store)
      })
      f.increase(l.output, rowBytes)
      f.increase(l.from, NR * 4)
    })
  }

  /** Partial sums in a padded M × N workspace: outputs may be updated in place, so they can't hold them. */
  #workspaceTile(): void {
    const { f } = this
    const l = this.#l
    const rowBytes = roundUp(this.#kernel.n, NR) * 4
    f.get(l.row).i32(rowBytes).mul().get(l.column).scale(4).add().get(l.sums).add().set(l.output)
    f.get(l.aPanel).get(l.bPanel).get(l.output).get(l.kc).i32(rowBytes)
    f.get(l.pc).i32(0).op(OP.i32GtS).call(this.#micro)
    f.get(l.last)
    f.if(() => this.#finish(l.output, rowBytes))
  }

  /** Pushes the address of an operand's first element for the running batch. */
  #operandStart(operand: Operand): FunctionWriter {
    const { f } = this
    const axis = axisOffsets(operand.batch, 4)
    f.get(this.#buffers.indexOf(operand.buffer))
      .plus(operand.base * 4)
      .get(this.#l.batch)
    if (axis.table) f.scale(4).memory(OP.i32Load, this.#env.table(axis.table))
    else f.i32(axis.stride).mul()
    return f.add()
  }

  #placeWorkspace(): void {
    const { f } = this
    const l = this.#l
    const { m, n, k } = this.#kernel
    const depth = Math.min(k, KC)
    const columns = roundUp(Math.min(n, NC), NR)
    const bytesB = roundUp(depth * columns * 4, 64) + PACKING_SLACK
    const bytesA =
      roundUp(depth * Math.min(roundUp(m, this.#rows), this.#rows * TILES_DOWN) * 4, 64) + PACKING_SLACK
    const bytesTile = roundUp(this.#rows * NR * 4, 64)
    const bytesSums = this.#manyBlocks && !this.#plain ? roundUp(m, this.#rows) * roundUp(n, NR) * 4 + 64 : 0
    this.#env.workspace(bytesB + bytesA + bytesTile + bytesSums)
    this.#env.pushWorkspace(f)
    f.set(l.bufferB)
    f.get(l.bufferB).plus(bytesB).set(l.bufferA)
    f.get(l.bufferA).plus(bytesA).set(l.tile)
    f.get(l.tile).plus(bytesTile).set(l.sums)
  }
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
  'last',
  'ic',
  'mEnd',
  'mc',
  'jr',
  'ir',
  'width',
  'height',
  'row',
  'column',
  'aStart',
  'bStart',
  'bufferA',
  'bufferB',
  'aPanel',
  'bPanel',
  'tile',
  'sums',
  'output',
  'from',
  'x',
  'y',
] as const
type LocalName = (typeof LOCALS)[number]
