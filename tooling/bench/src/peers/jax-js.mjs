// jax-js on its WebAssembly device, compiled with its jit. An array is consumed by an operation unless `.ref` is taken.
globalThis.navigator ??= {} // Node 20 has none, jax-js asks for it
const { blockUntilReady, defaultDevice, init, jit, nn, numpy: np, valueAndGrad } = await import('@jax-js/jax')

export async function start() {
  await init('wasm')
  defaultDevice('wasm')
}

const given = ({ data, shape }) => np.array(data).reshape(shape)

function operation(inputs, fn) {
  const arrays = inputs.map(given)
  const compiled = jit(fn)
  const compute = () => compiled(...arrays.map((a) => a.ref))
  return {
    run: async () => {
      const y = compute()
      await blockUntilReady(y.ref)
      y.dispose()
    },
    result: async () => compute().data(),
  }
}

const swap = (x, yes) => (yes ? x.transpose([1, 0]) : x)

async function training([x, labels, ...weights], { learningRate, beta1, beta2, epsilon, losses: count }) {
  const [images, classes] = [given(x), given(labels)]
  let state = {
    p: weights.map(given),
    m: weights.map((w) => np.zeros(w.shape)),
    v: weights.map((w) => np.zeros(w.shape)),
  }
  const loss = (p, x, y) => {
    let h = x
    for (let i = 0; i < p.length; i += 2) {
      h = np.matmul(h, p[i]).add(p[i + 1])
      if (i + 2 < p.length) h = nn.relu(h)
    }
    return nn.logSoftmax(h, -1).mul(y).sum(-1).mean().mul(-1)
  }
  const compiled = jit((p, m, v, x, y, c1, c2) => {
    const [value, g] = valueAndGrad((q) => loss(q, x, y))(p.map((w) => w.ref))
    const next = { p: [], m: [], v: [] }
    for (let i = 0; i < p.length; i++) {
      const m2 = m[i].mul(beta1).add(g[i].ref.mul(1 - beta1))
      const v2 = v[i].mul(beta2).add(np.square(g[i]).mul(1 - beta2))
      next.m.push(m2.ref)
      next.v.push(v2.ref)
      next.p.push(p[i].sub(m2.mul(c1.ref).div(np.sqrt(v2.mul(c2.ref)).add(epsilon))))
    }
    c1.dispose()
    c2.dispose()
    return [next.p, next.m, next.v, value]
  })
  let t = 0
  const step = async () => {
    t++
    const [c1, c2] = [np.array(learningRate / (1 - beta1 ** t)), np.array(1 / (1 - beta2 ** t))]
    const [p, m, v, value] = compiled(state.p, state.m, state.v, images.ref, classes.ref, c1, c2)
    state = { p, m, v }
    return (await value.data())[0]
  }
  const first = []
  for (let i = 0; i < count; i++) first.push(await step())
  return { run: step, result: () => first }
}

export function prepare(kind, inputs, options) {
  if (kind === 'matMul')
    return operation(inputs, (a, b) => np.matmul(swap(a, options.transposeA), swap(b, options.transposeB)))
  if (kind === 'softmax') return operation(inputs, (x) => nn.softmax(x, -1))
  if (kind === 'sum')
    return operation(inputs, (x) => (options.axis === null ? np.sum(x) : np.sum(x, options.axis)))
  return training(inputs, options)
}
