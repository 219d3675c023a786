// Random graphs: fused, unfused and reference must agree, also where roots replace leaves in place, under tight caps too.
import { describe, expect, it } from 'vitest'
import { clearNodeTable } from '../../src/graph/node.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import type { KernelBackend } from '../../src/backend/contract.ts'
import { distance, evaluate, expected, type TestLeaf } from './evaluation.ts'
import { randomGraph } from './random-graph.ts'

const GRAPHS = Number(process.env['DL_GRAPHS'] ?? 200)
const FIRST = Number(process.env['DL_SEED'] ?? 1)

/** Checks one graph; how many of its roots replaced a leaf in place. */
function check(seed: number, backend: KernelBackend, fuse: boolean): number {
  const { roots, keep, inPlace, log } = randomGraph(seed, 4 + (seed % 14))
  const describeCase = `seed ${seed}\n${log}`
  const wanted = expected(roots)
  const wantedKept = expected(keep)
  const { values, leaves, kept, bound } = evaluate(backend, roots, { keep, inPlace, fuse })
  values.forEach((v, i) => expect(distance(v, wanted[i]!), `root ${i} of ${describeCase}`).toBeLessThan(1e-3))
  for (const [index, v] of kept)
    expect(distance(v, wantedKept[index]!), `kept ${index} of ${describeCase}`).toBeLessThan(1e-3)
  // a leaf changes only where a root says so
  const written = new Set(
    bound.plan.roots.flatMap((r, i) => (r.kind === 'leaf' && inPlace.has(i) ? [r.slot] : [])),
  )
  for (const [slot, l] of bound.leaves.entries()) {
    const data = written.has(slot) ? leaves.get(l)! : (l as TestLeaf).data
    expect(distance(leaves.get(l)!, data), describeCase).toBe(0)
  }
  clearNodeTable()
  return written.size
}

describe('random graphs agree with the reference', () => {
  it.each([
    ['fused', interpretingBackend(), true],
    ['unfused', interpretingBackend(), false],
    ['with 8 buffers a kernel', interpretingBackend({ maxBuffers: 8 }), true],
    ['with 24 expressions a kernel', interpretingBackend({ maxExprs: 24 }), true],
  ] as const)(
    '%s',
    (_name, backend, fuse) => {
      let inPlace = 0
      for (let seed = FIRST; seed < FIRST + GRAPHS; seed++) inPlace += check(seed, backend, fuse)
      expect(inPlace).toBeGreaterThan(GRAPHS / 20)
    },
    60_000,
  )
})
