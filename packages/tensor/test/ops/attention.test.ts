import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'

beforeAll(() => {
  registerBackend(referenceBackend)
})
describe('x', () => {
  it('runs', () => {
    const x = tf.tensor([
      [1, 0],
      [0, 1],
    ])
    console.log(
      tf.scaledDotProductAttention(x, x, tf.tensor([[1], [3]]), { causal: true, scale: 1 }).dataSync(),
    )
    const g = tf.grads((q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
      tf
        .scaledDotProductAttention(q, k, v, {
          mask: [
            [true, true],
            [false, false],
          ],
        })
        .sum(),
    )([x, x, x])
    g.forEach((y) => console.log(y.dataSync()))
  })
})
