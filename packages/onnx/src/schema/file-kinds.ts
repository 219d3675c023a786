// What a file that is no ONNX model is instead, so that the error can say what happened: most come from a failed download, a
// Git LFS pointer, or the wrong export.

/** Bytes at the start of well-known files; an offset where they stand later. */
const SIGNATURES: readonly (readonly [bytes: string, kind: string, offset?: number])[] = [
  ['PK\u0003\u0004', 'a zip archive (PyTorch .pt and Keras .keras files are such): export the model to ONNX'],
  ['\u001f\u008b', 'compressed with gzip: unpack it first'],
  ['(\u00b5/\u00fd', 'compressed with zstd: unpack it first'],
  ['version https://git-lfs', 'a Git LFS pointer, not the model itself: run `git lfs pull`'],
  ['\u0089HDF\r\n', 'an HDF5 file (Keras .h5): export the model to ONNX'],
  ['TFL3', 'a TensorFlow Lite model', 4],
  ['ORTM', 'a model in the ORT format: use the .onnx file it was made from', 4],
  ['GGUF', 'a GGUF file'],
  ['\u0093NUMPY', 'a NumPy array'],
  ['\u0080\u0002', 'a Python pickle (an old PyTorch .pt): export the model to ONNX'],
  ['\u0080\u0004', 'a Python pickle: export the model to ONNX'],
  ['{', 'a safetensors file, which holds weights without a graph', 8],
]
const TEXT_BYTES = 64

/** What `bytes` look like, as the end of `the file is …`; undefined when they look like nothing known. */
export function fileKind(bytes: Uint8Array): string | undefined {
  const start = Array.from(bytes.subarray(0, TEXT_BYTES), (b) => String.fromCharCode(b)).join('')
  const found = SIGNATURES.find(([signature, , offset = 0]) => start.startsWith(signature, offset))
  if (found) return found[1]
  // tab, line ends, and everything from the space on: UTF-8 of any language, which protobuf's tags seldom are
  if (
    bytes.length > 0 &&
    bytes.subarray(0, TEXT_BYTES).every((b) => b === 9 || b === 10 || b === 13 || b >= 32)
  ) {
    const excerpt = new TextDecoder().decode(bytes.subarray(0, 24))
    const html = /^\s*<(!doctype|html)/i.test(start) ? ' (a web page: did the download fail?)' : ''
    return `text${html}, not an ONNX model; it begins with ${JSON.stringify(excerpt)}`
  }
  return undefined
}
