// Random graphs and their gradients, as cases: outputs of one graph are computed together, as a program with many results.
import type { Case, CaseGroup } from './case.ts'
import { EXACT } from './compare.ts'
import { randomGraph } from './random-graph.ts'
import { randomMixedGraph } from './random-mixed-graph.ts'

/** Graphs in one test. */
const GROUP = 20
/** Seeds and numbers of operations of graphs that once came out wrong. */
const CAUGHT: readonly (readonly [number, number])[] = [
  [20_266, 90],
  [31_072, 60],
]

/** Many small graphs, some deep ones, in which backward kernels recompute much, and those that found a mistake before. */
export function randomGraphCases(): CaseGroup[] {
  const seeds = (first: number): number[] => Array.from({ length: GROUP }, (_, i) => first + i)
  return [
    ...Array.from({ length: 10 }, (_, g) => ({
      name: `random graphs ${1 + g * GROUP} … ${(g + 1) * GROUP}`,
      cases: seeds(1 + g * GROUP).map((seed) => randomCase(seed)),
    })),
    ...Array.from({ length: 10 }, (_, g) => ({
      name: `random graphs of mixed dtypes ${1 + g * GROUP} … ${(g + 1) * GROUP}`,
      cases: seeds(1 + g * GROUP).map(mixedCase),
    })),
    { name: 'deep random graphs', cases: seeds(20_240).map((seed) => randomCase(seed, 90)) },
    {
      name: 'random graphs that found mistakes',
      cases: CAUGHT.map(([seed, size]) => randomCase(seed, size)),
    },
  ]
}

function randomCase(seed: number, operations?: number): Case {
  return {
    name: `randomGraph(${[seed, ...(operations === undefined ? [] : [operations])].join(', ')})`,
    build: () => {
      const graph = randomGraph(seed, operations)
      return [...graph.outputs, ...graph.gradients]
    },
    tolerance: { relative: 2e-4, absolute: 2e-6 },
  }
}

const mixedCase = (seed: number): Case => ({
  name: `randomMixedGraph(${seed})`,
  build: () => randomMixedGraph(seed),
  tolerance: EXACT,
})
