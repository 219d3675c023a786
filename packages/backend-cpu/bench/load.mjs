// Bundles a TypeScript benchmark with the packages' sources and imports it, and finds the prototype that it is measured
// against in the same process.
import { createRequire } from 'node:module'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const { build } = createRequire(createRequire(join(root, 'package.json')).resolve('tsup'))('esbuild')

/** Imports `file` of this folder. */
export async function load(file) {
  const out = join(mkdtempSync(join(tmpdir(), 'dl-bench-')), 'bench.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL(file, import.meta.url))],
    outfile: out,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@dl/source'],
    sourcemap: 'inline',
  })
  return import(pathToFileURL(out).href)
}

/** A module of the prototype, or null when `../shared` is not there. */
export async function prototype(file) {
  const shared = process.env.DL_SHARED ?? join(root, '../shared')
  try {
    return await import(pathToFileURL(join(shared, 'prototype', file)).href)
  } catch {
    return null
  }
}

/** Best and median time of `f` in milliseconds, measured in turns with the others so that all see the same machine. */
export function inTurns(functions, milliseconds = 600) {
  const times = functions.map(() => [])
  for (const f of functions) for (let i = 0; i < 8; i++) f()
  const start = performance.now()
  while (performance.now() - start < milliseconds * functions.length || times[0].length < 5)
    functions.forEach((f, i) => {
      const before = performance.now()
      for (let r = 0; r < 3; r++) {
        const t = performance.now()
        f()
        times[i].push(performance.now() - t)
        if (performance.now() - before > 30) break
      }
    })
  return times.map((t) => {
    t.sort((a, b) => a - b)
    return { best: t[0], median: t[t.length >> 1] }
  })
}

/** Largest difference relative to the largest magnitude. */
export function relativeError(actual, expected) {
  let [most, error] = [0, 0]
  if (actual.length !== expected.length) return Infinity
  for (let i = 0; i < expected.length; i++) {
    most = Math.max(most, Math.abs(expected[i]))
    const d = Math.abs(actual[i] - expected[i])
    error = d <= error ? error : d
  }
  return error / most
}
