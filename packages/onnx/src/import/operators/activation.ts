// Activation functions. Where @dl/tensor has the function with these settings it is called, so that an export writes the same
// single operator again; other settings are spelled out.
import {
  abs,
  add,
  clipByValue,
  div,
  elu,
  exp,
  gelu,
  greater,
  hardSigmoid,
  leakyRelu,
  less,
  minimum,
  mish,
  mul,
  prelu,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
  sub,
  type Tensor,
  where,
} from '@dl/tensor/core'
import { type Operator, type OperatorCall, since } from '../operator.ts'

const unary = (fn: (x: Tensor) => Tensor): Operator => ({ build: (call) => fn(call.input(0)) })
const sloped = (absent: number, fn: (x: Tensor, alpha: number) => Tensor): Operator => ({
  attributes: ['alpha'],
  build: (call) => fn(call.input(0), call.attributes.float('alpha', absent)),
})

/** Equal as 32-bit floats, which is how attributes are stored. */
const same = (a: number, b: number): boolean => Math.fround(a) === Math.fround(b)
const SELU = { alpha: 1.6732632423543772, gamma: 1.0507009873554805 }

function scaledElu(call: OperatorCall): Tensor {
  const alpha = call.attributes.float('alpha', SELU.alpha)
  const gamma = call.attributes.float('gamma', SELU.gamma)
  if (same(alpha, SELU.alpha) && same(gamma, SELU.gamma)) return selu(call.input(0))
  return mul(elu(call.input(0), alpha), gamma)
}

function hardSigmoidOf(call: OperatorCall): Tensor {
  const alpha = call.attributes.float('alpha', 0.2)
  const beta = call.attributes.float('beta', 0.5)
  if (same(alpha, 0.2) && same(beta, 0.5)) return hardSigmoid(call.input(0))
  return clipByValue(add(mul(call.input(0), alpha), beta), 0, 1)
}

function geluOf(call: OperatorCall): Tensor {
  const form = call.attributes.string('approximate', 'none')
  if (form !== 'none' && form !== 'tanh') call.fail(`has approximate '${form}'; it is 'none' or 'tanh'`)
  return gelu(call.input(0), form)
}

function shrink(call: OperatorCall): Tensor {
  const lambd = call.attributes.float('lambd', 0.5)
  const bias = call.attributes.float('bias', 0)
  const x = call.input(0)
  return where(greater(x, lambd), sub(x, bias), where(less(x, -lambd), add(x, bias), mul(abs(x), 0)))
}

/** `x` where it is more than `alpha`, else 0. */
export const thresholdedRelu = (x: Tensor, alpha: number): Tensor =>
  where(greater(x, alpha), x, mul(abs(x), 0))

export const activation: Readonly<Record<string, Operator>> = {
  Relu: unary(relu),
  LeakyRelu: sloped(0.01, leakyRelu),
  PRelu: { build: (call) => prelu(call.input(0), call.input(1)) },
  Elu: sloped(1, elu),
  Celu: since(
    12,
    sloped(1, (x, alpha) => add(relu(x), minimum(mul(sub(exp(div(minimum(x, 0), alpha)), 1), alpha), 0))),
  ),
  Selu: { attributes: ['alpha', 'gamma'], build: scaledElu },
  ThresholdedRelu: since(10, sloped(1, thresholdedRelu)),
  HardSigmoid: { attributes: ['alpha', 'beta'], build: hardSigmoidOf },
  HardSwish: since(
    14,
    unary((x) => mul(x, clipByValue(add(div(x, 6), 0.5), 0, 1))),
  ),
  Softplus: unary(softplus),
  Softsign: unary(softsign),
  Mish: since(18, unary(mish)),
  Gelu: { since: 20, attributes: ['approximate'], build: geluOf },
  Swish: since(
    24,
    sloped(1, (x, alpha) => (alpha === 1 ? silu(x) : mul(x, sigmoid(mul(x, alpha))))),
  ),
  Shrink: { since: 9, attributes: ['lambd', 'bias'], build: shrink },
}
