// Judge: a model of Keras 3.8 with two inputs, two outputs and branches that meet.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { it } from 'vitest'
import { maximum, mul, strictBackend, sub, tensor, type Tensor } from '@dl/tensor/core'
import { input, Layer, layers, model } from '@dl/layers'
import { arraysEqual } from './support/values.ts'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Values {
  shape: number[]
  data: number[]
}
const file = fileURLToPath(new URL('fixtures/keras-functional.json', import.meta.url))
const fixture = JSON.parse(readFileSync(file, 'utf8')) as {
  weights: Record<string, Values>
  io: { inputs: Values[]; outputs: Values[] }
}
const value = ({ data, shape }: Values): Tensor => tensor(data, shape)

/** Keras's Multiply, Subtract and Maximum: a layer of one's own over a function of two tensors. */
class Merge extends Layer<{ merge: (a: Tensor, b: Tensor) => Tensor }> {
  call([a, b]: readonly Tensor[]): Tensor {
    return this.config.merge(a!, b!)
  }
}

judge('Keras functional model', { needs: 'oracles/keras-cases/functional2', fixture: file }, () => {
  it('predicts what Keras predicts', async () => {
    const [a, b] = [input({ shape: [5], name: 'a' }), input({ shape: [3], name: 'b' })]
    const pair = [
      layers.dense({ units: 6, activation: 'tanh' }).apply(a),
      layers.dense({ units: 6 }).apply(b),
    ]
    const merged = [mul, sub, maximum].map((merge) => new Merge({ merge }).apply(pair))
    const joined = layers.concatenate().apply([layers.add().apply(pair), ...merged])
    const net = model({
      inputs: [a, b],
      outputs: [
        layers.dense({ units: 3, activation: 'softmax', name: 'cls' }).apply(joined),
        layers.dense({ units: 1, name: 'reg' }).apply(joined),
      ],
    })
    for (const [i, name] of ['dense', 'dense_1', 'cls', 'reg'].entries())
      for (const [part, weight] of ['kernel', 'bias'].entries()) {
        const { variable } = net.namedVariables().find((w) => w.path === `${name}/${weight}`)!
        const saved = fixture.weights[`layers/${['dense', 'dense_1', 'dense_2', 'dense_3'][i]}/vars/${part}`]!
        variable.assign(value(saved))
      }
    const [first, second] = fixture.io.inputs
    const outputs = await net.predict({ a: value(first!), b: value(second!) })
    for (const [i, want] of fixture.io.outputs.entries())
      arraysEqual((await outputs[i]!.data()) as Float32Array, want.data, 1e-5)
  })
})
