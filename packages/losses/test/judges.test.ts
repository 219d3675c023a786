// Judges: losses and metrics that PyTorch (float64) and Keras 3.8 computed.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { expect, it } from 'vitest'
import { strictBackend, grad, mul, oneHot, reshape, sum, tensor, type Tensor } from '@dl/tensor/core'
import {
  BinaryCrossentropy,
  binaryCrossentropy,
  CategoricalCrossentropy,
  categoricalCrossentropy,
  Huber,
  huber,
  type Loss,
  MeanAbsoluteError,
  meanAbsoluteError,
  MeanSquaredError,
  meanSquaredError,
  type Reduction,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  SparseCategoricalCrossentropy,
  sparseCategoricalCrossentropy,
} from '@dl/losses'
import * as metrics from '@dl/losses/metrics'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Values {
  shape: number[]
  dtype: string
  data: number[]
}
interface TorchCase {
  id: string
  op: string
  args: { reduction: Reduction; delta?: number }
  inputs: { input: Values; target: Values }
  outputs: { output: Values }
  cotangents: { output: Values }
  grads: { input: Values }
}
interface KerasLoss {
  y_true: Values
  y_pred: Values
  mean: number
  sum: number
  none: Values
  weighted: number
}

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
const load = (name: string): unknown => JSON.parse(readFileSync(fixture(name), 'utf8'))
const isInteger = (dtype: string): boolean => dtype.startsWith('int')
const value = ({ data, shape, dtype }: Values): Tensor =>
  tensor(data, shape, isInteger(dtype) ? 'int32' : 'float32') as Tensor

async function expectClose(got: Tensor, want: Values, relative: number): Promise<void> {
  expect(got.shape).toEqual(want.shape)
  const data = await got.data()
  want.data.forEach((w, i) =>
    expect(Math.abs(Number(data[i]) - w), `value ${i}: ${data[i]} instead of ${w}`).toBeLessThanOrEqual(
      1e-6 + relative * Math.abs(w),
    ),
  )
}

// A loss of ours as PyTorch defines it. PyTorch averages over all elements, ours over the last dimension first; a column of
// its own for each element makes them the same.
type Elementwise = (target: Tensor, input: Tensor, reduction: Reduction) => Tensor
const column = (x: Tensor): Tensor => reshape(x, [...x.shape, 1])
const elementwise =
  (loss: typeof meanSquaredError, extra: object = {}): Elementwise =>
  (target, input, reduction) =>
    loss(column(target), column(input), { reduction, ...extra })

const TORCH: Record<string, (args: TorchCase['args']) => Elementwise> = {
  mse_loss: () => elementwise(meanSquaredError),
  l1_loss: () => elementwise(meanAbsoluteError),
  huber_loss: ({ delta }) => elementwise(huber, { delta }),
  binary_cross_entropy: () => elementwise(binaryCrossentropy),
  cross_entropy: () => (target, input, reduction) =>
    isInteger(target.dtype as string)
      ? sparseCategoricalCrossentropy(target, input, { fromLogits: true, reduction })
      : categoricalCrossentropy(target, input, { fromLogits: true, reduction }),
}

judge('PyTorch losses', { needs: 'oracles/ops/losses.json', fixture: fixture('torch-losses.json') }, () => {
  const { cases } = load('torch-losses.json') as { cases: TorchCase[] }
  it.each(cases.map((c) => [c.id, c] as const))('%s: value and gradient', async (_, c) => {
    const loss = TORCH[c.op]!(c.args)
    const target = value(c.inputs.target)
    const input = value(c.inputs.input)
    await expectClose(loss(target, input, c.args.reduction), c.outputs.output, 1e-5)
    const weighted = (x: Tensor): Tensor =>
      sum(mul(loss(target, x, c.args.reduction), value(c.cotangents.output)))
    await expectClose(grad(weighted)(input), c.grads.input, 1e-4)
  })
})

const KERAS: Record<string, (reduction: Reduction) => Loss> = {
  MeanSquaredError: (reduction) => new MeanSquaredError({ reduction }),
  MeanAbsoluteError: (reduction) => new MeanAbsoluteError({ reduction }),
  Huber: (reduction) => new Huber({ reduction }),
  BinaryCrossentropy: (reduction) => new BinaryCrossentropy({ reduction }),
  CategoricalCrossentropy: (reduction) => new CategoricalCrossentropy({ reduction }),
  SparseCategoricalCrossentropy: (reduction) => new SparseCategoricalCrossentropy({ reduction }),
}

judge(
  'Keras losses and metrics',
  { needs: 'oracles/keras-cases/losses_metrics.json', fixture: fixture('keras-losses.json') },
  () => {
    const keras = load('keras-losses.json') as {
      losses: Record<string, KerasLoss>
      metrics: Record<string, { args: { k?: number }; y_true: Values; y_pred: Values; result: Values }[]>
    }
    // the weights that the oracle used, solved from its own values
    const weights = [0.2, 0.44, 0.68, 0.92, 1.16, 1.4]
    it.each(Object.entries(keras.losses))('%s: reductions and sample weights', async (name, c) => {
      const [labels, predictions] = [value(c.y_true), value(c.y_pred)]
      const make = KERAS[name]!
      await expectClose(make('none').call(labels, predictions), c.none, 1e-5)
      for (const [reduction, want] of [
        ['sum', c.sum],
        ['mean', c.mean],
        ['sumOverBatchSize', c.mean],
      ] as const)
        await expectClose(
          make(reduction).call(labels, predictions),
          { shape: [], dtype: 'float32', data: [want] },
          1e-5,
        )
      const weighted = make('sumOverBatchSize').call(labels, predictions, tensor(weights) as Tensor)
      await expectClose(weighted, { shape: [], dtype: 'float32', data: [c.weighted] }, 1e-5)
    })

    const METRICS: Record<string, (args: { k?: number }) => metrics.Metric> = {
      Accuracy: () => metrics.accuracy(),
      BinaryAccuracy: () => metrics.binaryAccuracy(),
      CategoricalAccuracy: () => metrics.categoricalAccuracy(),
      SparseCategoricalAccuracy: () => metrics.sparseCategoricalAccuracy(),
      TopKCategoricalAccuracy: ({ k }) => metrics.topKCategoricalAccuracy({ k }),
      RootMeanSquaredError: () => metrics.rootMeanSquaredError(),
      MeanAbsoluteError: () => metrics.meanAbsoluteError(),
    }
    const rows = Object.entries(keras.metrics).flatMap(([name, cases]) =>
      cases.map((c) => [name, c] as const),
    )
    it.each(rows)('%s', async (name, c) => {
      const metric = METRICS[name]!(c.args)
      metric.update(value(c.y_true), value(c.y_pred))
      await expectClose(metric.result(), c.result, 1e-5)
    })
  },
)

it('sigmoidCrossEntropy and softmaxCrossEntropy are finite and exact for large logits', async () => {
  const logits = tensor([
    [1000, 0],
    [-1000, 0],
  ]) as Tensor
  await expectClose(
    sigmoidCrossEntropy(
      tensor([
        [1, 1],
        [1, 0],
      ]) as Tensor,
      logits,
    ),
    { shape: [2, 2], dtype: '', data: [0, Math.LN2, 1000, Math.LN2] },
    1e-6,
  )
  const labels = oneHot(tensor([0, 0], [2], 'int32'), 2) as Tensor
  await expectClose(softmaxCrossEntropy(labels, logits), { shape: [2], dtype: '', data: [0, 1000] }, 1e-6)
})
