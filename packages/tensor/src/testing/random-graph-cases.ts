// Random graphs and their gradients, as cases: outputs of one graph are computed together, as a program with many results.
import type { CaseGroup } from './case.ts'
import { randomGraph } from './random-graph.ts'

/** `count` graphs from `seed` on, `perGroup` in one test. */
export function randomGraphCases(seed = 1, count = 200, perGroup = 20): CaseGroup[] {
  return Array.from({ length: Math.ceil(count / perGroup) }, (_, g) => ({
    name: `random graphs ${seed + g * perGroup} … ${seed + Math.min(count, (g + 1) * perGroup) - 1}`,
    cases: Array.from({ length: Math.min(perGroup, count - g * perGroup) }, (__, i) => {
      const number = seed + g * perGroup + i
      return {
        name: `randomGraph(${number})`,
        build: () => {
          const graph = randomGraph(number)
          return [...graph.outputs, ...graph.gradients]
        },
        tolerance: { relative: 2e-4, absolute: 2e-6 },
      }
    }),
  }))
}
