// An imported model as a layer: a PyTorch CNN is cut before its head, given a new one, trained by fit, exported again.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { ready, tensor } from '@dl/tensor/core'
import { layers, sequential } from '@dl/layers'
import { adam } from '@dl/optim'
import { judge } from '@dl/test-kit'
import { exportOnnx, importOnnx } from '../src/index.ts'
import { decodeTensorProto } from '../src/schema/codec.ts'
import { type HostTensor, hostTensor } from '../src/schema/tensor-values.ts'

beforeAll(() => ready())

judge('PyTorch digits model as a layer', { needs: 'models/torch113_digits_cnn_bn' }, (folder) => {
  const read = (file: string): HostTensor =>
    hostTensor(decodeTensorProto(readFileSync(join(folder, file))), file)
  const { data, shape } = read('test_inputs.pb')
  const images = tensor(data, [...shape])
  const labels = Array.from(read('test_labels.pb').data, Number)

  it('keeps its frozen weights while a new head learns; the whole is exported and read back', async () => {
    const features = (await importOnnx(readFileSync(join(folder, 'model_trainable.onnx')))).cut(
      '/Flatten_output_0',
    )
    features.trainable = false
    const before = await features.variable('c1.weight').data()
    const model = sequential([features, layers.dense({ units: 10, activation: 'softmax' })])
    model.compile({
      optimizer: adam({ learningRate: 0.02 }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    })
    const { history } = await model.fit(images, labels, { epochs: 12, verbose: 0, seed: 1 })
    expect(history['accuracy']!.at(-1)).toBeGreaterThan(0.95)
    expect(await features.variable('c1.weight').data()).toEqual(before)

    const again = await importOnnx(exportOnnx(model, { outputNames: ['p'] }))
    expect(again.variables.map((v) => v.name).slice(-2)).toEqual(['dense/kernel', 'dense/bias'])
    const { p } = await again.run({ [again.inputs[0]!.name]: images })
    const [got, want] = [await p!.data(), await (await model.predict(images)).data()]
    for (const [i, v] of want.entries()) expect(Math.abs(got[i]! - v)).toBeLessThan(1e-5)
  })
})
