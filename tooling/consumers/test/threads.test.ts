// Threads in pages, as bundlers deliver them: with the worker as a file of the same origin under a strict content security
// policy, inline where a bundler leaves the file out, and one thread where the page may not share memory.
import { createServer, type Server } from 'node:http'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { build as esbuild } from 'esbuild'
import { type Browser, chromium } from 'playwright-core'
import { build as vite } from 'vite'
import webpack from 'webpack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Stranger, strangerWith } from '../src/stranger.ts'

const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}
const STRICT = { 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'" }
const TYPES: { readonly [extension: string]: string } = { '.html': 'text/html', '.js': 'text/javascript' }

let stranger: Stranger
let browser: Browser
const folders: string[] = []
beforeAll(async () => {
  stranger = strangerWith(['@dl/tensor', '@dl/backend-cpu'], 'offline')
  const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
}, 120_000)
afterAll(async () => {
  await browser.close()
  stranger.remove()
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** Bundles the program into a fresh folder with a page that loads it. */
async function site(bundle: (entry: string, folder: string) => Promise<unknown>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'dl-site-'))
  folders.push(folder)
  await bundle(stranger.add('threads.mjs'), folder)
  writeFileSync(join(folder, 'index.html'), '<script type="module" src="/main.js"></script>')
  return folder
}

const withEsbuild = (entry: string, folder: string): Promise<unknown> =>
  esbuild({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    outfile: join(folder, 'main.js'),
    logLevel: 'silent',
  })
const withVite = (entry: string, folder: string): Promise<unknown> =>
  vite({
    root: stranger.folder,
    configFile: false,
    logLevel: 'silent',
    build: {
      outDir: folder,
      emptyOutDir: false,
      rolldownOptions: { input: entry, output: { entryFileNames: 'main.js' } },
    },
  })
const withWebpack = (entry: string, folder: string): Promise<unknown> =>
  new Promise<void>((resolve, reject) => {
    const output = { path: folder, filename: 'main.js' }
    const config: webpack.Configuration = {
      mode: 'production',
      context: stranger.folder,
      entry,
      target: 'web',
      output,
    }
    webpack({ ...config, devtool: false, performance: false }, (error, stats) => {
      if (error !== null) reject(error)
      else if (stats?.hasErrors() === true) reject(new Error(stats.toString('errors-only')))
      else resolve()
    })
  })

interface Seen {
  readonly isolated: boolean
  readonly threads: number
  readonly worked: number
  readonly right: boolean
  readonly description: string
}

/** What the program tells in a page that is served with these headers. */
async function visit(folder: string, headers: { readonly [name: string]: string }): Promise<Seen> {
  const server: Server = createServer((request, response) => {
    const path = join(folder, request.url === '/' ? 'index.html' : request.url!)
    if (!existsSync(path)) return void response.writeHead(404, headers).end()
    const type = TYPES[extname(path)] ?? 'application/octet-stream'
    response.writeHead(200, { ...headers, 'content-type': type }).end(readFileSync(path))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const page = await browser.newPage()
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    for (let i = 0; i < 300; i++) {
      // asked again and again: a policy that forbids evaluating strings forbids waiting inside of the page
      const seen = await page.evaluate(() => (globalThis as { result?: Seen }).result)
      if (seen !== undefined) return seen
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error('the page came to no result')
  } finally {
    await page.close()
    server.close()
  }
}

const TWO = { isolated: true, threads: 2, worked: 2, right: true }

describe('a page that is isolated from other origins', () => {
  it.each([
    ['Vite', withVite],
    ['webpack', withWebpack],
  ])(
    'computes on two threads under a strict policy, bundled by %s',
    async (_, bundle) => {
      const folder = await site(bundle)
      const seen = await visit(folder, { ...ISOLATED, ...STRICT })
      expect(seen).toMatchObject(TWO)
      expect(seen.description).toMatch(/, 2 threads$/)
    },
    60_000,
  )

  it('computes on two threads with the inline worker, bundled by esbuild', async () => {
    const folder = await site(withEsbuild)
    expect(await visit(folder, ISOLATED)).toMatchObject(TWO)
  }, 60_000)

  it('computes on one thread where there is neither the file nor leave for an inline worker', async () => {
    const folder = await site(withEsbuild)
    const seen = await visit(folder, { ...ISOLATED, ...STRICT })
    expect(seen).toMatchObject({ isolated: true, threads: 1, right: true })
    expect(seen.description).toMatch(/, 1 thread$/)
  }, 60_000)
})

describe('a page that is not isolated', () => {
  it('computes on one thread', async () => {
    const folder = await site(withVite)
    const seen = await visit(folder, STRICT)
    expect(seen).toMatchObject({ isolated: false, threads: 1, right: true })
    expect(seen.description).toMatch(/, 1 thread$/)
  }, 60_000)
})
