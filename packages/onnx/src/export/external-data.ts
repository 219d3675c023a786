// A model in two files: the graph, and its big weights beside it, as ONNX wants it beyond 2 GiB.
import type { Module } from '@dl/tensor/core'
import { OnnxError } from '../errors.ts'
import { locationProblem } from '../import/external-data.ts'
import { encodeModel } from '../schema/codec.ts'
import type { TensorProto } from '../schema/messages.ts'
import { type ExportOptions, modelProto, type TensorFunction } from './export-onnx.ts'

export interface ExportFilesOptions extends ExportOptions {
  /** Name of the data file, relative to the model's folder: what the model will look for. */
  readonly location: string
  /** Weights of fewer bytes stay in the model. Default 1024. */
  readonly minBytes?: number | undefined
}

/** Two files that belong together. */
export interface OnnxFiles {
  /** The `.onnx` file. */
  readonly model: Uint8Array
  /** The data, to be stored under `location`. */
  readonly data: Uint8Array
}

/** Where a tensor starts: on a page, so that readers can map the file; small ones on a cache line. */
const alignment = (bytes: number): number => (bytes >= 65_536 ? 4096 : 64)

/**
 * Writes a model with its big weights in a file of their own, which may be larger than 2 GiB.
 *
 * @param model as for {@link exportOnnx}
 * @throws OnnxError as {@link exportOnnx}, and when the location would leave the model's folder
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { exportOnnxFiles, importOnnx } from '@dl/onnx'
 * import { layers, sequential } from '@dl/layers'
 * import { ready } from '@dl/tensor'
 * await ready()
 * const network = sequential([layers.dense({ units: 100, inputShape: [50] })])
 * const { model, data } = exportOnnxFiles(network, { location: 'network.bin' })
 * const again = await importOnnx(model, { externalData: { 'network.bin': data } })
 * console.log(again.variables.length, data.length) // 2 20000
 * ```
 */
export function exportOnnxFiles(model: Module | TensorFunction, options: ExportFilesOptions): OnnxFiles {
  const { location, minBytes = 1024 } = options
  const problem = locationProblem(location)
  if (problem !== undefined)
    throw new OnnxError(
      'usage',
      `[exportOnnxFiles] the location is '${location}', ${problem}; give a name such as 'model.bin'`,
    )
  const proto = modelProto(model, options)
  let end = 0
  const parts: { readonly at: number; readonly bytes: Uint8Array }[] = []
  const moved = (tensor: TensorProto): TensorProto => {
    const { rawData, ...rest } = tensor
    if (!rawData || rawData.length < minBytes) return tensor
    const step = alignment(rawData.length)
    const at = Math.ceil(end / step) * step
    parts.push({ at, bytes: rawData })
    end = at + rawData.length
    const place = { location, offset: String(at), length: String(rawData.length) }
    return {
      ...rest,
      dataLocation: 1,
      externalData: Object.entries(place).map(([key, value]) => ({ key, value })),
    }
  }
  const graph = { ...proto.graph, initializer: (proto.graph?.initializer ?? []).map(moved) }
  const data = new Uint8Array(end)
  for (const { at, bytes } of parts) data.set(bytes, at)
  return { model: encodeModel({ ...proto, graph }), data }
}
