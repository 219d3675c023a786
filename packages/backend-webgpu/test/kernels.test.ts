// Every hand-written kernel: valid for Tint through Dawn's null backend, and right where a driver can run it.
import type { Program, TypedArray } from '@dl/tensor/backend'
import { allocate } from '@dl/tensor/backend'
import { describe, expect, it } from 'vitest'
import { generateWgsl } from '../src/index.ts'
import { CASES, type KernelCase } from './support/cases.ts'
import { complaints, computingDevice, tintJudge } from './support/dawn.ts'
import { interpret } from './support/interpret.ts'
import { runOnDevice } from './support/run.ts'

const device = await computingDevice()

tintJudge(() => {
  it.each(CASES)('$name', async ({ program }) => {
    const { kernels } = generateWgsl(program)
    expect(kernels.length).toBeGreaterThanOrEqual(program.kernels.length)
    for (const k of kernels) {
      expect(await complaints(k.code), k.code).toEqual([])
      expect(k.bindings.length).toBeLessThanOrEqual(8)
      for (const groups of k.workgroups) expect(groups).toBeLessThanOrEqual(65535)
    }
  })

  it('and refuses what is not WGSL', async () => {
    expect(await complaints('fn f() -> f32 { return 1i; }')).not.toEqual([])
    const nonUniform = `@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { if (a[i] > 0) { workgroupBarrier(); } }`
    expect(await complaints(nonUniform)).not.toEqual([])
  })
})

/** Small numbers of both signs; byte and index buffers get what suits them. */
function inputsOf({ program, indices }: KernelCase): Map<number, TypedArray> {
  const inputs = new Map<number, TypedArray>()
  const taken = new Set<number>()
  let seed = 42
  const next = (): number => (seed = Math.imul(seed, 1103515245) + 12345) >>> 16
  program.buffers.forEach((b, i) => {
    if (b.place.kind !== 'param' || taken.has(b.place.slot)) return
    taken.add(b.place.slot)
    const data = allocate(b.dtype, b.size) as Float32Array
    const limit = indices?.get(i)
    for (let j = 0; j < b.size; j++) {
      if (limit !== undefined) data[j] = next() % limit
      else if (b.dtype === 'float32') data[j] = (next() % 2000) / 1000 - 1
      else data[j] = b.dtype === 'bool' ? next() & 1 : (next() % 200) - (b.dtype === 'int32' ? 100 : 0)
    }
    inputs.set(i, data)
  })
  return inputs
}

function largestError(program: Program, got: readonly TypedArray[], want: readonly TypedArray[]): number {
  let worst = 0
  got.forEach((values, b) => {
    const exact = program.buffers[b]!.dtype !== 'float32'
    for (let i = 0; i < values.length; i++) {
      const [x, y] = [Number(values[i]), Number(want[b]![i])]
      if (Object.is(x, y) || x === y || (x !== x && y !== y)) continue
      const error = Math.abs(x - y) / Math.max(1, Math.abs(y))
      worst = Math.max(worst, exact || error !== error ? Infinity : error)
    }
  })
  return worst
}

// Opt-in: executing kernels is no promise of this version. DL_WEBGPU_RUN=1 runs these on the machine's driver.
if (device)
  describe('a driver computes what the interpreter computes', () => {
    it.each(CASES.filter((c) => !c.large))('$name', { timeout: 120_000 }, async (row) => {
      const inputs = inputsOf(row)
      const got = await runOnDevice(device, row.program, inputs, row.scalars)
      expect(largestError(row.program, got, interpret(row.program, inputs, row.scalars))).toBeLessThan(2e-5)
    })
  })
