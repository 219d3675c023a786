// Turns every example of the repository into a file of one folder, and type-checks that folder in one compiler run.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Example, examplesIn, withImports } from './extract.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const generated: string = fileURLToPath(new URL('../.generated', import.meta.url))

export interface WrittenExample extends Example {
  /** Absolute path of the file that holds the example. */
  readonly file: string
}

/** Files with examples: the READMEs, the pages of docs/ and all sources of packages. */
function documentedFiles(): string[] {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)
  const sources = packages.flatMap((folder) =>
    readdirSync(join(root, folder, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, 'src', name)),
  )
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  return [
    'README.md',
    ...pages.map((name) => `docs/${name}`),
    ...packages.map((folder) => `${folder}/README.md`),
    ...sources,
  ]
}

/** Writes all examples; docstrings get the imports they leave out from `doors`. */
export function writeExamples(doors: Readonly<Record<string, readonly string[]>>): WrittenExample[] {
  rmSync(generated, { recursive: true, force: true })
  mkdirSync(generated, { recursive: true })
  return documentedFiles().flatMap((path) =>
    examplesIn(path, readFileSync(join(root, path), 'utf8')).map((example) => {
      const name = example.place.replace(/^packages\//, '').replace(/[^\w]+/g, '-')
      const file = join(generated, `${name}.ts`)
      const code = path.endsWith('.md') ? example.code : withImports(example.code, doors)
      writeFileSync(file, `// ${example.place}\n${code}\nexport {}\n`)
      return { ...example, file }
    }),
  )
}

/** Compiler messages by file name; an empty map means that all examples type-check. */
export function typeErrors(): Map<string, string[]> {
  const config = join(generated, 'tsconfig.json')
  writeFileSync(
    config,
    JSON.stringify({
      extends: '../tsconfig.json',
      compilerOptions: { noUncheckedIndexedAccess: false, noUnusedLocals: false },
      include: ['*.ts'],
    }),
  )
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--pretty', 'false', '-p', config],
    { cwd: generated, encoding: 'utf8' },
  )
  const errors = new Map<string, string[]>()
  for (const line of `${stdout}${stderr}`.split('\n')) {
    const match = /^(?<file>[^\s(][^(]*)\(\d+,\d+\): error/.exec(line)
    const file = match?.groups?.['file']
    if (file === undefined) continue
    const path = relative(generated, join(generated, file))
    errors.set(path, [...(errors.get(path) ?? []), line])
  }
  return errors
}
