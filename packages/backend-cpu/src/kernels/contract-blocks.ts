// How a contraction is cut: into blocks that fit the caches, and into units that threads take.
import type { ContractKernel } from '@dl/tensor/backend'
import { PACKED_ELEMENT, PRODUCT_STEP } from '../threads/cost.ts'
import { NR } from './micro.ts'

/** Depth of a block: two panels of it fit the first-level cache. */
export const KC = 256
/** Columns of a packed block of B. */
export const NC = 2048
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
  /** Columns of B in a unit. */
  readonly unitColumns: number
  /** Most units in a product of blocks. */
  readonly units: number
  /** Nanoseconds of a product of the batch, of one of its units, of packing a panel of B. */
  readonly productCost: number
  readonly unitCost: number
  readonly panelCost: number
}

/** @param rows rows of a tile */
export function contractBlocks({ batch, m, n, k }: ContractKernel, rows: number): ContractBlocks {
  const depth = Math.min(k, KC)
  const panels = Math.ceil(Math.min(n, NC) / NR)
  const tiles = Math.ceil(m / rows)
  const blockCost = (m * panels * NR * PRODUCT_STEP + m * PACKED_ELEMENT) * depth
  const wanted = Math.min(MOST_UNITS, Math.max(1, Math.floor(blockCost / UNIT_NANOSECONDS)))
  const most = Math.min(MOST_TILES, Math.max(LEAST_TILES, Math.ceil(tiles / wanted)))
  const blocksDown = Math.ceil(tiles / most)
  const across = blocksDown < wanted ? Math.ceil(wanted / blocksDown) : 1
  const unitPanels = across === 1 ? panels : Math.max(LEAST_PANELS, Math.ceil(panels / across))
  const units = blocksDown * Math.ceil(panels / unitPanels)
  const productCost = m * n * k * PRODUCT_STEP + (m + n) * k * PACKED_ELEMENT
  return {
    byBatch: batch > 1 && productCost < LONG_PRODUCT,
    tilesDown: Math.ceil(tiles / blocksDown),
    blocksDown,
    unitColumns: unitPanels * NR,
    units,
    productCost,
    unitCost: blockCost / units,
    panelCost: depth * NR * PACKED_ELEMENT,
  }
}
