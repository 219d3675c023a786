// Bad input: every mistake that a user can make with data gets a typed error that says what was expected and what was given.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import { DatasetError, fromArrays, fromGenerator, hostArray } from '@dl/data'
import { sgd } from '@dl/optim'
import { div, log, ones, tensor, type Tensor } from '@dl/tensor/core'
import { input, layers, model, sequential, TrainingError, type Sequential } from '@dl/layers'

const quiet = { verbose: 0 } as const
function network(loss: string = 'mse', units: number = 1): Sequential {
  const m = sequential([layers.dense({ units, inputShape: [2] })])
  m.compile({ optimizer: 'sgd', loss })
  return m
}
const x = (n: number, features: number = 2): Tensor => ones([n, features]) as Tensor
const rejects = async (
  promise: Promise<unknown>,
  code: TrainingError['code'],
  message: RegExp | string,
): Promise<TrainingError> => {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(TrainingError)
  expect((error as TrainingError).message).toMatch(message)
  expect((error as TrainingError).code).toBe(code)
  return error as TrainingError
}

describe('a loss that is no number', () => {
  it('names epoch and step', async () => {
    // from step 5 on (epoch 1, step 1) the loss is log(-1)
    const m = sequential([layers.lambda({ call: (v) => log(v), inputShape: [1] })])
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const data = fromGenerator(function* () {
      for (let i = 0; i < 4; i++) yield { x: Float32Array.of(epochs === 1 && i >= 1 ? -1 : 1), y: 0 }
      epochs++
    }).batch(1)
    let epochs = 0
    const error = await rejects(
      m.fit(data, { epochs: 3, ...quiet }),
      'nonFiniteLoss',
      /\[fit\] the loss is NaN or infinite since step 1 of epoch 1/,
    )
    expect([error.epoch, error.step]).toEqual([1, 1])
  })

  it('is found while training diverges', async () => {
    const m = sequential([layers.dense({ units: 1, inputShape: [1] })])
    m.compile({ optimizer: sgd({ learningRate: 1e6 }), loss: 'mse' })
    const error = await rejects(
      m.fit(ones([100, 1]) as Tensor, ones([100, 1]) as Tensor, { batchSize: 1, epochs: 2, ...quiet }),
      'nonFiniteLoss',
      /lower the learning rate/,
    )
    expect(error.epoch).toBe(0)
    expect(error.step).toBeGreaterThan(1)
    expect(error.step).toBeLessThan(20)
  })

  it('is named at once where every step is watched', async () => {
    const m = sequential([layers.lambda({ call: (v) => div(v, 0), inputShape: [1] })])
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const seen: number[] = []
    await rejects(
      m.fit(ones([9, 1]) as Tensor, ones([9, 1]) as Tensor, {
        batchSize: 1,
        ...quiet,
        onBatchEnd: (b) => void seen.push(b),
      }),
      'nonFiniteLoss',
      /step 0 of epoch 0/,
    )
    expect(seen).toEqual([])
  })
})

describe('labels out of range', () => {
  const rows: [string, number[], RegExp][] = [
    ['too great', [0, 1, 3], /\[fit\] label 3 of example 2 is outside 0 … 2: output 'output' has 3 classes/],
    ['negative', [0, -1, 1], /label -1 of example 1 is outside/],
    ['not whole', [0.5, 1, 1], /label 0.5 of example 0/],
    ['no number', [0, 1, NaN], /label NaN of example 2/],
  ]
  it.each(rows)('%s', async (_, labels, message) => {
    await rejects(network('sparseCategoricalCrossentropy', 3).fit(x(3), labels, quiet), 'label', message)
  })
  it('in validation data, evaluate and trainOnBatch', async () => {
    const m = network('sparseCategoricalCrossentropy', 3)
    const bad = Int32Array.of(0, 7)
    await rejects(
      m.fit(x(2), Int32Array.of(0, 1), { ...quiet, validationData: [x(2), bad] }),
      'label',
      /label 7 of example 1/,
    )
    await rejects(m.evaluate(x(2), bad), 'label', /\[evaluate\] label 7/)
    await rejects(m.trainOnBatch(x(2), bad), 'label', /\[trainOnBatch\] label 7/)
  })
  it('in a dataset names the batch', async () => {
    const m = network('sparseCategoricalCrossentropy', 3)
    const data = fromArrays({
      x: hostArray(new Float32Array(8), [4, 2]),
      y: Int32Array.of(0, 1, 2, 5),
    }).batch(2)
    await rejects(m.fit(data, quiet), 'label', /\[fit\] label 5 of example 1 of batch 1 is outside 0 … 2/)
    await rejects(m.evaluate(data), 'label', /\[evaluate\] label 5 of example 1 of batch 1/)
  })
  it('leaves the weights as they were', async () => {
    const m = network('sparseCategoricalCrossentropy', 3)
    const before = await m.weights[0]!.data()
    await rejects(m.fit(x(3), [0, 1, 9], quiet), 'label', /label 9/)
    expect(await m.weights[0]!.data()).toEqual(before)
  })
})

describe('empty data', () => {
  it('arrays', async () => {
    const none = hostArray(new Float32Array(0), [0, 2])
    await rejects(
      network().fit(none, new Float32Array(0), quiet),
      'data',
      '[fit] the data is empty: x has no examples',
    )
    await rejects(network().evaluate(none, new Float32Array(0)), 'data', '[evaluate] the data is empty')
    await rejects(network().predict(none), 'data', '[predict] the data is empty')
  })
  it('datasets', async () => {
    const none = fromGenerator(function* (): Generator<{ x: Float32Array; y: number }> {}).batch(2)
    await rejects(network().fit(none, quiet), 'data', '[fit] the dataset is empty: epoch 0 had no batch')
    await rejects(network().evaluate(none), 'data', '[evaluate] the dataset is empty')
    await rejects(network().predict(none), 'data', '[predict] the dataset is empty')
  })
  it('a validation split that leaves nothing to train on', async () => {
    await rejects(
      network().fit(x(1), [0], { validationSplit: 0.5, ...quiet }),
      'data',
      '[fit] the data is empty',
    )
  })
})

describe('shapes that do not fit', () => {
  it('a dataset whose last sample has another shape', async () => {
    const data = fromGenerator(function* () {
      for (let i = 0; i < 5; i++) yield { x: new Float32Array(i === 4 ? 3 : 2), y: 0 }
    }).batch(2)
    const error = await network()
      .fit(data, quiet)
      .then(
        () => undefined,
        (e: unknown) => e,
      )
    expect(error).toBeInstanceOf(DatasetError)
    expect((error as Error).message).toMatch(
      /batch 2: sample 4, 'x', has shape \[3\], the samples before it have \[2\]/,
    )
  })
  it('a batch of another shape names the batch', async () => {
    const data = {
      async *[Symbol.asyncIterator]() {
        yield [x(2), x(2, 1)]
        yield [x(2, 3), x(2, 1)]
      },
    }
    await rejects(
      network().fit(data, quiet),
      'data',
      /\[fit\] batch 1 does not fit the model: .*input 0 must have shape \[any,2\], got \[2,3\]/,
    )
  })
  const rows: [string, (m: Sequential) => Promise<unknown>, RegExp][] = [
    [
      'x',
      (m) => m.fit(x(4, 3), x(4, 1), quiet),
      /batch 0 does not fit the model: .*must have shape \[any,2\], got \[4,3\]/,
    ],
    [
      'numbers of examples',
      (m) => m.fit(x(4), x(3, 1), quiet),
      /\[fit\] x has 4 examples, y has 3; they must be equal/,
    ],
    [
      'weights',
      (m) => m.fit(x(2), x(2, 1), { sampleWeight: [1], ...quiet }),
      /x has 2 examples, weights has 1/,
    ],
    ['a scalar', (m) => m.fit(tensor(1) as Tensor, x(1, 1), quiet), /x 'input' is a scalar/],
    [
      'a dataset that is not batched',
      (m) =>
        m.fit(fromArrays({ x: hostArray(new Float32Array(4), [2, 2]), y: Float32Array.of(0, 0) }), quiet),
      /x of element 0 is object, not a tensor; batch the dataset/,
    ],
    [
      'a dataset without labels',
      (m) => m.fit(fromArrays(hostArray(new Float32Array(4), [2, 2])).batch(2), quiet),
      /batch 0 has no labels: elements must be \[x, y\]/,
    ],
    [
      'parts of a batch',
      (m) =>
        m.fit(
          {
            async *[Symbol.asyncIterator]() {
              yield { x: x(2), y: x(3, 1) }
            },
          },
          quiet,
        ),
      /batch 0: x has 2 examples, another part has shape \[3,1\]/,
    ],
    [
      'missing labels',
      (m) => m.fit(x(2), undefined as never, quiet),
      /labels are missing: fit\(x, y, options\)/,
    ],
    [
      'the batch size',
      (m) => m.fit(x(2), x(2, 1), { batchSize: 0, ...quiet }),
      /batchSize must be a positive whole number, got 0/,
    ],
    [
      'the number of epochs',
      (m) => m.fit(x(2), x(2, 1), { epochs: 1.5, ...quiet }),
      /epochs must be a whole number of 0 or more, got 1.5/,
    ],
    [
      'the validation split',
      (m) => m.fit(x(2), x(2, 1), { validationSplit: 1, ...quiet }),
      /validationSplit must be in \[0, 1\), got 1/,
    ],
    [
      'a split of a dataset',
      (m) =>
        m.fit(fromArrays({ x: Float32Array.of(1), y: Float32Array.of(1) }).batch(1), {
          validationSplit: 0.5,
          ...quiet,
        }),
      /validationSplit needs arrays/,
    ],
  ]
  it.each(rows)('%s', async (_, run, message) => {
    await rejects(run(network()), 'data', message)
  })
  it('labels of another shape fail at the loss', async () => {
    await expect(network('categoricalCrossentropy', 3).fit(x(2), [0, 1], quiet)).rejects.toThrow(
      /for class numbers use sparseCategoricalCrossentropy/,
    )
  })
  it('records with wrong keys', async () => {
    const [a, b] = [input({ shape: [1], name: 'a' }), input({ shape: [1], name: 'b' })]
    const m = model({ inputs: [a, b], outputs: layers.add().apply([a, b]) })
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const one = [[1]]
    await rejects(m.fit({ a: one, c: one }, one, quiet), 'data', '[fit] x needs the keys a, b, got a, c')
    await rejects(m.fit(x(1, 1), one, quiet), 'data', '[fit] x needs 2 arrays (a, b), got 1')
  })
})

describe('compile', () => {
  const m = sequential([layers.dense({ units: 1, inputShape: [2] })])
  it('must come first', async () => {
    await expect(async () => m.fit(x(1), x(1, 1))).rejects.toThrow(
      '[fit] call compile({ optimizer, loss }) first',
    )
    expect(() => m.optimizer).toThrow(TrainingError)
  })
  const rows: [string, () => unknown, RegExp][] = [
    [
      'an unknown optimizer',
      () => m.compile({ optimizer: 'adams', loss: 'mse' }),
      /no optimizer called 'adams'; known are adagrad, adam, adamW, rmsprop, sgd/,
    ],
    [
      'an unknown loss',
      () => m.compile({ optimizer: 'sgd', loss: 'mean' }),
      /no loss called 'mean'; known are meanSquaredError, mse/,
    ],
    [
      'losses for outputs that are not there',
      () => m.compile({ optimizer: 'sgd', loss: { left: 'mse' } }),
      /loss needs the keys output, got left/,
    ],
    [
      'too many losses',
      () => m.compile({ optimizer: 'sgd', loss: ['mse', 'mse'] }),
      /loss needs one entry for each output \(output\), got 2/,
    ],
    [
      'an optimizer that is none',
      () => m.compile({ optimizer: {} as never, loss: 'mse' }),
      /optimizer must be a name or an optimizer/,
    ],
    [
      'a loss that is none',
      () => m.compile({ optimizer: 'sgd', loss: 3 as never }),
      /a loss must be a name, a function of labels and predictions, or a Loss, got number/,
    ],
  ]
  it.each(rows)('refuses %s', (_, make, message) => {
    expect(make).toThrow(message)
  })
  it('refuses unknown metrics when shapes are known', async () => {
    m.compile({ optimizer: 'sgd', loss: 'mse', metrics: ['precise'] })
    await expect(m.evaluate(x(1), x(1, 1))).rejects.toThrow(
      "no metric called 'precise'; known are binaryAccuracy",
    )
    m.compile({ optimizer: 'sgd', loss: 'mse', metrics: { left: 'mae' } })
    await expect(m.evaluate(x(1), x(1, 1))).rejects.toThrow('metrics has no output left; outputs are output')
  })
})
