// Unit tests, one project a package. Packages see each other's sources through the '@dl/source' condition.
import { defineConfig } from 'vitest/config'

const conditions = ['@dl/source', 'module', 'node', 'default']
const source = { resolve: { conditions }, ssr: { resolve: { conditions } } }
const packages = ['tensor', 'backend-cpu', 'backend-webgpu', 'losses', 'optim', 'data', 'layers']

export default defineConfig({
  test: {
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text-summary', 'lcov'] },
    projects: packages.map((name) => ({
      ...source,
      test: {
        name,
        root: `packages/${name}`,
        environment: 'node',
        include: ['test/**/*.test.ts'],
        exclude: ['**/*.browser.test.ts'],
        benchmark: { include: ['bench/**/*.bench.ts'] },
      },
    })),
  },
})
