// tfjs-core's own specs, run against @dl/tensor by the runner in ../shared/tfjs-specs. `tfjs-specs.json` lists the spec files of
// the operations that we have, and by reason the specs in them that we do not meet; every other one must pass.
import { execFile } from 'node:child_process'
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { judge } from '@dl/test-kit'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'

interface Listed {
  readonly specs: readonly string[]
  /** Reason → spec file → names of specs. */
  readonly differences: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}
interface FileResult {
  readonly file: string
  readonly specs: number
  readonly passed: number
  readonly fails: readonly { readonly name: string; readonly msg: string }[]
}

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const { specs, differences } = JSON.parse(readFileSync(at('tfjs-specs.json'), 'utf8')) as Listed
const excused = (file: string): Set<string> =>
  new Set(Object.values(differences).flatMap((byFile) => byFile[file] ?? []))

judge('tfjs-core specs', { needs: 'tfjs-specs' }, (folder) => {
  const results = new Map<string, FileResult>()
  const scratch = mkdtempSync(join(tmpdir(), 'dl-tfjs-specs-'))

  beforeAll(async () => {
    for (const name of readdirSync(folder))
      if (/\.[mc]js$/.test(name)) copyFileSync(join(folder, name), join(scratch, name))
    symlinkSync(at('../node_modules'), join(scratch, 'node_modules'))
    const [target, list, json] = ['target.mjs', 'list.txt', 'out.json'].map((name) =>
      join(scratch, name),
    ) as [string, string, string]
    writeFileSync(list, specs.join('\n'))
    await build({
      entryPoints: [at('../src/tfjs-surface.mjs')],
      bundle: true,
      format: 'esm',
      platform: 'node',
      conditions: ['@dl/source'],
      outfile: target,
      logLevel: 'error',
    })
    const args = ['run.mjs', '--list', list, '--target', target, '--backend', 'cpu', '--json', json]
    // the runner's exit code says that some spec failed, which this file judges itself
    await promisify(execFile)(process.execPath, args, { cwd: scratch }).catch(() => {})
    const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: readonly FileResult[] }
    for (const row of rows) results.set(row.file.replace('_test.js', ''), row)
  }, 300_000)
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  it.each(specs)('%s', (file) => {
    const { fails, specs: count } = results.get(file)!
    expect(count).toBeGreaterThan(0)
    const known = excused(file)
    expect(fails.filter(({ name }) => !known.has(name))).toEqual([])
  })
  it('2,100 of them pass', () => {
    const passed = [...results.values()].reduce((sum, row) => sum + row.passed, 0)
    expect(passed).toBeGreaterThan(2100)
  })
})
