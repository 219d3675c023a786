// The networks of the page, small enough to learn while somebody watches, and how they learn.
import { layers, sequential, type Sequential } from '@dl/layers'
import { SparseCategoricalCrossentropy } from '@dl/losses'
import { adam } from '@dl/optim'
import type { NetworkName } from './protocol.ts'

/** Images `[784]` to ten logits. */
export function digitNetwork(name: NetworkName): Sequential {
  const model =
    name === 'dense'
      ? sequential([
          layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
          layers.dropout({ rate: 0.2 }),
          layers.dense({ units: 10 }),
        ])
      : sequential([
          layers.reshape({ targetShape: [28, 28, 1], inputShape: [784] }),
          layers.conv2d({ filters: 8, kernelSize: 5, activation: 'relu' }),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.flatten(),
          layers.dense({ units: 10 }),
        ])
  model.compile({
    optimizer: adam({ learningRate: 0.002 }),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ['accuracy'],
  })
  return model
}
