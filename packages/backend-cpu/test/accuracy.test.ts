// Error bounds of the vector functions, in units in the last place of float32, against float64: dense sweeps and specials.
import { SCALARS } from '@dl/tensor/backend'
import type { ScalarName } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { Exprs, makeProgram } from './harness.ts'

const backends = { fused: new CpuBackend(), plain: new CpuBackend({ relaxed: false }) }

function apply(fn: ScalarName, columns: readonly Float32Array[], on: CpuBackend): Float32Array {
  const n = columns[0]!.length
  const x = new Exprs(1)
  const args = columns.map((_, i) => x.push('float32', { op: 'load', buffer: i, addr: [0, 1] }))
  const y = x.push('float32', { op: 'map', fn, args })
  const buffers = [...columns, columns[0]!].map(() => ({ dtype: 'float32' as const, size: n }))
  const out = columns.length
  const program = makeProgram(buffers, [
    {
      kind: 'row',
      name: fn,
      sizes: [n],
      outer: 1,
      exprs: x.list,
      stores: [{ buffer: out, expr: y, addr: [0, 1] }],
    },
  ])
  const pointers = buffers.map(() => on.allocate(n * 4))
  columns.forEach((c, i) => on.write(pointers[i]!, c))
  const executable = on.compile(program)
  executable.run(pointers, [])
  const result = on.readSync(pointers[out]!, 'float32', n) as Float32Array
  executable.dispose()
  for (const p of pointers) on.free(p, n * 4)
  return result
}

const bits = new DataView(new ArrayBuffer(4))
/** Distance between neighbouring float32 numbers at |x|. */
function ulpAt(x: number): number {
  const a = Math.abs(x)
  if (!Number.isFinite(Math.fround(a))) return 2 ** 104
  bits.setFloat32(0, a)
  const exponent = bits.getUint32(0) >>> 23
  return 2 ** (Math.max(exponent, 1) - 150)
}

function error(actual: number, exact: number): number {
  if (Number.isNaN(exact)) return Number.isNaN(actual) ? 0 : Infinity
  const rounded = Math.fround(exact)
  if (Object.is(actual, rounded) || actual === rounded) return 0
  if (!Number.isFinite(rounded) && Math.abs(exact) > 2 ** 128) return Infinity
  return Math.abs(actual - exact) / Math.min(ulpAt(rounded), ulpAt(exact))
}

/** All magnitudes, both signs, `perBinade` numbers in each power of two between the exponents. */
function sweep(low: number, high: number, perBinade: number): Float32Array {
  const out: number[] = []
  for (let e = low; e <= high; e++)
    for (let i = 0; i < perBinade; i++) {
      const x = 2 ** e * (1 + (i + ((i * 0.618034) % 1)) / (perBinade + 1))
      out.push(x, -x)
    }
  return Float32Array.from(out)
}
const SPECIALS = [
  0,
  -0,
  NaN,
  Infinity,
  -Infinity,
  1,
  -1,
  0.5,
  2 ** -149,
  -(2 ** -149),
  1e-40,
  2 ** -126,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  88.72,
  88.7228,
  88.73,
  89,
  -87.3,
  -87.34,
  -100,
  -103.9,
  -104,
  1e10,
  -1e10,
  1e30,
]

const CASES: {
  readonly fn: ScalarName
  readonly from: number
  readonly to: number
  readonly ulp: number
  readonly positive?: boolean
}[] = [
  { fn: 'exp', from: -30, to: 7, ulp: 2 },
  { fn: 'log', from: -149, to: 127, ulp: 2, positive: true },
  { fn: 'tanh', from: -140, to: 10, ulp: 4 },
  { fn: 'sigmoid', from: -140, to: 6, ulp: 4 },
  { fn: 'erf', from: -140, to: 10, ulp: 4 },
  { fn: 'sin', from: -140, to: 25, ulp: 4 },
  { fn: 'cos', from: -140, to: 25, ulp: 4 },
  { fn: 'sqrt', from: -149, to: 127, ulp: 1, positive: true },
]

for (const [name, on] of Object.entries(backends))
  describe(`accuracy (${name})`, () => {
    for (const { fn, from, to, ulp, positive } of CASES)
      it(`${fn} stays within ${ulp} ulp`, () => {
        const swept = sweep(from, to, from < -100 ? 400 : 2000)
        const x = Float32Array.from([...SPECIALS, ...(positive ? swept.map(Math.abs) : swept)])
        const y = apply(fn, [x], on)
        let [worst, at] = [0, 0]
        x.forEach((v, i) => {
          const e = error(y[i]!, SCALARS[fn].js(v))
          if (e > worst) [worst, at] = [e, i]
        })
        if (process.env['DL_PRINT_ULP']) console.log(name, fn, worst.toFixed(2), 'at', x[at])
        expect(worst, `${fn}(${x[at]}) = ${y[at]}, exactly ${SCALARS[fn].js(x[at]!)}`).toBeLessThanOrEqual(
          ulp,
        )
      })

    for (const fn of ['pow', 'rem'] as const)
      it(`${fn} stays within 1 ulp, specials included`, () => {
        const values = [...SPECIALS, 2, 3, -2, -3, 0.25, 1.5, 100, -100.5, ...sweep(-3, 3, 20)]
        const pairs = values.flatMap((a) => values.map((b) => [a, b] as const))
        const a = Float32Array.from(pairs, (p) => p[0])
        const b = Float32Array.from(pairs, (p) => p[1])
        const y = apply(fn, [a, b], on)
        let [worst, at] = [0, 0]
        a.forEach((v, i) => {
          const e = error(y[i]!, SCALARS[fn].js(v, b[i]!))
          if (e > worst) [worst, at] = [e, i]
        })
        expect(
          worst,
          `${fn}(${a[at]}, ${b[at]}) = ${y[at]}, exactly ${SCALARS[fn].js(a[at]!, b[at]!)}`,
        ).toBeLessThanOrEqual(1)
      })
  })
