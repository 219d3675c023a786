// The one error that says that a file is at fault (or asks for what this package does not do), not the program.

/**
 * Something is wrong with an ONNX file: it is damaged, contradicts the format, or needs what is not supported. The message
 * says what and where in the file.
 */
export class OnnxError extends Error {
  override readonly name: string = 'OnnxError'
}

/** An operator needs the value of a tensor that is not known while the graph is built. `run` then builds with values. */
export class UnknownValueError extends OnnxError {}
