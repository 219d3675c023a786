// The one error type of this package. A consumer tells the cases apart by `code` and finds the element by `index`, so
// that `fit` can say which sample of which batch was bad without reading a message.

/**
 * - `argument`: an option or argument of a call is out of range
 * - `source`: a file, address or package cannot be read
 * - `format`: the bytes of a file are not what its format asks for
 * - `shape`, `dtype`, `structure`: samples of one dataset do not fit each other
 * - `element`: a user's function or generator threw; the original is the `cause`
 * - `empty`: a dataset without elements where at least one is needed
 */
export type DatasetErrorCode =
  | 'argument'
  | 'source'
  | 'format'
  | 'shape'
  | 'dtype'
  | 'structure'
  | 'element'
  | 'empty'

/** What `@dl/data` throws. Messages read `[op] what was expected, what was given, what to do`. */
export class DatasetError extends Error {
  override readonly name: string = 'DatasetError'
  readonly code: DatasetErrorCode
  /** Position of the element in its dataset, from 0, where one element is at fault. */
  readonly index: number | undefined

  constructor(code: DatasetErrorCode, message: string, options: { index?: number; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.index = options.index
  }
}

/** An error thrown by a user's function at one element: names the operation and the position, once. */
export function elementError(op: string, index: number, cause: unknown): DatasetError {
  if (cause instanceof DatasetError) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  return new DatasetError('element', `[${op}] element ${index}: ${text}`, { index, cause })
}

/** `value` when it is a whole number of at least `least`, else an error that names the option. */
export function wholeNumber(op: string, name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new DatasetError(
    'argument',
    `[${op}] ${name} must be a whole number of ${least} or more, got ${value}`,
  )
}
