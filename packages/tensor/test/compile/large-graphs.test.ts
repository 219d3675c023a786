// Size: long chains, wide graphs and deep models compile without recursion limits, in time that grows with the graph, and
// never beyond what a kernel may hold.
import { describe, expect, it } from 'vitest'
import type { Program } from '../../src/backend/ir.ts'
import { canonicalize } from '../../src/compile/canonical.ts'
import { compileToProgram, planGraph } from '../../src/compile/plan-graph.ts'
import { clearNodeTable, type Node } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { SCALAR_NAMES, SCALARS, type ScalarName } from '../../src/graph/scalar-table.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { distance, evaluate, expected, input, random, seedRandom } from './evaluation.ts'
import { mlp, transformer } from './models.ts'
import { randomGraph } from './random-graph.ts'

const { s } = p
/** What @dl/backend-cpu promises. */
const CPU_CAPS = { maxExprs: 256, contractDtypes: new Set(['float32'] as const) }

const ELEMENTWISE = SCALAR_NAMES.filter((fn) => {
  const { accepts, result, arity } = SCALARS[fn]
  return (
    (accepts === 'float' || accepts === 'number') &&
    result === 'same' &&
    arity <= 2 &&
    fn !== 'pow' &&
    fn !== 'rem'
  )
}) as Exclude<ScalarName, 'cast' | 'bitcast'>[]

describe('elementwise chains', () => {
  it('of 20 random operations are one kernel', () => {
    const backend = interpretingBackend(CPU_CAPS)
    for (let seed = 1; seed <= 40; seed++) {
      seedRandom(seed)
      const x = input([3, 5])
      let y = x
      for (let i = 0; i < 20; i++) {
        const fn = ELEMENTWISE[Math.floor(random() * ELEMENTWISE.length)]!
        const other = random() < 0.5 ? input([5]) : x
        y = SCALARS[fn].arity === 1 ? s[fn](y) : random() < 0.5 ? s[fn](y, other) : s[fn](other, y)
      }
      expect(
        planGraph({ roots: [y], inPlace: new Map(), keep: [] }, backend).plan.kernelCount,
        `seed ${seed}`,
      ).toBe(1)
      clearNodeTable()
    }
  })

  it('of 10,000 operations are cut where a kernel is full', () => {
    const backend = interpretingBackend(CPU_CAPS)
    const x = input([2, 3])
    let y: Node = x
    for (let i = 0; i < 5000; i++) y = s.add(s.mul(y, 0.999), x)
    const { values, bound } = evaluate(backend, [y])
    expect(distance(values[0]!, expected([y])[0]!)).toBeLessThan(1e-3)
    expect(bound.plan.kernelCount).toBeGreaterThan(10000 / 256)
    expect(bound.plan.kernelCount).toBeLessThan(100)
  })

  it('that use each value twice are not counted as trees', () => {
    const backend = interpretingBackend(CPU_CAPS)
    let y: Node = input([4])
    for (let i = 0; i < 100; i++) y = s.mul(s.add(y, y), 0.5)
    const { values, bound } = evaluate(backend, [y])
    expect(distance(values[0]!, expected([y])[0]!)).toBeLessThan(1e-4)
    expect(bound.plan.kernelCount).toBe(1)
  })

  it('of movements and reshapes of any depth compile', () => {
    const backend = interpretingBackend(CPU_CAPS)
    let y: Node = input([6, 4])
    for (let i = 0; i < 3000; i++) y = p.reshape(p.transpose(y, [1, 0]), [6, 4])
    const { values } = evaluate(backend, [y])
    expect(values[0]).toEqual(expected([y])[0])
  })
})

describe('stencils and wide sums', () => {
  it('that multiply when inlined are cut', () => {
    const backend = interpretingBackend(CPU_CAPS)
    let y: Node = input([400])
    for (let i = 0; i < 40; i++) {
      const n = y.shape[0]!
      y = s.tanh(
        s.add(s.mul(p.slice(y, [0], [n - 2]), 2), s.sub(p.slice(y, [1], [n - 2]), p.slice(y, [2], [n - 2]))),
      )
    }
    const { values } = evaluate(backend, [y])
    expect(distance(values[0]!, expected([y])[0]!)).toBeLessThan(1e-4)
  })

  it('of more buffers than a kernel may bind are cut', () => {
    const backend = interpretingBackend({ maxBuffers: 8 })
    let y: Node = input([3, 4])
    for (let i = 0; i < 60; i++) y = s.add(y, input([3, 4]))
    const { values } = evaluate(backend, [y])
    expect(distance(values[0]!, expected([y])[0]!)).toBeLessThan(1e-4)
    for (const program of backend.programs) expect(mostBuffers(program)).toBeLessThanOrEqual(8)
  })
})

function mostBuffers(program: Program): number {
  return Math.max(
    0,
    ...program.kernels.map((kernel) => {
      if (!('exprs' in kernel)) return 0
      const bound = new Set(kernel.exprs.flatMap((e) => (e.op === 'load' ? [e.buffer] : [])))
      for (const store of kernel.stores) bound.add(store.buffer)
      if (kernel.kind === 'contract') bound.add(kernel.a.buffer).add(kernel.b.buffer)
      return bound.size + (kernel.exprs.some((e) => e.op === 'scalar') ? 1 : 0)
    }),
  )
}

describe('caps', () => {
  it('hold in programs of random graphs', () => {
    const backend = interpretingBackend({ maxBuffers: 8, maxExprs: 40 })
    for (let seed = 1; seed <= 150; seed++) {
      const { roots, keep, inPlace } = randomGraph(seed, 25)
      planGraph({ roots, keep, inPlace }, backend)
      clearNodeTable()
    }
    for (const program of backend.programs) {
      expect(mostBuffers(program)).toBeLessThanOrEqual(8)
      const sizes = program.kernels.map((kernel) => ('exprs' in kernel ? kernel.exprs.length : 0))
      expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(40)
    }
  })
})

describe('training steps', () => {
  it('of an MLP are 9 kernels: two products and their epilogues forward, the loss, its mean, one product back, and a kernel for each parameter with its Adam update', () => {
    const backend = interpretingBackend(CPU_CAPS)
    const { plan } = planGraph({ ...mlp(), keep: [] }, backend)
    expect(plan.kernelCount).toBe(9)
    expect(plan.roots.filter((r) => r.kind === 'leaf').length).toBe(12)
  })

  it('of a small MLP give the values of the reference', () => {
    const { roots, inPlace } = mlp([6, 5, 3], 4)
    const wanted = expected(roots)
    const { values } = evaluate(interpretingBackend(CPU_CAPS), roots, { inPlace })
    values.forEach((v, i) => expect(distance(v, wanted[i]!)).toBeLessThan(1e-4))
  })

  it('of a transformer give the values of the reference, in at most 28 kernels a block', () => {
    const { roots, inPlace } = transformer()
    const wanted = expected(roots)
    const { values, bound } = evaluate(interpretingBackend(CPU_CAPS), roots, { inPlace })
    values.forEach((v, i) => expect(distance(v, wanted[i]!)).toBeLessThan(1e-3))
    expect(bound.plan.kernelCount).toBeLessThanOrEqual(56)
  })

  it('compile in time that grows like the graph', () => {
    const { capabilities } = interpretingBackend(CPU_CAPS)
    const time = (blocks: number): { nodes: number; ms: number } => {
      const { roots, inPlace } = transformer({ blocks })
      const c = canonicalize({ roots, inPlace, keep: [] })
      clearNodeTable()
      let ms = Infinity
      for (let i = 0; i < 2; i++) {
        const before = process.cpuUsage()
        compileToProgram(c, capabilities, 'interpreter', true)
        const { user, system } = process.cpuUsage(before)
        ms = Math.min(ms, (user + system) / 1000)
      }
      return { nodes: c.nodes.length, ms }
    }
    time(3)
    const [small, large] = [time(3), time(30)]
    expect(large.nodes).toBeGreaterThan(9000)
    // ten times the graph: a quadratic pass would take a hundred times as long
    expect(large.ms / small.ms).toBeLessThan(40)
  }, 60_000)
})
