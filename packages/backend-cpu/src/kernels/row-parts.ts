// A reduction with few rows is two row kernels: sums of a fixed number of parts of every row, then the sums of those. How
// many parts there are depends on sizes alone, so results are the same however many threads there are.
import type { Affine, DType, Expr, Store } from '@dl/tensor/backend'
import { loopsOf } from './expressions.ts'
import type { RowLoops } from './row-plan.ts'

export interface ReductionInParts {
  /** Stores the sums of parts, one buffer for each reduction: `[row, part]`. */
  readonly parts: RowLoops
  /** What the kernel does with the sums, which it loads from those buffers. */
  readonly whole: RowLoops
  /** Dtypes of the reductions, in the order of their buffers. */
  readonly reductions: readonly DType[]
  /** Elements of each of those buffers. */
  readonly size: number
}

/** About so many parts. */
const MOST_PARTS = 32
const LEAST_PARTS = 4

/**
 * Cuts a kernel in two; null when it does more than reduce once a row, or its loops can't be divided.
 * @param firstBuffer number of the first buffer for sums of parts
 */
export function reductionInParts(kernel: RowLoops, firstBuffer: number): ReductionInParts | null {
  const { sizes, outer, exprs } = kernel
  if (!reducesOnce(kernel)) return null
  const split = partsOf(sizes, outer)
  if (!split) return null
  const { loop, parts } = split
  const rows = sizes.slice(0, outer).reduce((a, b) => a * b, 1)
  const reductions = exprs.flatMap((x, i) => (x.op === 'reduce' ? [i] : []))
  /** Where the sum of a part lies: parts of a row next to each other. */
  const place: number[] = [0]
  let stride = parts
  for (let l = outer - 1; l >= 0; l--) {
    place[l + 1] = stride
    stride *= sizes[l]!
  }
  place[outer + 1] = 1
  const length = sizes[loop]! / parts
  const sums = new Picked(exprs, (x) => {
    if (x.op !== 'load' && x.op !== 'index') return x
    return { ...x, addr: x.addr.toSpliced(outer + 1, 0, (x.addr[loop + 1] ?? 0) * length) }
  })
  const reduced = sizes.slice(outer).map((s, i) => (outer + i === loop ? length : s))
  return {
    parts: {
      sizes: [...sizes.slice(0, outer), parts, ...reduced],
      outer: outer + 1,
      stores: reductions.map((r, i) => ({
        buffer: firstBuffer + i,
        expr: sums.pick(r),
        addr: [...place, ...reduced.map(() => 0)],
      })),
      exprs: sums.exprs,
    },
    whole: wholeOf(kernel, reductions, firstBuffer, place, parts),
    reductions: reductions.map((r) => exprs[r]!.dtype),
    size: rows * parts,
  }
}

/** All reductions are of the first pass, and all stores happen once a row. */
function reducesOnce({ sizes, outer, exprs, stores }: RowLoops): boolean {
  if (!exprs.some((x) => x.op === 'reduce')) return false
  if (exprs.some((x) => x.op === 'reduce' && x.phase !== 1)) return false
  const reads = (s: Store): boolean => exprs[s.expr]!.inner || loopsOf(s.addr) >> outer !== 0
  return sizes.length > outer && !stores.some(reads)
}

/** The first reduced loop that can be cut, and into how many parts. */
function partsOf(sizes: readonly number[], outer: number): { loop: number; parts: number } | null {
  for (let loop = outer; loop < sizes.length; loop++) {
    if (sizes[loop] === 1) continue
    for (let parts = Math.min(MOST_PARTS, sizes[loop]!); parts >= LEAST_PARTS; parts--)
      if (sizes[loop]! % parts === 0) return { loop, parts }
    return null
  }
  return null
}

/** The kernel over the sums: one reduced loop over parts. */
function wholeOf(
  { sizes, outer, exprs, stores }: RowLoops,
  reductions: readonly number[],
  firstBuffer: number,
  place: Affine,
  parts: number,
): RowLoops {
  const short = (addr: Affine): Affine => [...addr.slice(0, outer + 1), 0]
  const picked = new Picked(exprs, (x, i) => {
    if (x.op === 'reduce') {
      const buffer = firstBuffer + reductions.indexOf(i)
      const load = picked.add({ op: 'load', buffer, addr: place, dtype: x.dtype, inner: true, phase: 0 })
      return { ...x, args: [load] }
    }
    return x.op === 'load' || x.op === 'index' ? { ...x, addr: short(x.addr) } : x
  })
  return {
    sizes: [...sizes.slice(0, outer), parts],
    outer,
    stores: stores.map((s) => ({ ...s, expr: picked.pick(s.expr), addr: short(s.addr) })),
    exprs: picked.exprs,
  }
}

/** Expressions taken over from a list one by one, with what they read, into a list of their own. */
class Picked {
  readonly exprs: Expr[] = []
  readonly #source: readonly Expr[]
  readonly #change: (x: Expr, index: number) => Expr
  readonly #numbers: Map<number, number> = new Map()

  constructor(source: readonly Expr[], change: (x: Expr, index: number) => Expr) {
    this.#source = source
    this.#change = change
  }

  add(x: Expr): number {
    return this.exprs.push(x) - 1
  }

  /** Number of expression `i` in the new list. */
  pick(i: number): number {
    const known = this.#numbers.get(i)
    if (known !== undefined) return known
    const old = this.#source[i]!
    let x = this.#change(old, i)
    // arguments that the change has put there are in the new list already
    if (x.op === 'map') x = { ...x, args: x.args.map((a) => this.pick(a)) }
    else if (x.op === 'reduce' && x === old) x = { ...x, args: [this.pick(x.args[0])] }
    else if (x.op === 'load' && x.dynamic)
      x = { ...x, dynamic: x.dynamic.map((d) => ({ ...d, value: this.pick(d.value) })) }
    const number = this.add(x)
    this.#numbers.set(i, number)
    return number
  }
}
