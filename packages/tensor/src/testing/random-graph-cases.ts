// Random graphs and their gradients, as cases: outputs of one graph are computed together, as a program with many results.
import type { Case, CaseGroup } from './case.ts'
import { randomGraph } from './random-graph.ts'

/** Graphs in one test. */
const GROUP = 20

/** Many small graphs, and some deep ones, in which backward kernels recompute much. */
export function randomGraphCases(): CaseGroup[] {
  return [
    ...Array.from({ length: 10 }, (_, g) => group(1 + g * GROUP)),
    ...[20_240, 20_260].map((seed) => group(seed, 90)),
  ]
}

function group(first: number, operations?: number): CaseGroup {
  return {
    name: `${operations ? 'deep ' : ''}random graphs ${first} … ${first + GROUP - 1}`,
    cases: Array.from({ length: GROUP }, (_, i): Case => {
      const seed = first + i
      return {
        name: `randomGraph(${operations ? `${seed}, ${operations}` : seed})`,
        build: () => {
          const graph = randomGraph(seed, operations)
          return [...graph.outputs, ...graph.gradients]
        },
        tolerance: { relative: 2e-4, absolute: 2e-6 },
      }
    }),
  }
}
