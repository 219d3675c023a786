// CSV: RFC 4180 and what files in the wild add to it, in whatever pieces the text arrives; types of columns; errors by line.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { csv, csvRecords, DatasetError } from '../src/index.ts'
import type { CsvOptions } from '../src/index.ts'
import { CsvTokenizer } from '../src/csv/tokenizer.ts'

const tokenize = (text: string, delimiter = ',', piece: number = Infinity): (readonly string[])[] => {
  const tokenizer = new CsvTokenizer(delimiter)
  const records = []
  for (let i = 0; i < text.length; i += piece) records.push(...tokenizer.push(text.slice(i, i + piece)))
  return [...records, ...tokenizer.end()].map(({ fields }) => fields)
}
const blob = (text: string): Blob => new Blob([text])
const failure = async (text: string, options?: CsvOptions): Promise<DatasetError> => {
  const error: unknown = await csv(blob(text), options).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(DatasetError)
  return error as DatasetError
}

describe('records', () => {
  const cases: [string, string, string[][]][] = [
    ['nothing', '', []],
    ['one field', 'a', [['a']]],
    [
      'CRLF',
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'LF',
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'CR',
      'a,b\rc,d\r',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'no last line end',
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'empty fields',
      ',\n,,\na,',
      [
        ['', ''],
        ['', '', ''],
        ['a', ''],
      ],
    ],
    ['blank lines', 'a\n\n\r\nb\n\n', [['a'], ['b']]],
    ['an empty quoted field alone', 'a\n""\nb', [['a'], [''], ['b']]],
    ['quotes', '"a","b"\n', [['a', 'b']]],
    ['delimiters in quotes', '"a,b",c', [['a,b', 'c']]],
    ['line ends in quotes', '"a\r\nb\nc",d\n', [['a\r\nb\nc', 'd']]],
    ['doubled quotes', '"a""b","""",""', [['a"b', '"', '']]],
    ['quotes in the middle of a plain field', 'a"b,5" pipe', [['a"b', '5" pipe']]],
    ['blanks', ' a , "b" ', [[' a ', ' "b" ']]],
    ['letters of many bytes', 'ä,語,😀', [['ä', '語', '😀']]],
  ]
  describe.each([Infinity, 1, 2, 3])('in pieces of %d characters', (piece) => {
    test.each(cases)('%s', (_, text, records) => {
      expect(tokenize(text, ',', piece)).toEqual(records)
    })
  })

  test.each([';', '\t', '|', ' '])('with delimiter %j', (delimiter) => {
    expect(tokenize(`a${delimiter}"x${delimiter}y"`, delimiter)).toEqual([['a', `x${delimiter}y`]])
  })

  test('any table written with quotes is read back, in pieces of any size', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ß') })
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 1, maxLength: 4 })),
        fc.integer({ min: 1, max: 9 }),
        (rows, piece) => {
          const text = rows
            .map((row) => row.map((f) => `"${f.replaceAll('"', '""')}"`).join(','))
            .join('\r\n')
          expect(tokenize(text, ',', piece)).toEqual(rows)
        },
      ),
    )
  })

  test('long quoted fields in small pieces take linear time', () => {
    const start = performance.now()
    expect(tokenize(`"${'x\n'.repeat(500_000)}"`, ',', 64)[0]![0]!.length).toBe(1_000_000)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('columns', () => {
  const cases: [string, string[], string, unknown[]][] = [
    ['integers', ['1', '-2', '+3', ' 4 '], 'integer', [1, -2, 3, 4]],
    ['an integer too large for int32', ['1', '2147483648'], 'number', [1, 2147483648]],
    ['numbers', ['1', '-2.5', '.5', '3.', '1e3', '-1E-2'], 'number', [1, -2.5, 0.5, 3, 1000, -0.01]],
    ['infinities', ['inf', '-Infinity', 'nan'], 'number', [Infinity, -Infinity, NaN]],
    ['missing integers', ['1', '', '?'], 'number', [1, NaN, NaN]],
    ['nothing but missing', ['?', '?'], 'number', [NaN, NaN]],
    ['booleans', ['true', 'FALSE', 'True'], 'boolean', [1, 0, 1]],
    ['missing booleans', ['true', '?'], 'text', ['true', null]],
    ['hexadecimal is text', ['0x10'], 'text', ['0x10']],
    ['mixed', ['1', 'true', 'x'], 'text', ['1', 'true', 'x']],
    ['missing text', ['a', ' ? ', 'b'], 'text', ['a', null, 'b']],
  ]
  test.each(cases)('%s', async (_, values, type, expected) => {
    const text = `id,x\n${values.map((v, i) => `${i},${v}`).join('\n')}\n`
    const column = (await csv(blob(text), { missing: '?' })).column('x')
    expect(column.type).toBe(type)
    expect([...column.values]).toEqual(expected)
  })

  const adult = '\uFEFFage,job,hours,income\r\n39,"clerk, senior",40.5,1\r\n?,cook,13,0\r\n52,,45,1\r\n'
  test('a table: names, label, matrix, dataset', async () => {
    const table = await csv(blob(adult), { label: 'income', missing: '?' })
    expect(table).toMatchObject({ size: 3, names: ['age', 'job', 'hours', 'income'], label: 'income' })
    expect(table.features).toEqual(['age', 'job', 'hours'])
    expect(table.column('job').values).toEqual(['clerk, senior', 'cook', null])
    const x = table.matrix(['hours', 'age'])
    expect([x.shape, [...x.data]]).toEqual([
      [3, 2],
      [40.5, 39, 13, NaN, 45, 52],
    ])
    expect(await table.dataset().take(1).toArray()).toEqual([[{ age: 39, hours: 40.5 }, 1]])
    const [batch] = await table.dataset().batch(3).toArray()
    const [features, label] = batch as [
      Record<string, import('@dl/tensor/core').Tensor>,
      import('@dl/tensor/core').Tensor,
    ]
    expect([features['hours']!.dtype, label.dtype, label.shape]).toEqual(['float32', 'int32', [3]])
  })

  test('columns are chosen and ordered, types given, the header replaced or absent', async () => {
    const options: CsvOptions = { columns: ['hours', 'age'], types: { age: 'text' }, missing: ['?', '-'] }
    const table = await csv(blob(adult), options)
    expect(table.names).toEqual(['hours', 'age'])
    expect(table.column('age')).toEqual({ type: 'text', values: ['39', null, '52'] })
    expect((await csv(blob('1;2\n3;4\n'), { header: false, delimiter: ';' })).names).toEqual([
      'column_1',
      'column_2',
    ])
    expect((await csv(blob('1,2\n'), { header: ['a', 'b'] })).column('b').values).toEqual(Int32Array.of(2))
    expect((await csv(blob('a,b\n'))).size).toBe(0)
  })

  test('records stream, and an early exit closes the source', async () => {
    let cancelled = false
    let line = 0
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        controller.enqueue(new TextEncoder().encode(line++ === 0 ? 'a,b\n' : `${line},\n`)),
      cancel: () => {
        cancelled = true
      },
    })
    expect(await csvRecords(stream).take(2).toArray()).toEqual([
      { a: '2', b: null },
      { a: '3', b: null },
    ])
    expect(cancelled).toBe(true)
  })
})

describe('errors', () => {
  const cases: [string, string, CsvOptions | undefined, string, RegExp][] = [
    ['an empty file', '', undefined, 'empty', /the file is empty/],
    [
      'a short record',
      'a,b\n1,2\n"x\ny",2\n3\n',
      undefined,
      'format',
      /line 5: expected 2 fields \(a, b\), got 1/,
    ],
    ['a long record', 'a\n1,2\n', undefined, 'format', /line 2: expected 1 fields \(a\), got 2/],
    ['an open quote', 'a\n1\n"x\n', undefined, 'format', /the quote opened on line 3 is never closed/],
    [
      'text after a quote',
      'a,b\n"x"y,2\n',
      undefined,
      'format',
      /line 2: .* after the closing quote, got "y"/,
    ],
    ['a name twice', 'a,b,a\n', undefined, 'format', /column name 'a' stands twice/],
    [
      'a value of another type',
      'a\n1\nx\n',
      { types: { a: 'integer' } },
      'format',
      /line 3, column 'a': expected integer, got "x"/,
    ],
    [
      'a missing integer',
      'a,b\n1,1\n,1\n',
      { types: { a: 'integer' } },
      'format',
      /line 3, column 'a': expected integer, got a missing/,
    ],
    ['an unknown label', 'a\n1\n', { label: 'y' }, 'argument', /no column 'y'; the columns are a/],
    [
      'a label that is not kept',
      'a,b\n1,2\n',
      { label: 'b', columns: ['a'] },
      'argument',
      /label 'b' is not among/,
    ],
    ['an unknown column', 'a\n1\n', { columns: ['b'] }, 'argument', /no column 'b'/],
    ['a broken delimiter', 'a\n1\n', { delimiter: '::' }, 'argument', /delimiter must be one character/],
  ]
  test.each(cases)('%s', async (_, text, options, code, message) => {
    const error = await failure(text, options)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })

  test('text columns have no place in a matrix, nor as the label of a dataset', async () => {
    const table = await csv(blob('a,b\n1,x\n'), { label: 'b' })
    expect(() => table.matrix(['a', 'b'])).toThrow(
      /\[table\.matrix\] column 'b' holds text \(for example "x"\)/,
    )
    expect(() => table.dataset()).toThrow(/\[table\.dataset\] column 'b' holds text/)
    expect(() => table.column('c')).toThrow(/no column 'c'; the columns are a, b/)
  })
})
