// Every test that runs in Node: one project a package, then apps, examples and tooling.
// Packages see each other's sources through the '@dl/source' condition.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { judgesReporter } from './tooling/test-kit/src/reporter.ts'

const conditions = ['@dl/source', 'module', 'node', 'default']
const source = { resolve: { conditions }, ssr: { resolve: { conditions } } }
const packages = readdirSync(new URL('packages', import.meta.url))
const folders = {
  ...Object.fromEntries(packages.map((name) => [name, `packages/${name}`])),
  'first-network': 'apps/first-network',
  'test-kit': 'tooling/test-kit',
  judges: 'tooling/judges',
  system: 'tooling/system',
}
const results = process.env['DL_RESULTS'] // set by npm test, which adds the counts up
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

// Programs that readers see train on all 60,000 digits; under test the same door gives the first 2,000.
const fewDigits = {
  ...source.resolve,
  alias: { '@dl/data/mnist': at('tooling/docs-examples/src/few-digits.ts') },
}
const program = { environment: 'node', include: ['test/**/*.test.ts'], testTimeout: 120_000 }

export default defineConfig({
  test: {
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text-summary', 'lcov'] },
    reporters: ['default', ...(results === undefined ? [] : [judgesReporter(results)])],
    projects: [
      ...Object.entries(folders).map(([name, root]) => ({
        ...source,
        test: {
          name,
          root,
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['**/*.browser.test.ts'],
          benchmark: { include: ['bench/**/*.bench.ts'] },
        },
      })),
      { ...source, resolve: fewDigits, test: { ...program, name: 'examples', root: 'examples' } },
      { ...source, resolve: fewDigits, test: { ...program, name: 'docs', root: 'tooling/docs-examples' } },
      { ...source, test: { ...program, name: 'digits', root: 'apps/digits' } },
      { test: { ...program, name: 'consumers', root: 'tooling/consumers' } },
    ],
  },
})
