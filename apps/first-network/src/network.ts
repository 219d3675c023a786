// The network: 784 – 128 relu – dropout 0.2 – 10 softmax. Change it and run again.
import { layers, sequential } from '@dl/layers'
import type { Sequential } from '@dl/layers'

export function digitNetwork(): Sequential {
  const model = sequential([
    layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ])
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return model
}
