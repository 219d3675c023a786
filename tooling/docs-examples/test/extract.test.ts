import { describe, expect, it } from 'vitest'
import { examplesIn, withImports } from '../src/extract.ts'

const fence = '```'

describe('examplesIn', () => {
  const cases = [
    {
      name: 'finds ts blocks in Markdown and their lines',
      path: 'a.md',
      text: `# A\n${fence}ts\nlet a = 1\n${fence}\n${fence}sh\nls\n${fence}\n`,
      expected: [{ place: 'a.md:2', code: 'let a = 1', run: true }],
    },
    {
      name: 'marks blocks that only type-check',
      path: 'a.md',
      text: `${fence}ts no-run\nlet a = 1\n${fence}\n`,
      expected: [{ place: 'a.md:1', code: 'let a = 1', run: false }],
    },
    {
      name: 'joins blocks that continue',
      path: 'a.md',
      text: `${fence}ts\nlet a = 1\n${fence}\n${fence}ts no-run\nb\n${fence}\n${fence}ts continued\na++\n${fence}\n`,
      expected: [
        { place: 'a.md:1', code: 'let a = 1\na++', run: true },
        { place: 'a.md:4', code: 'b', run: false },
      ],
    },
    {
      name: 'reads doc comments of sources and keeps indentation',
      path: 'a.ts',
      text: `const x = 1\n/**\n * Adds.\n * ${fence}ts\n * if (a)\n *   b()\n * ${fence}\n */\n`,
      expected: [{ place: 'a.ts:4', code: 'if (a)\n  b()', run: true }],
    },
    { name: 'ignores plain comments', path: 'a.ts', text: `/* ${fence}ts\nx\n${fence} */`, expected: [] },
  ]
  it.each(cases)('$name', ({ path, text, expected }) => {
    expect(examplesIn(path, text)).toEqual(expected)
  })
})

describe('withImports', () => {
  const doors = { '@dl/tensor': ['add', 'tensor', 'x'], '@dl/losses': ['add', 'mse'] }
  const cases = [
    {
      name: 'adds what is used',
      code: 'add(mse)',
      expected: ["{ add } from '@dl/tensor'", "{ mse } from '@dl/losses'"],
    },
    { name: 'leaves imported names', code: "import { add } from 'y'\nadd()", expected: [] },
    { name: 'leaves declared names', code: 'const x = 1\nx', expected: [] },
    {
      name: 'leaves methods, keys and words in strings',
      code: "a.add({ add: 'tensor' }) // mse",
      expected: [],
    },
  ]
  it.each(cases)('$name', ({ code, expected }) => {
    expect(withImports(code, doors)).toBe([...expected.map((line) => `import ${line}`), code].join('\n'))
  })
})
