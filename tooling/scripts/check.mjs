// Everything that `npm test` checks, in order, with one summary at the end: static checks two at a time, then the tests.
// The last line is `N passed, N failed, N skipped`: tests, and each check as one.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { judgesVerdict } from './judges.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const results = join(root, '.results')
const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'

const build = { name: 'build', command: 'turbo run build --filter=!@dl/bench --output-logs=errors-only' }
const checks = [
  {
    name: 'types',
    command: 'turbo run typecheck --filter=!@dl/bench --output-logs=errors-only --concurrency=1',
  },
  {
    name: 'packages',
    needsBuild: true,
    command: 'turbo run check:package --output-logs=errors-only --concurrency=1',
  },
  { name: 'lint', command: 'oxlint --type-aware --deny-warnings' },
  { name: 'arrows and doors', command: 'depcruise packages apps examples --config .dependency-cruiser.cjs' },
  { name: 'format', command: 'oxfmt --check' },
  { name: 'unused code', command: 'knip' },
  { name: 'size budget', needsBuild: true, command: 'size-limit' },
]
const tests = [
  { name: 'tests in Node', command: 'vitest run', results: 'node.json' },
  {
    name: 'tests in Chromium',
    command: 'vitest run --config vitest.browser.config.ts',
    results: 'browser.json',
    skip: existsSync(chromium) ? undefined : `no Chromium at ${chromium}; set CHROMIUM_PATH`,
  },
]

/** Runs one step; `live` shows its output at once, else only when it fails. */
function execute(step, { live, args = [] }) {
  if (step.skip !== undefined) return Promise.resolve({ ...step, outcome: 'skipped', seconds: 0 })
  const [name, ...rest] = step.command.split(' ')
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules/.bin', name), [...rest, ...args], {
      cwd: root,
      stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
      env: {
        ...process.env,
        TURBO_TELEMETRY_DISABLED: '1',
        DO_NOT_TRACK: '1',
        ...(step.results === undefined ? {} : { DL_RESULTS: join(results, step.results) }),
      },
    })
    const output = []
    child.stdout?.on('data', (chunk) => output.push(chunk))
    child.stderr?.on('data', (chunk) => output.push(chunk))
    child.on('close', (status) => {
      const seconds = (performance.now() - started) / 1000
      const outcome = status === 0 ? 'passed' : 'failed'
      if (!live) console.log(`${outcome.padEnd(8)}${step.name} (${seconds.toFixed(1)} s)`)
      if (!live && outcome === 'failed') process.stdout.write(Buffer.concat(output))
      resolve({ ...step, outcome, seconds })
    })
  })
}

async function twoAtATime(steps) {
  const queue = [...steps]
  const done = []
  const worker = async () => {
    for (let step = queue.shift(); step !== undefined; step = queue.shift())
      done.push(await execute(step, { live: false }))
  }
  await Promise.all([worker(), worker()])
  return done
}

function readResult({ results: file }) {
  const path = join(results, file)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

rmSync(results, { recursive: true, force: true })
mkdirSync(results)

const args = process.argv.slice(2) // for vitest: `npm test -- --project tensor`
const built = await execute(build, { live: false })
const possible = checks.filter(({ needsBuild }) => built.outcome === 'passed' || !needsBuild)
const done = [built, ...(await twoAtATime(possible))]
const ran = []
for (const step of tests) ran.push(await execute(step, { live: true, args }))

const total = { passed: 0, failed: 0, skipped: 0 }
const judges = []
for (const step of done) total[step.outcome]++
for (const step of ran) {
  const result = readResult(step)
  for (const key of Object.keys(total)) total[key] += result?.[key] ?? 0
  // A run that was left out, or that broke without a failing test, still counts.
  if (step.outcome === 'skipped') total.skipped++
  if (step.outcome === 'failed' && (result?.failed ?? 0) === 0) total.failed++
  judges.push(...(result?.judges ?? []))
}

console.log('\nSummary')
for (const { name, outcome, seconds, skip } of [...done, ...ran])
  console.log(
    `  ${outcome.padEnd(8)}${name}${skip === undefined ? ` (${seconds.toFixed(1)} s)` : `: ${skip}`}`,
  )
const verdict = judgesVerdict(judges, process.env.DL_SHARED ?? join(root, '../shared'))
for (const line of verdict.lines) console.log(line)
if (args.length === 0) total.failed += verdict.missing.length
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)
