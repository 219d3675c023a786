// Links between the pages of the repository lead somewhere, and the index of docs/ names every page there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const markdownIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`),
  ...markdownIn('docs'),
].filter((page) => existsSync(join(root, page)))

/** Targets of `[text](target)`, `src="target"` and `href="target"` that are files here. */
const linksIn = (page: string): string[] =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?<a>[^)\s]+)\)|(?:src|href)="(?<b>[^"]+)"/g)]
    .map(({ groups }) => (groups!['a'] ?? groups!['b'])!.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))

describe('pages', () => {
  it.each(pages)('%s links to what is there', (page) => {
    const missing = linksIn(page).filter((target) => !existsSync(join(root, dirname(page), target)))
    expect(missing).toEqual([])
  })

  it('are all in the index', () => {
    const listed = new Set(linksIn('docs/README.md').map((target) => join('docs', target)))
    expect(markdownIn('docs').filter((page) => page !== 'docs/README.md' && !listed.has(page))).toEqual([])
  })
})
