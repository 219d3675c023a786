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
/** With fewer elements a thread has too little to do for its share of the tree at the end. */
const ELEMENTS_ALONG = 4
/** Threads that walk across rows fill a workgroup anyway; more of them a row pay off later. */
const ELEMENTS_ACROSS = 16
/** So many rows keep a GPU busy with one thread each. */
const MANY_ROWS = 2 ** 14
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)))

export function rowShape(nest: LoopNest): RowShape {
  const rows = product(nest.sizes.slice(0, nest.outer))
  const length = product(nest.sizes.slice(nest.outer))
  const across = nest.outer === nest.sizes.length || walksAcross(nest)
  const [rowsPerGroup, threadsPerRow] = across ? acrossRows(nest, rows, length) : alongRows(length)
  return { rows, length, rowsPerGroup, threadsPerRow, across, workgroupSize: rowsPerGroup * threadsPerRow }
}

function acrossRows({ sizes, outer }: LoopNest, rows: number, length: number): [number, number] {
  if (outer === sizes.length) return [MAP_THREADS, 1]
  const columns = Math.min(MAP_THREADS, powerOfTwo(rows))
  if (rows >= MANY_ROWS) return [columns, 1]
  return [columns, Math.min(MAX_THREADS / columns, powerOfTwo(length / ELEMENTS_ACROSS))]
}

function alongRows(length: number): [number, number] {
  const threads = Math.min(MAX_THREADS, powerOfTwo(length / ELEMENTS_ALONG))
  return [Math.max(1, MAP_THREADS / threads), threads]
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
