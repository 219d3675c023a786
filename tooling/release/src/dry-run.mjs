// npm run release:dry: what a release does, against a registry on this machine. In a copy of the workspace the changesets set
// the versions; all packages are published and installed by version range into an empty project. There must be exactly one
// @dl/tensor in it, every door must open, and a step must train.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRegistry } from './registry.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const manifestIn = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

function run(cwd, command, ...args) {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32' && command !== process.execPath,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  })
}

const pnpm = (cwd, ...args) => run(cwd, 'npx', '-y', packageManager, ...args)
const logged = (text) => console.log(`[release:dry] ${text}`)

/** The workspace, built, at the versions that its changesets ask for. */
function releaseCandidate(folder) {
  run(
    root,
    join(root, 'node_modules/.bin/turbo'),
    'run',
    'build',
    '--filter=./packages/*',
    '--output-logs=errors-only',
  )
  const leftOut = new Set(['.git', '.results', '.turbo', '.generated', 'node_modules', 'coverage'])
  cpSync(root, folder, {
    recursive: true,
    filter: (source) => source === root || !leftOut.has(basename(source)),
  })
  pnpm(
    folder,
    'install',
    '--frozen-lockfile',
    '--prefer-offline',
    '--filter',
    './packages/*',
    '--filter',
    '.',
  )
  run(folder, join(folder, 'node_modules/.bin/changeset'), 'version')
  return readdirSync(join(folder, 'packages')).map((name) => manifestIn(join(folder, 'packages', name)))
}

function publish(folder, { url }) {
  const host = url.replace(/^http:/, '')
  writeFileSync(join(folder, '.npmrc'), `registry=${url}\n${host}:_authToken=dry-run\n`)
  pnpm(folder, '-r', '--filter', './packages/*', 'publish', '--no-git-checks', '--registry', url)
}

/** An empty project that asked for every package by range. */
function installByRange(folder, manifests, { url }) {
  mkdirSync(folder)
  writeFileSync(join(folder, '.npmrc'), `registry=${url}\n`)
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'stranger', private: true, type: 'module' }),
  )
  const wanted = manifests.map(({ name, version }) => `${name}@^${version}`)
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted)
}

function copiesOf(name, folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.replaceAll('\\', '/').endsWith(`node_modules/${name}/package.json`),
  )
}

function openDoors(folder, manifests) {
  const doors = manifests.flatMap(({ name, exports }) =>
    Object.keys(exports)
      .filter((door) => !door.endsWith('.json'))
      .map((door) => name + door.slice(1)),
  )
  writeFileSync(join(folder, 'doors.js'), doors.map((door) => `import '${door}'\n`).join(''))
  run(folder, process.execPath, 'doors.js')
  return doors
}

const work = mkdtempSync(join(tmpdir(), 'dl-release-'))
const registry = await startRegistry(work)
try {
  const candidate = join(work, 'candidate')
  const manifests = releaseCandidate(candidate)
  logged(`versions: ${manifests.map(({ name, version }) => `${name} ${version}`).join(', ')}`)
  const versions = new Set(manifests.map(({ version }) => version))
  if (versions.size !== 1) throw new Error('[release:dry] versions must move together')

  publish(candidate, registry)
  logged(`published ${manifests.length} packages to ${registry.url}`)

  const project = join(work, 'project')
  installByRange(project, manifests, registry)
  const copies = copiesOf('@dl/tensor', project)
  if (copies.length !== 1)
    throw new Error(`[release:dry] expected one @dl/tensor, found ${copies.join(', ') || 'none'}`)
  logged(`installed by range ^${[...versions][0]}: exactly one @dl/tensor`)

  logged(`opened ${openDoors(project, manifests).join(' ')}`)
  cpSync(join(root, 'tooling/consumers/programs/train.mjs'), join(project, 'train.mjs'))
  logged(`trained ${run(project, process.execPath, 'train.mjs').trim()}`)
} finally {
  registry.stop()
  rmSync(work, { recursive: true, force: true })
}
