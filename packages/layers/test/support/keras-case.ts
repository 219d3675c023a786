// A network of Keras 3.8 as judge: its weights, what it predicts, and five epochs of training with three optimizers. Whoever
// adds a case writes the network, says where its weights lie in Keras's file, and calls `judgeByKeras`.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { expect, it } from 'vitest'
import type { Functional, Sequential } from '@dl/layers'
import { adam, type Optimizer, rmsprop, sgd } from '@dl/optim'
import { tensor, type Tensor } from '@dl/tensor/core'
import { arraysEqual } from './values.ts'

interface Values {
  readonly shape: number[]
  readonly dtype?: string
  readonly data: number[]
}
/** Keras's weights by their places in its file. */
export type KerasWeights = Readonly<Record<string, Values>>
interface Fixture {
  readonly weights: KerasWeights
  readonly io: { readonly inputs: Values[]; readonly outputs: Values[] }
  readonly train: {
    readonly X: Values[]
    readonly y: Values
    readonly runs: Readonly<
      Record<string, { history: Record<string, number[]>; evaluate: number[]; predictAfter: Values }>
    >
  }
}
export type Net = Sequential | Functional

export const value = ({ data, shape, dtype = 'float32' }: Values): Tensor =>
  tensor(data, shape, dtype.startsWith('int') ? 'int32' : 'float32') as Tensor

/**
 * Assigns Keras's weights where its file numbers those of a layer.
 *
 * @param groupOf from the path of a weight to the place of its layer's weights
 */
export function assignNumbered(net: Net, weights: KerasWeights, groupOf: (path: string) => string): void {
  const numbers = new Map<string, number>()
  for (const { path, variable } of net.namedVariables()) {
    const group = groupOf(path)
    const number = numbers.get(group) ?? 0
    numbers.set(group, number + 1)
    variable.assign(value(weights[`${group}/${number}`]!))
  }
  expect(Object.keys(weights)).toHaveLength(net.weights.length)
}

const RUNS: readonly [string, () => Optimizer][] = [
  ['sgd_mom', () => sgd({ learningRate: 0.05, momentum: 0.9 })],
  ['adam', () => adam({ learningRate: 0.005 })],
  ['rmsprop', () => rmsprop({ learningRate: 0.005 })],
]

/**
 * @param make the network with these weights
 * @param lateBound of what is evaluated and predicted after training with an optimizer (`sgd_mom`, `adam`, `rmsprop`)
 */
export function judgeByKeras(
  name: string,
  make: (weights: KerasWeights) => Net,
  lateBound: (optimizer: string) => number,
): void {
  const file = fileURLToPath(new URL(`../fixtures/keras-${name.replaceAll('_', '-')}.json`, import.meta.url))
  const { weights, io, train } = JSON.parse(readFileSync(file, 'utf8')) as Fixture

  judge(`Keras ${name}`, { needs: `oracles/keras-cases/${name}`, fixture: file }, () => {
    it('predicts what Keras predicts', async () => {
      const outputs = await make(weights).predict(value(io.inputs[0]!))
      arraysEqual((await outputs.data()) as Float32Array, io.outputs[0]!.data, 1e-6)
    })

    it.each(RUNS)('fits as Keras does with %s', async (run, optimizer) => {
      const net = make(weights)
      net.compile({ optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
      const [x, y] = [value(train.X[0]!), value(train.y)]
      const want = train.runs[run]!
      const { history } = await net.fit(x, y, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 })
      arraysEqual(history['loss']!, want.history['loss']!, 5e-6)
      arraysEqual(history['accuracy']!, want.history['accuracy']!, 1e-6)
      const { loss, accuracy } = await net.evaluate(x, y)
      const after = await net.predict(value(io.inputs[0]!))
      const bound = lateBound(run)
      arraysEqual([loss, accuracy], want.evaluate, bound)
      arraysEqual((await after.data()) as Float32Array, want.predictAfter.data, bound)
    })
  })
}
