// What the package refuses, and how: engines without WebGPU, float64 and int64, too many bindings.
import { type DType, ready, setBackend } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { capabilities, generateWgsl, UnsupportedDTypeError, WebGpuBackend } from '../src/index.ts'
import { acc, constant, load, map, program, reduce, row, store } from './support/kernels.ts'

describe('an engine without WebGPU', () => {
  it('is told so by name, with the way out', async () => {
    const none = new WebGpuBackend(() => Promise.resolve(undefined))
    await expect(none.start()).rejects.toThrow(/this engine has no WebGPU.*@dl\/backend-webgpu\/node/)
    expect(none.ready).toBe(false)
  })
  it('or without an adapter', async () => {
    const none = new WebGpuBackend(() =>
      Promise.resolve({ requestAdapter: () => Promise.resolve(null) } as unknown as GPU),
    )
    await expect(none.start()).rejects.toThrow(/gives no adapter: the graphics driver is missing/)
  })
  it('computes on the next backend', async () => {
    await expect(setBackend('webgpu')).rejects.toThrow(/has no WebGPU/) // Node has no navigator.gpu
    await expect(ready()).rejects.toThrow(/no backend could start: webgpu: .*has no WebGPU/)
  })
})

describe('before it has started', () => {
  const backend = new WebGpuBackend()
  it.each([
    ['allocate', () => backend.allocate(4)],
    ['write', () => backend.write(0, new Float32Array(1))],
    ['copy', () => backend.copy(0, 4, 4)],
    ['compile', () => backend.compile(program([], []))],
  ])('%s asks for ready()', (_, call) => {
    expect(call).toThrow('[webgpu] the backend has not started; call "await ready()" first')
  })
  it('read rejects, memory is empty, free and dispose are harmless', async () => {
    await expect(backend.read(0, 'float32', 1)).rejects.toThrow('has not started')
    expect(backend.memory()).toEqual({ liveBytes: 0, peakBytes: 0, reservedBytes: 0, buffers: 0, modules: 0 })
    expect(() => backend.free(0)).not.toThrow()
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
