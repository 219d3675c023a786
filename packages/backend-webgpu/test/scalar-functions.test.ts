// The whole scalar table: every function without a formula, on every dtype it accepts, has WGSL that Tint accepts; where a
// driver can run it, values are within the table's error bound of the reference and IEEE's special cases hold.
import {
  allocate,
  type DType,
  evaluateScalar,
  type Program,
  SCALAR_NAMES,
  type ScalarName,
  SCALARS,
  toElement,
  type TypedArray,
} from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { generateWgsl } from '../src/index.ts'
import { complaints, computingDevice, tintJudge } from './support/dawn.ts'
import { load, map, program, row, store } from './support/kernels.ts'
import { runOnDevice } from './support/run.ts'

const device = await computingDevice()
const DTYPES: readonly DType[] = ['float32', 'int32', 'uint8', 'bool']
const ACCEPTS: Record<string, readonly DType[]> = {
  float: ['float32'],
  number: ['float32', 'int32', 'uint8'],
  int: ['int32', 'uint8'],
  bool: ['bool'],
  any: DTYPES,
  select: DTYPES,
  threefry: ['int32'],
}

interface FunctionCase {
  readonly name: string
  readonly fn: ScalarName
  readonly from: DType
  readonly to: DType
}
const cases: FunctionCase[] = SCALAR_NAMES.filter((fn) => !SCALARS[fn].formula).flatMap((fn) =>
  ACCEPTS[SCALARS[fn].accepts]!.flatMap((from) => {
    const targets =
      fn === 'cast'
        ? DTYPES
        : fn === 'bitcast'
          ? bitcastTargets(from)
          : [SCALARS[fn].result === 'bool' ? 'bool' : from]
    return targets.map((to) => ({
      name: `${fn} ${from}${to === from ? '' : ` → ${to}`}`,
      fn,
      from,
      to,
    }))
  }),
)
function bitcastTargets(from: DType): readonly DType[] {
  return from === 'float32' ? ['int32'] : from === 'int32' ? ['float32'] : []
}

/** `out[i] = fn(in0[i], in1[i], …)` over `size` elements. */
function programOf({ fn, from, to }: FunctionCase, size: number): Program {
  const dtypes = Array.from({ length: SCALARS[fn].arity }, (_, i) =>
    fn === 'select' && i === 0 ? 'bool' : from,
  )
  const loads = dtypes.map((d, i) => load(i, [0, 1], d))
  const result = map(
    fn,
    dtypes.map((_, i) => i),
    to,
  )
  return program(
    [...dtypes.map((d) => [d, size] as const), [to, size] as const],
    [row(fn, [size], 1, [...loads, result], [store(dtypes.length, dtypes.length, [0, 1])])],
  )
}

tintJudge(() => {
  it.each(cases)('$name', async (c) => {
    for (const { code } of generateWgsl(programOf(c, 100)).kernels)
      expect(await complaints(code), code).toEqual([])
  })
})

const SPECIAL_FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  Infinity,
  -Infinity,
  Number.NaN,
  3e9,
  -3e9,
  88.8,
  -104,
]
const SPECIAL_INTEGERS: Record<string, readonly number[]> = {
  int32: [0, 1, -1, 2, -2, 5, -7, 31, 32, 2147483647, -2147483648],
  uint8: [0, 1, 2, 3, 7, 8, 31, 100, 254, 255],
  bool: [0, 1],
}

/** All combinations of special values, then random ones from the table's domain. */
function argumentsOf({ fn, from }: FunctionCase): TypedArray[] {
  const { arity, domain } = SCALARS[fn]
  const special = from === 'float32' ? SPECIAL_FLOATS : SPECIAL_INTEGERS[from]!
  const lists = Array.from({ length: arity }, (_, i) =>
    fn === 'select' && i === 0 ? [0, 1] : fn === 'threefry' ? special.slice(0, 4) : special,
  )
  let rows: number[][] = [[]]
  for (const list of lists) rows = rows.flatMap((r) => list.map((v) => [...r, v]))
  if (domain && from === 'float32') {
    let seed = 7
    const next = (): number =>
      ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32) * (domain[1] - domain[0]) + domain[0]
    for (let i = 0; i < 4000; i++)
      rows.push(lists.map((l) => (l.length === 2 && fn === 'select' ? i & 1 : next())))
  }
  return lists.map((_, i) => {
    const data = allocate(fn === 'select' && i === 0 ? 'bool' : from, rows.length) as Float32Array
    rows.forEach((r, j) => (data[j] = r[i]!))
    return data
  })
}

/** Distance in units in the last place of float32; subnormal results may be flushed. */
function distance(got: number, want: number): number {
  if (Object.is(got, want) || got === want || (got !== got && want !== want)) return 0
  if (Math.abs(want) < 2 ** -126 && Math.abs(got) < 2 ** -126) return 0
  const step = 2 ** Math.max(Math.floor(Math.log2(Math.abs(want))) - 23, -149)
  const ulp = Math.abs(got - want) / step
  return ulp === ulp ? ulp : Infinity
}

// WebGPU promises 2.5 ulp for division and square root; the rest keeps the table's bounds (and half a unit of rounding)
const DEVICE_ULP: Partial<Record<ScalarName, number>> = { div: 2.5, sqrt: 2.5 }

// Opt-in: executing kernels is no promise of this version. DL_WEBGPU_RUN=1 runs these on the machine's driver.
if (device)
  describe('a driver computes the scalar table', () => {
    it.each(cases)('$name', { timeout: 120_000 }, async (c) => {
      const args = argumentsOf(c)
      const size = args[0]!.length
      const memory = await runOnDevice(device, programOf(c, size), new Map(args.entries()))
      const got = memory.at(-1)!
      const bound = (DEVICE_ULP[c.fn] ?? SCALARS[c.fn].ulp) + 0.51
      for (let i = 0; i < size; i++) {
        const x = args.map((a) => Number(a[i]))
        if (!comparable(c, x)) continue
        const want = expected(c, x)
        const apart =
          c.to === 'float32' ? distance(Number(got[i]), want) : Number(got[i]) === want ? 0 : Infinity
        expect(apart, `${c.fn}(${x.join(', ')}) = ${Number(got[i])}, expected ${want}`).toBeLessThanOrEqual(
          bound,
        )
      }
    })
  })

function expected({ fn, from, to }: FunctionCase, x: readonly number[]): number {
  if (fn === 'cast') return to === 'bool' ? Number(x[0] !== 0) : Number(toElement(to, x[0]!))
  if (fn === 'bitcast')
    return to === 'int32'
      ? new Int32Array(Float32Array.of(x[0]!).buffer)[0]!
      : new Float32Array(Int32Array.of(x[0]!).buffer)[0]!
  const value = evaluateScalar(fn, from, x)
  return from === 'float32' && to === 'float32' ? Math.fround(Number(value)) : Number(toElement(to, value))
}

/** Powers outside the domain may differ by more than the bound; NaN has no one bit pattern. */
function comparable({ fn, from }: FunctionCase, x: readonly number[]): boolean {
  const { domain } = SCALARS[fn]
  if (fn === 'pow' && from === 'float32')
    return x.every(
      (v) => v !== v || !Number.isFinite(v) || (domain![0] <= Math.abs(v) && Math.abs(v) <= domain![1]),
    )
  // beyond the range of the exact reduction the device's own sine is used
  if (fn === 'sin' || fn === 'cos') return !(Math.abs(x[0]!) > 32768) || !Number.isFinite(x[0])
  if (fn === 'bitcast') return x[0] === x[0] && Math.abs(x[0]!) < 2 ** 31
  return true
}
