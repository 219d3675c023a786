// Matrix products of all sizes (M, N, K) in {1, 7, 31, 33, 64, 127, 257, 512}³ in four transpositions: time per operation
// against the aligned neighbour (7 → 8, 31 and 33 → 32, 127 → 128, 257 → 256). Prints the worst ratio, not the mean.
//   node packages/backend-cpu/bench/sweep.mjs [seconds to spend, default 120]
import { load } from './load.mjs'

const { kernelsOf, workload } = await load('cases.ts')
const SIZES = [1, 7, 31, 33, 64, 127, 257, 512]
const NEIGHBOUR = { 7: 8, 31: 32, 33: 32, 127: 128, 257: 256 }
const OPS = ['matMul', 'matMulTa', 'matMulTb', 'matMulTaTb']
const near = (n) => NEIGHBOUR[n] ?? n
const seconds = Number(process.argv[2] ?? 120)
const data = (rows, columns) => ({
  data: Float32Array.from({ length: rows * columns }, (_, i) => ((i * 7919) % 101) / 101 - 0.5),
  shape: [rows, columns],
})

function check(op, m, n, k, a, b, actual) {
  const at = (x, i, j, t) => x.data[t ? j * x.shape[1] + i : i * x.shape[1] + j]
  const [ta, tb] = [op.includes('Ta'), op.endsWith('Tb')]
  for (const [i, j] of [
    [0, 0],
    [m - 1, n - 1],
    [m >> 1, n >> 1],
    [m - 1, 0],
  ]) {
    let sum = 0
    for (let q = 0; q < k; q++) sum += at(a, i, q, ta) * at(b, q, j, tb)
    if (Math.abs(sum - actual[i * n + j]) > 1e-4 * Math.sqrt(k))
      throw new Error(`wrong value in ${op} ${m}x${n}x${k}: ${actual[i * n + j]}, not ${sum}`)
  }
}

const cells = new Map()
function cell(op, m, n, k) {
  const key = `${op} ${m}x${n}x${k}`
  let c = cells.get(key)
  if (!c) {
    const a = op.includes('Ta') ? data(k, m) : data(m, k)
    const b = op.endsWith('Tb') ? data(n, k) : data(k, n)
    const w = workload(op, [a, b])
    const run = kernelsOf(w)
    check(op, m, n, k, a, b, w.values()[0])
    cells.set(key, (c = { key, m, n, k, run, best: Infinity }))
  }
  return c
}

const pairs = []
for (const op of OPS)
  for (const m of SIZES)
    for (const n of SIZES)
      for (const k of SIZES) {
        const [c, neighbour] = [cell(op, m, n, k), cell(op, near(m), near(n), near(k))]
        if (c !== neighbour) pairs.push([c, neighbour])
      }
const flop = (c) => 2 * c.m * c.n * c.k
// rounds over all cells, so that a busy moment of the machine spoils one sample of many; large ones get fewer turns
const start = performance.now()
let rounds = 0
while (rounds < 2 || performance.now() - start < seconds * 1000) {
  for (const c of cells.values()) {
    const turns = Math.max(1, Math.min(200, Math.floor(2e6 / flop(c))))
    const t = performance.now()
    for (let i = 0; i < turns; i++) c.run()
    c.best = Math.min(c.best, (performance.now() - t) / turns)
  }
  rounds++
}
const ratios = pairs
  .map(([c, d]) => ({ c, d, ratio: c.best / flop(c) / (d.best / flop(d)) }))
  .toSorted((x, y) => y.ratio - x.ratio)
const show = (r) =>
  `${r.ratio.toFixed(2)}  ${r.c.key} ${(r.c.best * 1000).toFixed(1)} µs against ${r.d.key} ${(r.d.best * 1000).toFixed(1)} µs`
const large = ratios.filter(({ c }) => c.m * c.n * c.k >= 32 ** 3)
const small = ratios.filter(({ c }) => c.m * c.n * c.k < 32 ** 3)
console.log(`node ${process.version}, ${cells.size} products, ${rounds} rounds`)
console.log('worst of 32³ operations and more:')
for (const r of large.slice(0, 12)) console.log('  ' + show(r))
console.log('worst of the smaller ones:')
for (const r of small.slice(0, 8)) console.log('  ' + show(r))
