// Kernels that differ in their buffers alone share their code; whatever else differs keeps them apart.
import type { DType, RowKernel } from '@dl/tensor/backend'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ModuleWriter } from '../src/assembler/module-writer.ts'
import { type BufferSpec, difference, Exprs, makeProgram, runBoth } from './harness.ts'
import { CpuBackend } from '../src/backend.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** `out = a + b · factor`. */
function combination(
  size: number,
  [a, b, out]: readonly [number, number, number],
  factor = 2,
  dtype: DType = 'float32',
): RowKernel {
  const x = new Exprs(1)
  const [left, right] = [a, b].map((buffer) => x.push(dtype, { op: 'load', buffer, addr: [0, 1] }))
  const scale = x.push(dtype, { op: 'const', value: factor })
  const product = x.push(dtype, { op: 'map', fn: 'mul', args: [right!, scale] })
  const sum = x.push(dtype, { op: 'map', fn: 'add', args: [left!, product] })
  return {
    kind: 'row',
    name: 'row',
    sizes: [size],
    outer: 1,
    exprs: x.list,
    stores: [{ buffer: out, expr: sum, addr: [0, 1] }],
  }
}

/** How many functions of kernels the last module has. */
function kernelFunctions(bytes: readonly Uint8Array<ArrayBuffer>[]): number {
  const names = WebAssembly.Module.exports(new WebAssembly.Module(bytes.at(-1)!)).map(({ name }) => name)
  return names.filter((name) => /^k\d+$/.test(name)).length
}

const first = combination(23, [0, 1, 2])
const rows: [name: string, kernels: RowKernel[], functions: number][] = [
  ['other buffers', [first, combination(23, [1, 2, 3]), combination(23, [3, 4, 0])], 1],
  ['one buffer read twice', [first, combination(23, [1, 1, 3]), combination(23, [4, 4, 2])], 2],
  ['an update in place', [first, combination(23, [0, 1, 0]), combination(23, [3, 4, 3])], 2],
  ['another constant', [first, combination(23, [1, 2, 3], 3)], 2],
  ['0 and −0', [combination(23, [0, 1, 2], 0), combination(23, [1, 2, 3], -0)], 2],
  ['NaN and infinity', [combination(23, [0, 1, 2], NaN), combination(23, [1, 2, 3], Infinity)], 2],
  ['another size', [first, combination(22, [1, 2, 3])], 2],
]

describe('code of kernels', () => {
  it.each(rows)('%s', (_name, kernels, functions) => {
    const specs: BufferSpec[] = Array.from({ length: 5 }, () => ({ dtype: 'float32', size: 23 }))
    const bytes = vi.spyOn(ModuleWriter.prototype, 'bytes')
    const { actual, expected } = runBoth(specs, kernels)
    const made = bytes.mock.results.map(({ value }) => value as Uint8Array<ArrayBuffer>)
    expect(kernelFunctions(made)).toBe(functions)
    actual.forEach((values, i) => expect(difference(values, expected[i]!, 1e-6)).toBeNull())
  })

  it('is timed for each kernel that calls it', () => {
    const backend = new CpuBackend()
    const specs: BufferSpec[] = Array.from({ length: 5 }, () => ({ dtype: 'float32', size: 23 }))
    const executable = backend.compile(makeProgram(specs, [first, combination(23, [1, 2, 3])]))
    const pointers = specs.map(() => backend.allocate(23 * 4))
    expect(executable.profile!(pointers, [], 2)).toHaveLength(2)
    executable.dispose()
  })
})
