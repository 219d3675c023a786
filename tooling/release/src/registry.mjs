// A registry on this machine (verdaccio) that accepts every publish, forgets all afterwards and has no uplink for @dl.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { writeFileSync } from 'node:fs'

const require = createRequire(import.meta.url)
const verdaccio = join(dirname(require.resolve('verdaccio/package.json')), 'bin/verdaccio')

const config = (storage) => `
storage: ${storage}
uplinks:
  npmjs:
    url: https://registry.npmjs.org/
packages:
  '@dl/*':
    access: $all
    publish: $all
  '**':
    access: $all
    proxy: npmjs
log: { type: stdout, format: pretty, level: warn }
`

/** Starts the registry with its files in `folder`; resolves when it answers. */
export async function startRegistry(folder) {
  const port = await freePort()
  const url = `http://localhost:${port}/`
  const file = join(folder, 'verdaccio.yaml')
  writeFileSync(file, config(join(folder, 'storage')))
  const child = spawn(process.execPath, [verdaccio, '--config', file, '--listen', `localhost:${port}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const stop = () => child.kill()
  for (let waited = 0; waited < 60_000; waited += 200) {
    if (child.exitCode !== null) break
    const answer = await fetch(new URL('-/ping', url)).catch(() => undefined)
    if (answer?.ok) return { url, stop }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  stop()
  throw new Error(`[release:dry] verdaccio did not answer at ${url}`)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, 'localhost', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
