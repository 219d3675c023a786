// The attention kernels beside the same computation spelled out, in one process, in turns; values are compared first.
//   node packages/backend-cpu/bench/attention.mjs [part of a case's name]
import { inTurns, load, relativeError } from './load.mjs'

const only = process.argv[2] ?? ''
const { kernel, composed, forward, training } = await load('attention-cases.ts')
const sizes = {
  'B4 H8 T256 D32': { batch: 4, heads: 8, length: 256, depth: 32 },
  'B1 H2 T2048 D64': { batch: 1, heads: 2, length: 2048, depth: 64 },
  'B32 H4 T64 D32': { batch: 32, heads: 4, length: 64, depth: 32 },
}
for (const [label, size] of Object.entries(sizes))
  for (const [kind, make] of Object.entries({ forward, training }))
    for (const causal of [false, true]) {
      const name = `${kind} ${label}${causal ? ' causal' : ''}`
      if (!name.includes(only)) continue
      const own = make(kernel(causal), size)
      const other = make(composed(causal), size)
      const expected = other.values()
      const errors = own.values().map((x, i) => relativeError(x, expected[i]))
      const [a, b] = inTurns([own.step, other.step])
      const work =
        4 *
        size.batch *
        size.heads *
        size.length ** 2 *
        size.depth *
        (kind === 'forward' ? 1 : 3.5) *
        (causal ? 0.5 : 1)
      console.log(
        `${name.padEnd(34)} kernel ${a.best.toFixed(2)} ms (${(work / a.best / 1e6).toFixed(0)} GFLOP/s), spelled out ${b.best.toFixed(2)} ms: ` +
          `${(b.best / a.best).toFixed(2)} x; error ${Math.max(...errors).toExponential(1)}`,
      )
    }
