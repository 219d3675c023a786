// This backend beside the prototype in one process, case by case in turns; every case compares values first.
//   node packages/backend-cpu/bench/prototype.mjs [part of a case's name]
import { inTurns, load, prototype, relativeError } from './load.mjs'

const only = process.argv[2] ?? ''
const { workload, trainer } = await load('cases.ts')
const p = await prototype('bench_util.mjs')
const autodiff = await prototype('src/autodiff.mjs')
if (!p) throw new Error('the prototype is not there: set DL_SHARED')
const { g, V, Var, jit } = p
const { G } = g

const square = (n) => [
  [n, n],
  [n, n],
]
const odd = [511, 383, 257]
const flops = (m, n, k) => 2 * m * n * k
const T = g.T
/** name, our operation, input shapes, the prototype's operation, floating-point operations */
const CASES = [
  ...[256, 512, 1024].map((n) => [
    `matmul ${n}`,
    'matMul',
    square(n),
    (a, b) => g.matmul(a, b),
    flops(n, n, n),
  ]),
  [
    'matmul 511x383x257 AB',
    'matMul',
    [
      [511, 383],
      [383, 257],
    ],
    (a, b) => g.matmul(a, b),
    flops(...odd),
  ],
  [
    'matmul 511x383x257 AtB',
    'matMulTa',
    [
      [383, 511],
      [383, 257],
    ],
    (a, b) => g.matmul(T(a), b),
    flops(...odd),
  ],
  [
    'matmul 511x383x257 ABt',
    'matMulTb',
    [
      [511, 383],
      [257, 383],
    ],
    (a, b) => g.matmul(a, T(b)),
    flops(...odd),
  ],
  [
    'matmul 511x383x257 AtBt',
    'matMulTaTb',
    [
      [383, 511],
      [257, 383],
    ],
    (a, b) => g.matmul(T(a), T(b)),
    flops(...odd),
  ],
  [
    'matmul 64x784x10',
    'matMul',
    [
      [64, 784],
      [784, 10],
    ],
    (a, b) => g.matmul(a, b),
    flops(64, 784, 10),
  ],
  [
    'gemv 1024 (N=1)',
    'matMul',
    [
      [1024, 1024],
      [1024, 1],
    ],
    (a, b) => g.matmul(a, b),
    flops(1024, 1024, 1),
  ],
  [
    'gemv 1024 (M=1)',
    'matMul',
    [
      [1, 1024],
      [1024, 1024],
    ],
    (a, b) => g.matmul(a, b),
    flops(1024, 1024, 1),
  ],
  ['softmax 4096x1024', 'softmax', [[4096, 1024]], (x) => g.softmax(x)],
  ['layerNorm 4096x1024', 'layerNorm', [[4096, 1024], [1024], [1024]], (x, c, d) => g.layerNorm(x, c, d)],
  [
    'layerNorm backward 4096x1024',
    'layerNormBackward',
    [[4096, 1024], [1024], [1024]],
    (x, c, d) => autodiff.grad(g.sum(G.mul(g.layerNorm(x, c, d), x), [0, 1]), [x, c, d]),
  ],
  ['gelu(ax+b) 4M', 'gelu', [[1 << 22]], (x) => g.gelu(G.add(G.mul(x, 1.1), 0.1))],
  ['exp 4M', 'exp', [[1 << 22]], (x) => G.exp(x)],
  ['tanh 4M', 'tanh', [[1 << 22]], (x) => G.tanh(x)],
  ['sum axis 0 1M', 'sum0', [[1024, 1024]], (x) => g.sum(x, [0])],
  ['sum axis 1 1M', 'sum1', [[1024, 1024]], (x) => g.sum(x, [1])],
  ['sum all 1M', 'sumAll', [[1024, 1024]], (x) => g.sum(x, [0, 1])],
  ['transpose 1024', 'transpose', [[1024, 1024]], (x) => T(x)],
]

const line = (name, ours, theirs, extra) =>
  console.log(
    `${name.padEnd(30)} ${ours.best.toPrecision(4).padStart(8)} (med ${ours.median.toPrecision(4)})  prototype ` +
      `${theirs.best.toPrecision(4).padStart(8)} (med ${theirs.median.toPrecision(4)})  ratio ${(ours.best / theirs.best).toFixed(2)} ${extra}`,
  )
console.log(
  `node ${process.version}; best and median milliseconds; ratio below 1 = faster than the prototype`,
)
for (const [name, op, shapes, theirs, flop] of CASES) {
  if (!name.includes(only)) continue
  const vars = shapes.map((s) => V(s, s[0] > 1e6 ? 2 : 1))
  const ours = workload(
    op,
    vars.map((v, i) => ({ data: v.read(), shape: shapes[i] })),
  )
  const f = jit(() => ({ out: [theirs(...vars.map((v) => v.n))].flat() }))
  const expected = f().map((b) => b.read())
  const actual = ours.values()
  const error = Math.max(...expected.map((e, i) => relativeError(actual[i], e)))
  if (!(error < 1e-4)) console.log(`WRONG VALUES in ${name}: relative error ${error}`)
  const [a, b] = inTurns([ours.step, f])
  line(
    name,
    a,
    b,
    `${flop ? `${(flop / a.best / 1e6).toFixed(1)} GFLOP/s ` : ''}error ${error.toExponential(1)}`,
  )
}

for (const [name, sizes, batch] of [
  ['mlp 784-128-10 b128 Adam step', [784, 128, 10], 128],
  ['xor step', [2, 8, 2], 4],
]) {
  if (!name.includes(only)) continue
  const models = await prototype('models.mjs')
  const theirs = models.mlp(sizes, batch)
  // the same numbers in the prototype's order: inputs, then parameters
  const x = V([batch, sizes[0]]).read()
  const labels = models.onehot(batch, sizes.at(-1)).read()
  const weights = theirs.params.map((w) => w.read())
  const start = performance.now()
  const ours = trainer(sizes, batch, weights, x, labels)
  const first = ours.step()
  const firstTime = performance.now() - start
  const check = models.trainer(
    weights.map((w, i) => new Var(theirs.params[i].shape, w)),
    () => {
      let h = new Var([batch, sizes[0]], x).n
      for (let i = 0; i < check.params.length; i += 2) {
        h = G.add(g.matmul(h, check.params[i].n), check.params[i + 1].n)
        if (i + 2 < check.params.length) h = G.relu(h)
      }
      return g.crossEntropy(h, new Var([batch, sizes.at(-1)], labels).n)
    },
  )
  const losses = [[first, check.step()]]
  for (let i = 0; i < 5; i++) losses.push([ours.step(), check.step()])
  const error = Math.max(...losses.map(([a, b]) => Math.abs(a - b) / b))
  if (!(error < 1e-4)) console.log(`WRONG LOSSES in ${name}: ${JSON.stringify(losses)}`)
  const many = (f) => () => {
    for (let i = 0; i < 500; i++) f()
  }
  const small = sizes[0] < 10
  const [a, b] = small
    ? inTurns([
        many(ours.replay),
        many(() => {
          check.tick()
          check.f()
        }),
      ])
    : inTurns(
        [
          ours.replay,
          () => {
            check.tick()
            check.f()
          },
        ],
        2000,
      )
  if (small)
    for (const r of [a, b]) {
      r.best /= 500
      r.median /= 500
    }
  line(name, a, b, `first step ${firstTime.toFixed(1)} ms, loss error ${error.toExponential(1)}`)
}
