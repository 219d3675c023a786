// Writes src/threads/worker-source.ts: the program of src/threads/worker.ts as one string, for places that can't load a
// file. `node scripts/inline-worker.mjs`; a test fails when the two differ.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const { buildSync } = createRequire(createRequire(at('../../../package.json')).resolve('tsup'))('esbuild')

/** The text of worker-source.ts as it should be now. */
export function inlineWorker() {
  const { outputFiles } = buildSync({
    entryPoints: [at('../src/threads/worker.ts')],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    legalComments: 'none',
  })
  const source = outputFiles[0].text.trim().replaceAll('\\', '\\\\').replaceAll("'", "\\'")
  return [
    '// Written by scripts/inline-worker.mjs from worker.ts; run it again after a change there.',
    'export const WORKER_SOURCE: string =',
    `  '${source}'`,
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(at('../src/threads/worker-source.ts'), inlineWorker())
