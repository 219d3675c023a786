// Type tests. The compiler runs over accepted.types.ts, over the golden program of typed shapes, and over refused.types.ts
// with its expectations taken out; every refused line must fail with the message that stands above it, and nothing else may.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const root = at('../../../..')
const folder = mkdtempSync(join(tmpdir(), 'dl-types-'))
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Expectation {
  readonly line: number
  readonly message: string
}

const source = (path: string): string =>
  readFileSync(path, 'utf8')
    .replaceAll("'@dl/tensor'", JSON.stringify(at('../../src/index.ts')))
    .replaceAll("'../../src/", `'${at('../../src/')}`)
const refused = source(at('./refused.types.ts'))
const expectations: readonly Expectation[] = refused.split('\n').flatMap((text, i) => {
  const message = /\/\/ @ts-expect-error (?<message>.*)/.exec(text)?.groups?.['message']
  return message === undefined ? [] : [{ line: i + 2, message }]
})

/** Diagnostics by file and line; the text of a diagnostic includes its indented explanation. */
function compile(files: Readonly<Record<string, string>>): Map<string, string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const options = {
    noEmit: true,
    types: [],
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
  }
  const config = {
    extends: join(root, 'tooling/tsconfig/base.json'),
    compilerOptions: options,
    include: ['*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '--pretty', 'false', '-p', folder], {
    cwd: folder,
    encoding: 'utf8',
  })
  const found = new Map<string, string>()
  let key = ''
  for (const text of stdout.split('\n')) {
    const match = /^(?<file>[^\s(]+)\((?<line>\d+),\d+\): error/.exec(text)
    if (match?.groups) key = `${match.groups['file']}:${match.groups['line']}`
    if (key !== '') found.set(key, `${found.get(key) ?? ''}${text}\n`)
  }
  return found
}

const diagnostics = compile({
  'accepted.ts': source(at('./accepted.types.ts')),
  'golden.ts': source(join(root, 'examples/11-typed-shapes.ts')),
  'refused.ts': refused.replaceAll('@ts-expect-error', 'refused:'),
})
const inFile = (name: string): string[] =>
  [...diagnostics].filter(([key]) => key.startsWith(name)).map(([, text]) => text)

describe('typed shapes', () => {
  it('accept what must compile, with the right shapes and dtypes', () => {
    expect(inFile('accepted.ts')).toEqual([])
  })

  it('compile the golden program', () => {
    expect(inFile('golden.ts')).toEqual([])
  })

  it('need no library types beyond those of the language and the DOM', () => {
    expect([...diagnostics.keys()].filter((key) => !/^(accepted|golden|refused)\.ts/.test(key))).toEqual([])
  })

  it('refuse at least 20 lines, and no line by surprise', () => {
    expect(expectations.length).toBeGreaterThanOrEqual(20)
    expect([...diagnostics.keys()].filter((key) => key.startsWith('refused.ts'))).toEqual(
      expectations.map(({ line }) => `refused.ts:${line}`),
    )
  })

  it.each(expectations)('line $line: $message', ({ line, message }) => {
    expect(diagnostics.get(`refused.ts:${line}`)).toContain(message)
  })
})
