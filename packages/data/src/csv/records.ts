// CSV records as they stream in: header, missing values, records of the wrong length.
import { Dataset } from '../dataset.ts'
import { DatasetError } from '../dataset-error.ts'
import type { ByteSource } from '../sources/bytes.ts'
import { streamText } from '../sources/lines.ts'
import type { CsvRecord } from './tokenizer.ts'
import { CsvTokenizer } from './tokenizer.ts'

export interface CsvRecordOptions {
  /** Character between fields, default a comma. */
  delimiter?: string
  /** True (default): the first record names the columns. False: names are column_1, column_2, …. Or the names. */
  header?: boolean | readonly string[]
  /** What stands for a missing value besides the empty field, compared without surrounding blanks. */
  missing?: string | readonly string[]
  /** A label that TextDecoder knows, default UTF-8. */
  encoding?: string
}

export interface NamedRecord {
  readonly names: readonly string[]
  readonly values: readonly (string | null)[]
  readonly line: number
}

/** Records with the names of their columns, missing values as null. The first item carries the names alone. */
export async function* namedRecords(
  source: ByteSource,
  options: CsvRecordOptions,
): AsyncGenerator<NamedRecord | { readonly names: readonly string[] }, void, undefined> {
  const { header = true, delimiter = ',', encoding = 'utf-8' } = options
  const missing = new Set(['', ...[options.missing ?? []].flat()])
  let names = typeof header === 'boolean' ? undefined : [...header]
  if (names !== undefined) yield { names: checkedNames(names) }
  for await (const { fields, line } of rawRecords(source, delimiter, encoding)) {
    if (names === undefined) {
      names = checkedNames(header === true ? fields : fields.map((_, i) => `column_${i + 1}`))
      yield { names }
      if (header === true) continue
    }
    if (fields.length !== names.length)
      throw new DatasetError(
        'format',
        `[csv] line ${line}: expected ${names.length} fields (${names.join(', ')}), got ${fields.length}`,
      )
    yield { names, line, values: fields.map((field) => (missing.has(field.trim()) ? null : field)) }
  }
}

async function* rawRecords(
  source: ByteSource,
  delimiter: string,
  encoding: string,
): AsyncGenerator<CsvRecord, void, undefined> {
  const tokenizer = new CsvTokenizer(delimiter)
  for await (const text of streamText('csv', source, encoding)) yield* tokenizer.push(text)
  yield* tokenizer.end()
}

function checkedNames(names: readonly string[]): string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new DatasetError(
      'format',
      `[csv] the column name '${twice}' stands twice in the header (${names.join(', ')})`,
    )
  return [...names]
}

/**
 * The records of a CSV file one after the other, for files that do not fit into memory: an element maps each column's
 * name to its text, or to null where it is missing. Turn text into numbers with `map`.
 *
 * @throws DatasetError (`format`) from the pass when the text is not CSV, (`source`) when it cannot be read
 * @example
 * ```ts
 * import { csvRecords } from '@dl/data'
 * const records = csvRecords(new Blob(['x,y\n1,2\n3,\n']))
 * console.log(await records.toArray()) // [{ x: '1', y: '2' }, { x: '3', y: null }]
 * ```
 */
export function csvRecords(
  source: ByteSource,
  options: CsvRecordOptions = {},
): Dataset<Record<string, string | null>, never> {
  return new Dataset<Record<string, string | null>, never>({
    size: undefined,
    async *iterate() {
      for await (const record of namedRecords(source, options)) {
        if (!('values' in record)) continue
        yield Object.fromEntries(record.names.map((name, i) => [name, record.values[i] ?? null]))
      }
    },
  })
}
