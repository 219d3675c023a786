// Operands with bounds (convolution without padded copies) against the interpreter: every packing mode, both operands.
import type { Axis, Bound, ContractKernel, Operand } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { difference, Exprs, runBoth } from './harness.ts'
import type { BufferSpec } from './harness.ts'

const backends = { fused: new CpuBackend(), plain: new CpuBackend({ relaxed: false }) }
const f32 = (size: number): BufferSpec => ({ dtype: 'float32', size })

interface Windows {
  readonly n: number
  readonly h: number
  readonly w: number
  readonly c: number
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly pad: number
  readonly channelsLast: boolean
}
const places = ({ h, w, kernel, stride, dilation, pad }: Windows): readonly [number, number] =>
  [h, w].map((d) => Math.floor((d + 2 * pad - (kernel - 1) * dilation - 1) / stride) + 1) as [number, number]

/** Two axes over windows of an image, places (n, y, x) and terms (ky, kx, c) or (c, ky, kx), with the bounds of both. */
function windowAxes(g: Windows): {
  readonly base: number
  readonly places: Axis
  readonly terms: Axis
  readonly bounds: readonly { limit: number; base: number; places: number[]; terms: number[] }[]
} {
  const { n, h, w, c, kernel, stride, dilation, pad, channelsLast } = g
  const [oh, ow] = places(g)
  const [image, row, column, channel] = channelsLast ? [h * w * c, w * c, c, 1] : [h * w * c, w, 1, h * w]
  const space = { sizes: [kernel, kernel], strides: [row * dilation, column * dilation] }
  const put = <T>(channels: T, both: readonly T[]): T[] =>
    channelsLast ? [...both, channels] : [channels, ...both]
  return {
    base: -pad * (row + column),
    places: { sizes: [n, oh, ow], strides: [image, row * stride, column * stride] },
    terms: { sizes: put(c, space.sizes), strides: put(channel, space.strides) },
    bounds: [
      { limit: h, base: -pad, places: [0, stride, 0], terms: put(0, [dilation, 0]) },
      { limit: w, base: -pad, places: [0, 0, stride], terms: put(0, [0, dilation]) },
    ],
  }
}

const ONE: Axis = { sizes: [1], strides: [0] }
const count = (axis: Axis): number => axis.sizes.reduce((a, b) => a * b, 1)
const dense = (buffer: number, rows: number, ks: number, transposed: boolean): Operand => ({
  buffer,
  base: 0,
  batch: ONE,
  rows: { sizes: [rows], strides: [transposed ? 1 : ks] },
  ks: { sizes: [ks], strides: [transposed ? rows : 1] },
})

/** The windows as operand: its rows are the places (forward) or the terms (gradient of the kernel). */
function windowOperand(buffer: number, g: Windows, byPlaces: boolean): Operand {
  const { base, places: over, terms, bounds } = windowAxes(g)
  const asBound = ({ limit, base: start, ...steps }: (typeof bounds)[number]): Bound => ({
    limit,
    base: start,
    rows: byPlaces ? steps.places : steps.terms,
    ks: byPlaces ? steps.terms : steps.places,
  })
  return {
    buffer,
    base,
    batch: ONE,
    rows: byPlaces ? over : terms,
    ks: byPlaces ? terms : over,
    bounds: bounds.map(asBound),
  }
}

const base: Windows = {
  n: 2,
  h: 7,
  w: 9,
  c: 8,
  kernel: 3,
  stride: 1,
  dilation: 1,
  pad: 1,
  channelsLast: true,
}
const geometries: readonly Partial<Windows>[] = [
  {},
  { c: 3 },
  { c: 1, w: 16 },
  { c: 7, h: 5, w: 5 },
  { c: 5, kernel: 5, pad: 2 },
  { c: 6, stride: 2 },
  { c: 16, dilation: 2, pad: 2 },
  { c: 4, h: 2, w: 2, kernel: 3, pad: 2 },
  { c: 2, h: 3, w: 40, kernel: 7, pad: 3 },
  { c: 33, h: 4, w: 4, kernel: 1, pad: 1 },
  { c: 3, h: 12, w: 12, kernel: 4, stride: 3, pad: 3 },
]

for (const [name, on] of Object.entries(backends))
  describe(`operands with bounds (${name})`, () => {
    for (const change of geometries)
      for (const channelsLast of [true, false])
        for (const byPlaces of [true, false])
          for (const side of ['left', 'right'] as const) {
            const g: Windows = { ...base, ...change, channelsLast }
            const title = `${side}, ${byPlaces ? 'places' : 'terms'} as rows, ${channelsLast ? 'last' : 'first'} ${JSON.stringify(change)}`
            it(title, () => {
              const windows = windowOperand(0, g, byPlaces)
              const [rows, k, others] = [count(windows.rows), count(windows.ks), 11]
              const [m, n] = side === 'left' ? [rows, others] : [others, rows]
              const other = dense(1, others, k, side === 'left')
              const x = new Exprs(3)
              const acc = x.push('float32', { op: 'acc' })
              const kernel: ContractKernel = {
                kind: 'contract',
                name: 'conv',
                dtype: 'float32',
                batch: 1,
                m,
                n,
                k,
                a: side === 'left' ? windows : other,
                b: side === 'left' ? other : windows,
                exprs: x.list,
                stores: [{ buffer: 2, expr: acc, addr: [0, 0, n, 1] }],
              }
              const specs = [f32(g.n * g.h * g.w * g.c), f32(others * k), f32(m * n)]
              const { actual, expected } = runBoth(specs, [kernel], 5, [], on)
              expect(difference(actual[2]!, expected[2]!, 3e-6)).toBeNull()
            })
          }
  })
