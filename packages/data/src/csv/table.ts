// A CSV file as a table of typed columns.
import type { Dataset } from '../dataset.ts'
import { DatasetError } from '../dataset-error.ts'
import type { Tensor } from '@dl/tensor/core'
import { HostArray } from '../host-array.ts'
import type { ByteSource } from '../sources/bytes.ts'
import type { Column } from '../sources/arrays.ts'
import { columnsDataset } from '../sources/arrays.ts'
import { inferType, toColumn } from './columns.ts'
import type { ColumnType, CsvColumn } from './columns.ts'
import { namedRecords } from './records.ts'
import type { CsvRecordOptions } from './records.ts'

export interface CsvOptions extends CsvRecordOptions {
  /** The column to be predicted; `features` and `dataset` set it apart. */
  label?: string
  /** Columns to keep, in this order; default all. */
  columns?: readonly string[]
  /** Types of columns that shall not be inferred from their values. */
  types?: Readonly<Record<string, ColumnType>>
}

/** One row of a table's dataset: numbers and booleans by column name. */
export type TableRow = Record<string, number | boolean>
/** A batch of rows: a tensor `[batch]` for each column; float32 for numbers, int32 for integers, bool for booleans. */
export type TableBatch = Record<string, Tensor<[number]>>

/** Columns of equal length. Made by {@link csv}. */
export class Table {
  /** Number of rows. */
  readonly size: number
  /** Column names in the order of the file, or of the `columns` option. */
  readonly names: readonly string[]
  /** Name of the column to be predicted. */
  readonly label: string | undefined
  readonly #columns: ReadonlyMap<string, CsvColumn>

  constructor(columns: ReadonlyMap<string, CsvColumn>, size: number, label?: string) {
    this.#columns = columns
    this.names = [...columns.keys()]
    this.size = size
    this.label = label
  }

  /** Names of all columns but the label. */
  get features(): readonly string[] {
    return this.names.filter((name) => name !== this.label)
  }

  /** A column by name. @throws DatasetError (`argument`) when there is none */
  column(name: string): CsvColumn {
    const column = this.#columns.get(name)
    if (column !== undefined) return column
    throw new DatasetError(
      'argument',
      `[table] there is no column '${name}'; the columns are ${this.names.join(', ')}`,
    )
  }

  /**
   * Columns side by side as float32 `[rows, columns]`; booleans become 0 and 1. Default: all features.
   *
   * @throws DatasetError (`dtype`) when a column holds text
   */
  matrix(names: readonly string[] = this.features): HostArray<[number, number], 'float32'> {
    const data = new Float32Array(this.size * names.length)
    names.forEach((name, j) => {
      const values = this.#numeric(name, 'matrix')
      for (let i = 0; i < this.size; i++) data[i * names.length + j] = values[i]!
    })
    return new HostArray<[number, number], 'float32'>(data, [this.size, names.length], 'float32')
  }

  /**
   * Rows as a dataset: records of all numeric columns, or pairs `[features, label]` when the table has a label. Text
   * columns are left out of the features; a text label is refused.
   */
  dataset(): Dataset<TableRow | [TableRow, number | boolean], TableBatch | [TableBatch, Tensor<[number]>]> {
    const names = this.features.filter((name) => this.column(name).type !== 'text')
    const features = Object.fromEntries(names.map((name) => [name, 0]))
    const columns = [...names, ...(this.label === undefined ? [] : [this.label])].map((name) =>
      this.#hostColumn(name),
    )
    return columnsDataset(this.label === undefined ? features : [features, 0], columns, this.size)
  }

  #hostColumn(name: string): Column {
    const { type } = this.column(name)
    const values = this.#numeric(name, 'dataset')
    if (values instanceof Int32Array) return { rowShape: [], dtype: 'int32', load: () => values }
    if (type === 'boolean') return { rowShape: [], dtype: 'bool', load: () => values }
    return { rowShape: [], dtype: 'float32', load: () => Float32Array.from(values) }
  }

  #numeric(name: string, op: string): Int32Array | Float64Array | Uint8Array {
    const column = this.column(name)
    if (column.type !== 'text') return column.values
    throw new DatasetError(
      'dtype',
      `[table.${op}] column '${name}' holds text (for example ${JSON.stringify(column.values.find((v) => v !== null))}); ` +
        `choose numeric columns, or encode its ${new Set(column.values).size} different values first`,
    )
  }
}

/**
 * Reads a CSV file (RFC 4180: quoted fields, line ends inside quotes; also other delimiters, a byte order mark, LF or CRLF)
 * into typed columns. A column is `integer` (int32), `number` (float64), `boolean` (true, false) or `text`, found from all
 * of its values; missing ones are NaN or null. The file is read in pieces.
 *
 * @throws DatasetError (`format`) with the line when the text is not CSV or a value does not fit its type,
 *   (`argument`) when `label`, `columns` or `types` name a column that is not there, (`source`) when it cannot be read
 * @example
 * ```ts
 * import { csv } from '@dl/data'
 * const text = 'age,job,income\n39,"clerk, senior",true\n?,cook,false\n'
 * const table = await csv(new Blob([text]), { label: 'income', missing: '?' })
 * console.log(table.size, table.features) // 2 [ 'age', 'job' ]
 * console.log(table.column('age')) // { type: 'number', values: Float64Array [ 39, NaN ] }
 * ```
 */
export async function csv(source: ByteSource, options: CsvOptions = {}): Promise<Table> {
  const { label, types = {} } = options
  const { names, texts, lines } = await readColumns(source, options)
  const kept = options.columns ?? names
  for (const name of [...kept, ...(label === undefined ? [] : [label]), ...Object.keys(types)])
    if (!names.includes(name))
      throw new DatasetError(
        'argument',
        `[csv] there is no column '${name}'; the columns are ${names.join(', ')}`,
      )
  if (label !== undefined && !kept.includes(label))
    throw new DatasetError(
      'argument',
      `[csv] the label '${label}' is not among the columns to keep (${kept.join(', ')})`,
    )
  const columns = kept.map((name): [string, CsvColumn] => {
    const values = texts[names.indexOf(name)]!
    return [name, toColumn(name, types[name] ?? inferType(values), values, lines)]
  })
  return new Table(new Map(columns), lines.length, label)
}

interface TextColumns {
  readonly names: readonly string[]
  readonly texts: readonly (string | null)[][]
  readonly lines: number[]
}

async function readColumns(source: ByteSource, options: CsvOptions): Promise<TextColumns> {
  let names: readonly string[] | undefined
  let texts: (string | null)[][] = []
  const lines: number[] = []
  for await (const record of namedRecords(source, options)) {
    if (!('values' in record)) {
      names = record.names
      texts = names.map(() => [])
      continue
    }
    lines.push(record.line)
    for (let j = 0; j < texts.length; j++) texts[j]!.push(record.values[j] ?? null)
  }
  if (names === undefined)
    throw new DatasetError('empty', '[csv] the file is empty; expected a header or records')
  return { names, texts, lines }
}
