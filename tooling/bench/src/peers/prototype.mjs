// The prototype that the design was found with: ../shared/prototype beside the checkout, where it exists.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const shared = process.env.DL_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url))
const folder = join(shared, 'prototype')
if (!existsSync(folder)) throw new Error(`there is no ${folder}`)
const at = (file) => import(pathToFileURL(join(folder, file)).href)
const g = await at('src/graph.mjs')
const { jit, Scalar, Var } = await at('src/jit.mjs')
const { grad } = await at('src/autodiff.mjs')
const { G } = g

export async function start() {}

const given = ({ data, shape }) => new Var(shape, data.slice())
function operation(inputs, fn) {
  const root = fn(...inputs.map((i) => given(i).n))
  const compiled = jit(() => ({ out: [root] }))
  return { run: () => compiled(), result: () => compiled()[0].view.slice() }
}
const swap = (x, yes) => (yes ? g.T(x) : x)

function training([x, labels, ...weights], { learningRate, beta1, beta2, epsilon, losses: count }) {
  const [images, classes] = [given(x), given(labels)]
  const parameters = weights.map(given)
  const slots = weights.map((w) => [new Var(w.shape), new Var(w.shape)])
  const [c1, c2] = [new Scalar(0), new Scalar(0)]
  const compiled = jit(() => {
    let h = images.n
    for (let i = 0; i < parameters.length; i += 2) {
      h = G.add(g.matmul(h, parameters[i].n), parameters[i + 1].n)
      if (i + 2 < parameters.length) h = G.relu(h)
    }
    const loss = g.crossEntropy(h, classes.n)
    const gradients = grad(
      loss,
      parameters.map((p) => p.n),
    )
    const assign = parameters.flatMap((p, i) => {
      const [m, v] = slots[i]
      const m2 = G.add(G.mul(m.n, beta1), G.mul(gradients[i], 1 - beta1))
      const v2 = G.add(G.mul(v.n, beta2), G.mul(G.mul(gradients[i], gradients[i]), 1 - beta2))
      const moved = G.div(G.mul(m2, c1.n), G.add(G.sqrt(G.mul(v2, c2.n)), epsilon))
      return [
        [m, m2],
        [v, v2],
        [p, G.sub(p.n, moved)],
      ]
    })
    return { out: [loss], assign }
  })
  let t = 0
  const step = () => {
    t++
    c1.value = learningRate / (1 - beta1 ** t)
    c2.value = 1 / (1 - beta2 ** t)
    return compiled()[0].view[0]
  }
  const first = Array.from({ length: count }, step)
  return { run: step, result: () => first }
}

export function prepare(kind, inputs, options) {
  if (kind === 'matMul')
    return operation(inputs, (a, b) => g.matmul(swap(a, options.transposeA), swap(b, options.transposeB)))
  if (kind === 'softmax') return operation(inputs, (x) => g.softmax(x))
  if (kind === 'sum')
    return operation(inputs, (x) => g.sum(x, options.axis === null ? [0, 1] : [options.axis]))
  return training(inputs, options)
}
