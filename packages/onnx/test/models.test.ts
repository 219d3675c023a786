// Real files: PaddleOCR's text detector and direction classifier, and small exports of PyTorch, against ONNX Runtime's outputs.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { ready, strictBackend, tensor, type Tensor, type TypedArray } from '@dl/tensor/core'
import { judge } from '@dl/test-kit'
import { importOnnx } from '../src/index.ts'
import { decodeTensorProto } from '../src/schema/codec.ts'
import { type HostTensor, hostTensor } from '../src/schema/tensor-values.ts'

const MODELS = [
  'ppocr_v4_det',
  'ppocr_v2_cls',
  'torch113_digits_cnn_bn',
  'torch113_digits_bigru',
  'torch113_iris_mlp',
  'silero_vad_legacy',
]

beforeAll(async () => {
  await ready()
  strictBackend(true)
  return () => strictBackend(false)
})

const furthest = (got: ArrayLike<number>, want: TypedArray): number =>
  Math.max(...Array.from(want as ArrayLike<number>, (x, i) => Math.abs(x - got[i]!)))

judge('outputs of ONNX Runtime', { needs: 'models' }, (folder) => {
  const value = (model: string, file: string): HostTensor =>
    hostTensor(decodeTensorProto(readFileSync(join(folder, model, 'test_data_set_0', file))), file)

  it.each(MODELS)('%s', async (name) => {
    const model = await importOnnx(readFileSync(join(folder, name, 'model.onnx')))
    const feeds: Record<string, Tensor> = {}
    model.inputs.forEach((input, i) => {
      const { data, shape, dtype } = value(name, `input_${i}.pb`)
      feeds[input.name] = tensor(data, [...shape], dtype)
    })
    const results = await model.run(feeds)
    for (const [i, { name: output }] of model.outputs.entries()) {
      const want = value(name, `output_${i}.pb`)
      expect(results[output]!.shape).toEqual(want.shape)
      expect(furthest((await results[output]!.data()) as Float32Array, want.data)).toBeLessThan(1e-5)
    }
  })
})
