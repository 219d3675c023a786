// Judge: recurrent networks of Keras 3.8 with their weights: predictions, five epochs with three optimizers each.
import '@dl/backend-cpu'
import { layers, type Sequential, sequential } from '@dl/layers'
import { strictBackend } from '@dl/tensor/core'
import { assignNumbered, judgeByKeras } from './support/keras-case.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

const head = (): ReturnType<typeof layers.dense> => layers.dense({ units: 3, activation: 'softmax' })

const lstm2 = (): Sequential =>
  sequential([
    layers.lstm({ units: 6, returnSequences: true, inputShape: [5, 4] }),
    layers.lstm({ units: 5 }),
    head(),
  ])

const gru = (): Sequential =>
  sequential([
    layers.gru({ units: 6, returnSequences: true, inputShape: [5, 4] }),
    layers.gru({ units: 5, resetAfter: false }),
    head(),
  ])

const bidirectional = (): Sequential =>
  sequential([
    layers.bidirectional({ layer: layers.lstm({ units: 4, returnSequences: true }), inputShape: [5, 4] }),
    layers.bidirectional({ layer: layers.gru({ units: 3 }), mergeMode: 'sum' }),
    head(),
  ])

const masked = (): Sequential =>
  sequential([
    layers.embedding({ inputDim: 9, outputDim: 4, maskZero: true, inputShape: [6] }),
    layers.lstm({ units: 5 }),
    head(),
  ])

/** The place in Keras's file of the layer that holds a weight: `layers/bidirectional/forward_layer/cell`. */
function groupOf(path: string): string {
  const [layer, ...inner] = path.split('/').slice(0, -1)
  const parts = inner.map((name) => (name.endsWith('_cell') ? 'cell' : `${name.split('_')[0]}_layer`))
  return ['layers', layer, ...parts, 'vars'].join('/')
}

const CASES = [
  ['lstm2', lstm2],
  ['gru', gru],
  ['simplernn_bidir', bidirectional],
  ['masking_lstm', masked],
] as const

for (const [name, make] of CASES)
  judgeByKeras(
    name,
    (weights) => {
      const net = make()
      assignNumbered(net, weights, groupOf)
      return net
    },
    () => 2e-6,
  )
