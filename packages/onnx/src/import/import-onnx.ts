// The way in: bytes of a file to a model that runs and trains.
import { OnnxError } from '../errors.ts'
import { decodeModel } from '../schema/codec.ts'
import { assertSupported } from './build.ts'
import { readGraph } from './graph.ts'
import { OnnxModel } from './model.ts'
import { makeVariables } from './weights.ts'

/**
 * Reads an ONNX model.
 * @param source the bytes of an `.onnx` file
 * @returns a model whose weights are trainable Variables; see {@link OnnxModel}
 * @throws OnnxError that says what is wrong with the file, or lists all operators that are not known with their nodes
 * @example
 * ```ts no-run
 * import '@dl/backend-cpu'
 * import { importOnnx } from '@dl/onnx'
 * import { readFile } from 'node:fs/promises'
 * const model = await importOnnx(await readFile('model.onnx'))
 * for (const { name, dtype, shape } of model.inputs) console.log(name, dtype, shape)
 * ```
 */
export async function importOnnx(source: Uint8Array | ArrayBuffer): Promise<OnnxModel> {
  if (!(source instanceof Uint8Array) && !(source instanceof ArrayBuffer))
    throw new OnnxError('[importOnnx] give the bytes of the file: a Uint8Array or an ArrayBuffer')
  const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source
  const { model, unknown } = decodeModel(bytes)
  const graph = readGraph(model)
  assertSupported(graph)
  return new OnnxModel(graph, makeVariables(graph), unknown)
}
