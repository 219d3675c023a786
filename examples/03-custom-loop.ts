// A training step written by hand: autodiff over a tree of parameters, compiled once, replayed.
import { jit, relu, matMul, oneHot, random, tidy, valueAndGrad, zeros, type Tensor } from '@dl/tensor'
import { adamW, cosineDecay } from '@dl/optim'
import { softmaxCrossEntropy } from '@dl/losses'
import { batches, mnist } from '@dl/data/mnist'
import '@dl/backend-cpu'

const key = random.key(42)
const params = {
  w1: random.heNormal(key.fold(1), [784, 128]),
  b1: zeros([128]),
  w2: random.heNormal(key.fold(2), [128, 10]),
  b2: zeros([10]),
}
type Params = typeof params

const logits = (p: Params, x: Tensor<[number, 784]>) =>
  matMul(relu(matMul(x, p.w1).add(p.b1)), p.w2).add(p.b2)
const loss = (p: Params, x: Tensor<[number, 784]>, y: Tensor<[number], 'int32'>) =>
  softmaxCrossEntropy(oneHot(y, 10), logits(p, x)).mean()

const optimizer = adamW({ learningRate: cosineDecay(1e-3, 2000), weightDecay: 1e-4 })

const step = jit(
  (
    p: Params,
    state: ReturnType<typeof optimizer.init<Params>>,
    x: Tensor<[number, 784]>,
    y: Tensor<[number], 'int32'>,
  ) => {
    const { value, grad } = valueAndGrad(loss)(p, x, y) // gradient with respect to the first argument
    const next = optimizer.update(grad, state, p)
    return { params: next.params, state: next.state, loss: value }
  },
  { donate: [0, 1] }, // the old parameters' and state's memory is reused for the new ones
)

let current = { params, state: optimizer.init(params) }
for await (const { images, labels } of batches((await mnist()).train, { size: 128, epochs: 1, seed: 1 })) {
  const { loss: value, ...next } = step(current.params, current.state, images, labels)
  current = next
  console.log((await value.data())[0])
}
tidy(() => logits(current.params, zeros([1, 784])).print())
