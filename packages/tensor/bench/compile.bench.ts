// What the compiler costs: a look-up in the plan cache (paid at each flush) and a compilation (paid once for each form of
// graph), for graphs of about 150, 1,000 and 10,000 nodes. Code generation is not in it.
import { bench, describe } from 'vitest'
import { canonicalize, keyOf, matches } from '../src/compile/canonical.ts'
import { compileToProgram } from '../src/compile/plan-graph.ts'
import { clearNodeTable } from '../src/graph/node.ts'
import { INTERPRETER_CAPABILITIES } from '../src/testing/ir-interpreter.ts'
import { mlp, type Step, transformer } from '../test/compile/models.ts'

const steps: readonly (readonly [string, () => Step])[] = [
  ['MLP', () => mlp()],
  ['transformer of 3 blocks', () => transformer({ blocks: 3 })],
  ['transformer of 30 blocks', () => transformer({ blocks: 30 })],
]

for (const [name, make] of steps) {
  const request = { ...make(), keep: [] }
  clearNodeTable()
  const canonical = canonicalize(request)
  const key = keyOf(canonical)
  describe(`training step of a ${name}, ${canonical.nodes.length} nodes`, () => {
    bench('cache hit', () => {
      matches(key, canonicalize(request))
    })
    bench('rewrite, schedule, plan memory', () => {
      compileToProgram(canonical, INTERPRETER_CAPABILITIES, 'bench', true)
    })
  })
}
