// The product of a packed block of B with blocks of A, as units that threads take: each packs a block of A for itself, and
// every tile is summed by one thread.
import type { ContractKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import { KC } from './contract-blocks.ts'
import type { ContractBlocks } from './contract-blocks.ts'
import type { Environment } from './environment.ts'
import { epilogueFunction } from './epilogue.ts'
import { microKernel, NR, tileRows } from './micro.ts'
import { packFunction, PACKING_SLACK } from './packing.ts'

interface ProductOptions {
  readonly blocks: ContractBlocks
  /** One store of the bare sum with neighbouring columns: full tiles go straight to the output. */
  readonly plain: boolean
}

const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to

/** A thread's own block of A, a tile behind it, and the sums of a unit if they wait. */
export function workspaceOfTiles(
  { k }: ContractKernel,
  { tilesDown, unitColumns, sums: waiting }: ContractBlocks,
  rows: number,
): { readonly tile: number; readonly sums: number; readonly bytes: number } {
  const tile = roundUp(Math.min(k, KC) * tilesDown * rows * 4 + PACKING_SLACK, 64)
  const sums = tile + roundUp(rows * NR * 4, 64)
  return {
    tile,
    sums,
    bytes: sums + (waiting === 'unit' ? roundUp(tilesDown * rows * unitColumns * 4, 64) : 0),
  }
}

/** The function product(pointers…, aStart, bufferB, sums, batch, jc, nc, pc, kc, from, to) over units. */
export function productFunction(
  env: Environment,
  kernel: ContractKernel,
  buffers: readonly number[],
  options: ProductOptions,
): FunctionWriter {
  const writer = new ProductWriter(env, kernel, buffers, options)
  writer.write()
  return writer.f
}

class ProductWriter {
  readonly f: FunctionWriter
  readonly #env: Environment
  readonly #kernel: ContractKernel
  readonly #buffers: readonly number[]
  readonly #blocks: ContractBlocks
  readonly #rows: number
  readonly #plain: boolean
  /** Partial sums wait in the output (plain) or in a workspace. */
  readonly #manyBlocks: boolean
  readonly #micro: FunctionWriter
  readonly #packA: FunctionWriter
  readonly #epilogue: FunctionWriter
  readonly #l: { readonly [K in LocalName]: number }

  constructor(
    env: Environment,
    kernel: ContractKernel,
    buffers: readonly number[],
    { blocks, plain }: ProductOptions,
  ) {
    this.#env = env
    this.#kernel = kernel
    this.#buffers = buffers
    this.#blocks = blocks
    this.#rows = tileRows(env.relaxed)
    this.#plain = plain
    this.#manyBlocks = kernel.k > KC
    this.#micro = microKernel(env.module, env.relaxed)
    this.#packA = packFunction(env, this.#rows, kernel.a)
    this.#epilogue = epilogueFunction(env, kernel, buffers)
    const types = Array.from({ length: buffers.length + PARAMETERS.length }, () => I32)
    const f = (this.f = env.module.function('', types as (typeof I32)[]))
    this.#l = Object.fromEntries([
      ...PARAMETERS.map((name, i) => [name, buffers.length + i]),
      ...LOCALS.map((name) => [name, f.permanent(I32)]),
    ]) as { [K in LocalName]: number }
  }

  write(): void {
    const { f } = this
    const l = this.#l
    const { unitColumns, sums: waiting } = this.#blocks
    const { tile, sums, bytes } = workspaceOfTiles(this.#kernel, this.#blocks, this.#rows)
    this.#env.workspace(bytes)
    this.#env.pushWorkspace(f)
    f.set(l.bufferA)
    f.get(l.bufferA).plus(tile).set(l.tile)
    if (waiting === 'unit') f.get(l.bufferA).plus(sums).set(l.sums)
    f.get(l.kc)
      .i32(NR * 4)
      .mul()
      .plus(PACKING_SLACK)
      .set(l.panelBytes)
    f.get(l.nc)
      .plus(unitColumns - 1)
      .i32(unitColumns)
      .op(OP.i32DivU)
      .set(l.across)
    f.i32(-1).set(l.packed)
    f.get(l.from)
    f.forUntil(l.unit, l.to, 1, () => {
      f.get(l.unit).get(l.across).op(OP.i32DivU).set(l.block)
      // columns of the unit
      f.get(l.unit).get(l.across).op(OP.i32RemU).i32(unitColumns).mul().set(l.jrStart)
      f.get(l.jrStart).plus(unitColumns).set(l.jrEnd)
      f.min(l.jrEnd, l.nc).set(l.jrEnd)
      f.get(l.pc).set(l.panel).get(l.kc).set(l.terms)
      if (waiting === 'unit') return this.#allTerms()
      f.get(l.block).get(l.packed).op(OP.i32Ne)
      f.if(() => this.#packBlock())
      this.#columns()
    })
  }

  /** The tiles of a unit panel by panel of terms. */
  #allTerms(): void {
    const { f } = this
    const l = this.#l
    f.get(l.pc).get(l.kc).add().set(l.kEnd)
    f.loop(() => {
      f.get(l.kEnd).get(l.panel).sub().set(l.terms)
      f.atMost(l.terms, KC)
      this.#packBlock()
      this.#columns()
      f.increase(l.panel, KC)
      f.get(l.panel).get(l.kEnd).op(OP.i32LtS).branchIf(0)
    })
  }

  /** Packs the block of A that the unit needs. */
  #packBlock(): void {
    const { f } = this
    const l = this.#l
    const height = this.#rows * this.#blocks.tilesDown
    f.get(l.block).set(l.packed)
    f.get(l.block).i32(height).mul().set(l.ic)
    f.i32(this.#kernel.m).get(l.ic).sub().set(l.mc)
    f.atMost(l.mc, height)
    if (this.#kernel.k > 0)
      f.get(l.aStart).get(l.bufferA).get(l.ic).get(l.panel).get(l.mc).get(l.terms).call(this.#packA)
  }

  /** All tiles of the packed block of A with columns jrStart … jrEnd. */
  #columns(): void {
    const { f } = this
    const l = this.#l
    const rows = this.#rows
    f.get(l.jrStart).i32(NR).op(OP.i32DivU).get(l.panelBytes).mul().get(l.bufferB).add()
    f.get(l.panel)
      .get(l.pc)
      .sub()
      .i32(NR * 4)
      .mul()
      .add()
      .set(l.bPanel)
    f.get(l.jrStart)
    f.forUntil(l.jr, l.jrEnd, NR, () => {
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
        f.get(l.terms)
          .i32(rows * 4)
          .mul()
          .get(l.aPanel)
          .add()
          .set(l.aPanel)
      })
      f.increaseBy(l.bPanel, l.panelBytes)
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
      .get(l.terms)
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
          .get(l.terms)
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
    f.get(l.tile).set(l.source)
    f.i32(0)
    f.forUntil(l.x, l.height, 1, () => {
      f.i32(0)
      f.forUntil(l.y, l.width, 1, () => {
        f.get(l.output).get(l.y).scale(4).add()
        f.get(l.output).get(l.y).scale(4).add().memory(OP.f32Load)
        f.get(l.source).get(l.y).scale(4).add().memory(OP.f32Load).op(OP.f32Add).memory(OP.f32Store)
      })
      f.increase(l.output, rowBytes)
      f.increase(l.source, NR * 4)
    })
  }

  /** Partial sums in a padded workspace, of the unit or of all rows: outputs may be updated in place, so they can't hold them. */
  #workspaceTile(): void {
    const { f } = this
    const l = this.#l
    const { sums, columns, unitColumns } = this.#blocks
    const width = sums === 'unit' ? unitColumns : roundUp(Math.min(this.#kernel.n, columns), NR)
    const rowBytes = width * 4
    if (sums === 'unit') f.get(l.ir).i32(rowBytes).mul().get(l.jr).get(l.jrStart).sub()
    else f.get(l.row).i32(rowBytes).mul().get(l.jr)
    f.scale(4).add().get(l.sums).add().set(l.output)
    f.get(l.aPanel).get(l.bPanel).get(l.output).get(l.terms).i32(rowBytes)
    f.get(l.panel).i32(0).op(OP.i32GtS).call(this.#micro)
    f.get(l.panel).get(l.terms).add().i32(this.#kernel.k).op(OP.i32GeS)
    f.if(() => this.#finish(l.output, rowBytes))
  }
}

const PARAMETERS = ['aStart', 'bufferB', 'sums', 'batch', 'jc', 'nc', 'pc', 'kc', 'from', 'to'] as const
const LOCALS = [
  'unit',
  'across',
  'block',
  'packed',
  'ic',
  'mc',
  'panel',
  'terms',
  'kEnd',
  'jr',
  'jrStart',
  'jrEnd',
  'ir',
  'width',
  'height',
  'row',
  'column',
  'bufferA',
  'aPanel',
  'bPanel',
  'panelBytes',
  'tile',
  'output',
  'source',
  'x',
  'y',
] as const
type LocalName = (typeof PARAMETERS)[number] | (typeof LOCALS)[number]
