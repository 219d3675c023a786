// The results that docstrings of operations show: `add(…).print() // [1, 2]` must print these values.
import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'

beforeAll(() => {
  registerBackend(referenceBackend)
})
afterEach(() => {
  vi.restoreAllMocks()
})

interface Shown {
  readonly place: string
  /** The example up to this line, without its other prints. */
  readonly code: string
  readonly comment: string
}

const folder = new URL('../../src/ops/', import.meta.url)
/** Values as text, to three decimals, as docstrings give them. */
const valuesIn = (text: string): string[] =>
  (text.match(/-?\d+(?:\.\d+)?|true|false|-?Infinity|NaN/g) ?? []).map((v) => {
    const number = Number(v)
    return Number.isNaN(number) ? v : (Math.round(number * 1000) / 1000 + 0).toFixed(3)
  })

function shownIn(file: string): Shown[] {
  const source = readFileSync(new URL(file, folder), 'utf8')
  return [...source.matchAll(/```ts\n(?<body>[\s\S]*?)```/g)].flatMap((match) => {
    const lines = match.groups!['body']!.replaceAll(/^ \* ?/gm, '').split('\n')
    return lines.flatMap((line, i) => {
      const comment = /\.print\(\) \/\/ (?<values>[-[\d].*)$/.exec(line)?.groups?.['values']
      if (comment === undefined) return []
      const code = [...lines.slice(0, i).filter((other) => !other.includes('.print()')), line].join('\n')
      return [{ place: `${file}: ${line}`, code, comment }]
    })
  })
}

const shown = readdirSync(folder).flatMap(shownIn)

describe('documented results', () => {
  it('exist', () => {
    expect(shown.length).toBeGreaterThan(80)
  })
  it.each(shown)('$place', ({ code, comment }) => {
    const log = vi.spyOn(console, 'log').mockReturnValue()
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- examples of this package's own docstrings
    new Function(...Object.keys(tf), code)(...Object.values(tf))
    expect(valuesIn(log.mock.calls.flat().join(' '))).toEqual(valuesIn(comment))
  })
})
