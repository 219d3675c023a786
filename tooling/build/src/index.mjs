// The tsup preset of every published package: ESM, one output file for each source file, no bundled declarations
// (tsc -p tsconfig.build.json emits those). Files stay separate so that `sideEffects` works file by file in bundlers.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/**
 * Leaves imports between our own files as imports, with the extension that the output has. Whether an unused one may go is
 * what the package's `sideEffects` say, as for the bundlers of users.
 */
const keepModules = {
  name: 'keep-modules',
  setup(build) {
    const { sideEffects } = JSON.parse(readFileSync('package.json', 'utf8'))
    build.onResolve({ filter: /^\.{1,2}\// }, ({ kind, path, resolveDir }) => {
      if (kind === 'entry-point') return undefined
      const source = `./${relative(process.cwd(), join(resolveDir, path)).replaceAll('\\', '/')}`
      const kept = sideEffects !== false && sideEffects.includes(source)
      return { path: path.replace(/\.ts$/, '.js'), external: true, sideEffects: kept }
    })
  },
}

export const tsupPreset = (over = {}) => ({
  entry: ['src/**/*.ts'],
  format: ['esm'],
  target: 'es2022',
  platform: 'neutral',
  dts: false,
  sourcemap: true,
  clean: true,
  splitting: false,
  silent: true,
  treeshake: false,
  esbuildPlugins: [keepModules],
  external: [/^node:/],
  ...over,
})
