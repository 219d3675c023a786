// The plan cache: equal forms share a plan, different ones never do, and nothing stays alive that was dropped.
import { describe, expect, it } from 'vitest'
import { clearNodeTable, type Node, type ScalarLeaf, serial } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { canonicalize } from '../../src/compile/canonical.ts'
import { PlanCache, releasePlan, retainPlan } from '../../src/compile/plan-cache.ts'
import type { Plan } from '../../src/compile/plan.ts'
import { planCacheStats, planGraph } from '../../src/compile/plan-graph.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { evaluate, expected, distance, input, leafOfNode } from './evaluation.ts'
import { mlp } from './models.ts'

const { s } = p
const request = (...roots: Node[]) => ({ roots, inPlace: new Map(), keep: [] })

describe('plan cache', () => {
  it('serves an equal graph over other leaves, with other values', () => {
    const backend = interpretingBackend()
    for (let i = 0; i < 3; i++) {
      const x = input([3, 4])
      const roots = [s.mul(s.add(x, 1), x)]
      expect(distance(evaluate(backend, roots).values[0]!, expected(roots)[0]!)).toBe(0)
      clearNodeTable()
    }
    expect(planCacheStats(backend)).toMatchObject({ hits: 2, misses: 1, compiled: 1 })
  })

  it('serves a training step after the first one', () => {
    const backend = interpretingBackend()
    for (let i = 0; i < 3; i++) {
      planGraph({ ...mlp([5, 4, 3], 6), keep: [] }, backend)
      clearNodeTable()
    }
    expect(planCacheStats(backend)).toMatchObject({ hits: 2, misses: 1 })
  })

  it('sees through markers', () => {
    const backend = interpretingBackend()
    const x = input([3])
    planGraph(request(s.exp(p.mark(x))), backend)
    planGraph(request(s.exp(p.stop(p.mark(x)))), backend)
    planGraph(request(s.exp(x)), backend)
    expect(planCacheStats(backend)).toMatchObject({ hits: 2, misses: 1 })
  })

  it('takes a computed node for a leaf', () => {
    const backend = interpretingBackend()
    const x = input([3])
    const y = s.exp(x)
    y.value = leafOfNode(x)
    const { plan, leaves } = planGraph(request(s.neg(y)), backend)
    expect(leaves).toEqual([leafOfNode(x)])
    expect(plan.kernelCount).toBe(1)
    planGraph(request(s.neg(input([3]))), backend)
    expect(planCacheStats(backend)).toMatchObject({ hits: 1, misses: 1 })
  })

  const scalar = (value: number): ScalarLeaf => ({ id: serial(), dtype: 'float32', value })
  it('takes another run-time scalar for the same form, and gives its value', () => {
    const backend = interpretingBackend()
    for (const value of [2, 3]) {
      const x = input([2], 'float32', [1, 10])
      const { values } = evaluate(backend, [s.mul(x, p.broadcastTo(p.scalarInput(scalar(value)), [2]))])
      expect([...values[0]!]).toEqual([value, value * 10])
    }
    expect(planCacheStats(backend)).toMatchObject({ hits: 1, misses: 1 })
  })

  const x = input([4, 6])
  const y = input([4, 6])
  const [one, two] = [scalar(1), scalar(2)]
  const at = (leaf: ScalarLeaf): Node => p.broadcastTo(p.scalarInput(leaf), [4, 6])
  const pairs: readonly (readonly [string, Node[], Node[]])[] = [
    ['functions', [s.exp(x)], [s.log(x)]],
    ['constants', [s.add(x, 1)], [s.add(x, 2)]],
    ['0 and −0', [s.mul(x, 0)], [s.mul(x, -0)]],
    ['shapes', [s.exp(x)], [s.exp(input([6, 4]))]],
    ['dtypes', [s.neg(x)], [s.neg(input([4, 6], 'float64'))]],
    ['which leaf is shared', [s.add(s.mul(x, y), x)], [s.add(s.mul(x, y), y)]],
    ['one leaf twice or two leaves', [s.mul(x, x)], [s.mul(x, y)]],
    ['one scalar twice or two', [s.add(s.mul(x, at(one)), at(one))], [s.add(s.mul(x, at(one)), at(two))]],
    ['axes', [p.reduce('sum', x, [0])], [p.reduce('sum', x, [1])]],
    ['kinds of reduction', [p.reduce('max', x, [0])], [p.reduce('min', x, [0])]],
    ['starts of a slice', [p.slice(x, [0, 0], [2, 2])], [p.slice(x, [0, 1], [2, 2])]],
    ['order of roots', [s.exp(x), s.log(x)], [s.log(x), s.exp(x)]],
    ['a root twice', [s.exp(x)], [s.exp(x), s.exp(x)]],
  ]
  it.each(pairs)('tells graphs apart by %s', (_name, first, second) => {
    const backend = interpretingBackend()
    planGraph(request(...first), backend)
    planGraph(request(...second), backend)
    expect(planCacheStats(backend).misses).toBe(2)
  })

  it('tells requests apart by what is replaced in place and what is kept', () => {
    const backend = interpretingBackend()
    const kept = s.exp(x)
    const roots = [s.neg(kept)]
    planGraph({ roots, inPlace: new Map(), keep: [] }, backend)
    planGraph({ roots, inPlace: new Map([[0, leafOfNode(x)]]), keep: [] }, backend)
    planGraph({ roots, inPlace: new Map(), keep: [kept] }, backend)
    planGraph({ roots, inPlace: new Map(), keep: [] }, backend, { fuse: false })
    expect(planCacheStats(backend).misses).toBe(4)
  })

  it('does not trust the hash', () => {
    const cache = new PlanCache(4)
    const plan = planGraph(request(s.exp(x)), interpretingBackend()).plan
    const c = canonicalize(request(s.exp(x)))
    const collision = { ...canonicalize(request(s.log(x))), hash: c.hash }
    cache.insert(c, plan)
    expect(cache.find(c)).toBe(plan)
    expect(cache.find(collision)).toBeUndefined()
  })

  it('gives modules of the least recently used plans back, except retained ones', () => {
    const backend = interpretingBackend()
    const cache = new PlanCache(2)
    const build = (n: number): { c: ReturnType<typeof canonicalize>; plan: Plan } => {
      const root = s.add(x, n)
      return { c: canonicalize(request(root)), plan: planGraph(request(root), backend).plan }
    }
    const [first, second, third] = [build(1), build(2), build(3)]
    for (const { c, plan } of [first, second]) cache.insert(c, plan)
    cache.find(first.c)
    retainPlan(second.plan)
    cache.insert(third.c, third.plan)
    expect(cache.size).toBe(2)
    expect(cache.find(second.c)).toBeUndefined()
    expect(backend.memory().modules).toBe(3)
    releasePlan(second.plan)
    expect(backend.memory().modules).toBe(2)
    cache.clear()
    expect(backend.memory().modules).toBe(0)
  })
})
