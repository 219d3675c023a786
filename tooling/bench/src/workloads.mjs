// What every peer computes: names, inputs made from one formula, sizes for rates, and how results are checked.
// A time without a value check is not quoted: a peer whose numbers are wrong gets "wrong" instead of milliseconds.

import { CONVOLUTION_WORKLOADS } from './convolution-workloads.mjs'
import { MODEL_WORKLOADS } from './model-workloads.mjs'

/** The same pseudo-random numbers in [-scale, scale) for every peer. */
export function numbers(length, scale = 1, seed = 12345) {
  const out = new Float32Array(length)
  let x = seed + length
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff
    out[i] = (x / 0x7fffffff - 0.5) * 2 * scale
  }
  return out
}

/** @typedef {{ shape: number[], data: Float32Array }} Input */
const input = (shape, scale, seed) => ({
  shape,
  data: numbers(
    shape.reduce((n, d) => n * d, 1),
    scale,
    seed,
  ),
})

/** A · B with either operand stored transposed. */
function product(m, n, k, transposeA = false, transposeB = false) {
  const a = input(transposeA ? [k, m] : [m, k], 1, 1)
  const b = input(transposeB ? [n, k] : [k, n], 1, 2)
  const name = `matmul ${m}×${k}×${n} ${transposeA ? 'Aᵀ' : 'A'}${transposeB ? 'Bᵀ' : 'B'}`
  return {
    name,
    kind: 'matMul',
    inputs: [a, b],
    options: { transposeA, transposeB },
    flops: 2 * m * n * k,
    check: (y) => checkProduct(y, a, b, m, n, k, transposeA, transposeB),
  }
}

/** Some hundred elements against sums in double precision. */
function checkProduct(y, a, b, m, n, k, transposeA, transposeB) {
  if (y.length !== m * n) return Infinity
  let worst = 0
  for (let s = 0; s < 200; s++) {
    const [i, j] = [(s * 7919) % m, (s * 104729) % n]
    let sum = 0
    for (let l = 0; l < k; l++)
      sum += a.data[transposeA ? l * m + i : i * k + l] * b.data[transposeB ? j * k + l : l * n + j]
    worst = Math.max(worst, Math.abs(y[i * n + j] - sum) / Math.sqrt(k))
  }
  return worst
}

const [ROWS, COLUMNS] = [4096, 1024]
const table = input([ROWS, COLUMNS])

function checkSoftmax(y) {
  let worst = 0
  for (let r = 0; r < ROWS; r += 97) {
    const row = Array.from(table.data.subarray(r * COLUMNS, (r + 1) * COLUMNS), Math.exp)
    const total = row.reduce((p, q) => p + q, 0)
    row.forEach((e, c) => (worst = Math.max(worst, Math.abs(y[r * COLUMNS + c] / (e / total) - 1))))
  }
  return worst
}

function checkSum(y, axis) {
  const sums = new Float64Array(axis === null ? 1 : axis === 0 ? COLUMNS : ROWS)
  table.data.forEach(
    (v, i) => (sums[axis === null ? 0 : axis === 0 ? i % COLUMNS : Math.floor(i / COLUMNS)] += v),
  )
  if (y.length !== sums.length) return Infinity
  const scale = Math.max(...Array.from(sums, Math.abs))
  return Math.max(...Array.from(sums, (s, i) => Math.abs(s - y[i]) / scale))
}

const sum = (axis) => ({
  name: `sum ${ROWS}×${COLUMNS} ${axis === null ? 'of all' : `axis ${axis}`}`,
  kind: 'sum',
  inputs: [table],
  options: { axis },
  bytes: ROWS * COLUMNS * 4,
  check: (y) => checkSum(y, axis),
})

/** Adam steps of a network from equal weights; the losses before each step are what is compared. */
function training(name, sizes, batch) {
  const weights = sizes
    .slice(1)
    .flatMap((to, i) => [input([sizes[i], to], 0.05, i + 3), input([to], 0.05, i + 30)])
  const x = input([batch, sizes[0]], 1, 9)
  const classes = sizes.at(-1)
  const labels = {
    shape: [batch, classes],
    data: Float32Array.from({ length: batch * classes }, (_, i) =>
      i % classes === Math.floor(i / classes) % classes ? 1 : 0,
    ),
  }
  const expected = lossesByHand(sizes, batch, weights, x, labels, LOSSES)
  return {
    name,
    kind: 'train',
    inputs: [x, labels, ...weights],
    options: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, losses: LOSSES },
    check: (y) => Math.max(...expected.map((loss, i) => Math.abs(y[i] - loss) / expected[0])),
  }
}
const LOSSES = 5

/** The training loop in plain JavaScript, double precision. */
function lossesByHand(sizes, batch, weights, x, labels, steps) {
  const w = weights.map((i) => Float64Array.from(i.data))
  const moments = w.map((v) => [new Float64Array(v.length), new Float64Array(v.length)])
  return Array.from({ length: steps }, (_, step) => {
    const activations = [Float64Array.from(x.data)]
    for (let l = 0; l + 1 < sizes.length; l++)
      activations.push(
        dense(activations[l], w[2 * l], w[2 * l + 1], batch, sizes[l], sizes[l + 1], l + 2 < sizes.length),
      )
    const { loss, error } = crossEntropy(activations.at(-1), labels.data, batch, sizes.at(-1))
    let back = error
    const gradients = []
    for (let l = sizes.length - 2; l >= 0; l--) {
      const g = denseGradients(activations[l], w[2 * l], back, batch, sizes[l], sizes[l + 1])
      gradients[2 * l] = g.weights
      gradients[2 * l + 1] = g.bias
      back = g.input.map((v, i) => (activations[l][i] > 0 ? v : 0))
    }
    w.forEach((values, i) => adam(values, gradients[i], moments[i], step + 1))
    return loss
  })
}

function dense(x, w, b, batch, from, to, relu) {
  const y = new Float64Array(batch * to)
  for (let r = 0; r < batch; r++)
    for (let j = 0; j < to; j++) {
      let s = b[j]
      for (let i = 0; i < from; i++) s += x[r * from + i] * w[i * to + j]
      y[r * to + j] = relu ? Math.max(0, s) : s
    }
  return y
}

function crossEntropy(logits, labels, batch, classes) {
  let loss = 0
  const error = new Float64Array(logits.length)
  for (let r = 0; r < batch; r++) {
    const e = Array.from(logits.subarray(r * classes, (r + 1) * classes), Math.exp)
    const total = e.reduce((a, b) => a + b, 0)
    e.forEach((v, c) => {
      const y = labels[r * classes + c]
      if (y) loss -= (y * Math.log(v / total)) / batch
      error[r * classes + c] = (v / total - y) / batch
    })
  }
  return { loss, error }
}

function denseGradients(x, w, error, batch, from, to) {
  const weights = new Float64Array(from * to)
  const bias = new Float64Array(to)
  const input = new Float64Array(batch * from)
  for (let r = 0; r < batch; r++)
    for (let j = 0; j < to; j++) {
      const e = error[r * to + j]
      bias[j] += e
      for (let i = 0; i < from; i++) {
        weights[i * to + j] += x[r * from + i] * e
        input[r * from + i] += e * w[i * to + j]
      }
    }
  return { weights, bias, input }
}

function adam(w, g, [m, v], t) {
  for (let i = 0; i < w.length; i++) {
    m[i] = 0.9 * m[i] + 0.1 * g[i]
    v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i]
    w[i] -= (1e-3 * (m[i] / (1 - 0.9 ** t))) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8)
  }
}

/** All workloads; `tolerance` bounds what `check` returns. */
export const WORKLOADS = [
  { ...training('train MLP 784-128-10, batch 128, Adam', [784, 128, 10], 128), tolerance: 1e-4 },
  { ...training('train XOR 2-8-2, batch 4, Adam', [2, 8, 2], 4), tolerance: 1e-4 },
  { ...product(1024, 1024, 1024), tolerance: 1e-5 },
  { ...product(511, 257, 383), tolerance: 1e-5 },
  { ...product(511, 257, 383, true), tolerance: 1e-5 },
  { ...product(511, 257, 383, false, true), tolerance: 1e-5 },
  { ...product(511, 257, 383, true, true), tolerance: 1e-5 },
  {
    name: `softmax ${ROWS}×${COLUMNS}`,
    kind: 'softmax',
    inputs: [table],
    options: {},
    bytes: ROWS * COLUMNS * 8,
    check: checkSoftmax,
    tolerance: 1e-5,
  },
  { ...sum(0), tolerance: 1e-4 },
  { ...sum(1), tolerance: 1e-4 },
  { ...sum(null), tolerance: 1e-3 },
  ...CONVOLUTION_WORKLOADS,
  ...MODEL_WORKLOADS,
]
