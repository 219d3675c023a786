// The size of a Contract kernel's tiles. 256 threads compute 16·rows × 16·columns sums, `rows × columns` each.

export interface TileShape {
  /** Sums of one thread: rows and columns of its block. */
  readonly rows: number
  readonly columns: number
}

/** Threads along each side of a tile, and elements of K that are in workgroup memory at once. */
export const SIDE = 16
export const K_TILE = 16
/** Fewer tiles than this leave most of a GPU idle, so tiles shrink first. A rule of thumb until adapters are measured. */
const ENOUGH_TILES = 64

export function tileShape(batch: number, m: number, n: number): TileShape {
  let rows = fitting(m)
  let columns = fitting(n)
  const tiles = (): number => batch * Math.ceil(m / (SIDE * rows)) * Math.ceil(n / (SIDE * columns))
  while (tiles() < ENOUGH_TILES && rows * columns > 1) {
    if (rows >= columns) rows /= 2
    else columns /= 2
  }
  return { rows, columns }
}

/** Largest block side of 1, 2, 4 that is not mostly outside. */
const fitting = (extent: number): number => (extent > 2 * SIDE ? 4 : extent > SIDE ? 2 : 1)
