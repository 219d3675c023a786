import type { DType, ReduceKind, RowKernel, Store } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { difference, Exprs, randomSource, runAlone, runBoth } from './harness.ts'
import type { BufferSpec } from './harness.ts'

const row = (sizes: number[], outer: number, x: Exprs, stores: Store[]): RowKernel => ({
  kind: 'row',
  name: 'test',
  sizes,
  outer,
  exprs: x.list,
  stores,
})

function check(specs: BufferSpec[], kernel: RowKernel, tolerance = 1e-6, seed = 1): void {
  const { actual, expected } = runBoth(specs, [kernel], seed)
  specs.forEach((_, i) => expect(difference(actual[i]!, expected[i]!, tolerance), `buffer ${i}`).toBeNull())
}

const strides = (sizes: readonly number[]): number[] => {
  const out: number[] = []
  let s = 1
  for (let i = sizes.length - 1; i >= 0; i--) {
    out[i] = s
    s *= sizes[i]!
  }
  return out
}
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1)

describe('maps', () => {
  for (const n of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 64, 100, 1001])
    it(`adds ${n} elements and leaves what follows alone`, () => {
      const x = new Exprs(1)
      const a = x.push('float32', { op: 'load', buffer: 0, addr: [0, 1] })
      const b = x.push('float32', { op: 'load', buffer: 1, addr: [0, 1] })
      const s = x.push('float32', { op: 'map', fn: 'add', args: [a, b] })
      const f32 = (size: number): BufferSpec => ({ dtype: 'float32', size })
      check([f32(n), f32(n), f32(n + 9)], row([n], 1, x, [{ buffer: 2, expr: s, addr: [0, 1] }]))
    })

  for (const dtype of ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'] as DType[])
    for (const [m, n] of [
      [3, 5],
      [4, 4],
      [33, 7],
      [8, 130],
      [65, 66],
    ] as const) {
      it(`transposes ${m}x${n} ${dtype}`, () => {
        const x = new Exprs(2)
        const a = x.push(dtype, { op: 'load', buffer: 0, addr: [0, 1, n] })
        check(
          [
            { dtype, size: m * n },
            { dtype, size: m * n },
          ],
          row([n, m], 2, x, [{ buffer: 1, expr: a, addr: [0, m, 1] }]),
        )
      })
      it(`reverses rows and pads ${m}x${n} ${dtype}`, () => {
        const x = new Exprs(2)
        const a = x.push(dtype, { op: 'load', buffer: 0, addr: [n - 1, n, -1] })
        const fill = dtype === 'int64' ? 7n : dtype === 'bool' ? 1 : 7
        const width = n + 3
        check(
          [
            { dtype, size: m * n },
            { dtype, size: (m + 2) * width },
          ],
          row([m, n], 2, x, [{ buffer: 1, expr: a, addr: [width + 1, width, 1], fill }]),
        )
      })
    }

  it('does nothing for an empty loop but fills', () => {
    const x = new Exprs(2)
    const a = x.push('float32', { op: 'load', buffer: 0, addr: [0, 4, 1] })
    check(
      [
        { dtype: 'float32', size: 0 },
        { dtype: 'float32', size: 6 },
      ],
      row([0, 4], 2, x, [{ buffer: 1, expr: a, addr: [0, 4, 1], fill: 2.5 }]),
    )
  })

  it('takes a kernel without loops', () => {
    const x = new Exprs(0)
    const a = x.push('float32', { op: 'load', buffer: 0, addr: [2] })
    const b = x.push('float32', { op: 'map', fn: 'mul', args: [a, a] })
    check(
      [
        { dtype: 'float32', size: 3 },
        { dtype: 'float32', size: 1 },
      ],
      row([], 0, x, [{ buffer: 1, expr: b, addr: [0] }]),
    )
  })

  for (const dtype of ['int32', 'float32', 'int64', 'float64', 'uint8'] as DType[])
    it(`writes indices as ${dtype}`, () => {
      const x = new Exprs(2)
      const i = x.push(dtype, { op: 'index', addr: [3, 10, 2] })
      check([{ dtype, size: 4 * 9 }], row([4, 9], 2, x, [{ buffer: 0, expr: i, addr: [0, 9, 1] }]))
    })
})

describe('reductions', () => {
  for (const dtype of ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'] as DType[])
    for (const kind of ['sum', 'prod', 'max', 'min', 'maxNumber'] as ReduceKind[]) {
      if (dtype === 'bool' && (kind === 'sum' || kind === 'prod')) continue
      for (const [m, n] of [
        [1, 1],
        [3, 5],
        [7, 33],
        [33, 7],
        [2, 0],
      ] as const) {
        it(`${kind} of ${dtype} along rows of ${m}x${n}`, () => {
          const x = new Exprs(1)
          const a = x.push(dtype, { op: 'load', buffer: 0, addr: [0, n, 1] })
          const r = x.push(dtype, { op: 'reduce', kind, args: [a] })
          check(
            [
              { dtype, size: m * n },
              { dtype, size: m + 1 },
            ],
            row([m, n], 1, x, [{ buffer: 1, expr: r, addr: [0, 1, 0] }]),
            1e-5,
          )
        })
        it(`${kind} of ${dtype} along columns of ${n}x${m}`, () => {
          const x = new Exprs(1)
          const a = x.push(dtype, { op: 'load', buffer: 0, addr: [0, 1, m] })
          const r = x.push(dtype, { op: 'reduce', kind, args: [a] })
          check(
            [
              { dtype, size: m * n },
              { dtype, size: m + 1 },
            ],
            row([m, n], 1, x, [{ buffer: 1, expr: r, addr: [0, 1, 0] }]),
            1e-5,
          )
        })
      }
    }

  for (const vertical of [false, true])
    for (const [m, n] of [
      [5, 10],
      [3, 3],
      [17, 67],
      [40, 21],
    ] as const)
      it(`softmax and its statistics, ${vertical ? 'columns' : 'rows'}, ${m}x${n}`, () => {
        const x = new Exprs(1)
        const addr = vertical ? [0, 1, m] : [0, n, 1]
        const a = x.push('float32', { op: 'load', buffer: 0, addr })
        const max = x.push('float32', { op: 'reduce', kind: 'maxNumber', args: [a] })
        const d = x.push('float32', { op: 'map', fn: 'sub', args: [a, max] })
        const e = x.push('float32', { op: 'map', fn: 'exp', args: [d] })
        const s = x.push('float32', { op: 'reduce', kind: 'sum', args: [e] })
        const y = x.push('float32', { op: 'map', fn: 'div', args: [e, s] })
        const f32 = (size: number): BufferSpec => ({ dtype: 'float32', size })
        check(
          [f32(m * n), f32(m * n), f32(m), f32(m)],
          row([m, n], 1, x, [
            { buffer: 1, expr: y, addr },
            { buffer: 2, expr: max, addr: [0, 1, 0] },
            { buffer: 3, expr: s, addr: [0, 1, 0] },
          ]),
        )
      })

  for (const vertical of [false, true])
    it(`sums 2^20 numbers ${vertical ? 'down a column' : 'along a row'} to float32 accuracy`, () => {
      const n = 1 << 20
      const columns = vertical ? 5 : 1
      const x = new Exprs(1)
      const a = x.push('float32', { op: 'load', buffer: 0, addr: vertical ? [0, 1, columns] : [0, 0, 1] })
      const s = x.push('float32', { op: 'reduce', kind: 'sum', args: [a] })
      const data = new Float32Array(n * columns).fill(0.1)
      const kernel = row([columns, n], 1, x, [{ buffer: 1, expr: s, addr: [0, 1, 0] }])
      const actual = runAlone(
        [
          { dtype: 'float32', size: n * columns, data },
          { dtype: 'float32', size: columns },
        ],
        [kernel],
      )
      const exact = n * Math.fround(0.1)
      for (const sum of actual[1]!) expect(Math.abs(Number(sum) - exact) / exact).toBeLessThan(2e-5) // one running sum would be off by 1e-2
    })

  it('keeps NaN in max and loses it in maxNumber', () => {
    for (const kind of ['max', 'maxNumber', 'min'] as ReduceKind[]) {
      const x = new Exprs(0)
      const a = x.push('float32', { op: 'load', buffer: 0, addr: [0, 1] })
      const r = x.push('float32', { op: 'reduce', kind, args: [a] })
      const data = Float32Array.from({ length: 37 }, (_, i) => (i === 20 ? NaN : i))
      const { actual } = runBoth(
        [
          { dtype: 'float32', size: 37, data },
          { dtype: 'float32', size: 1 },
        ],
        [row([37], 0, x, [{ buffer: 1, expr: r, addr: [0, 0] }])],
      )
      expect(Number(actual[1]![0])).toEqual(kind === 'maxNumber' ? 36 : NaN)
    }
  })

  it('updates in place while another pass still reads the old value', () => {
    const n = 19
    const x = new Exprs(1)
    const a = x.push('float32', { op: 'load', buffer: 0, addr: [0, n, 1] })
    const two = x.push('float32', { op: 'const', value: 2 })
    const doubled = x.push('float32', { op: 'map', fn: 'mul', args: [a, two] })
    const s = x.push('float32', { op: 'reduce', kind: 'sum', args: [a] })
    const shifted = x.push('float32', { op: 'map', fn: 'sub', args: [a, s] })
    const start = Float32Array.from({ length: 3 * n }, (_, i) => i % 7)
    const kernel = row([3, n], 1, x, [
      { buffer: 0, expr: doubled, addr: [0, n, 1] },
      { buffer: 1, expr: shifted, addr: [0, n, 1] },
    ])
    const [updated, centred] = runAlone(
      [
        { dtype: 'float32', size: 3 * n, data: start },
        { dtype: 'float32', size: 3 * n },
      ],
      [kernel],
    )
    const sums = [0, 1, 2].map((r) => start.slice(r * n, (r + 1) * n).reduce((p, q) => p + q, 0))
    expect(updated).toEqual(start.map((v) => 2 * v))
    expect(centred).toEqual(start.map((v, i) => v - sums[Math.floor(i / n)]!))
  })
})

describe('gathers', () => {
  for (const dtype of ['float32', 'int64', 'uint8', 'bool'] as DType[]) {
    it(`takes rows of ${dtype}, clamping the index`, () => {
      const [vocabulary, tokens, width] = [6, 9, 13]
      const x = new Exprs(2)
      const id = x.push('int32', { op: 'load', buffer: 1, addr: [0, 1, 0] })
      const v = x.push(dtype, {
        op: 'load',
        buffer: 0,
        addr: [0, 0, 1],
        dynamic: [{ value: id, limit: vocabulary, stride: width }],
      })
      const ids = Int32Array.from([0, 5, 9, -3, 2, 2, 1, 100, 4])
      check(
        [
          { dtype, size: vocabulary * width },
          { dtype: 'int32', size: tokens, data: ids },
          { dtype, size: tokens * width },
        ],
        row([tokens, width], 2, x, [{ buffer: 2, expr: v, addr: [0, width, 1] }]),
      )
    })
    it(`takes single elements of ${dtype} along the lanes`, () => {
      const x = new Exprs(2)
      const id = x.push('int32', { op: 'load', buffer: 1, addr: [0, 0, 1] })
      const v = x.push(dtype, {
        op: 'load',
        buffer: 0,
        addr: [0, 10, 0],
        dynamic: [{ value: id, limit: 10, stride: 1 }],
      })
      check(
        [
          { dtype, size: 50 },
          { dtype: 'int32', size: 23 },
          { dtype, size: 5 * 23 },
        ],
        row([5, 23], 2, x, [{ buffer: 2, expr: v, addr: [0, 23, 1] }]),
      )
    })
  }
})

describe('random loop nests', () => {
  for (let seed = 1; seed <= 120; seed++)
    it(`seed ${seed}`, () => {
      const random = randomSource(seed * 7919)
      const pick = (n: number): number => Math.floor(random() * n)
      const outer = pick(4)
      const sizes = Array.from({ length: outer + pick(3) }, () => [1, 2, 3, 4, 5, 8, 9, 17, 21][pick(9)]!)
      while (product(sizes) > 20000) sizes[sizes.indexOf(Math.max(...sizes))] = 2
      const dtype = (['float32', 'float32', 'float64', 'int32'] as DType[])[pick(4)]!
      const specs: BufferSpec[] = []
      const x = new Exprs(outer)
      const operand = (): number => {
        const order = sizes.map((_, i) => i).toSorted(() => random() - 0.5)
        const dropped = new Set(order.filter(() => random() < 0.3))
        const st: number[] = []
        let s = 1
        for (const l of order) {
          st[l] = dropped.has(l) ? 0 : s
          if (!dropped.has(l)) s *= sizes[l]!
        }
        const start = pick(3)
        specs.push({ dtype, size: s + start })
        return x.push(dtype, {
          op: 'load',
          buffer: specs.length - 1,
          addr: [start, ...sizes.map((_, i) => st[i]!)],
        })
      }
      const a = x.push(dtype, { op: 'map', fn: 'mul', args: [operand(), operand()] })
      const r = x.push(dtype, { op: 'reduce', kind: (['sum', 'max', 'min'] as const)[pick(3)]!, args: [a] })
      const b = x.push(dtype, { op: 'map', fn: 'sub', args: [a, r] })
      const c = x.push(dtype, { op: 'map', fn: 'max', args: [b, operand()] })
      const t = x.push(dtype, { op: 'reduce', kind: 'sum', args: [c] })
      const cond = x.push('bool', { op: 'map', fn: 'gt', args: [c, a] })
      const chosen = x.push(dtype, { op: 'map', fn: 'select', args: [cond, t, b] })
      const full = strides(sizes)
      const stores: Store[] = []
      const out = (expr: number, reduced: boolean): void => {
        const st = reduced ? [...strides(sizes.slice(0, outer)), ...sizes.slice(outer).map(() => 0)] : full
        specs.push({
          dtype: x.list[expr]!.dtype,
          size: reduced ? product(sizes.slice(0, outer)) : product(sizes),
        })
        stores.push({ buffer: specs.length - 1, expr, addr: [0, ...st] })
      }
      out(chosen, false)
      out(cond, false)
      out(t, true)
      if (pick(2)) out(c, false)
      check(specs, row(sizes, outer, x, stores), 2e-5, seed)
    })
})
