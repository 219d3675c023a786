// How many kernels well-known computations become: fusion is a promise, so it is counted.
import { describe, expect, it } from 'vitest'
import type { Node } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { rmsNorm } from '../../src/ops/rms-norm.ts'
import { fromNode, nodeOf } from '../../src/tensor/tensor.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { distance, evaluate, expected, input } from './evaluation.ts'

const { s } = p
const backend = interpretingBackend()
const last = (x: Node): number => x.shape.length - 1
const rowMax = (x: Node): Node => p.reduce('maxNumber', x, [last(x)])
const rowSum = (x: Node): Node => p.reduce('sum', x, [last(x)])
const rowMean = (x: Node): Node => s.div(rowSum(x), x.shape[last(x)]!)
const softmax = (x: Node): Node => {
  const e = s.exp(s.sub(x, p.stop(rowMax(x))))
  return s.div(e, rowSum(e))
}
const squeeze = (x: Node): Node => p.reshape(x, x.shape.slice(0, -1))
const unsqueeze = (x: Node): Node => p.reshape(x, [...x.shape, 1])

const layerNormByHand = (x: Node): Node => {
  const mean = rowMean(x)
  const centred = s.sub(x, mean)
  const variance = rowMean(s.mul(centred, centred))
  const normal = s.div(s.sub(x, mean), s.sqrt(s.add(variance, 1e-5)))
  return s.add(s.mul(normal, input([x.shape[last(x)]!])), input([x.shape[last(x)]!]))
}
const rmsNormByName = (x: Node): Node =>
  nodeOf('rmsNorm', 'result', rmsNorm(fromNode(x), fromNode(input([x.shape[last(x)]!]))))
const gelu = (x: Node): Node => s.mul(s.mul(x, 0.5), s.add(s.erf(s.mul(x, Math.SQRT1_2)), 1))

/** Cross-entropy of integer labels from logits, its mean, and the gradient of the logits. */
function crossEntropy(x: Node): Node[] {
  const labels = input([x.shape[0]!, 1], 'int32')
  const oneHot = p.cast(s.eq(p.iota(x.shape, 1), p.broadcastTo(labels, x.shape)), 'float32')
  const shifted = s.sub(x, p.stop(rowMax(x)))
  const logProbability = s.sub(shifted, s.log(rowSum(s.exp(shifted))))
  const loss = s.neg(rowSum(s.mul(oneHot, logProbability)))
  const mean = s.div(p.reduce('sum', loss, [0]), x.shape[0]!)
  const gradient = s.div(s.sub(s.exp(logProbability), oneHot), x.shape[0]!)
  return [mean, gradient]
}

function layerNormBackward(x: Node): Node[] {
  const n = x.shape[1]!
  const [gamma, ct] = [input([n]), input(x.shape)]
  const mean = rowMean(x)
  const centred = s.sub(x, mean)
  const deviation = s.sqrt(s.add(rowMean(s.mul(centred, centred)), 1e-5))
  const normal = s.div(centred, deviation)
  const g = s.mul(ct, gamma)
  const dx = s.div(s.sub(s.sub(g, rowMean(g)), s.mul(normal, rowMean(s.mul(g, normal)))), deviation)
  return [dx, p.reduce('sum', s.mul(ct, normal), [0]), p.reduce('sum', ct, [0])]
}

function softmaxBackward(x: Node): Node[] {
  const y = softmax(x)
  const ct = input(x.shape)
  return [s.mul(y, s.sub(ct, rowSum(s.mul(ct, y))))]
}

const x = (): Node => input([6, 8])
const cases: readonly (readonly [string, number, () => Node[]])[] = [
  ['softmax', 1, () => [softmax(x())]],
  ['softmax of a batch of matrices', 1, () => [softmax(input([2, 3, 5]))]],
  [
    'div(exp(sub(x, max(x))), sum(…)) with squeezed reductions',
    1,
    () => {
      const a = x()
      const e = s.exp(s.sub(a, unsqueeze(squeeze(p.reduce('max', a, [1])))))
      return [s.div(e, unsqueeze(squeeze(rowSum(e))))]
    },
  ],
  [
    'logSoftmax',
    1,
    () => {
      const a = x()
      const shifted = s.sub(a, rowMax(a))
      return [s.sub(shifted, s.log(rowSum(s.exp(shifted))))]
    },
  ],
  ['softmax backward', 1, () => softmaxBackward(x())],
  ['x.sub(mean).div(sqrt(var + eps)).mul(g).add(b)', 1, () => [layerNormByHand(x())]],
  ['rms norm by name', 1, () => [rmsNormByName(x())]],
  ['layer norm backward', 2, () => layerNormBackward(x())],
  ['gelu', 1, () => [gelu(x())]],
  ['gelu(a·x + b)', 1, () => [gelu(s.add(s.mul(x(), input([8])), input([8])))]],
  [
    'where(x > 0, x, exp(x) − 1)',
    1,
    () => {
      const a = x()
      return [s.select(s.gt(a, 0), a, s.sub(s.exp(a), 1))]
    },
  ],
  ['dense + bias + relu', 1, () => [s.relu(s.add(p.dot(x(), input([8, 5])), input([5])))]],
  [
    'dense + bias + relu + residual',
    1,
    () => [s.add(s.relu(s.add(p.dot(x(), input([8, 8])), input([8]))), input([6, 8]))],
  ],
  [
    'dense of a batch of sequences',
    1,
    () => [s.relu(s.add(p.dot(input([2, 3, 8]), p.broadcastTo(input([8, 5]), [2, 8, 5])), input([5])))],
  ],
  ['argMax', 1, () => [p.argReduce('max', x(), 1)]],
  ['cross-entropy forward and backward, and the mean', 2, () => crossEntropy(x())],
  [
    'sum of everything and the mean beside it',
    1,
    () => {
      const a = x()
      return [p.reduce('sum', a, [0, 1]), s.div(p.reduce('sum', a, [0, 1]), 48)]
    },
  ],
  ['product with a column', 1, () => [p.dot(x(), input([8, 1]))]],
  ['product with a row', 1, () => [p.dot(input([1, 6]), x())]],
  ['outer product', 1, () => [p.dot(input([6, 1]), input([1, 8]))]],
  ['integer product', 1, () => [p.dot(input([3, 4], 'int32'), input([4, 5], 'int32'))]],
  ['gather of rows, scaled', 1, () => [s.mul(p.gather(input([10, 4]), input([3], 'int32'), 0), 2)]],
  [
    'updates of three parameters that share nothing but a rate',
    3,
    () => {
      const rate = input([])
      return [1, 2, 3].map(() => s.sub(input([60, 80]), s.mul(input([60, 80]), rate)))
    },
  ],
  [
    'updates of three tiny parameters',
    1,
    () => [1, 2, 3].map(() => s.sub(input([8]), s.mul(input([8]), input([])))),
  ],
  [
    'random bits that are read twice, in the epilogue of the product that they mask',
    2,
    () => {
      const y = s.relu(p.dot(x(), input([8, 5])))
      const counter = p.reshape(p.iota([30], 0), [6, 5])
      const key = p.broadcastTo(input([1, 1], 'int32'), [6, 5])
      const kept = s.ge(s.threefry(key, key, counter, counter), 0)
      return [p.dot(s.select(kept, y, 0), input([5, 2])), s.select(kept, s.mul(y, 2), 0)]
    },
  ],
  [
    'a function of everything beside the sum of something else',
    2,
    () => [s.mul(x(), p.reshape(p.reduce('sum', x(), [0, 1]), [1, 1]))],
  ],
  ['softmax of a vector', 1, () => [softmax(input([20]))]],
  [
    'dropout with its own random bits',
    1,
    () => {
      const a = x()
      const counter = p.reshape(p.iota([48], 0), [6, 8])
      const bits = s.threefry(
        p.broadcastTo(input([1, 1], 'int32'), [6, 8]),
        p.constant(7, 'int32', [6, 8]),
        counter,
        p.constant(0, 'int32', [6, 8]),
      )
      return [s.select(s.lt(p.cast(s.shiftRightLogical(bits, 9), 'float32'), 4e6), s.mul(a, 2), 0)]
    },
  ],
]

describe('kernel counts', () => {
  it.each(cases)('%s', (_name, count, build) => {
    const roots = build()
    const { values, bound } = evaluate(backend, roots)
    const wanted = expected(roots)
    values.forEach((v, i) => expect(distance(v, wanted[i]!)).toBeLessThan(1e-5))
    expect(bound.plan.kernelCount).toBe(count)
  })
})
