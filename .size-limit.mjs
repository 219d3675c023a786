// Budgets in gzip bytes of minified bundles, measured on the built packages as a user's bundler sees them.
// For comparison: { tensor, add, matMul } from tfjs-core with its CPU backend is 79.5 kB.
const asModule = (config) => ({ ...config, format: 'esm' })
const forNode = (config) => ({ ...config, platform: 'node', format: 'esm', target: 'node20' })

export default [
  {
    name: '{ tensor, add, matMul } + backend-cpu',
    path: 'tooling/size/three-operations.js',
    limit: '86 kB',
    gzip: true,
    modifyEsbuildConfig: asModule,
  },
  {
    name: 'the same with chained methods',
    path: 'tooling/size/chained.js',
    limit: '96 kB',
    gzip: true,
    modifyEsbuildConfig: asModule,
  },
  {
    name: 'importOnnx and exportOnnx, on top of @dl/tensor',
    path: 'tooling/size/onnx.js',
    limit: '70 kB',
    gzip: true,
    modifyEsbuildConfig: (config) => asModule({ ...config, external: ['@dl/tensor', '@dl/tensor/*'] }),
  },
  {
    name: "the first network's app",
    path: 'apps/first-network/src/main.ts',
    limit: '226 kB',
    gzip: true,
    modifyEsbuildConfig: forNode,
  },
]
