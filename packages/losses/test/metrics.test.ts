// Metrics: what they count, over batches of different sizes, with weights, inside a compiled step.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import { jit, tensor, type Tensor } from '@dl/tensor/core'
import {
  accuracy,
  binaryAccuracy,
  categoricalAccuracy,
  mean,
  meanAbsoluteError,
  meanOf,
  meanSquaredError,
  type Metric,
  rootMeanSquaredError,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from '@dl/losses/metrics'

const t = (values: number[] | number[][]): Tensor => tensor(values) as Tensor
const ints = (values: number[]): Tensor => tensor(values, [values.length], 'int32') as Tensor
const result = async (metric: { result(): Tensor }): Promise<number> =>
  (await metric.result().data())[0] as number

const scores = t([
  [0.1, 0.5, 0.4],
  [0.6, 0.3, 0.1],
  [0.2, 0.2, 0.6],
  [0.3, 0.3, 0.4],
])
const rows: [string, Metric, Tensor, Tensor, number][] = [
  ['accuracy', accuracy(), ints([1, 2, 3]), ints([1, 0, 3]), 2 / 3],
  ['binaryAccuracy', binaryAccuracy(), t([[1], [1], [0], [0]]), t([[0.9], [0.4], [0.3], [0.5]]), 0.75],
  ['binaryAccuracy of labels [batch]', binaryAccuracy({ threshold: 0.2 }), t([1, 0]), t([[0.3], [0.3]]), 0.5],
  [
    'categoricalAccuracy',
    categoricalAccuracy(),
    t([
      [0, 1, 0],
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]),
    scores,
    0.5,
  ],
  ['sparseCategoricalAccuracy', sparseCategoricalAccuracy(), ints([1, 1, 2, 0]), scores, 0.5],
  [
    'topKCategoricalAccuracy',
    topKCategoricalAccuracy({ k: 2 }),
    t([
      [0, 0, 1],
      [0, 0, 1],
      [1, 0, 0],
      [0, 1, 0],
    ]),
    scores,
    0.75,
  ],
  ['sparseTopKCategoricalAccuracy', sparseTopKCategoricalAccuracy({ k: 1 }), ints([1, 1, 2, 0]), scores, 0.5],
  ['meanSquaredError', meanSquaredError(), t([[1, 2]]), t([[3, 2]]), 2],
  ['meanAbsoluteError', meanAbsoluteError(), t([[1, 2]]), t([[3, 2]]), 1],
  ['rootMeanSquaredError', rootMeanSquaredError(), t([[1, 2]]), t([[3, 0]]), 2],
]
it.each(rows)('%s', async (_, metric, labels, predictions, want) => {
  metric.update(labels, predictions)
  expect(await result(metric)).toBeCloseTo(want, 6)
})

describe('state', () => {
  it('weighs batches by their sizes, is 0 before the first and after a reset', async () => {
    const metric = sparseCategoricalAccuracy({ name: 'right' })
    expect(metric.name).toBe('right')
    expect(await result(metric)).toBe(0)
    metric.update(
      ints([1, 0, 2]),
      t([
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
      ]),
    )
    metric.update(ints([1]), t([[1, 0, 0]]))
    expect(await result(metric)).toBeCloseTo(0.75, 6)
    metric.reset()
    expect(await result(metric)).toBe(0)
  })

  it('weighs examples by sampleWeight', async () => {
    const metric = sparseCategoricalAccuracy()
    metric.update(
      ints([1, 0]),
      t([
        [0, 1],
        [0, 1],
      ]),
      t([3, 1]),
    )
    expect(await result(metric)).toBeCloseTo(0.75, 6)
  })

  it('adds up inside jit without tracing again', async () => {
    const metric = categoricalAccuracy()
    let traced = 0
    const update = jit((y: Tensor, p: Tensor) => {
      traced++
      metric.update(y, p)
      return []
    })
    for (let i = 0; i < 10; i++) update(t([[0, 1]]), t([i < 4 ? [0, 1] : [1, 0]]))
    expect(await result(metric)).toBeCloseTo(0.4, 6)
    expect(traced).toBe(1)
  })

  it('mean takes values and weights; meanOf takes a function', async () => {
    const m = mean()
    m.add(t([1, 3]))
    m.add(
      t([
        [5, 7],
        [9, 11],
      ]),
      t([1, 0]),
    )
    expect(await result(m)).toBeCloseTo((1 + 3 + 5 + 7) / 4, 6)
    const first = meanOf((_, p) => p, { name: 'first' })
    first.update(t([0, 0]), t([1, 2]))
    expect(await result(first)).toBeCloseTo(1.5, 6)
  })
})
