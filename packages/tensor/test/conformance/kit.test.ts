// The kit itself: it notices a wrong backend in every table, and its random graphs are not empty.
import { describe, expect, it } from 'vitest'
import { createReferenceBackend } from '../../src/backend/reference/index.ts'
import type { GraphBackend } from '../../src/backend/contract.ts'
import { bytesOf, DTYPE_NAMES, isFloat } from '../../src/graph/dtype.ts'
import { sizeOf } from '../../src/graph/shape.ts'
import { ulpDistance } from '../../src/testing/compare.ts'
import { evaluateGraph } from '../../src/testing/graph-values.ts'
import { randomGraph } from '../../src/testing/random-graph.ts'
import { randomMixedGraph } from '../../src/testing/random-mixed-graph.ts'
import { conformanceSuite } from '../../src/testing/suite.ts'

/** The reference, except that the last element of each result has the highest bit of its exponent, or its lowest bit, turned. */
function wrongBackend(): GraphBackend {
  const right = createReferenceBackend('wrong')
  return {
    ...right,
    compileGraph(graph) {
      const executable = right.compileGraph(graph)
      return {
        ...executable,
        run(pointers, scalars) {
          executable.run(pointers, scalars)
          graph.outputs.forEach((node, i) => {
            const size = sizeOf(node.shape)
            if (!size) return
            const pointer = pointers[graph.leaves.length + i]!
            const bytes = right.readSync!(pointer, 'uint8', size * bytesOf(node.dtype)) as Uint8Array
            bytes[bytes.length - (isFloat(node.dtype) ? 1 : bytesOf(node.dtype))]! ^= isFloat(node.dtype)
              ? 0x40
              : 1
            right.write(pointer, bytes)
          })
        },
      }
    },
  }
}

describe('the conformance kit', () => {
  it('fails every test of a backend that gets one element wrong', async () => {
    const tests: { name: string; body: () => void | Promise<void> }[] = []
    const only = [
      'scalar',
      'movement',
      'reduction',
      'dot',
      'indexed',
      'line',
      'attention',
      'program',
      'derivative',
      'update',
    ]
    const collect = {
      describe: (_: string, body: () => void) => body(),
      it: (name: string, body: () => void | Promise<void>) => void tests.push({ name, body }),
    }
    conformanceSuite(wrongBackend(), collect, { only })
    expect(tests.length).toBeGreaterThan(300)
    const passed: string[] = []
    for (const { name, body } of tests) {
      try {
        await body()
        passed.push(name)
      } catch {
        // what must happen
      }
    }
    expect(passed).toEqual(['a swap']) // computes nothing: two variables change storages
  }, 60_000)

  it('measures distances in units in the last place', () => {
    expect(ulpDistance('float32', 1, 1 + 2 ** -23)).toBe(1)
    expect(ulpDistance('float32', 0, -0)).toBe(1)
    expect(ulpDistance('float32', Number.NaN, Number.NaN)).toBe(0)
    expect(ulpDistance('float32', 1, Number.NaN)).toBe(Infinity)
    expect(ulpDistance('float64', 1, 1 - 2 ** -53)).toBe(1)
    expect(ulpDistance('float32', -(2 ** -149), 2 ** -149)).toBe(3)
  })

  it('makes random graphs that repeat, stay finite and have gradients', () => {
    let nonzero = 0
    const primitives = new Set<string>()
    for (let seed = 1; seed <= 100; seed++) {
      const [graph, again] = [randomGraph(seed), randomGraph(seed)]
      const values = evaluateGraph([...graph.outputs, ...graph.gradients])
      expect(evaluateGraph([...again.outputs, ...again.gradients])).toEqual(values)
      for (const value of values) for (const x of value) expect(Number.isFinite(x)).toBe(true)
      if (values.slice(graph.outputs.length).some((g) => g.some((x) => x !== 0))) nonzero++
      const seen = new Set(graph.outputs)
      for (const node of seen) {
        primitives.add(node.prim)
        for (const x of node.src) seen.add(x)
      }
    }
    expect(nonzero).toBeGreaterThan(80)
    for (const prim of [
      'map',
      'reshape',
      'transpose',
      'broadcast',
      'slice',
      'pad',
      'reverse',
      'concat',
      'reduce',
      'dot',
      'gather',
      'scatter',
    ])
      expect(primitives).toContain(prim)
  })

  it('makes random graphs of every dtype whose results are not all alike', () => {
    const dtypes = new Set<string>()
    const primitives = new Set<string>()
    let varied = 0
    for (let seed = 1; seed <= 100; seed++) {
      const roots = randomMixedGraph(seed)
      expect(evaluateGraph(randomMixedGraph(seed))).toEqual(evaluateGraph(roots))
      if (evaluateGraph(roots).some((value) => new Set(value as Iterable<number | bigint>).size > 2)) varied++
      const seen = new Set(roots)
      for (const node of seen) {
        dtypes.add(node.dtype)
        primitives.add(node.prim)
        for (const x of node.src) seen.add(x)
      }
    }
    expect(varied).toBeGreaterThan(50)
    expect([...dtypes].toSorted()).toEqual([...DTYPE_NAMES].toSorted())
    for (const prim of ['map', 'iota', 'reduce', 'argReduce', 'dot', 'gather', 'scatter', 'concat', 'pad'])
      expect(primitives).toContain(prim)
  })
})
