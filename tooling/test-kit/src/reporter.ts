// A vitest reporter that writes two things to a JSON file: how many tests passed, failed and were skipped, and which judges
// ran. tooling/scripts/check.mjs adds the files up, prints the result and decides.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Reporter, TestModule, TestSuite } from 'vitest/node'

export interface JudgeResult {
  readonly name: string
  /** Folder inside `../shared`. */
  readonly needs: string
  passed: number
  failed: number
  skipped: number
}

export interface RunResult {
  passed: number
  failed: number
  skipped: number
  readonly judges: JudgeResult[]
}

const title = /^judge: (?<name>.+) \((?<needs>[^()]+)\)$/

export function judgesReporter(file: string): Reporter {
  return {
    onTestRunEnd(modules): void {
      const result: RunResult = { passed: 0, failed: 0, skipped: 0, judges: [] }
      for (const module of modules) countModule(module, result)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
    },
  }
}

function countModule(module: TestModule, result: RunResult): void {
  count(module, result)
  // A file that throws while it is collected has no failing test; it counts as one.
  if (module.state() === 'failed' && module.errors().length > 0) result.failed++
  for (const suite of module.children.allSuites()) {
    const match = title.exec(suite.name)?.groups
    if (match === undefined) continue
    const judge = { name: match['name'] ?? '', needs: match['needs'] ?? '', passed: 0, failed: 0, skipped: 0 }
    count(suite, judge)
    result.judges.push(judge)
  }
}

function count(
  node: TestModule | TestSuite,
  into: { passed: number; failed: number; skipped: number },
): void {
  for (const test of node.children.allTests()) {
    const { state } = test.result()
    if (state === 'passed') into.passed++
    else if (state === 'failed') into.failed++
    else into.skipped++
  }
}
