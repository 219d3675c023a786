// Activations and normalizations against PyTorch in float64: values, and gradients under the recorded cotangents. Functions
// that have no name here are spelled out as a user would.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'

beforeAll(() => {
  registerBackend(referenceBackend)
})

interface Recorded {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}
interface Case {
  readonly id: string
  readonly op: string
  readonly args: Readonly<Record<string, number | string | readonly number[]>>
  readonly inputs: Readonly<Record<string, Recorded>>
  readonly outputs: { readonly output: Recorded }
  readonly cotangents: { readonly output: Recorded }
  readonly grads: Readonly<Record<string, Recorded>>
}
const fixture = fileURLToPath(new URL('../fixtures/pytorch-activations-norms.json', import.meta.url))
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: readonly Case[] }
const isNorm = ({ op }: Case): boolean => op.endsWith('Norm') || /Norm\dd$/.test(op)

type Forward = (x: tf.Tensor, args: Record<string, number>, weight: tf.Tensor, bias: tf.Tensor) => tf.Tensor
const { add, div, exp, mul, neg, sub, where } = tf

/** Mean 0 and variance 1 over `axes`, then one scale and offset for each channel (axis 1). */
function normalized(
  x: tf.Tensor,
  axes: readonly number[],
  epsilon: number,
  weight?: tf.Tensor,
  bias?: tf.Tensor,
): tf.Tensor {
  const { mean, variance } = tf.moments(x, axes, true)
  const unit = div(sub(x, mean), tf.sqrt(add(variance, epsilon)))
  const perChannel = (p: tf.Tensor): tf.Tensor => p.reshape([p.size, ...Array<number>(x.rank - 2).fill(1)])
  return weight && bias ? add(mul(unit, perChannel(weight)), perChannel(bias)) : unit
}
const trailing = (x: tf.Tensor, first: number): number[] =>
  Array.from({ length: x.rank - first }, (_, i) => first + i)

const FORWARD: Record<string, Forward> = {
  ReLU: (x) => tf.relu(x),
  ReLU6: (x) => tf.relu6(x),
  LeakyReLU: (x, a) => tf.leakyRelu(x, a['negative_slope']),
  ELU: (x, a) => tf.elu(x, a['alpha']),
  SELU: (x) => tf.selu(x),
  CELU: (x, a) => add(tf.relu(x), tf.minimum(mul(sub(exp(div(x, a['alpha']!)), 1), a['alpha']!), 0)),
  GELU: (x, a) => tf.gelu(x, a['approximate'] === undefined ? 'none' : 'tanh'),
  SiLU: (x) => tf.silu(x),
  Mish: (x) => tf.mish(x),
  Hardswish: (x) => div(mul(x, tf.relu6(add(x, 3))), 6),
  Hardsigmoid: (x) => div(tf.relu6(add(x, 3)), 6),
  Hardtanh: (x, a) => tf.clipByValue(x, a['min_val']!, a['max_val']!),
  Hardshrink: (x, a) => where(tf.greater(tf.abs(x), a['lambd']!), x, 0),
  Softshrink: (x, a) => sub(x, tf.clipByValue(x, -a['lambd']!, a['lambd']!)),
  Tanhshrink: (x) => sub(x, tf.tanh(x)),
  Softplus: (x, a) =>
    where(
      tf.greater(mul(x, a['beta']!), a['threshold']!),
      x,
      div(tf.softplus(mul(x, a['beta']!)), a['beta']!),
    ),
  Softsign: (x) => tf.softsign(x),
  LogSigmoid: (x) => neg(tf.softplus(neg(x))),
  Sigmoid: (x) => tf.sigmoid(x),
  Tanh: (x) => tf.tanh(x),
  Threshold: (x, a) => where(tf.greater(x, a['threshold']!), x, a['value']!),
  GLU: (x, a) => {
    const [value, gate] = tf.split(x, 2, a['dim'])
    return mul(value, tf.sigmoid(gate))
  },
  Softmax: (x, a) => tf.softmax(x, a['dim']),
  LogSoftmax: (x, a) => tf.logSoftmax(x, a['dim']),
  Softmin: (x, a) => tf.softmax(neg(x), a['dim']),
  PReLU: (x, _a, weight) => tf.prelu(x, weight),
  LayerNorm: (x, a, weight, bias) =>
    tf.layerNorm(x, weight, bias, trailing(x, x.rank - weight.rank), a['eps']),
  BatchNorm1d: (x, _a, weight, bias) => normalized(x, [0], 1e-5, weight, bias),
  InstanceNorm1d: (x) => normalized(x, [2], 1e-5),
  GroupNorm: (x, a, weight, bias) => {
    const grouped = x.reshape([x.shape[0]!, a['num_groups']!, -1])
    const unit = normalized(grouped, [2], 1e-5).reshape(x.shape)
    return add(mul(unit, weight.reshape([-1, 1, 1])), bias.reshape([-1, 1, 1]))
  },
}

async function expectClose(x: tf.Tensor, recorded: Recorded, relative: number): Promise<void> {
  expect([...x.shape]).toEqual(recorded.shape)
  const values = (await x.data()) as Float32Array
  for (const [i, want] of recorded.data.entries())
    expect(Math.abs(values[i]! - want), `element ${i}: ${values[i]} for ${want}`).toBeLessThanOrEqual(
      1e-5 + relative * Math.abs(want),
    )
}

function compare(rows: readonly Case[], dtype: 'float32' | 'float64'): void {
  // float32 at the bounds recorded with the oracle, float64 at its rounding to ten digits
  const bounds = dtype === 'float32' ? { value: 1e-4, gradient: 1e-3 } : { value: 1e-8, gradient: 1e-8 }
  it.each(rows)('$id', async ({ op, args, inputs, outputs, cotangents, grads }) => {
    const order = ['x', 'param.weight', 'param.bias'].filter((name) => inputs[name] !== undefined)
    const make = ({ data, shape }: Recorded): tf.Tensor => tf.tensor(data, shape, dtype)
    const forward = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
      FORWARD[op]!(x, args as Record<string, number>, weight, bias)
    const { value, pullback } = tf.vjp(
      (...primals: tf.Tensor[]) => forward(primals[0]!, primals[1]!, primals[2]!),
      order.map((name) => make(inputs[name]!)),
    )
    expect(value.dtype).toBe(dtype)
    await expectClose(value, outputs.output, bounds.value)
    const gradients = pullback(make(cotangents.output))
    for (const [i, name] of order.entries()) await expectClose(gradients[i]!, grads[name]!, bounds.gradient)
  })
}

judge('PyTorch activations', { needs: 'oracles/ops/activations.json', fixture }, () => {
  describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
    compare(
      cases.filter((row) => !isNorm(row)),
      dtype,
    )
  })
})

judge('PyTorch norms', { needs: 'oracles/ops/norm.json', fixture }, () => {
  describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
    compare(cases.filter(isNorm), dtype)
  })
})
