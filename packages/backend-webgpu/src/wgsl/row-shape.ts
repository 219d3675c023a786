// Who computes what in a Row kernel: how many rows a workgroup takes, how many threads share a row, and whether
// neighbouring threads walk along the row or across rows (whichever reads neighbouring memory).
import { type LoopNest, product } from './affine.ts'

export interface RowShape {
  readonly rows: number
  /** Elements of one row: iterations of the reduced loops. */
  readonly length: number
  /** Rows that one workgroup computes; a power of two. */
  readonly rowsPerGroup: number
  /** Threads that share one row; a power of two. 1 needs no workgroup memory and no barrier. */
  readonly threadsPerRow: number
  /** Neighbouring threads take neighbouring rows (sums over the first axis) instead of neighbouring elements of a row. */
  readonly across: boolean
  readonly workgroupSize: number
}

const MAX_THREADS = 256
const MAP_THREADS = 64
/** Below so many elements a thread has too little to do for its share of the tree at the end. */
const ELEMENTS_A_THREAD = 4
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)))

export function rowShape(nest: LoopNest): RowShape {
  const { sizes, outer, exprs } = nest
  const rows = product(sizes.slice(0, outer))
  const length = product(sizes.slice(outer))
  if (outer === sizes.length)
    return {
      rows,
      length,
      rowsPerGroup: MAP_THREADS,
      threadsPerRow: 1,
      across: true,
      workgroupSize: MAP_THREADS,
    }
  const across = walksAcross(nest)
  if (across) {
    const columns = Math.min(MAP_THREADS, powerOfTwo(rows))
    const threads =
      rows >= 2 ** 14 ? 1 : Math.min(MAX_THREADS / columns, powerOfTwo(length / (4 * ELEMENTS_A_THREAD)))
    return {
      rows,
      length,
      rowsPerGroup: columns,
      threadsPerRow: threads,
      across,
      workgroupSize: columns * threads,
    }
  }
  const threads = Math.min(MAX_THREADS, powerOfTwo(length / ELEMENTS_A_THREAD))
  const several = exprs.length && threads < MAP_THREADS ? MAP_THREADS / threads : 1
  return {
    rows,
    length,
    rowsPerGroup: several,
    threadsPerRow: threads,
    across,
    workgroupSize: several * threads,
  }
}

/** True when more loads are neighbours from row to row than inside a row. */
function walksAcross({ sizes, outer, exprs }: LoopNest): boolean {
  if (outer === 0) return false
  const score = (loop: number): number => {
    let sum = 0
    for (const e of exprs) {
      if (e.op !== 'load' || !e.addr.slice(1 + outer).some((c) => c !== 0)) continue
      const step = Math.abs(e.addr[loop + 1]!)
      sum += step === 1 ? 1 : step === 0 ? 0 : -4
    }
    return sum
  }
  return score(outer - 1) > score(sizes.length - 1)
}
