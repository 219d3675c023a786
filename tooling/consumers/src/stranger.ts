// An empty project outside the workspace that installed our packed tarballs, and programs run there.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const programs = fileURLToPath(new URL('../programs', import.meta.url))

export interface Stranger {
  readonly folder: string
  /** Copies a program of `programs/` here. */
  readonly add: (program: string) => string
  /** Runs a file with this Node and returns what it printed. */
  readonly run: (file: string, cwd?: string) => string
  readonly remove: () => void
}

/**
 * Packs the named packages as they are published and installs them into an empty project. Packages without dependencies
 * install `offline`, which shows that they have none.
 */
export function strangerWith(names: readonly string[], network: 'offline' | 'prefer-offline'): Stranger {
  const folder = mkdtempSync(join(tmpdir(), 'dl-stranger-'))
  const tarballs = pack(names, join(folder, 'tarballs'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'stranger', private: true }))
  npm(folder, 'install', `--${network}`, '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs)
  return {
    folder,
    add: (program) => {
      copyFileSync(join(programs, program), join(folder, program))
      return join(folder, program)
    },
    run: (file, cwd = folder) =>
      execFileSync(process.execPath, [file], { cwd, encoding: 'utf8', stdio: 'pipe' }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** `pnpm pack` of built packages; returns the paths of the tarballs. */
function pack(names: readonly string[], destination: string): string[] {
  mkdirSync(destination)
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    packageManager: string
  }
  const filters = names.flatMap((name) => ['--filter', name])
  execFileSync('npx', ['-y', packageManager, ...filters, '-r', 'pack', '--pack-destination', destination], {
    cwd: root,
    stdio: 'pipe',
    shell: process.platform === 'win32',
  })
  return readdirSync(destination).map((file) => join(destination, file))
}

function npm(cwd: string, ...args: string[]): void {
  execFileSync('npm', args, { cwd, stdio: 'pipe', shell: process.platform === 'win32' })
}
