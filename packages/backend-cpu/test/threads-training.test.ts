// Training on one, two and three threads: the weights after some steps are the same, bit for bit.
import { registerBackend } from '@dl/tensor/backend'
import { conv2d, jit, matMul, maxPool, relu, reshape, setBackend, tensor, valueAndGrad } from '@dl/tensor'
import type { Tensor } from '@dl/tensor'
import { expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'

const filled = (shape: number[], salt: number): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1)
  const scale = Math.sqrt(2 / (size / shape.at(-1)!))
  return tensor(
    Float32Array.from({ length: size }, (_, i) => scale * Math.sin((i + 1) * salt)),
    shape,
  )
}

type Weights = Record<'w1' | 'w2', Tensor>

const dense = {
  weights: (): Weights => ({ w1: filled([144, 64], 1.3), w2: filled([64, 10], 2.7) }),
  apply: (x: Tensor, { w1, w2 }: Weights): Tensor =>
    matMul(relu(matMul(reshape(x, [-1, 144]), w1)), w2) as Tensor,
}
const convolutional = {
  weights: (): Weights => ({ w1: filled([3, 3, 1, 8], 1.3), w2: filled([288, 10], 2.7) }),
  apply: (x: Tensor, { w1, w2 }: Weights): Tensor => {
    const h = maxPool(relu(conv2d(x as never, w1 as never, 1, 'same')) as never, 2, 2, 'same')
    return matMul(reshape(h, [-1, 288]), w2) as Tensor
  },
}

/** Weights after sixty steps of gradient descent. */
async function train({ weights, apply }: typeof dense, threads: number): Promise<[Buffer, boolean]> {
  const backend = new CpuBackend({ threads: 1 }, { splitFrom: 0, workersFirst: true })
  await backend.setThreadCount(threads)
  registerBackend(backend)
  await setBackend('cpu')
  const x = filled([32, 12, 12, 1], 0.7)
  const y = filled([32, 10], 0.9)
  let w = weights()
  const step = jit((current: Weights): Weights => {
    const { grad } = valueAndGrad((p: Weights) => apply(x, p).sub(y).square().mean() as never)(current)
    return { w1: current.w1.sub(grad.w1.mul(0.1)) as Tensor, w2: current.w2.sub(grad.w2.mul(0.1)) as Tensor }
  })
  for (let i = 0; i < 60; i++) w = step(w)
  const bits = Buffer.concat([w.w1, w.w2].map((v) => Buffer.from((v.dataSync() as Float32Array).buffer)))
  const worked = backend.partsDone.filter((parts) => parts > 0).length > 1
  backend.dispose()
  return [bits, worked]
}

it.each([
  ['a dense network', dense],
  ['a convolutional network', convolutional],
])(
  '%s learns the same on one, two and three threads',
  async (_, network) => {
    const [one, alone] = await train(network, 1)
    const [two, together] = await train(network, 2)
    const [three] = await train(network, 3)
    expect([alone, together]).toEqual([false, true])
    expect(two.equals(one)).toBe(true)
    expect(three.equals(one)).toBe(true)
    expect(one.includes(Buffer.from(new Float32Array([Number.NaN]).buffer))).toBe(false)
  },
  30_000,
)
