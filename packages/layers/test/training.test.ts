// Training: what fit, evaluate, predict and the batch functions do with data of every form.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import { arraysEqual } from './support/values.ts'
import { fromArrays, fromGenerator, hostArray } from '@dl/data'
import { MeanSquaredError, SparseCategoricalCrossentropy } from '@dl/losses'
import { meanAbsoluteError, meanOf, sparseCategoricalAccuracy } from '@dl/losses/metrics'
import { adam, cosineDecay, sgd } from '@dl/optim'
import { debugJit, mul, ones, sum, tensor, zeros, type Tensor } from '@dl/tensor/core'
import {
  input,
  layers,
  model,
  regularizers,
  sequential,
  setRandomSeed,
  type FitOptions,
  type Sequential,
} from '@dl/layers'

const t = (values: number[] | number[][]): Tensor => tensor(values) as Tensor
const values = async (x: Tensor): Promise<number[]> => [...((await x.data()) as Float32Array)]
const quiet = { verbose: 0 } as const

/** One weight w, prediction w · x, begins at 1. */
const line = (): Sequential =>
  sequential([layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones', inputShape: [1] })])
const weight = async (m: Sequential): Promise<number> => (await values(m.weights[0] as Tensor))[0]!

/** Two clouds that a line separates. */
function clouds(n: number): { x: Float32Array; y: Int32Array } {
  const x = new Float32Array(2 * n)
  const y = new Int32Array(n)
  for (let i = 0; i < n; i++) {
    const angle = i * 2.4
    y[i] = i % 2
    x[2 * i] = Math.cos(angle) * 0.5 + (y[i] === 1 ? 1 : -1)
    x[2 * i + 1] = Math.sin(angle) * 0.5
  }
  return { x, y }
}
const classifier = (): Sequential => {
  setRandomSeed(3)
  const m = sequential([
    layers.dense({ units: 8, activation: 'relu', inputShape: [2] }),
    layers.dense({ units: 2, activation: 'softmax' }),
  ])
  m.compile({
    optimizer: adam({ learningRate: 0.05 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  })
  return m
}

describe('fit', () => {
  it('does the arithmetic of gradient descent', async () => {
    const m = line()
    m.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' })
    // batch 1: x = 1, 2 with y = 0: loss (1 + 4) / 2, gradient 5; batch 2: x = 3 with w = 0.5: loss 2.25, gradient 9
    const { history, epoch } = await m.fit([[1], [2], [3]], [[0], [0], [0]], {
      batchSize: 2,
      shuffle: false,
      ...quiet,
    })
    expect(await weight(m)).toBeCloseTo(0.5 - 0.9, 6)
    expect(history['loss']![0]).toBeCloseTo((2.5 * 2 + 2.25) / 3, 6)
    expect(epoch).toEqual([0])
  })

  it('takes an optimizer by its name with options', async () => {
    const m = line()
    m.compile({ optimizer: { name: 'sgd', learningRate: 0.1 }, loss: 'meanSquaredError' })
    await m.fit([[1], [2]], [[0], [0]], { batchSize: 2, shuffle: false, ...quiet }) // gradient 5, as above
    expect(await weight(m)).toBeCloseTo(0.5, 6)
    expect(m.optimizer.name).toBe('sgd')
  })

  it('takes float64 as float32, in which models compute', async () => {
    const wide = (v: number[]): Tensor => tensor(v, [v.length, 1], 'float64')
    const m = line()
    m.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' })
    const { history } = await m.fit(wide([1, 2, 3, 4]), wide([2, 4, 6, 8]), { epochs: 2, ...quiet })
    expect(history['loss']![1]!).toBeLessThan(history['loss']![0]!)
  })

  it('learns to separate two clouds, and evaluate and predict agree', async () => {
    const { x, y } = clouds(100)
    const m = classifier()
    const rows = hostArray(x, [100, 2])
    const { history } = await m.fit(rows, y, { epochs: 20, batchSize: 16, validationSplit: 0.2, ...quiet })
    expect(Object.keys(history)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy'])
    expect(history['val_accuracy']!.at(-1)).toBe(1)
    const { loss, accuracy } = await m.evaluate(rows, y)
    expect(accuracy).toBe(1)
    expect(loss).toBeLessThan(0.2)
    const p = await values(await m.predict(rows, { batchSize: 7 }))
    y.forEach((label, i) => expect(p[2 * i + label]).toBeGreaterThan(0.5))
  })

  it('runs the body of the step once for each batch shape, whatever the number of steps', async () => {
    let calls = 0
    const m = sequential([
      layers.dense({ units: 4, inputShape: [2] }),
      layers.dropout({ rate: 0.5 }),
      layers.lambda({
        call: (x, options) => {
          if (options?.training === true) calls++
          return mul(x, 1)
        },
      }),
      layers.dense({ units: 2, activation: 'softmax' }),
    ])
    m.compile({
      optimizer: sgd({ learningRate: cosineDecay(0.1, 1000) }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    })
    const { x, y } = clouds(50)
    const { history } = await m.fit(hostArray(x, [50, 2]), y, { epochs: 40, batchSize: 8, ...quiet }) // 6 of 8, then 2
    expect(history['loss']).toHaveLength(40)
    expect(calls).toBe(2)
    m.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' })
    await m.fit(hostArray(x, [50, 2]), y, { batchSize: 10, epochs: 3, ...quiet })
    expect(calls).toBe(3)
  })

  it('shuffles by seed and epoch: the same seed gives the same weights, a later start the same order', async () => {
    const { x, y } = clouds(64)
    const run = async (options: FitOptions[]): Promise<number[]> => {
      const m = classifier()
      for (const o of options) await m.fit(hostArray(x, [64, 2]), y, { batchSize: 10, ...quiet, ...o })
      return values(m.weights[0] as Tensor)
    }
    const whole = await run([{ epochs: 4, seed: 5 }])
    expect(await run([{ epochs: 4, seed: 5 }])).toEqual(whole)
    expect(await run([{ epochs: 4, seed: 6 }])).not.toEqual(whole)
    expect(
      await run([
        { epochs: 2, seed: 5 },
        { epochs: 4, initialEpoch: 2, seed: 5 },
      ]),
    ).toEqual(whole)
  })

  it('runs step by step with debugJit(false), with the same numbers', async () => {
    const { x, y } = clouds(20)
    const run = async (): Promise<number[]> => {
      setRandomSeed(1)
      const m = sequential([
        layers.dense({ units: 4, activation: 'relu', inputShape: [2] }),
        layers.dropout({ rate: 0.5 }),
        layers.dense({ units: 2, activation: 'softmax' }),
      ])
      m.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
      const { history } = await m.fit(hostArray(x, [20, 2]), y, { epochs: 3, batchSize: 8, ...quiet })
      return [...history['loss']!, ...history['accuracy']!, ...(await values(m.weights[0] as Tensor))]
    }
    const compiled = await run()
    debugJit(false)
    try {
      arraysEqual(await run(), compiled, 1e-6)
    } finally {
      debugJit(true)
    }
  })

  it('weighs examples', async () => {
    const m = line()
    m.compile({
      optimizer: sgd({ learningRate: 0.1 }),
      loss: 'meanSquaredError',
      metrics: [meanAbsoluteError({ name: 'mae' })],
    })
    const logs = await m.trainOnBatch([[1], [1]], [[0], [3]], [1, 0]) // errors 1 and -2, the second does not count
    expect(logs.loss).toBeCloseTo(0.5, 6)
    expect(logs['mae']).toBeCloseTo(1, 6)
    expect(await weight(m)).toBeCloseTo(0.9, 6)
  })

  it('adds penalties of regularizers to the loss', async () => {
    const m = sequential([
      layers.dense({
        units: 1,
        useBias: false,
        kernelInitializer: 'ones',
        inputShape: [1],
        kernelRegularizer: regularizers.l2(0.5),
      }),
    ])
    m.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' })
    const logs = await m.trainOnBatch([[1]], [[0]])
    expect(logs.loss).toBeCloseTo(1.5, 6)
    expect(await weight(m)).toBeCloseTo(1 - 0.1 * (2 + 1), 6)
    expect((await m.testOnBatch([[1]], [[0]])).loss).toBeCloseTo(0.49 * 1.5, 5)
  })

  it('leaves frozen layers alone, and notices when they thaw', async () => {
    const m = sequential([
      layers.dense({
        units: 1,
        useBias: false,
        kernelInitializer: 'ones',
        inputShape: [1],
        trainable: false,
      }),
      layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' }),
    ])
    m.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'mse' })
    await m.trainOnBatch([[1]], [[0]])
    expect(await weight(m)).toBe(1)
    m.layers[0]!.trainable = true
    await m.trainOnBatch([[1]], [[0]])
    expect(await weight(m)).toBeLessThan(1)
    for (const layer of m.layers) layer.trainable = false
    const before = await values(m.weights[1] as Tensor)
    expect((await m.trainOnBatch([[1]], [[0]])).loss).toBeGreaterThan(0)
    expect(await values(m.weights[1] as Tensor)).toEqual(before)
  })

  it('follows a learning rate that is set between epochs', async () => {
    const m = line()
    m.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'mse' })
    const rates: number[] = []
    await m.fit([[1]], [[0]], {
      epochs: 3,
      ...quiet,
      onEpochEnd: async () => {
        rates.push(await weight(m))
        m.optimizer.learningRate = 0.25
      },
    })
    expect(rates).toEqual([1, 0.5, 0.25])
  })

  it('starts the optimizer anew after compile', async () => {
    const m = line()
    m.compile({ optimizer: 'adam', loss: 'mse' })
    await m.fit([[1]], [[0]], quiet)
    const first = m.optimizer
    m.compile({ optimizer: 'adam', loss: 'mse' })
    await m.fit([[1]], [[0]], quiet)
    expect([(await first.iteration.data())[0], (await m.optimizer.iteration.data())[0]]).toEqual([1, 1])
  })
})

describe('datasets', () => {
  const { x, y } = clouds(60)
  const dataset = () => fromArrays({ x: hostArray(x, [60, 2]), y })

  it('of { x, y } and [x, y] train as arrays do', async () => {
    const [a, b, c] = [classifier(), classifier(), classifier()]
    const options = { epochs: 3, ...quiet }
    await a.fit(hostArray(x, [60, 2]), y, { ...options, batchSize: 12, shuffle: false })
    await b.fit(dataset().batch(12), options)
    await c.fit(fromArrays([hostArray(x, [60, 2]), y]).batch(12), options)
    const want = await values(a.weights[0] as Tensor)
    expect(await values(b.weights[0] as Tensor)).toEqual(want)
    expect(await values(c.weights[0] as Tensor)).toEqual(want)
    expect((await b.evaluate(dataset().batch(7))).loss).toBeCloseTo(
      (await a.evaluate(hostArray(x, [60, 2]), y)).loss,
      6,
    )
    arraysEqual(
      await values(await b.predict(fromArrays(hostArray(x, [60, 2])).batch(9))),
      await values(await a.predict(hostArray(x, [60, 2]))),
      1e-6,
    )
  })

  it('serve as validation data', async () => {
    const m = classifier()
    const { history } = await m.fit(dataset().batch(12), {
      epochs: 4,
      validationData: dataset().batch(30),
      validationFreq: 2,
      ...quiet,
    })
    expect(history['loss']).toHaveLength(4)
    expect(history['val_loss']).toHaveLength(2)
  })

  it('without end need stepsPerEpoch and go on from epoch to epoch', async () => {
    const seen: number[] = []
    const endless = fromGenerator(function* () {
      for (let i = 0; ; i++) {
        seen.push(i)
        yield { x: Float32Array.of(i), y: 0 }
      }
    }).batch(1)
    const m = line()
    m.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'mse' })
    const { history } = await m.fit(endless, { epochs: 3, stepsPerEpoch: 2, ...quiet })
    expect(history['loss']!.map((v) => Math.round(v * 100) / 100)).toEqual([0.5, 6.5, 20.5])
    expect(seen.length).toBeLessThanOrEqual(7)
    await expect(
      m.fit(
        fromArrays({ x: Float32Array.of(1), y: Float32Array.of(1) })
          .batch(1)
          .repeat(),
        quiet,
      ),
    ).rejects.toThrow('the dataset is endless; give stepsPerEpoch')
  })
})

describe('several inputs and outputs', () => {
  const make = () => {
    const [a, b] = [input({ shape: [1], name: 'a' }), input({ shape: [1], name: 'b' })]
    const both = layers.concatenate().apply([a, b])
    const sum = layers.dense({ units: 1, kernelInitializer: 'ones', name: 'sum' }).apply(both)
    const label = layers.dense({ units: 2, kernelInitializer: 'zeros', name: 'label' }).apply(both)
    return model({ inputs: [a, b], outputs: [sum, label] })
  }
  const x = { b: [[1], [2]], a: [[10], [20]] }
  const y = { label: Int32Array.of(0, 1), sum: [[12], [22]] }

  it('have losses, weights and metrics of their own', async () => {
    const m = make()
    m.compile({
      optimizer: sgd({ learningRate: 0 }),
      loss: { sum: new MeanSquaredError(), label: (_labels: Tensor, p: Tensor) => sum(mul(p, 0), -1) },
      lossWeights: { sum: 0.5, label: 2 },
      metrics: {
        label: ['accuracy', sparseCategoricalAccuracy({ name: 'right' })],
        sum: meanAbsoluteError(),
      },
    })
    const logs = await m.evaluate(x, y)
    expect(Object.keys(logs)).toEqual([
      'loss',
      'sum_loss',
      'label_loss',
      'sum_meanAbsoluteError',
      'label_accuracy',
      'label_right',
    ])
    expect(logs['sum_loss']).toBeCloseTo(0.5, 6)
    expect(logs.loss).toBeCloseTo(0.25, 6)
    expect(logs['label_accuracy']).toBe(0.5)
    expect(logs['label_right']).toBe(0.5)
    const { history } = await m.fit(x, y, { epochs: 2, ...quiet })
    expect(history['loss']).toHaveLength(2)
  })

  it('take arrays in order as well as records', async () => {
    const m = make()
    m.compile({ optimizer: 'sgd', loss: ['mse', new SparseCategoricalCrossentropy({ fromLogits: true })] })
    const [sum] = await m.predict([t([[10], [20]]), t([[1], [2]])])
    expect(await values(sum!)).toEqual([11, 22])
    const inOrder = await m.evaluate(
      [t([[10], [20]]), t([[1], [2]])],
      [t([[12], [22]]), tensor([0, 1], [2], 'int32') as Tensor],
    )
    expect(inOrder.loss).toBeCloseTo((await m.evaluate(x, y)).loss, 6)
  })
})

describe('losses and metrics by name', () => {
  it.each([
    ['binary', [[0.9], [0.2]], [[1], [1]], 0.5],
    [
      'one-hot',
      [
        [0.9, 0.1],
        [0.2, 0.8],
      ],
      [
        [1, 0],
        [1, 0],
      ],
      0.5,
    ],
    [
      'class numbers',
      [
        [0.9, 0.1],
        [0.2, 0.8],
      ],
      [0, 1],
      1,
    ],
  ])("'accuracy' of %s labels", async (kind, predictions, labels, want) => {
    const m = sequential([layers.lambda({ call: (x) => x, inputShape: [predictions[0]!.length] })])
    m.compile({
      optimizer: 'sgd',
      loss: kind === 'class numbers' ? 'sparseCategoricalCrossentropy' : 'mse',
      metrics: ['accuracy'],
    })
    expect((await m.evaluate(predictions, labels)).accuracy).toBe(want)
  })

  it('functions serve as losses and metrics', async () => {
    const m = line()
    m.compile({
      optimizer: 'sgd',
      loss: (labels: Tensor, predictions: Tensor) => mul(labels, predictions),
      metrics: [
        meanOf((_, p) => p, { name: 'p' }),
        function twice(_labels: Tensor, p: Tensor) {
          return mul(p, 2)
        },
      ],
    })
    const logs = await m.evaluate([[2], [4]], [[1], [1]])
    expect(logs).toEqual({ loss: 3, p: 3, twice: 6 })
  })

  it('reading an accuracy that was not compiled says so', async () => {
    const m = line()
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const logs = await m.evaluate([[1]], [[1]])
    expect(() => logs.accuracy).toThrow(
      "[logs] there is no 'accuracy'; compile with metrics: ['accuracy'] (here are loss)",
    )
  })
})

describe('stopping', () => {
  it('a signal ends training after the step and keeps what was learned', async () => {
    const m = line()
    m.compile({ optimizer: sgd({ learningRate: 0.25 }), loss: 'mse' })
    const controller = new AbortController()
    let steps = 0
    const history = await m.fit(ones([8, 1]) as Tensor, zeros([8, 1]) as Tensor, {
      epochs: 3,
      batchSize: 2,
      signal: controller.signal,
      ...quiet,
      onBatchEnd: (batch) => {
        steps++
        if (batch === 1) controller.abort()
      },
    })
    expect([steps, history.aborted, history.epoch]).toEqual([2, true, []])
    expect(await weight(m)).toBeCloseTo(0.25, 6)
  })

  it('a signal at the last step of an epoch keeps the epoch', async () => {
    const m = line()
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const controller = new AbortController()
    const history = await m.fit([[1]], [[1]], {
      epochs: 5,
      signal: controller.signal,
      ...quiet,
      onBatchEnd: () => controller.abort(),
    })
    expect([history.aborted, history.epoch]).toEqual([true, [0]])
  })

  it('a signal that came before does nothing at all', async () => {
    const m = line()
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const history = await m.fit([[1]], [[0]], { signal: AbortSignal.abort(), ...quiet })
    expect([history.aborted, history.epoch, await weight(m)]).toEqual([true, [], 1])
  })

  it('two trainings of one model at once are refused; the first goes on, and then another may begin', async () => {
    const m = line()
    m.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' })
    const first = m.fit(t([[1]]), t([[3]]), { epochs: 3, verbose: 0 })
    await expect(m.fit(t([[1]]), t([[3]]), quiet)).rejects.toThrow(
      expect.objectContaining({ name: 'TrainingError', code: 'busy' }),
    )
    expect((await first).epoch).toHaveLength(3)
    await expect(m.fit(t([[1, 2]]), t([[3]]), quiet)).rejects.toThrow(/does not fit/)
    expect((await m.fit(t([[1]]), t([[3]]), quiet)).epoch).toHaveLength(1)
  })

  it('timers and other work run while a model trains', async () => {
    const m = line()
    m.compile({ optimizer: 'sgd', loss: 'mse' })
    const turns: number[] = []
    const timer = setInterval(() => turns.push(1), 1)
    // many short runs in a row, until others had their turns: without any this never ends, and the test times out
    while (turns.length < 3)
      await m.fit(zeros([64, 1]) as Tensor, zeros([64, 1]) as Tensor, { batchSize: 1, epochs: 5, ...quiet })
    clearInterval(timer)
    expect(turns.length).toBeGreaterThanOrEqual(3)
  })
})
