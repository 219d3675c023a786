// The sentence nobody else can say: import from PyTorch, fine-tune here, export again.
// PyTorch trained this network on the digits 0 to 7 only (tooling/fixtures/digits_cnn.py); here it learns 8 and 9 as well.
import '@dl/backend-cpu'
import { importOnnx, exportOnnx } from '@dl/onnx'
import { layers, sequential } from '@dl/layers'
import { mnist } from '@dl/data/mnist'
import { reshape, slice } from '@dl/tensor'
import { readFile, writeFile } from 'node:fs/promises'

const base = await importOnnx(await readFile('examples/models/digits-0-to-7.onnx'))
console.log(base.inputs, base.outputs)
console.table(base.initializers.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape.join(' × ') })))

const { train, test } = await mnist()
const count = Math.min(6_000, train.size)
const images = reshape(slice(train.images, [0], [count]), [-1, 1, 28, 28]) // channels first, as in PyTorch
const labels = slice(train.labels, [0], [count])
const testImages = reshape(test.images, [-1, 1, 28, 28])

// Transfer learning: keep everything up to the flattened features, put a new head on it.
const features = base.cut('/Flatten_output_0')
features.trainable = false
const classifier = sequential([features, layers.dense({ units: 10, activation: 'softmax' })])
classifier.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
await classifier.fit(images, labels, { epochs: 2, batchSize: 64, seed: 1 })
console.log('the head alone:', await classifier.evaluate(testImages, test.labels, { batchSize: 500 }))

// Then the whole network, gently; weights that the exporter had merged are separated first.
features.trainable = true
features.unshareInitializers()
classifier.compile({
  optimizer: { name: 'adam', learningRate: 5e-4 },
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
})
await classifier.fit(images, labels, { epochs: 1, batchSize: 64, seed: 2 })
const { accuracy } = await classifier.evaluate(testImages, test.labels, { batchSize: 500 })
console.log(`accuracy ${(100 * accuracy).toFixed(2)} % of ${test.size} test digits`)

await writeFile('tuned.onnx', exportOnnx(classifier, { opset: 17 }))
