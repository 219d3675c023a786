// What a stranger writes with nothing but @dl/tensor and @dl/backend-cpu: two steps of linear regression.
// Prints a line of JSON that the tests compare with the values worked out by hand.
require('@dl/backend-cpu')
const { fallbackCount, getBackend, matMul, tensor, valueAndGrad, zeros } = require('@dl/tensor')

const x = tensor([[1], [2], [3], [4]])
const y = tensor([[3], [5], [7], [9]])
const step = valueAndGrad((p) => matMul(x, p.w).add(p.b).sub(y).square().mean())

let p = { w: zeros([1, 1]), b: zeros([1]) }
const losses = []
async function train() {
  for (let i = 0; i < 2; i++) {
    const { value, grad } = step(p)
    p = { w: p.w.sub(grad.w.mul(0.05)), b: p.b.sub(grad.b.mul(0.05)) }
    losses.push((await value.data())[0])
  }
  console.log(JSON.stringify({ losses, backend: getBackend(), fallbacks: fallbackCount() }))
}
void train()
