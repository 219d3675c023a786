import type { ContractKernel, Operand, Store } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { difference, Exprs, randomSource, runBoth } from './harness.ts'
import type { BufferSpec } from './harness.ts'

const f32 = (size: number): BufferSpec => ({ dtype: 'float32', size })
const backends = { fused: new CpuBackend(), plain: new CpuBackend({ relaxed: false }) }

function product(
  batch: number,
  m: number,
  n: number,
  k: number,
  transA: boolean,
  transB: boolean,
  x: Exprs,
  stores: Store[],
): ContractKernel {
  const operand = (buffer: number, rows: number, rowStride: number, kStride: number): Operand => ({
    buffer,
    base: 0,
    batch: { sizes: [batch], strides: [rows * k] },
    rows: { sizes: [rows], strides: [rowStride] },
    ks: { sizes: [k], strides: [kStride] },
  })
  return {
    kind: 'contract',
    name: 'dot',
    dtype: 'float32',
    batch,
    m,
    n,
    k,
    a: transA ? operand(0, m, 1, m) : operand(0, m, k, 1),
    b: transB ? operand(1, n, k, 1) : operand(1, n, 1, n),
    exprs: x.list,
    stores,
  }
}

function check(specs: BufferSpec[], kernel: ContractKernel, on: CpuBackend): void {
  const { actual, expected } = runBoth(specs, [kernel], 3, [], on)
  specs.forEach((_, i) => expect(difference(actual[i]!, expected[i]!, 3e-6), `buffer ${i}`).toBeNull())
}

const shapes = [
  [1, 1, 1, 1],
  [1, 5, 8, 3],
  [1, 6, 8, 16],
  [1, 7, 9, 5],
  [2, 13, 17, 31],
  [3, 33, 7, 64],
  [1, 64, 10, 300],
  [1, 31, 257, 33],
  [1, 70, 40, 600],
  [1, 1100, 9, 300],
  [1, 4, 4, 0],
  [2, 3, 2100, 9],
] as const

for (const [name, on] of Object.entries(backends))
  describe(`products (${name})`, () => {
    for (const [batch, m, n, k] of shapes)
      for (const [ta, tb] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        const title = `${batch}x${m}x${n}x${k}${ta ? ' Aᵀ' : ''}${tb ? ' Bᵀ' : ''}`
        it(`${title} plain`, () => {
          const x = new Exprs(3)
          const acc = x.push('float32', { op: 'acc' })
          check(
            [f32(batch * m * k), f32(batch * n * k), f32(batch * m * n)],
            product(batch, m, n, k, ta, tb, x, [{ buffer: 2, expr: acc, addr: [0, m * n, n, 1] }]),
            on,
          )
        })
        it(`${title} with bias, relu, mask, index and an in-place update`, () => {
          const x = new Exprs(3)
          const acc = x.push('float32', { op: 'acc' })
          const bias = x.push('float32', { op: 'load', buffer: 2, addr: [0, 0, 0, 1] })
          const sum = x.push('float32', { op: 'map', fn: 'add', args: [acc, bias] })
          const zero = x.push('float32', { op: 'const', value: 0 })
          const relu = x.push('float32', { op: 'map', fn: 'max', args: [sum, zero] })
          const mask = x.push('bool', { op: 'map', fn: 'gt', args: [sum, zero] })
          const w = x.push('float32', { op: 'load', buffer: 4, addr: [0, m * n, n, 1] })
          const updated = x.push('float32', { op: 'map', fn: 'sub', args: [w, acc] })
          const i = x.push('int32', { op: 'index', addr: [1, 100, 10, 2] })
          const scale = x.push('float32', { op: 'load', buffer: 6, addr: [0, 0, 1, 0] })
          const scaled = x.push('float32', { op: 'map', fn: 'mul', args: [relu, scale] })
          const size = batch * m * n
          const addr = [0, m * n, n, 1]
          check(
            [
              f32(batch * m * k),
              f32(batch * n * k),
              f32(n),
              f32(size),
              f32(size),
              { dtype: 'bool', size },
              f32(m),
              { dtype: 'int32', size },
              f32(size),
            ],
            product(batch, m, n, k, ta, tb, x, [
              { buffer: 3, expr: relu, addr },
              { buffer: 4, expr: updated, addr },
              { buffer: 5, expr: mask, addr },
              { buffer: 7, expr: i, addr },
              { buffer: 8, expr: scaled, addr: [0, m * n, 1, m] },
            ]),
            on,
          )
        })
      }
  })

describe('axes that are not uniform', () => {
  it('reads windows (implicit im2col) and head views', () => {
    // 1-D convolution: x[b, t], out[b, t', f] = Σ_j x[b, t' + j] w[j, f]
    const [batch, time, width, filters] = [3, 20, 4, 6]
    const out = time - width + 1
    const x = new Exprs(3)
    const acc = x.push('float32', { op: 'acc' })
    const m = batch * out
    const kernel: ContractKernel = {
      kind: 'contract',
      name: 'conv',
      dtype: 'float32',
      batch: 1,
      m,
      n: filters,
      k: width,
      a: {
        buffer: 0,
        base: 0,
        batch: { sizes: [], strides: [] },
        rows: { sizes: [batch, out], strides: [time, 1] },
        ks: { sizes: [width], strides: [1] },
      },
      b: {
        buffer: 1,
        base: 0,
        batch: { sizes: [], strides: [] },
        rows: { sizes: [filters], strides: [1] },
        ks: { sizes: [width], strides: [filters] },
      },
      exprs: x.list,
      stores: [{ buffer: 2, expr: acc, addr: [0, 0, filters, 1] }],
    }
    check([f32(batch * time), f32(width * filters), f32(m * filters)], kernel, backends.fused)
  })

  for (let seed = 1; seed <= 40; seed++)
    it(`random nested axes, seed ${seed}`, () => {
      const random = randomSource(seed * 104729)
      const pick = (n: number): number => 1 + Math.floor(random() * n)
      const split = (): number[] => Array.from({ length: pick(2) }, () => pick(7))
      const [bs, ms, ns, ks] = [split(), split(), split(), split()]
      const total = (s: number[]): number => s.reduce((a, b) => a * b, 1)
      const operand = (buffer: number, rows: number[]): [Operand, number] => {
        const axes: { sizes: number[]; strides: number[] }[] = [bs, rows, ks].map((sizes) => ({
          sizes,
          strides: [],
        }))
        const all = axes
          .flatMap((axis) => axis.sizes.map((size, d) => ({ axis, size, d })))
          .toSorted(() => random() - 0.5)
        let stride = 1
        for (const { axis, size, d } of all) {
          axis.strides[d] = stride
          stride *= size + (random() < 0.2 ? 1 : 0)
        }
        return [{ buffer, base: 2, batch: axes[0]!, rows: axes[1]!, ks: axes[2]! }, stride + 2]
      }
      const [a, sizeA] = operand(0, ms)
      const [b, sizeB] = operand(1, ns)
      const x = new Exprs(3)
      const acc = x.push('float32', { op: 'acc' })
      const [batch, m, n, k] = [total(bs), total(ms), total(ns), total(ks)]
      check(
        [f32(sizeA), f32(sizeB), f32(batch * m * n)],
        {
          kind: 'contract',
          name: 'nested',
          dtype: 'float32',
          batch,
          m,
          n,
          k,
          a,
          b,
          exprs: x.list,
          stores: [{ buffer: 2, expr: acc, addr: [0, m * n, n, 1] }],
        },
        backends.fused,
      )
    })
})
