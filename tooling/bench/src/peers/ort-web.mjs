// ONNX Runtime on WebAssembly, one thread: runs files.
import { createRequire } from 'node:module'
import { modelBytes } from '../model-workloads.mjs'

const ort = createRequire(import.meta.url)('onnxruntime-web')

export function start() {
  ort.env.wasm.numThreads = 1
}

export async function prepare(kind, [{ shape, data }], options) {
  if (kind !== 'onnx') throw new Error(`ONNX Runtime has no workload of kind "${kind}"`)
  const session = await ort.InferenceSession.create(modelBytes(options), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  })
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', data, shape) }
  const result = async () => (await session.run(feeds))[session.outputNames[0]].data
  return { run: result, result }
}
