// Attention kernels of the kernel language as loops over float64 numbers, one query at a time.
import type { AttentionGradKernel, AttentionKernel, Operand } from '../backend/ir.ts'
import type { TypedArray } from '../graph/dtype.ts'
import { threefry2x32 } from '../graph/scalar-table.ts'
import { axisOffset } from './axis-offset.ts'

type Views = readonly TypedArray[]

/** Reads element `(batch, row, term)` of an operand. */
function reader(
  { buffer, base, batch, rows, ks }: Operand,
  views: Views,
): (b: number, row: number, term: number) => number {
  const view = views[buffer]!
  return (b, row, term) => {
    const at = base + axisOffset(batch, b) + axisOffset(rows, row) + axisOffset(ks, term)
    if (at < 0 || at >= view.length)
      throw new Error(`[interpreter] index ${at} is outside of a buffer of ${view.length} elements`)
    return Number(view[at])
  }
}

const sumOf = (count: number, term: (i: number) => number): number => {
  let sum = 0
  for (let i = 0; i < count; i++) sum += term(i)
  return sum
}

/** Scores of query `i` of batch element `b`. */
function scores(
  kernel: AttentionKernel | AttentionGradKernel,
  views: Views,
): (b: number, i: number) => number[] {
  const [q, k] = [reader(kernel.q, views), reader(kernel.k, views)]
  const mask = kernel.mask && reader(kernel.mask, views)
  const choice = kernel.mask && views[kernel.mask.buffer] instanceof Uint8Array
  return (b, i) =>
    Array.from({ length: kernel.keys }, (_, j) => {
      if ((kernel.causal && j > i) || (choice && !mask!(b, i, j))) return -Infinity
      const score = kernel.scale * sumOf(kernel.depth, (d) => q(b, i, d) * k(b, j, d))
      return mask && !choice ? score + mask(b, i, j) : score
    })
}

const float = new Float32Array(1)
const bits = new Int32Array(float.buffer)

/** What each probability of query `i` is multiplied by. */
function factors(
  { dropout, queries, keys }: AttentionKernel | AttentionGradKernel,
  views: Views,
): (b: number, i: number) => number[] {
  if (!dropout) return () => Array<number>(keys).fill(1)
  const [key0, key1, counter] = views[dropout.stream] as Int32Array
  const kept = Math.fround(1 - dropout.rate)
  return (b, i) =>
    Array.from({ length: keys }, (_, j) => {
      const number = ((b * queries + i) * keys + j) | 0
      bits[0] = (threefry2x32(key0!, key1!, number, counter!)[0] >>> 9) | 0x3f800000
      return float[0]! - 1 < kept ? 1 / (1 - dropout.rate) : 0
    })
}

export function runAttention(kernel: AttentionKernel, views: Views): void {
  const { batch, queries, keys, valueDepth, out, logSum } = kernel
  const [scoresOf, factorsOf, v] = [scores(kernel, views), factors(kernel, views), reader(kernel.v, views)]
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < queries; i++) {
      const row = scoresOf(b, i)
      const greatest = row.reduce((m, x) => (x > m ? x : m), -Infinity)
      const shift = greatest === -Infinity ? 0 : greatest
      const e = row.map((x) => Math.exp(x - shift))
      const sum = sumOf(keys, (j) => e[j]!)
      const factor = factorsOf(b, i)
      const at = b * queries + i
      if (logSum !== null) views[logSum]![at] = sum === 0 ? Infinity : shift + Math.log(sum)
      if (out === null) continue
      for (let d = 0; d < valueDepth; d++)
        views[out]![at * valueDepth + d] =
          sum === 0 ? 0 : sumOf(keys, (j) => e[j]! * factor[j]! * v(b, j, d)) / sum
    }
}

export function runAttentionGrad(kernel: AttentionGradKernel, views: Views): void {
  const { batch, queries, keys, depth, valueDepth, scale } = kernel
  const [scoresOf, factorsOf] = [scores(kernel, views), factors(kernel, views)]
  const [q, k, v, ct] = [kernel.q, kernel.k, kernel.v, kernel.ct].map((operand) =>
    reader(operand, views),
  ) as [Reader, Reader, Reader, Reader]
  const part = (buffer: number | null, size: number): { view: TypedArray | null; sums: Float64Array } => ({
    view: buffer === null ? null : views[buffer]!,
    sums: new Float64Array(size),
  })
  const dq = part(kernel.dq, batch * queries * depth)
  const dk = part(kernel.dk, batch * keys * depth)
  const dv = part(kernel.dv, batch * keys * valueDepth)
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < queries; i++) {
      const at = b * queries + i
      const [logSum, delta] = [Number(views[kernel.logSum]![at]), Number(views[kernel.delta]![at])]
      const factor = factorsOf(b, i)
      scoresOf(b, i).forEach((score, j) => {
        const p = Math.exp(score - logSum)
        const dp = factor[j]! * sumOf(valueDepth, (d) => ct(b, i, d) * v(b, j, d))
        const ds = scale * p * (dp - delta)
        const key = b * keys + j
        for (let d = 0; d < depth; d++) {
          dq.sums[at * depth + d]! += ds * k(b, j, d)
          dk.sums[key * depth + d]! += ds * q(b, i, d)
        }
        for (let d = 0; d < valueDepth; d++) dv.sums[key * valueDepth + d]! += p * factor[j]! * ct(b, i, d)
      })
    }
  for (const { view, sums } of [dq, dk, dv]) if (view) sums.forEach((x, i) => (view[i] = x))
}
type Reader = ReturnType<typeof reader>
