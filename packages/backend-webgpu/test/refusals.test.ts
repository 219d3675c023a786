// What the package refuses, and how: running (a later version), float64 and int64, too many bindings.
import { type DType, ready, setBackend } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import {
  backend,
  capabilities,
  ExecutionUnavailableError,
  generateWgsl,
  UnsupportedDTypeError,
} from '../src/index.ts'
import { acc, constant, load, map, program, reduce, row, store } from './support/kernels.ts'

describe('running', () => {
  it('is refused by name, with the way out', async () => {
    await expect(setBackend('webgpu')).rejects.toThrow(ExecutionUnavailableError)
    await expect(setBackend('webgpu')).rejects.toThrow(
      /execution comes with a later version.*@dl\/backend-cpu/,
    )
  })
  it('is never chosen by ready()', async () => {
    expect(backend.ready).toBe(false)
    expect(backend.priority).toBeLessThan(0)
    await expect(ready()).rejects.toThrow(/no backend could start: webgpu: .*later version/)
  })
  it.each([
    ['allocate', () => backend.allocate(4)],
    ['free', () => backend.free(0, 4)],
    ['write', () => backend.write(0, new Float32Array(1))],
    ['copy', () => backend.copy(0, 4, 4)],
    ['compile', () => backend.compile(program([], []))],
  ])('%s throws a typed error that names itself', (op, call) => {
    expect(call).toThrow(ExecutionUnavailableError)
    expect(call).toThrow(`[${op}]`)
  })
  it('read rejects, memory is empty, dispose is harmless', async () => {
    await expect(backend.read(0, 'float32', 1)).rejects.toThrow('[read]')
    expect(backend.memory()).toEqual({ liveBytes: 0, peakBytes: 0, reservedBytes: 0, buffers: 0, modules: 0 })
    expect(() => backend.dispose()).not.toThrow()
  })
})

const vector = (dtype: DType): ReturnType<typeof program> =>
  program(
    [
      [dtype, 8],
      [dtype, 8],
    ],
    [row('double', [8], 1, [load(0, [0, 1], dtype), map('add', [0, 0], dtype)], [store(1, 1, [0, 1])])],
  )

describe('dtypes', () => {
  it.each(['float64', 'int64'] as const)('%s is refused, naming operation, dtype and kernel', (dtype) => {
    expect(() => generateWgsl(vector(dtype))).toThrow(UnsupportedDTypeError)
    expect(() => generateWgsl(vector(dtype))).toThrow(
      `[load] WGSL kernels compute float32, int32, uint8, bool, got ${dtype} in kernel "double"`,
    )
    expect(capabilities.dtypes.has(dtype)).toBe(false)
  })
  it.each([
    ['exp', [constant(1), map('exp', [0], 'float64')]],
    ['cast', [constant(1), map('cast', [0], 'int64')]],
    ['sum', [constant(1), reduce('sum', 0, 'float64')]],
    ['const', [constant(1n, 'int64')]],
  ])('%s of such a dtype is named', (op, exprs) => {
    const kernel = row('k', [8], 1, exprs, [store(0, 0, [0, 1])])
    const generate = (): unknown => generateWgsl(program([['float32', 8]], [kernel]))
    expect(generate).toThrow(UnsupportedDTypeError)
    expect(generate).toThrow(`[${op}]`)
  })
  it('a product of float64 is refused as dot', () => {
    const one = { sizes: [2], strides: [1] }
    const operand = { buffer: 0, base: 0, batch: one, rows: one, ks: one }
    const kernel = {
      kind: 'contract',
      name: 'mm',
      dtype: 'float64',
      batch: 1,
      m: 2,
      n: 2,
      k: 2,
      a: operand,
      b: operand,
      exprs: [acc()],
      stores: [],
    } as const
    expect(() => generateWgsl(program([['float64', 8]], [kernel]))).toThrow(/^\[dot\]/)
  })
})

describe('programs that were not scheduled for WebGPU', () => {
  it('more than 8 bindings are refused with the count', () => {
    const loads = Array.from({ length: 8 }, (_, i) => load(i, [0, 1]))
    const sums = loads.slice(1).map((_, i) => map('add', [i === 0 ? 0 : 7 + i, i + 1]))
    const kernel = row('sum of eight', [4], 1, [...loads, ...sums], [store(8, 14, [0, 1])])
    const nine = program(
      Array.from({ length: 9 }, () => ['float32', 4] as const),
      [kernel],
    )
    expect(() => generateWgsl(nine)).toThrow('kernel "sum of eight" binds 9 buffers, WebGPU guarantees 8')
  })
  it('a function with a formula is refused by name', () => {
    const kernel = row('k', [4], 1, [load(0, [0, 1]), map('softplus', [0])], [store(0, 1, [0, 1])])
    expect(() => generateWgsl(program([['float32', 4]], [kernel]))).toThrow(
      /^\[softplus\].*formula must be expanded/,
    )
  })
})
