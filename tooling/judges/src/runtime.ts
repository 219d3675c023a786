// ONNX Runtime as a judge: it must accept a file and compute what we compute.
import * as ort from 'onnxruntime-node'
import type { DType, Tensor, TypedArray } from '@dl/tensor/core'
import type { ExportedModel } from './exported-models.ts'

/** What ONNX Runtime says against a model; undefined when it agrees. Values may differ by 1e-5, relative above 1. */
export async function runtimeVerdict({ bytes, runs }: ExportedModel): Promise<string | undefined> {
  let session: ort.InferenceSession
  try {
    session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })
  } catch (error) {
    return `ONNX Runtime refuses the file: ${(error as Error).message}`
  }
  try {
    for (const { inputs, outputs } of runs) {
      const feeds: Record<string, ort.Tensor> = {}
      for (const [i, name] of session.inputNames.entries()) feeds[name] = await runtimeTensor(inputs[i]!)
      const results = await session.run(feeds)
      for (const [i, name] of session.outputNames.entries()) {
        const problem = await difference(results[name]!, outputs[i]!)
        if (problem !== undefined) return `${name}: ${problem}`
      }
    }
    return undefined
  } catch (error) {
    return `ONNX Runtime fails: ${(error as Error).message}`
  } finally {
    await session.release()
  }
}

const runtimeTensor = async (x: Tensor): Promise<ort.Tensor> =>
  new ort.Tensor(x.dtype as DType, (await x.data()) as never, [...x.shape])

async function difference(got: ort.Tensor, want: Tensor): Promise<string | undefined> {
  const [type, expected] = [`${got.type} [${got.dims.join()}]`, `${want.dtype} [${want.shape.join()}]`]
  if (type !== expected) return `is ${type}, not ${expected}`
  const [a, b] = [got.data as ArrayLike<number | bigint>, (await want.data()) as TypedArray]
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])]
    if (Object.is(x, y) || x === y || Math.abs(x - y) <= 1e-5 * Math.max(1, Math.abs(y))) continue
    return `element ${i} is ${x}, not ${y}`
  }
  return undefined
}
