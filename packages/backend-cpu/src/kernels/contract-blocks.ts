// How a contraction is cut: into blocks that fit the caches, and into units that threads take. Sums over more terms than a
// block has wait in the output of a plain product; else for the rows of one unit, with B packed for all terms, or for all
// rows, with B packed block by block, whichever takes less memory.
import type { ContractKernel } from '@dl/tensor/backend'
import { PACKED_ELEMENT, PRODUCT_STEP } from '../threads/cost.ts'
import { NR } from './micro.ts'

/** Depth of a block: two panels of it fit the first-level cache. */
export const KC = 256
/** Most columns of a packed block of B. */
const NC = 2048
/** Sums that wait, with the columns packed for them, take about so many bytes at most, unless that leaves too few columns. */
const [WAITING_BYTES, LEAST_COLUMNS] = [1 << 21, 64]
/** Most and least tiles in a packed block of A. */
const [MOST_TILES, LEAST_TILES] = [32, 4]
/** Least panels of B in a unit. */
const LEAST_PANELS = 4
/** Units of about so many nanoseconds are wanted, and not more of them than this. */
const [UNIT_NANOSECONDS, MOST_UNITS] = [10_000, 32]
/** Products that take so long are split one by one; shorter ones of a batch are units as they are. */
const LONG_PRODUCT = 200_000

export interface ContractBlocks {
  /** Each product of the batch is a unit. */
  readonly byBatch: boolean
  /** Tiles in a packed block of A, and how many blocks there are. */
  readonly tilesDown: number
  readonly blocksDown: number
  /** Columns and terms for which B is packed at a time. */
  readonly columns: number
  readonly depth: number
  /** Partial sums wait in a workspace: of a unit's rows, or of all rows. */
  readonly sums: 'none' | 'unit' | 'all'
  /** Columns of B in a unit. */
  readonly unitColumns: number
  /** Most units in a product of blocks. */
  readonly units: number
  /** Nanoseconds of a product of the batch, of one of its units, of packing a panel of B. */
  readonly productCost: number
  readonly unitCost: number
  readonly panelCost: number
}

/** Where sums wait, and the terms and columns for which B is packed meanwhile. */
function waiting(
  { m, k }: ContractKernel,
  rows: number,
  plain: boolean,
): Pick<ContractBlocks, 'sums' | 'depth' | 'columns'> {
  const depth = Math.min(k, KC)
  if (k <= KC || plain) return { sums: 'none', depth, columns: NC }
  const [all, unit] = [KC + m, k + Math.min(m, MOST_TILES * rows)]
  const most = Math.floor(WAITING_BYTES / 4 / Math.min(all, unit) / NR) * NR
  const columns = Math.min(NC, Math.max(LEAST_COLUMNS, most))
  return unit < all ? { sums: 'unit', depth: k, columns } : { sums: 'all', depth, columns }
}

/**
 * @param rows rows of a tile
 * @param plain whether the output can hold partial sums
 * @param finest units are to be as small as they can be
 */
export function contractBlocks(
  kernel: ContractKernel,
  rows: number,
  plain: boolean,
  finest: boolean,
): ContractBlocks {
  const { batch, m, n, k } = kernel
  const { sums, depth, columns } = waiting(kernel, rows, plain)
  const panels = Math.ceil(Math.min(n, columns) / NR)
  const tiles = Math.ceil(m / rows)
  const blockCost = (m * panels * NR * PRODUCT_STEP + m * PACKED_ELEMENT) * depth
  const fitting = Math.max(1, Math.floor(blockCost / UNIT_NANOSECONDS))
  const wanted = finest ? MOST_UNITS : Math.min(MOST_UNITS, fitting)
  const most = Math.min(MOST_TILES, Math.max(finest ? 1 : LEAST_TILES, Math.ceil(tiles / wanted)))
  const blocksDown = Math.ceil(tiles / most)
  const across = blocksDown < wanted ? Math.ceil(wanted / blocksDown) : 1
  const unitPanels = across === 1 ? panels : Math.max(finest ? 1 : LEAST_PANELS, Math.ceil(panels / across))
  const units = blocksDown * Math.ceil(panels / unitPanels)
  const productCost = m * n * k * PRODUCT_STEP + (m + n) * k * PACKED_ELEMENT
  return {
    byBatch: batch > 1 && productCost < LONG_PRODUCT,
    tilesDown: Math.ceil(tiles / blocksDown),
    blocksDown,
    columns,
    depth,
    sums,
    unitColumns: unitPanels * NR,
    units,
    productCost,
    unitCost: blockCost / units,
    panelCost: depth * NR * PACKED_ELEMENT,
  }
}
