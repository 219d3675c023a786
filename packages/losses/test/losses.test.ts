// Losses by hand-computed values: reductions, weights, smoothing, shapes that fit and shapes that do not.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import { mul, sub, tensor, type Tensor } from '@dl/tensor/core'
import {
  binaryCrossentropy,
  BinaryCrossentropy,
  categoricalCrossentropy,
  CategoricalCrossentropy,
  huber,
  Huber,
  Loss,
  lossOf,
  meanSquaredError,
  MeanSquaredError,
  type Reduction,
  softmaxCrossEntropy,
  sparseCategoricalCrossentropy,
} from '@dl/losses'

const t = (values: number | number[] | number[][] | number[][][]): Tensor => tensor(values) as Tensor
const ints = (values: number[], shape: number[] = [values.length]): Tensor =>
  tensor(values, shape, 'int32') as Tensor
async function expectValues(got: Tensor, want: readonly number[], shape: readonly number[]): Promise<void> {
  expect(got.shape).toEqual(shape)
  const data = [...(await got.data())].map(Number)
  data.forEach((x, i) => expect(x).toBeCloseTo(want[i]!, 5))
}

describe('reductions', () => {
  const labels = t([
    [0, 0],
    [0, 0],
    [0, 0],
  ])
  const predictions = t([
    [1, 1],
    [2, 2],
    [3, 3],
  ]) // squared errors 1, 4, 9
  const rows: [Reduction, number[] | undefined, number[], number[]][] = [
    ['none', undefined, [1, 4, 9], [3]],
    ['sum', undefined, [14], []],
    ['mean', undefined, [14 / 3], []],
    ['sumOverBatchSize', undefined, [14 / 3], []],
    ['meanWithSampleWeight', undefined, [14 / 3], []],
    ['none', [1, 0, 2], [1, 0, 18], [3]],
    ['sum', [1, 0, 2], [19], []],
    ['mean', [1, 0, 2], [19 / 3], []],
    ['meanWithSampleWeight', [1, 0, 2], [19 / 3], []],
    ['meanWithSampleWeight', [1, 0, 0], [1], []],
  ]
  it.each(rows)('%s with weights %j', async (reduction, weights, want, shape) => {
    const sampleWeight = weights && t(weights)
    await expectValues(meanSquaredError(labels, predictions, { reduction, sampleWeight }), want, shape)
    await expectValues(
      new MeanSquaredError({ reduction }).call(labels, predictions, sampleWeight),
      want,
      shape,
    )
  })

  it('refuses an unknown reduction and weights of another shape', () => {
    expect(() => meanSquaredError(labels, predictions, { reduction: 'average' as 'mean' })).toThrow(
      /\[meanSquaredError\] reduction must be none, sum, mean.*got average/,
    )
    expect(() => meanSquaredError(labels, predictions, { sampleWeight: t([1, 2]) })).toThrow(
      '[meanSquaredError] sampleWeight must have the shape [3] of the losses or that of its first dimensions, got [2]',
    )
  })
})

describe('cross-entropy', () => {
  const third = Math.log(3)
  it('from logits equals probabilities', async () => {
    const logits = t([
      [2, 1, 0],
      [0, 3, 0],
    ])
    const probabilities = t([
      [0.66524096, 0.24472847, 0.09003057],
      [0.04527849, 0.90944302, 0.04527849],
    ])
    const labels = ints([0, 1])
    const oneHot = t([
      [1, 0, 0],
      [0, 1, 0],
    ])
    const want = [0.40760596, 0.09492296]
    await expectValues(sparseCategoricalCrossentropy(labels, logits, { fromLogits: true }), want, [2])
    await expectValues(sparseCategoricalCrossentropy(labels, probabilities), want, [2])
    await expectValues(categoricalCrossentropy(oneHot, logits, { fromLogits: true }), want, [2])
    await expectValues(categoricalCrossentropy(oneHot, probabilities), want, [2])
    await expectValues(softmaxCrossEntropy(oneHot, logits), want, [2])
  })

  it('normalises probabilities and keeps them away from 0, as Keras does', async () => {
    await expectValues(categoricalCrossentropy(t([[1, 0]]), t([[0, 5]])), [-Math.log(1e-7)], [1])
    await expectValues(categoricalCrossentropy(t([[1, 0]]), t([[2, 2]])), [Math.LN2], [1])
  })

  it('smooths labels: over all classes, or towards a half', async () => {
    const uniform = t([[0, 0, 0]])
    await expectValues(
      categoricalCrossentropy(t([[1, 0, 0]]), uniform, { fromLogits: true, labelSmoothing: 0.3 }),
      [third],
      [1],
    )
    const labels = t([[1, 0]])
    const want = -(0.9 * Math.log(0.8) + 0.1 * Math.log(0.2))
    await expectValues(binaryCrossentropy(labels, t([[0.8, 0.2]]), { labelSmoothing: 0.2 }), [want], [1])
    await expectValues(
      new BinaryCrossentropy({ labelSmoothing: 0.2 }).call(labels, t([[0.8, 0.2]])),
      [want],
      [],
    )
    expect(() => categoricalCrossentropy(labels, labels, { labelSmoothing: 2 })).toThrow(
      'labelSmoothing must be in [0, 1], got 2',
    )
  })

  it('binary: from logits equals probabilities', async () => {
    const logit = Math.log(0.8 / 0.2)
    await expectValues(
      binaryCrossentropy(t([[1]]), t([[logit]]), { fromLogits: true }),
      [-Math.log(0.8)],
      [1],
    )
    await expectValues(binaryCrossentropy(t([[1]]), t([[0.8]])), [-Math.log(0.8)], [1])
  })

  it('takes class numbers with a last dimension of 1, and sequences', async () => {
    const logits = t([
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    ])
    await expectValues(
      sparseCategoricalCrossentropy(ints([0, 2], [1, 2]), logits, { fromLogits: true }),
      [third, third],
      [1, 2],
    )
    await expectValues(
      sparseCategoricalCrossentropy(
        ints([1, 2], [2, 1]),
        t([
          [0, 0, 0],
          [0, 0, 0],
        ]),
        { fromLogits: true },
      ),
      [third, third],
      [2],
    )
  })
})

it('huber is quadratic up to delta and linear beyond', async () => {
  await expectValues(huber(t([[0, 0]]), t([[0.5, 3]]), { delta: 2 }), [(0.125 + 4) / 2], [1])
  await expectValues(new Huber({ delta: 2 }).call(t([[0, 0]]), t([[0.5, 3]])), [(0.125 + 4) / 2], [])
  expect(() => huber(t([[0]]), t([[0]]), { delta: 0 })).toThrow('[huber] delta must be positive, got 0')
})

describe('shapes', () => {
  it('labels [batch] fit predictions [batch, 1], and the other way round', async () => {
    await expectValues(meanSquaredError(t([1, 2]), t([[2], [4]])), [1, 4], [2])
    await expectValues(meanSquaredError(t([[1], [2]]), t([2, 4])), [1, 4], [2])
  })
  it('names both shapes when they differ, and the usual mistake', () => {
    expect(() => meanSquaredError(t([[1, 2]]), t([[1], [2]]))).toThrow(
      '[meanSquaredError] labels and predictions must have equal shapes, got labels float32 [1,2] and predictions float32 [2,1]',
    )
    expect(() =>
      categoricalCrossentropy(
        ints([0, 1]),
        t([
          [1, 0],
          [0, 1],
        ]),
      ),
    ).toThrow(/for class numbers use sparseCategoricalCrossentropy/)
    expect(() =>
      sparseCategoricalCrossentropy(
        t([
          [1, 0],
          [0, 1],
        ]),
        t([
          [1, 0],
          [0, 1],
        ]),
      ),
    ).toThrow(/for one-hot labels use the categorical form/)
  })
})

it('functions become losses, and losses can be extended', async () => {
  const signed = lossOf((y, p) => sub(y, p), { reduction: 'sum' })
  await expectValues(signed.call(t([1, 2]), t([0, 0])), [3], [])
  class Scaled extends Loss<{ factor: number; reduction?: Reduction }> {
    readonly name = 'scaled'
    values(labels: Tensor, predictions: Tensor): Tensor {
      return mul(sub(labels, predictions), this.config.factor)
    }
  }
  await expectValues(new Scaled({ factor: 2 }).call(t([[1], [3]]), t([[0], [0]])), [4], [])
  expect(new CategoricalCrossentropy({ fromLogits: true }).config).toEqual({ fromLogits: true })
})
