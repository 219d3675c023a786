// PyTorch's Adam for tests: epsilon is added to the corrected root, where Keras (and @dl/optim) adds it before the correction.
// Gradients near epsilon, as those of a network whose activations are normalized, tell the two apart.
import { add, cast, div, expm1, mul, neg, sqrt, square, sub, type Tensor, zerosLike } from '@dl/tensor/core'
import { Optimizer, type UpdateRule } from '@dl/optim'

const correction = (beta: number, t: Tensor): Tensor => neg(expm1(mul(t, Math.log(beta))))
const average = (last: Tensor, value: Tensor, beta: number): Tensor =>
  add(mul(last, beta), mul(value, 1 - beta))

function rule(epsilon: number): UpdateRule {
  const [beta1, beta2] = [0.9, 0.999]
  return {
    name: 'torchAdam',
    init: (parameter) => ({ momentum: zerosLike(parameter), velocity: zerosLike(parameter) }),
    step({ parameter, gradient, slots, learningRate, step }) {
      const t = add(cast(step, 'float32'), 1)
      const momentum = average(slots['momentum']!, gradient, beta1)
      const velocity = average(slots['velocity']!, square(gradient), beta2)
      const root = add(sqrt(div(velocity, correction(beta2, t))), epsilon)
      const change = mul(div(div(momentum, correction(beta1, t)), root), learningRate)
      return { parameter: sub(parameter, change), slots: { momentum, velocity } }
    },
  }
}

export const torchAdam = (learningRate: number, epsilon: number): Optimizer =>
  new Optimizer('torchAdam', rule(epsilon), { learningRate }, 0.001)
