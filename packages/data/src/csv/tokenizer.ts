// CSV text to records, as RFC 4180 has it: quoted fields with delimiters, line ends and doubled quotes inside, lines ended
// by CRLF, LF or CR. Text comes in pieces of any size; every character is looked at once. Of the libraries that do this
// none is ESM, typed, small and pulls from streams in Node and browsers alike, hence these hundred lines.
import { DatasetError } from '../dataset-error.ts'

type State = 'field start' | 'plain' | 'quoted' | 'quote in quoted' | 'after return'

const QUOTE = 34
const LF = 10
const CR = 13

export interface CsvRecord {
  readonly fields: readonly string[]
  /** Line of the file on which the record starts, from 1. */
  readonly line: number
}

export class CsvTokenizer {
  readonly #delimiter: number
  #state: State = 'field start'
  #field = ''
  #fields: string[] = []
  #line = 1
  #recordLine = 1
  #quoteLine = 1
  #done: CsvRecord[] = []

  constructor(delimiter: string) {
    if (delimiter.length !== 1 || delimiter === '"' || delimiter === '\n' || delimiter === '\r')
      throw new DatasetError(
        'argument',
        `[csv] delimiter must be one character other than a quote or line end, got ${JSON.stringify(delimiter)}`,
      )
    this.#delimiter = delimiter.charCodeAt(0)
  }

  /** Records that are complete once `text` has come in. */
  push(text: string): CsvRecord[] {
    for (let i = 0; i < text.length;) i = this.#step(text, i)
    return this.#flush()
  }

  /** The last record, when the file does not end with a line end. */
  end(): CsvRecord[] {
    if (this.#state === 'quoted')
      throw new DatasetError('format', `[csv] the quote opened on line ${this.#quoteLine} is never closed`)
    if (this.#state !== 'after return' && (this.#state !== 'field start' || this.#fields.length > 0))
      this.#endRecord()
    return this.#flush()
  }

  #flush(): CsvRecord[] {
    const records = this.#done
    this.#done = []
    return records
  }

  /** Consumes at least one character from `i`; answers where to go on. */
  #step(text: string, i: number): number {
    const code = text.charCodeAt(i)
    switch (this.#state) {
      case 'after return':
        this.#state = 'field start'
        return code === LF ? i + 1 : i
      case 'field start':
        if (code !== QUOTE) {
          this.#state = 'plain'
          return i
        }
        this.#state = 'quoted'
        this.#quoteLine = this.#line
        return i + 1
      case 'plain':
        return this.#plain(text, i)
      case 'quoted':
        return this.#quoted(text, i)
      case 'quote in quoted':
        if (code === QUOTE) {
          this.#field += '"'
          this.#state = 'quoted'
          return i + 1
        }
        if (!this.#separator(code))
          throw new DatasetError(
            'format',
            `[csv] line ${this.#line}: expected a delimiter or line end after the closing quote, got ${JSON.stringify(text[i])}; ` +
              `a quote inside a quoted field is written twice`,
          )
        return i + 1
      default:
        return this.#state satisfies never
    }
  }

  #plain(text: string, start: number): number {
    let i = start
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === this.#delimiter || code === LF || code === CR) break
    }
    this.#field += text.slice(start, i)
    if (i < text.length) this.#separator(text.charCodeAt(i))
    return i + 1
  }

  #quoted(text: string, start: number): number {
    const quote = text.indexOf('"', start)
    const end = quote === -1 ? text.length : quote
    const piece = text.slice(start, end)
    this.#field += piece
    for (let at = piece.indexOf('\n'); at !== -1; at = piece.indexOf('\n', at + 1)) this.#line++
    if (quote !== -1) this.#state = 'quote in quoted'
    return end + 1
  }

  /** Ends the field at a delimiter and the record at a line end; false for any other character. */
  #separator(code: number): boolean {
    if (code === this.#delimiter) {
      this.#fields.push(this.#field)
      this.#field = ''
      this.#state = 'field start'
      return true
    }
    if (code !== LF && code !== CR) return false
    this.#endRecord()
    this.#state = code === CR ? 'after return' : 'field start'
    this.#line++
    this.#recordLine = this.#line
    return true
  }

  /** Blank lines are no records. */
  #endRecord(): void {
    const blank = this.#fields.length === 0 && this.#field === '' && this.#state !== 'quote in quoted'
    if (!blank) this.#done.push({ fields: [...this.#fields, this.#field], line: this.#recordLine })
    this.#fields = []
    this.#field = ''
  }
}
