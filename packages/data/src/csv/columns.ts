// Typed columns from text: what a column holds is found from all its values, or given.
import { DatasetError } from '../dataset-error.ts'

export type ColumnType = 'integer' | 'number' | 'boolean' | 'text'

/** A column by its type. Missing values are NaN in numbers and null in text; a missing value makes integers numbers. */
export type CsvColumn =
  | { readonly type: 'integer'; readonly values: Int32Array }
  | { readonly type: 'number'; readonly values: Float64Array }
  | { readonly type: 'boolean'; readonly values: Uint8Array }
  | { readonly type: 'text'; readonly values: readonly (string | null)[] }

const INTEGER = /^[+-]?\d+$/
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?(inf|infinity)$|^nan$/i
const BOOLEAN = /^(true|false)$/i

const isInt32 = (text: string): boolean => INTEGER.test(text) && (Number(text) | 0) === Number(text)

/** The narrowest type that holds every value: integer, number, boolean, else text. A column without values is a number. */
export function inferType(values: readonly (string | null)[]): ColumnType {
  let integer = true
  let number = true
  let boolean = true
  let any = false
  for (const value of values) {
    if (value === null) {
      integer = boolean = false
      continue
    }
    any = true
    const text = value.trim()
    integer &&= isInt32(text)
    number &&= NUMBER.test(text)
    boolean &&= BOOLEAN.test(text)
    if (!number && !boolean) return 'text'
  }
  if (any && integer) return 'integer'
  if (!any || number) return 'number'
  return boolean ? 'boolean' : 'text'
}

/** `values` as a column of `type`; `lines` tells the line of each for the error. */
export function toColumn(
  name: string,
  type: ColumnType,
  values: readonly (string | null)[],
  lines: readonly number[],
): CsvColumn {
  const refuse = (i: number): never => {
    const given = values[i] === null ? 'a missing value' : JSON.stringify(values[i])
    throw new DatasetError(
      'format',
      `[csv] line ${lines[i]}, column '${name}': expected ${type}, got ${given}`,
      { index: i },
    )
  }
  const convert = <A extends Float64Array | Int32Array | Uint8Array>(
    out: A,
    fits: RegExp,
    read: (t: string) => number,
  ): A => {
    values.forEach((value, i) => {
      const text = value?.trim()
      if (text === undefined && type === 'number') out[i] = NaN
      else if (text === undefined || !fits.test(text) || (type === 'integer' && !isInt32(text))) refuse(i)
      else out[i] = read(text)
    })
    return out
  }
  switch (type) {
    case 'integer':
      return { type, values: convert(new Int32Array(values.length), INTEGER, Number) }
    case 'number':
      return { type, values: convert(new Float64Array(values.length), NUMBER, readNumber) }
    case 'boolean':
      return {
        type,
        values: convert(new Uint8Array(values.length), BOOLEAN, (t) => (t.toLowerCase() === 'true' ? 1 : 0)),
      }
    case 'text':
      return { type, values }
    default:
      return type satisfies never
  }
}

function readNumber(text: string): number {
  const infinite = /^([+-]?)inf/i.exec(text)
  return infinite === null ? Number(text) : infinite[1] === '-' ? -Infinity : Infinity
}
