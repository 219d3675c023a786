// Losses over classes: axis 1 of the scores are the classes, labels are class indices.
import {
  cast,
  div,
  equal,
  gather,
  logicalAnd,
  logSoftmax,
  mul,
  neg,
  notEqual,
  range,
  reshape,
  sum,
  type Tensor,
  where,
} from '@dl/tensor/core'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'

/** Weight of each label: that of its class, 0 where the label is to be ignored. */
function labelWeights(call: OperatorCall, labels: Tensor, weights: Tensor | undefined, like: Tensor): Tensor {
  const dtype = dtypeOfTensor(like)
  const ignored = call.attributes.int('ignore_index')
  const counted = ignored === undefined ? equal(labels, labels) : notEqual(labels, ignored)
  if (!weights) return cast(counted, dtype)
  return where(counted, gather(weights, where(counted, labels, 0), 0), 0)
}

/** Minus the log-probability `[N, C, …]` of each label `[N, …]`, weighed and reduced. */
function negativeLogLikelihood(call: OperatorCall, scores: Tensor, weights: Tensor | undefined): Tensor {
  const labels: Tensor = cast(call.input(1), 'int32')
  const [batch, classes, ...places] = shapeOf(scores) as [number, number, ...number[]]
  const column = reshape(labels, [batch, 1, ...places])
  const index = reshape(range(0, classes, 1, 'int32'), [classes, ...places.map(() => 1)])
  const each = labelWeights(call, labels, weights, scores)
  const picked = sum(where(equal(column, index), scores, 0), 1)
  const losses: Tensor = neg(where(logicalAnd(notEqual(each, 0), equal(each, each)), mul(picked, each), 0))
  const reduction = call.attributes.string('reduction', 'mean')
  if (reduction === 'none') return losses
  if (reduction === 'sum') return sum(losses)
  if (reduction === 'mean') return div(sum(losses), sum(each))
  return call.fail(`has reduction '${reduction}'; it is none, sum or mean`)
}

function softmaxCrossEntropy(call: OperatorCall): Tensor[] {
  const logProbabilities: Tensor = logSoftmax(call.input(0), 1)
  return [negativeLogLikelihood(call, logProbabilities, call.optional(2)), logProbabilities]
}

export const losses: Readonly<Record<string, Operator>> = {
  NegativeLogLikelihoodLoss: {
    attributes: ['ignore_index', 'reduction'],
    since: 12,
    build: (call) => negativeLogLikelihood(call, call.input(0), call.optional(2)),
  },
  SoftmaxCrossEntropyLoss: {
    attributes: ['ignore_index', 'reduction'],
    since: 12,
    build: softmaxCrossEntropy,
  },
}
