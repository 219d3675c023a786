// An imported model as a layer: cut before its head, given a new one, trained by fit.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { tensor } from '@dl/tensor/core'
import { layers, sequential } from '@dl/layers'
import { adam } from '@dl/optim'
import { judge } from '@dl/test-kit'
import { importOnnx } from '../src/index.ts'
import { decodeTensorProto } from '../src/schema/codec.ts'
import { hostTensor } from '../src/schema/tensor-values.ts'

judge('PyTorch iris model as a layer', { needs: 'models/torch113_iris_mlp' }, (folder) => {
  const read = (file: string): ReturnType<typeof hostTensor> =>
    hostTensor(decodeTensorProto(readFileSync(join(folder, file))), file)
  const { data, shape } = read('test_inputs.pb')
  const labels = Array.from(read('test_labels.pb').data, Number)

  it('keeps its frozen weights while a new head learns', async () => {
    const features = (await importOnnx(readFileSync(join(folder, 'model.onnx')))).cut('/Tanh_output_0')
    features.trainable = false
    const before = await features.variable('a.weight').data()
    const model = sequential([features, layers.dense({ units: 3, activation: 'softmax' })])
    model.compile({
      optimizer: adam({ learningRate: 0.05 }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    })
    const x = tensor(data, [...shape])
    const { history } = await model.fit(x, labels, { epochs: 150, verbose: 0 })
    expect(history['accuracy']!.at(-1)).toBeGreaterThan(0.85)
    expect(await features.variable('a.weight').data()).toEqual(before)
  })
})
