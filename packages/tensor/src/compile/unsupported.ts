// The one error that is not the user's: a backend cannot run a program, and the runtime looks for another way.

/** What a backend cannot do: an operation, or a dtype. */
export class UnsupportedError extends Error {
  override readonly name: string = 'UnsupportedError'
  constructor(op: string, what: string) {
    super(`[${op}] ${what}`)
  }
}
