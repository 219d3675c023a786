// `npm run judge`: exports models of every kind and shows each file to two judges, ONNX Runtime (which also computes) and the
// newest onnx checker from PyPI. Where Python or the network is missing, that judge is skipped with a visible line.
import '@dl/backend-cpu'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ready } from '@dl/tensor/core'
import { exportedModels } from './exported-models.ts'
import { runtimeVerdict } from './runtime.ts'
import { mnistModel } from './trained-model.ts'

const root = process.cwd() // tooling/judges: `npm run judge` starts it there
const cache = join(root, 'node_modules/.cache/dl-judge')
const files = join(cache, 'files')
const shared = process.env['DL_SHARED'] ?? join(root, '../../../shared')

const slug = (name: string): string => name.toLowerCase().replaceAll(/[^a-z\d]+/g, '-')

/** Writes all files and asks ONNX Runtime about each. @returns what it says against them, and their names by file */
async function exportAll(): Promise<{ problems: string[]; names: Map<string, string> }> {
  rmSync(files, { recursive: true, force: true })
  mkdirSync(files, { recursive: true })
  const [problems, names]: [string[], Map<string, string>] = [[], new Map()]
  const candidates = [...exportedModels(existsSync(shared) ? shared : undefined), await mnistModel()]
  for (const { name, opset, make } of candidates) {
    const title = `${name} (operator set ${opset})`
    try {
      const model = await make()
      const file = `${String(names.size).padStart(4, '0')}-${slug(name)}-${opset}.onnx`
      writeFileSync(join(files, file), model.bytes)
      names.set(file, title)
      const verdict = await runtimeVerdict(model)
      if (verdict !== undefined) problems.push(`${title}: ${verdict}`)
    } catch (error) {
      problems.push(`${title}: cannot be exported: ${String(error)}`)
    }
  }
  return { problems, names }
}

/** A Python with the newest onnx package, in a folder of its own; undefined, after saying why, where there is none. */
function pythonWithOnnx(): string | undefined {
  const venv = join(cache, 'venv')
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const steps: readonly (readonly [string, ...string[]])[] = [
    ...(existsSync(python) ? [] : [['python3', '-m', 'venv', venv] as const]),
    [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--upgrade', 'onnx'],
  ]
  for (const [command, ...args] of steps) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
    if (status === 0) continue
    if (existsSync(python) && spawnSync(python, ['-c', 'import onnx']).status === 0) return python // offline, but there
    console.log(
      `skipped the onnx checker: ${command} ${args.join(' ')} failed: ${(error?.message ?? stderr).trim().split('\n').at(-1)}`,
    )
    return undefined
  }
  return python
}

interface Line {
  readonly version?: string
  readonly file?: string
  readonly problem?: string | null
}

function checkerProblems(
  python: string,
  names: ReadonlyMap<string, string>,
): { version: string; problems: string[] } {
  const script = join(root, 'src/onnx_checker.py')
  const { stdout, stderr, status } = spawnSync(python, [script, files], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const lines = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []))
  const checked = lines.filter(({ file }) => file !== undefined)
  const problems = checked.flatMap(({ file, problem }) =>
    problem ? [`${names.get(file!)}: ${problem}`] : [],
  )
  if (status !== 0 || checked.length !== names.size)
    problems.push(`the checker looked at ${checked.length} of ${names.size} files: ${stderr.slice(-500)}`)
  return { version: lines[0]?.version ?? '', problems }
}

await ready()
const { problems, names } = await exportAll()
console.log(`ONNX Runtime: ${names.size} files, ${problems.length} problems`)
const python = pythonWithOnnx()
if (python !== undefined) {
  const checker = checkerProblems(python, names)
  console.log(
    `onnx ${checker.version} (full check, strict shape inference): ${names.size} files, ${checker.problems.length} problems`,
  )
  problems.push(...checker.problems)
}
for (const problem of problems) console.log(`  ${problem}`)
process.exitCode = problems.length === 0 ? 0 : 1
