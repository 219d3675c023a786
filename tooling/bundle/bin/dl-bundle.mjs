#!/usr/bin/env node
// dl-bundle src/main.ts dist/main.js [package that stays outside …]
// Bundles a program and the sources of our packages (condition '@dl/source') into one ES module for Node 20.19+.
// `npm start` needs only this and esbuild, so a first run installs little and starts within seconds.
import { build } from 'esbuild'

const [entry, outfile, ...external] = process.argv.slice(2)
if (!entry || !outfile) {
  console.error('usage: dl-bundle <entry.ts> <out.js> [external …]')
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
  external,
  sourcemap: true,
  logLevel: 'warning',
})
