#!/usr/bin/env node
// dl-bundle src/main.ts dist/main.js
// Bundles a program and the sources of our packages (condition '@dl/source') into one ES module for Node 20.19+.
// `npm start` needs only this and esbuild, so a first run installs little and starts within seconds.
import { build } from 'esbuild'

const [entry, outfile] = process.argv.slice(2)
if (!entry || !outfile) {
  console.error('usage: dl-bundle <entry.ts> <out.js>')
  process.exit(2)
}
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  conditions: ['@dl/source'],
  nodePaths: ['node_modules'], // the program's own dependencies are our packages' peers
  sourcemap: true,
  logLevel: 'warning',
})
