// The engine in a real browser: WebAssembly emitted at run time, a training loop, no Node in sight.
import '@dl/backend-cpu'
import { expect, it } from 'vitest'
import { fallbackCount, getBackend, matMul, tensor, valueAndGrad, zeros, type Tensor } from '@dl/tensor'

it('learns a line by gradient descent', async () => {
  expect('process' in globalThis && 'versions' in globalThis.process).toBe(false)
  const x = tensor([[1], [2], [3], [4]])
  const y = tensor([[3], [5], [7], [9]])
  let w: Tensor = zeros([1, 1])
  let b: Tensor = zeros([1])
  const step = valueAndGrad((p: { w: Tensor; b: Tensor }) => matMul(x, p.w).add(p.b).sub(y).square().mean())
  const losses: number[] = []
  for (let i = 0; i < 200; i++) {
    const { value, grad } = step({ w, b })
    w = w.sub(grad.w.mul(0.05))
    b = b.sub(grad.b.mul(0.05))
    losses.push((await value.data())[0])
  }
  expect(losses[0]).toBeCloseTo(41, 4)
  expect(losses.at(-1)).toBeLessThan(0.05)
  expect(getBackend()).toBe('cpu')
  expect(fallbackCount()).toBe(0)
})
