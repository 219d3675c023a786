// The kinds of mistakes that a caller can catch apart. Messages read `[op] what was expected, what was given, what to do`.
// Backends have theirs (`BackendError`), and so have layers, data and files.

/** Shapes, axes, sizes or settings of windows do not fit. */
export class ShapeError extends Error {
  override readonly name: string = 'ShapeError'
}

/** An operation does not take this dtype. */
export class DTypeError extends Error {
  override readonly name: string = 'DTypeError'
}

/** A tensor was used after `dispose()`, or after the `tidy` that ended it. */
export class DisposedError extends Error {
  override readonly name: string = 'DisposedError'
}

/** A value was asked for that exists only while a function is traced (`jit`, `vmap`). */
export class TraceError extends Error {
  override readonly name: string = 'TraceError'
}
