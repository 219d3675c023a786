// Installing only what is needed works: @dl/tensor and @dl/backend-cpu from their tarballs, in a project of their own,
// imported, required, bundled and type-checked.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import webpack from 'webpack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Stranger, strangerWith } from '../src/stranger.ts'

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

let stranger: Stranger
beforeAll(() => {
  stranger = strangerWith(['@dl/tensor', '@dl/backend-cpu'], 'offline')
}, 120_000)
afterAll(() => {
  stranger.remove()
})

/** Mean squared errors before the first and the second step, worked out by hand. */
function expectTrained(printed: string): void {
  const { losses, backend, fallbacks } = JSON.parse(printed) as {
    losses: [number, number]
    backend: string
    fallbacks: number
  }
  expect(losses[0]).toBeCloseTo(41, 4)
  expect(losses[1]).toBeCloseTo(1.12875, 4)
  expect(backend).toBe('cpu')
  expect(fallbacks).toBe(0)
}

describe('a project that installs @dl/tensor and @dl/backend-cpu', () => {
  it('got nothing else', () => {
    const modules = join(stranger.folder, 'node_modules')
    expect(readdirSync(modules).filter((name) => !name.startsWith('.'))).toEqual(['@dl'])
    expect(readdirSync(join(modules, '@dl')).sort()).toEqual(['backend-cpu', 'tensor'])
  })

  it('ships the license and no workspace protocol', () => {
    for (const name of ['tensor', 'backend-cpu']) {
      const folder = join(stranger.folder, 'node_modules/@dl', name)
      expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toContain('Apache License')
      expect(readFileSync(join(folder, 'package.json'), 'utf8')).not.toMatch(/"workspace:|@dl\/source/)
    }
  })

  it('trains by import', () => {
    expectTrained(stranger.run(stranger.add('train.mjs')))
  })

  it('trains by require', () => {
    expectTrained(stranger.run(stranger.add('train.cjs')))
  })

  it('type-checks without Node types, library declarations included', () => {
    stranger.add('typed.ts')
    expect(compilerMessages(stranger, 'typed.ts')).toBe('')
  })
})

describe('a project that installs every package', () => {
  let everything: Stranger
  beforeAll(() => {
    everything = strangerWith(['./packages/*'], 'prefer-offline')
  }, 120_000)
  afterAll(() => {
    everything.remove()
  })

  it('type-checks every door without Node types', () => {
    const installed = join(everything.folder, 'node_modules/@dl')
    const doors = readdirSync(installed).flatMap((name) => {
      const { exports } = JSON.parse(readFileSync(join(installed, name, 'package.json'), 'utf8')) as {
        exports: Record<string, unknown>
      }
      return Object.keys(exports)
        .filter((door) => !door.endsWith('.json'))
        .map((door) => `@dl/${name}${door.slice(1)}`)
    })
    expect(doors).toContain('@dl/layers')
    const program = doors.map((door, i) => `export * as door${i} from '${door}'\n`).join('')
    writeFileSync(join(everything.folder, 'doors.ts'), program)
    expect(compilerMessages(everything, 'doors.ts')).toBe('')
  })
})

describe('a bundle', () => {
  const bundlers: { name: string; bundle: (entry: string, folder: string) => Promise<string> }[] = [
    {
      name: 'esbuild',
      bundle: async (entry, folder) => {
        const outfile = join(folder, 'bundle.mjs')
        await esbuild({
          entryPoints: [entry],
          bundle: true,
          minify: true,
          format: 'esm',
          outfile,
          logLevel: 'silent',
        })
        return outfile
      },
    },
    {
      name: 'Vite',
      bundle: async (entry, folder) => {
        await vite({
          root: stranger.folder,
          configFile: false,
          logLevel: 'silent',
          build: {
            outDir: folder,
            emptyOutDir: false,
            lib: { entry, formats: ['es'], fileName: () => 'bundle.mjs' },
          },
        })
        return join(folder, 'bundle.mjs')
      },
    },
    {
      name: 'webpack',
      bundle: async (entry, folder) => {
        await webpackBuild({
          mode: 'production',
          context: stranger.folder,
          entry,
          target: 'node', // where this bundle runs; the one for pages runs in threads.test.ts
          devtool: false,
          performance: false,
          output: { path: folder, filename: 'bundle.cjs' },
        })
        return join(folder, 'bundle.cjs')
      },
    },
  ]

  it.each(bundlers)(
    'made by $name keeps the registration of the backend and computes',
    async ({ bundle }) => {
      const folder = mkdtempSync(join(tmpdir(), 'dl-bundle-'))
      const file = await bundle(stranger.add('train.mjs'), folder)
      const elsewhere = join(folder, 'empty')
      mkdirSync(elsewhere)
      expectTrained(stranger.run(file, elsewhere))
    },
  )
})

function webpackBuild(config: webpack.Configuration): Promise<void> {
  return new Promise((resolve, reject) => {
    webpack(config, (error, stats) => {
      if (error !== null) reject(error)
      else if (stats?.hasErrors() === true) reject(new Error(stats.toString('errors-only')))
      else resolve()
    })
  })
}

/** What TypeScript says about a file of the project, declarations of libraries included, with no @types in sight. */
function compilerMessages({ folder }: Stranger, file: string): string {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable', 'dom', 'dom.iterable'],
    module: 'nodenext',
    types: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
  return spawnSync(process.execPath, [tsc, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' }).stdout
}
