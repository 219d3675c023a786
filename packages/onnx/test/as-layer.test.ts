// An imported model as a layer: a PyTorch CNN is cut before its head, given a new one, trained by fit, exported again.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { ready, tensor } from '@dl/tensor/core'
import { layers, sequential } from '@dl/layers'
import { SparseCategoricalCrossentropy } from '@dl/losses'
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

describe('BatchNormalization in a file of training mode', () => {
  const file = readFileSync(new URL('../../../examples/models/digits-0-to-7.onnx', import.meta.url))
  const images = tensor(
    Float32Array.from({ length: 4 * 784 }, (_, i) => Math.sin(i) ** 2),
    [4, 1, 28, 28],
  )

  it('never gives its statistics to an optimizer', async () => {
    const model = await importOnnx(file)
    model.trainable = true
    expect(model.setTrainable(/running/, true)).toBe(0)
    expect(model.variables.flatMap((v) => (v.trainable ? [] : [v.name]))).toEqual([
      'bn1.running_mean',
      'bn1.running_var',
      'bn2.running_mean',
      'bn2.running_var',
    ])
  })

  it.each([
    ['moves them while scale and offset learn', true],
    ['leaves them alone while it is frozen', false],
  ])('%s', async (_, learns) => {
    const model = await importOnnx(file)
    const statistics = model.variables.filter((v) => /running/.test(v.name))
    const values = (): Promise<unknown[]> => Promise.all(statistics.map((v) => v.data()))
    const before = await values()
    model.setTrainable(/^bn/, learns)
    const classifier = sequential([model])
    const loss = new SparseCategoricalCrossentropy({ fromLogits: true })
    classifier.compile({ optimizer: 'sgd', loss })
    await classifier.trainOnBatch(images, [1, 2, 3, 4])
    const moved = (await values()).map((now, i) => !isDeepStrictEqual(now, before[i]))
    expect(moved).toEqual(statistics.map(() => learns))
  })
})
