// The first network: 784 – 128 relu – dropout 0.2 – 10 softmax, trained on real handwritten digits.
import '@dl/backend-cpu'
import { layers, sequential } from '@dl/layers'
import { mnist } from '@dl/data/mnist'

const { train, test } = await mnist() // images in [0, 1] as [n, 784], labels one-hot as [n, 10]

const model = sequential([
  layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
  layers.dropout({ rate: 0.2 }),
  layers.dense({ units: 10, activation: 'softmax' }),
])
model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
model.summary()

await model.fit(train.images, train.labels, { epochs: 5, batchSize: 128, validationSplit: 0.1 })
const { loss, accuracy } = await model.evaluate(test.images, test.labels)
console.log(`test loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(2)} %`)
