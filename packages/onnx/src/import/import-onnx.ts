// The way in: bytes of a file to a model that runs and trains.
import { OnnxError } from '../errors.ts'
import { decodeModel } from '../schema/codec.ts'
import { assertSupported } from './build.ts'
import { type ExternalData, withExternalData } from './external-data.ts'
import { readGraph } from './graph.ts'
import { OnnxModel } from './model.ts'
import { readModelFile } from './model-file.ts'
import { makeVariables } from './weights.ts'

export interface ImportOptions {
  /** Data that the model keeps in other files. Default, for a model given by its path: the files in its folder. */
  readonly externalData?: ExternalData | undefined
  /**
   * The most bytes that one tensor may have, weights and results of nodes alike; default 2³¹. A file of a few bytes can ask
   * for more memory than there is: set it lower for files of strangers.
   */
  readonly maxTensorBytes?: number | undefined
}

/**
 * Reads an ONNX model.
 * @param source the bytes of an `.onnx` file; in Node also its path
 * @returns a model whose weights are trainable Variables; see {@link OnnxModel}
 * @throws OnnxError that says what is wrong with the file, or lists all operators that are not known with their nodes; its
 *   `code` tells the kinds apart
 * @example
 * ```ts no-run
 * import '@dl/backend-cpu'
 * import { importOnnx } from '@dl/onnx'
 * const model = await importOnnx('models/classifier.onnx')
 * for (const { name, dtype, shape } of model.inputs) console.log(name, dtype, shape)
 * ```
 */
export async function importOnnx(
  source: Uint8Array | ArrayBuffer | string | URL,
  options: ImportOptions = {},
): Promise<OnnxModel> {
  const { maxTensorBytes = 2 ** 31 } = options
  if (!(maxTensorBytes > 0))
    throw new OnnxError(
      'usage',
      `[importOnnx] maxTensorBytes must be a positive number, got ${maxTensorBytes}`,
    )
  const file = await fileOf(source)
  const { model, unknown } = decodeModel(file.bytes)
  const graph = readGraph(
    await withExternalData(model, options.externalData ?? file.externalData),
    maxTensorBytes,
  )
  assertSupported(graph)
  return new OnnxModel(graph, makeVariables(graph), unknown)
}

async function fileOf(
  source: Uint8Array | ArrayBuffer | string | URL,
): Promise<{ readonly bytes: Uint8Array; readonly externalData?: ExternalData }> {
  if (source instanceof Uint8Array) return { bytes: source }
  if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source) }
  if (typeof source === 'string' || source instanceof URL) return readModelFile(source)
  throw new OnnxError(
    'usage',
    '[importOnnx] give the bytes of the file (a Uint8Array or an ArrayBuffer) or, in Node, its path',
  )
}
