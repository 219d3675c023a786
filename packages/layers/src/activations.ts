// Activations that layers know by name.
import {
  elu,
  exp,
  gelu,
  leakyRelu,
  logSoftmax,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
  type Tensor,
} from '@dl/tensor/core'
import type { Activation } from './registry.ts'

/** An activation or its name. */
export type ActivationLike = Activation | string

const linear: Activation = (x) => x
const exponential: Activation = (x) => exp(x)

/** The activations that the root door registers, under Keras's names. */
export const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear,
  relu: (x) => relu(x),
  relu6: (x) => relu6(x),
  leakyRelu: (x) => leakyRelu(x, 0.2),
  elu: (x) => elu(x),
  selu: (x) => selu(x),
  gelu: (x) => gelu(x),
  silu: (x) => silu(x),
  swish: (x) => silu(x),
  sigmoid: (x) => sigmoid(x),
  tanh: (x) => tanh(x),
  softplus: (x) => softplus(x),
  softsign: (x) => softsign(x),
  softmax: (x: Tensor) => softmax(x, -1),
  logSoftmax: (x: Tensor) => logSoftmax(x, -1),
  exponential,
}
