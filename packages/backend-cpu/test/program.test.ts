// Whole programs: arena, run-time scalars, scatter, profile, listing, memory of a compiled program.
import type { DType, Element, RowKernel, ScatterKernel } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { OutOfMemoryError } from '../src/heap.ts'
import { difference, Exprs, makeProgram, runBoth } from './harness.ts'

const DTYPES: DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool']

function scaleKernel(n: number, from: number, to: number, dtype: DType = 'float32'): RowKernel {
  const x = new Exprs(1)
  const a = x.push(dtype, { op: 'load', buffer: from, addr: [0, 1] })
  const s = x.push(dtype, { op: 'scalar', slot: 0 })
  const y = x.push(dtype, { op: 'map', fn: dtype === 'bool' ? 'xor' : 'mul', args: [a, s] })
  return {
    kind: 'row',
    name: 'scale',
    sizes: [n],
    outer: 1,
    exprs: x.list,
    stores: [{ buffer: to, expr: y, addr: [0, 1] }],
  }
}

describe('run-time scalars', () => {
  for (const dtype of DTYPES)
    it(`are ${dtype}`, () => {
      const value: Element = dtype === 'int64' ? -3n : dtype === 'bool' ? 1 : dtype === 'uint8' ? 3 : -3
      const { actual, expected } = runBoth(
        [
          { dtype, size: 21 },
          { dtype, size: 21 },
        ],
        [scaleKernel(21, 0, 1, dtype)],
        4,
        [[dtype, value]],
      )
      expect(difference(actual[1]!, expected[1]!, 0)).toBeNull()
    })

  it('change between runs without compiling', () => {
    const backend = new CpuBackend()
    const executable = backend.compile(
      makeProgram(
        [
          { dtype: 'float32', size: 5 },
          { dtype: 'float32', size: 5 },
        ],
        [scaleKernel(5, 0, 1)],
        ['float32'],
      ),
    )
    const [a, b] = [backend.allocate(20), backend.allocate(20)]
    backend.write(a, Float32Array.of(1, 2, 3, 4, 5))
    for (const s of [2, -1, 0.5]) {
      executable.run([a, b], [s])
      expect([...backend.readSync(b, 'float32', 5)]).toEqual([1, 2, 3, 4, 5].map((v) => v * s))
    }
  })
})

describe('scatter', () => {
  for (const dtype of DTYPES.filter((d) => d !== 'bool'))
    for (const [outer, limit, count, inner] of [
      [1, 5, 9, 1],
      [2, 4, 7, 3],
      [3, 6, 10, 8],
      [2, 3, 5, 13],
      [2, 3, 0, 4],
    ] as const)
      for (const operand of [null, 3])
        it(`adds ${count} rows of ${inner} ${dtype} into ${outer}x${limit}${operand === null ? '' : ' over an operand'}`, () => {
          const kernel: ScatterKernel = {
            kind: 'scatter',
            name: 'scatter',
            dtype,
            outer,
            limit,
            count,
            inner,
            out: 2,
            operand,
            indices: 0,
            updates: 1,
          }
          const indices = Int32Array.from({ length: count }, (_, i) => ((i * 5 + 3) % (limit + 2)) - 1)
          const size = outer * limit * inner
          const { actual, expected } = runBoth(
            [
              { dtype: 'int32', size: count, data: indices },
              { dtype, size: outer * count * inner },
              { dtype, size },
              { dtype, size },
            ],
            [kernel],
            8,
          )
          expect(difference(actual[2]!, expected[2]!, 1e-6)).toBeNull()
        })
})

describe('programs', () => {
  it('pass values through the arena', () => {
    const backend = new CpuBackend()
    const n = 33
    const program = {
      ...makeProgram(
        [
          { dtype: 'float32', size: n },
          { dtype: 'float32', size: n },
          { dtype: 'float32', size: n },
        ],
        [scaleKernel(n, 0, 2), scaleKernel(n, 2, 1)],
        ['float32'],
      ),
      arenaBytes: 256 + 4 * n,
    }
    const buffers = program.buffers.map((b, i) =>
      i === 2 ? { ...b, place: { kind: 'arena' as const, offset: 128 } } : b,
    )
    const executable = backend.compile({ ...program, buffers, params: 2 })
    const [a, b] = [backend.allocate(4 * n), backend.allocate(4 * n)]
    backend.write(
      a,
      Float32Array.from({ length: n }, (_, i) => i),
    )
    executable.run([a, b], [3])
    expect([...backend.readSync(b, 'float32', n)]).toEqual(Array.from({ length: n }, (_, i) => 9 * i))
    const times = executable.profile!([a, b], [3], 2)
    expect(times.map((t) => [t.name, t.kind, t.shape])).toEqual([
      ['scale', 'row', '33'],
      ['scale', 'row', '33'],
    ])
    for (const t of times) expect(t.milliseconds).toBeGreaterThanOrEqual(0)
    expect(executable.source!()[1]).toBe(
      'row scale [33]\n  %0 = b2[i0]: float32\n  %1 = scalar 0: float32\n  %2 = mul(%0, %1): float32\n  b1[i0] = %2  # float32',
    )
  })

  it('give all their memory back', () => {
    const backend = new CpuBackend()
    const [a, b] = [backend.allocate(40), backend.allocate(40)]
    const before = backend.memory()
    const executable = backend.compile({
      ...makeProgram(
        [
          { dtype: 'float32', size: 5 },
          { dtype: 'float32', size: 5 },
        ],
        [scaleKernel(5, 0, 1)],
        ['float32'],
      ),
      arenaBytes: 100_000,
    })
    expect(backend.memory().modules).toBe(1)
    expect(backend.memory().liveBytes).toBeGreaterThan(before.liveBytes + 100_000)
    executable.dispose()
    executable.dispose()
    expect(backend.memory()).toEqual({ ...before, peakBytes: backend.memory().peakBytes })
    expect(() => executable.run([a, b], [1])).toThrow('[cpu] this program was disposed; compile it again')
  })

  it('that do not fit leave nothing behind', () => {
    const backend = new CpuBackend({ maximumPages: 64 })
    const before = (backend.allocate(8), backend.memory().liveBytes)
    const program = {
      ...makeProgram(
        [
          { dtype: 'float32', size: 5 },
          { dtype: 'float32', size: 5 },
        ],
        [scaleKernel(5, 0, 1)],
        ['float32'],
      ),
      arenaBytes: 1 << 25,
    }
    expect(() => backend.compile(program)).toThrow(OutOfMemoryError)
    expect(backend.memory().liveBytes).toBe(before)
    const executable = backend.compile({ ...program, arenaBytes: 0 })
    const [a, b] = [backend.allocate(20), backend.allocate(20)]
    backend.write(a, Float32Array.of(1, 2, 3, 4, 5))
    executable.run([a, b], [2])
    expect([...backend.readSync(b, 'float32', 5)]).toEqual([2, 4, 6, 8, 10])
  })
})
