// 2,000 mutated files, in two processes of their own: none may bring out anything but errors that say what is wrong, take more
// than 5 s, or make the process grow. A failure prints the seed; `FUZZ_FIRST=<seed> FUZZ_COUNT=1` runs it alone.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sharedFolder } from '@dl/test-kit'

const FIRST = Number(process.env['FUZZ_FIRST'] ?? 0)
const COUNT = Number(process.env['FUZZ_COUNT'] ?? 2000)
const MOST_SECONDS = 5
const MOST_MEGABYTES = 1024
/** Without a word for so long, a process hangs; the machine may be busy with others. */
const SILENCE = 60_000

interface Line {
  readonly start?: number
  readonly seed?: number
  readonly kind?: string
  readonly fault?: string
  readonly seconds?: number
  readonly megabytes?: number
}

const folder = mkdtempSync(join(tmpdir(), 'dl-fuzz-'))
const program = join(folder, 'fuzz.mjs')
afterAll(() => rmSync(folder, { recursive: true }))
beforeAll(() => {
  const bundle = join(
    dirname(createRequire(import.meta.url).resolve('@dl/bundle/package.json')),
    'bin/dl-bundle.mjs',
  )
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  execFileSync(process.execPath, [bundle, 'test/fuzzing/program.ts', program], { cwd })
}, 60_000)

/** What the program said, and what went wrong with it as a whole. */
async function fuzz(first: number, count: number): Promise<{ lines: Line[]; problem?: string }> {
  const shared = existsSync(sharedFolder) ? [sharedFolder] : []
  const child = spawn(process.execPath, [
    '--max-old-space-size=512',
    program,
    String(first),
    String(count),
    ...shared,
  ])
  let [out, errors, problem] = ['', '', '']
  const hang = (): void => {
    problem = 'hangs'
    child.kill('SIGKILL')
  }
  let watchdog = setTimeout(hang, SILENCE)
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    clearTimeout(watchdog)
    watchdog = setTimeout(hang, SILENCE)
  })
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const status = await new Promise((resolve) => child.on('close', resolve))
  clearTimeout(watchdog)
  const complete = out.slice(0, out.lastIndexOf('\n')).split('\n')
  const lines = complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)
  if (status === 0) return { lines }
  const last = lines.findLast(({ start }) => start !== undefined)?.start
  return {
    lines,
    problem: `seed ${last}: the process ${problem || `ended with ${String(status)}`}\n${errors.slice(-2000)}`,
  }
}

it(`survives ${COUNT} mutated files`, async () => {
  const half = Math.ceil(COUNT / 2)
  const runs = await Promise.all([fuzz(FIRST, half), fuzz(FIRST + half, COUNT - half)])
  const ended = runs.flatMap(({ lines }) => lines.filter(({ kind }) => kind !== undefined))
  const faults = ended.flatMap(({ seed, fault, seconds, megabytes }) => [
    ...(fault === undefined ? [] : [`seed ${seed}: ${fault}`]),
    ...(seconds! > MOST_SECONDS ? [`seed ${seed} took ${seconds} s`] : []),
    ...(megabytes! > MOST_MEGABYTES ? [`seed ${seed}: the process has grown to ${megabytes} MB`] : []),
  ])
  expect([...runs.flatMap(({ problem }) => problem ?? []), ...faults]).toEqual([])
  expect(ended.length).toBe(COUNT)
  const ran = ended.filter(({ kind }) => kind === 'ran').length
  expect(ran, 'too few of the mutated files still run').toBeGreaterThan(COUNT === 1 ? -1 : COUNT / 10)
}, 600_000)
