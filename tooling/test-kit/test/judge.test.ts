import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TestModule } from 'vitest/node'
import { judgeFolder } from '../src/judge.ts'
import { judgesReporter, type RunResult } from '../src/reporter.ts'

const folder = mkdtempSync(join(tmpdir(), 'dl-judge-'))
mkdirSync(join(folder, 'numbers'))

describe('judgeFolder', () => {
  it.each([
    { name: 'prefers the fixture', needs: 'no/such/folder', fixture: join(folder, 'numbers'), found: true },
    {
      name: 'needs no fixture that is absent',
      needs: 'no/such/folder',
      fixture: join(folder, 'no'),
      found: false,
    },
  ])('$name', ({ needs, fixture, found }) => {
    expect(judgeFolder({ needs, fixture })).toBe(found ? fixture : undefined)
  })
})

type State = 'passed' | 'failed' | 'skipped'

/** As much of vitest's tree as the reporter reads. */
function moduleOf(suites: Record<string, State[]>, errors: unknown[] = []): TestModule {
  const nodes = Object.entries(suites).map(([name, states]) => ({
    name,
    children: { allTests: () => states.map((state) => ({ result: () => ({ state }) })) },
  }))
  return {
    state: () => (errors.length > 0 ? 'failed' : 'passed'),
    errors: () => errors,
    children: {
      allSuites: () => nodes,
      allTests: () => nodes.flatMap((node) => node.children.allTests()),
    },
  } as unknown as TestModule
}

describe('judgesReporter', () => {
  const cases: { name: string; module: TestModule; expected: RunResult }[] = [
    {
      name: 'counts a judge that ran',
      module: moduleOf({ 'judge: PyTorch (oracles/ops)': ['passed', 'failed'], others: ['passed'] }),
      expected: {
        passed: 2,
        failed: 1,
        skipped: 0,
        judges: [{ name: 'PyTorch', needs: 'oracles/ops', passed: 1, failed: 1, skipped: 0 }],
      },
    },
    {
      name: 'counts a judge that was left out',
      module: moduleOf({ 'judge: Keras (oracles/keras-cases)': ['skipped'] }),
      expected: {
        passed: 0,
        failed: 0,
        skipped: 1,
        judges: [{ name: 'Keras', needs: 'oracles/keras-cases', passed: 0, failed: 0, skipped: 1 }],
      },
    },
    {
      name: 'counts a file that does not load as one failure',
      module: moduleOf({}, [new Error('cannot import')]),
      expected: { passed: 0, failed: 1, skipped: 0, judges: [] },
    },
  ]
  it.each(cases)('$name', ({ module, expected }) => {
    const file = join(folder, 'results', 'unit.json')
    judgesReporter(file).onTestRunEnd?.([module], [], 'passed')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(expected)
  })
})
