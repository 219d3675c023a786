// The tables of docs/coming-from.md: every name in the column `here` is an export of the package beside it, or a member of one.
import { readFileSync } from 'node:fs'
import * as data from '@dl/data'
import * as layers from '@dl/layers'
import * as losses from '@dl/losses'
import * as onnx from '@dl/onnx'
import * as optim from '@dl/optim'
import * as tensor from '@dl/tensor'
import { describe, expect, it } from 'vitest'

const doors: Readonly<Record<string, object>> = {
  '@dl/data': data,
  '@dl/layers': layers,
  '@dl/losses': losses,
  '@dl/onnx': onnx,
  '@dl/optim': optim,
  '@dl/tensor': tensor,
}
const page = readFileSync(new URL('../../../docs/coming-from.md', import.meta.url), 'utf8')

/** `| theirs | here | from |` of all tables. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && line.includes('`@dl/'))
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .map(([theirs = '', here = '', from = '']) => ({ theirs, here, from: from.replaceAll('`', '') }))

/** Whether `a` is an export, or `a.b` a member of the export `a` or of instances of the class `A`. */
function resolves(door: object, path: string): boolean {
  const [head = '', member] = path.split('.')
  const exported: unknown = Reflect.get(door, head)
  if (member === undefined) return exported !== undefined
  const className = head[0]!.toUpperCase() + head.slice(1)
  const { prototype } = (Reflect.get(door, className) ?? {}) as { prototype?: unknown }
  return [exported, prototype].some(
    (owner) =>
      (typeof owner === 'object' || typeof owner === 'function') && owner !== null && member in owner,
  )
}

describe('docs/coming-from.md', () => {
  it('has rows for three libraries', () => {
    expect(rows.length).toBeGreaterThan(70)
  })

  it.each(rows)('$theirs → $here', ({ here, from }) => {
    const path = /^`(?<path>[A-Za-z][\w.]*)/.exec(here)?.groups?.['path']
    expect(path).toBeDefined()
    expect(doors[from], from).toBeDefined()
    expect(resolves(doors[from]!, path!), `${path} in ${from}`).toBe(true)
  })

  it('would notice a name that is not there', () => {
    expect(resolves(layers, 'layers.denes')).toBe(false)
    expect(resolves(tensor, 'matmul')).toBe(false)
    expect(resolves(data, 'dataset')).toBe(false)
  })
})
