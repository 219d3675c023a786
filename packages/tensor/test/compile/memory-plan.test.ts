// The memory plan: no two buffers that are alive together may overlap, and memory is really shared.
import { describe, expect, it } from 'vitest'
import { type Lifetime, planArena } from '../../src/compile/memory-plan.ts'
import { planGraph } from '../../src/compile/plan-graph.ts'
import type { Value } from '../../src/compile/values.ts'
import { bytesOf } from '../../src/graph/dtype.ts'
import type { AttentionGradKernel, AttentionKernel, Kernel, Program } from '../../src/backend/ir.ts'
import { clearNodeTable } from '../../src/graph/node.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { random, seedRandom } from './evaluation.ts'
import { mlp, transformer } from './models.ts'
import { randomGraph } from './random-graph.ts'

const SLACK = 64

function buffersOf(kernel: Kernel): number[] {
  if (kernel.kind === 'scatter')
    return [kernel.out, kernel.indices, kernel.updates, ...(kernel.operand === null ? [] : [kernel.operand])]
  if (kernel.kind === 'cumulate' || kernel.kind === 'sort') return [kernel.source, kernel.out]
  if (kernel.kind === 'attention' || kernel.kind === 'attentionGrad') return attentionBuffers(kernel)
  if (kernel.kind === 'branch') return [kernel.predicate]
  if (kernel.kind === 'loop') return kernel.carries.flatMap((c) => [c.initial, c.last, c.spare])
  const loads = kernel.exprs.flatMap((e) => (e.op === 'load' ? [e.buffer] : []))
  const operands = kernel.kind === 'contract' ? [kernel.a.buffer, kernel.b.buffer] : []
  return [...loads, ...operands, ...kernel.stores.map((s) => s.buffer)]
}

function attentionBuffers(kernel: AttentionKernel | AttentionGradKernel): number[] {
  const { q, k, v, mask, dropout } = kernel
  const own =
    kernel.kind === 'attention'
      ? [kernel.out, kernel.logSum]
      : [kernel.ct.buffer, kernel.logSum, kernel.delta, kernel.dq, kernel.dk, kernel.dv]
  const all = [q.buffer, k.buffer, v.buffer, mask?.buffer ?? null, dropout?.stream ?? null, ...own]
  return all.filter((b) => b !== null)
}

/** Pairs of arena buffers that overlap in memory although both are in use at some kernel. */
function conflicts(program: Program): number {
  const lives = new Map<number, { from: number; to: number }>()
  program.kernels.forEach((kernel, now) => {
    for (const b of buffersOf(kernel)) {
      if (program.buffers[b]!.place.kind !== 'arena') continue
      const life = lives.get(b)
      if (life) life.to = now
      else lives.set(b, { from: now, to: now })
    }
  })
  const placed = [...lives].map(([b, life]) => {
    const { dtype, size, place } = program.buffers[b]!
    const offset = place.kind === 'arena' ? place.offset : 0
    return { ...life, offset, end: offset + size * bytesOf(dtype) + SLACK }
  })
  let count = 0
  placed.forEach((a, i) => {
    expect(a.offset % 64).toBe(0)
    expect(a.end).toBeLessThanOrEqual(program.arenaBytes)
    for (const b of placed.slice(0, i))
      if (a.from <= b.to && b.from <= a.to && a.offset < b.end && b.offset < a.end) count++
  })
  return count
}

describe('memory plan', () => {
  it('has no conflicts in programs of random graphs', () => {
    const backend = interpretingBackend()
    for (let seed = 1; seed <= 150; seed++) {
      const { roots, keep, inPlace } = randomGraph(seed, 25)
      planGraph({ roots, keep, inPlace }, backend)
      clearNodeTable()
    }
    for (const program of backend.programs) expect(conflicts(program)).toBe(0)
  })

  it.each([
    ['an MLP', () => mlp([64, 32, 32, 10], 16)],
    ['a transformer', () => transformer({ blocks: 4, width: 32, length: 16 })],
  ] as const)('shares memory in the training step of %s', (_name, make) => {
    const backend = interpretingBackend()
    planGraph({ ...make(), keep: [] }, backend)
    const [program] = backend.programs as [Program]
    expect(conflicts(program)).toBe(0)
    const arena = program.buffers.filter((b) => b.place.kind === 'arena')
    const unshared = arena.reduce((n, b) => n + b.size * bytesOf(b.dtype), 0)
    expect(program.arenaBytes).toBeLessThan(unshared)
  })

  it.each([100, 1400, 3000])(
    'places %i random lifetimes without conflicts and not far above the peak',
    (count) => {
      seedRandom(count)
      const lives = new Map<Value, Lifetime>()
      for (let i = 0; i < count; i++) {
        const from = Math.floor(random() * count)
        lives.set({ id: i } as Value, {
          bytes: 64 * (1 + Math.floor(random() * 50)),
          from,
          to: from + Math.floor(random() * 20),
        })
      }
      const { offsets, bytes } = planArena(lives)
      const all = [...lives].map(([v, life]) => ({ ...life, offset: offsets.get(v)! }))
      let peak = 0
      let overlaps = 0
      for (let now = 0; now < count + 20; now++) {
        const alive = all.filter((a) => a.from <= now && now <= a.to).toSorted((a, b) => a.offset - b.offset)
        const total = alive.reduce((n, a) => n + a.bytes, 0)
        peak = Math.max(peak, total)
        alive.forEach((a, i) => {
          if (a.offset + a.bytes > (alive[i + 1]?.offset ?? bytes)) overlaps++
        })
      }
      expect(overlaps).toBe(0)
      expect(bytes).toBeLessThan(peak * 1.6)
    },
  )
})
