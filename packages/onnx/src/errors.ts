// The one error of this package. Its code says whose fault it is: the file's, the feeds', the call's, or ours for not having
// what a sound file asks for.

/**
 * What went wrong:
 * - `notOnnx`: the bytes are something else (text, a zip archive, safetensors, …)
 * - `damaged`: the bytes are cut off or contradict themselves
 * - `invalid`: the file can be read, but contradicts the ONNX format: a cycle, a name twice, sizes that do not fit the data
 * - `tooLarge`: a size in the file is beyond what memory, or the limit that was given, can hold
 * - `externalData`: data that the file keeps elsewhere are not there, not allowed, or not as the file says
 * - `unsupported`: the file is sound, but needs what this package does not have: an operator, an element type, a version
 * - `operator`: a node cannot compute with the inputs that it gets
 * - `unknownValue`: an operator needs a value that is not known while the graph is built
 * - `feeds`: the tensors given to `run` or `call` do not fit the model's inputs
 * - `usage`: an argument of a function of this package is wrong
 * - `export`: the computation, or the model, has no counterpart in an ONNX file
 */
export type OnnxErrorCode =
  | 'notOnnx'
  | 'damaged'
  | 'invalid'
  | 'tooLarge'
  | 'externalData'
  | 'unsupported'
  | 'operator'
  | 'unknownValue'
  | 'feeds'
  | 'usage'
  | 'export'

/**
 * Something is wrong with an ONNX file: it is damaged, contradicts the format, or needs what is not supported. The message
 * says what and where in the file; {@link OnnxErrorCode} tells the kinds apart.
 */
export class OnnxError extends Error {
  override readonly name: string = 'OnnxError'
  readonly code: OnnxErrorCode

  constructor(code: OnnxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** An operator needs the value of a tensor that is not known while the graph is built. `run` then builds with values. */
export class UnknownValueError extends OnnxError {
  constructor(message: string) {
    super('unknownValue', message)
  }
}
