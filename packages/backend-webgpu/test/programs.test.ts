// What the compiler makes of real computations for WebGPU: how many kernels, within eight bindings, accepted by Tint, right.
import { registerBackend } from '@dl/tensor/backend'
import {
  add,
  div,
  dropout,
  exp,
  gather,
  gelu,
  grads,
  greater,
  jit,
  layerNorm,
  logSoftmax,
  matMul,
  max,
  mean,
  mul,
  neg,
  oneHot,
  relu,
  setBackend,
  sigmoid,
  softmax,
  sqrt,
  square,
  strictBackend,
  sub,
  sum,
  tanh,
  type Tensor,
  tensor,
  valueAndGrads,
  variable,
  where,
} from '@dl/tensor/core'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { computingBackend } from './support/dawn.ts'
import { kitBackend } from './support/kit-backend.ts'

vi.setConfig({ testTimeout: 120_000 })
const backend = kitBackend(await computingBackend())
beforeAll(async () => {
  registerBackend(backend)
  await setBackend(backend.name)
  strictBackend(true)
})

/** Numbers in [-2, 2] that look random and are the same everywhere. */
const numbers = (n: number, phase = 0): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => 2 * Math.sin(i * 12.9898 + phase))
const matrix = (rows: number, columns: number, phase = 0): Tensor =>
  tensor(numbers(rows * columns, phase), [rows, columns])

/** Values of a computation and the kernels of the program that it became. */
async function run(build: () => Tensor): Promise<{ values: number[]; kernels: string[] }> {
  backend.programs.length = 0
  const values = Array.from((await build().data()) as Float32Array)
  const kernels = backend.programs.flatMap((p) => p.program.kernels.map((k) => k.kind))
  for (const { kernels: generated } of backend.programs)
    for (const k of generated) expect(k.bindings.length).toBeLessThanOrEqual(8)
  return { values, kernels }
}

const rowsOf = (x: Float32Array, columns: number): number[][] =>
  Array.from({ length: x.length / columns }, (_, i) => Array.from(x.subarray(i * columns, (i + 1) * columns)))
const total = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0)
const softmaxOf = (row: number[]): number[] => {
  const e = row.map((v) => Math.exp(v - Math.max(...row)))
  return e.map((v) => v / total(e))
}
const normalOf = (row: number[], epsilon = 1e-5): number[] => {
  const m = total(row) / row.length
  const variance = total(row.map((v) => (v - m) ** 2)) / row.length
  return row.map((v) => (v - m) / Math.sqrt(variance + epsilon))
}
const x64 = numbers(12 * 40)

describe('one kernel each', () => {
  const cases: readonly [string, () => Tensor, number[]][] = [
    ['softmax', () => softmax(matrix(12, 40)), rowsOf(x64, 40).flatMap(softmaxOf)],
    [
      'softmax as a user writes it',
      () => {
        const x = matrix(12, 40)
        const e = exp(sub(x, max(x, -1, true)))
        return div(e, sum(e, -1, true))
      },
      rowsOf(x64, 40).flatMap(softmaxOf),
    ],
    [
      'layer norm as a user writes it',
      () => {
        const x = matrix(12, 40)
        const centered = sub(x, mean(x, -1, true))
        return add(
          mul(div(centered, sqrt(add(mean(mul(centered, centered), -1, true), 1e-5))), tensor(numbers(40))),
          1,
        )
      },
      rowsOf(x64, 40).flatMap((row) => normalOf(row).map((v, i) => v * numbers(40)[i]! + 1)),
    ],
    [
      'a chain of twenty operations',
      () => {
        let x = matrix(12, 40)
        for (let i = 0; i < 5; i++) x = tanh(add(mul(sigmoid(x), 1.5), neg(relu(x))))
        return x
      },
      Array.from(x64, (v) => {
        for (let i = 0; i < 5; i++) v = Math.tanh(1.5 / (1 + Math.exp(-v)) - Math.max(v, 0))
        return v
      }),
    ],
    [
      'elu by hand',
      () => where(greater(matrix(12, 40), 0), matrix(12, 40), sub(exp(matrix(12, 40)), 1)),
      Array.from(x64, (v) => (v > 0 ? v : Math.expm1(v))),
    ],
  ]
  it.each(cases)('%s', async (_name, build, expected) => {
    const { values, kernels } = await run(build)
    expect(kernels).toEqual(['row'])
    values.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 4))
  })
})

describe('kernels with several results, products, indices and random bits', () => {
  it('layer norm and its gradients', async () => {
    const loss = (x: Tensor, gamma: Tensor, beta: Tensor): Tensor =>
      sum(mul(layerNorm(x, gamma, beta), matrix(12, 40, 1)))
    const { values } = await run(() => {
      const [, , beta] = grads(loss)([
        matrix(12, 40),
        tensor(numbers(40)),
        tensor(numbers(40, 3)),
      ]) as Tensor[]
      return beta!
    })
    const weights = rowsOf(numbers(480, 1), 40)
    values.forEach((v, i) => expect(v).toBeCloseTo(total(weights.map((row) => row[i]!)), 3))
    const { values: ofX } = await run(
      () => grads(loss)([matrix(12, 40), tensor(numbers(40)), tensor(numbers(40, 3))])[0],
    )
    // the layer's output doesn't change when a row is shifted: gradients of a row add up to 0
    for (const row of rowsOf(Float32Array.from(ofX), 40)) expect(total(row)).toBeCloseTo(0, 3)
  })

  it('gelu and its gradient', async () => {
    const { values } = await run(() => grads((x: Tensor) => sum(gelu(x)))([matrix(3, 50)])[0])
    const h = 1e-4
    const f = (v: number): number => 0.5 * v * (1 + erfOf(v / Math.SQRT2))
    numbers(150).forEach((v, i) => expect(values[i]).toBeCloseTo((f(v + h) - f(v - h)) / (2 * h), 3))
  })

  it('cross-entropy from logits and its gradient', async () => {
    const labels = Array.from({ length: 32 }, (_, i) => (i * 7) % 10)
    const loss = (logits: Tensor): Tensor =>
      neg(mean(sum(mul(oneHot(tensor(labels, [32], 'int32'), 10), logSoftmax(logits)), -1)))
    const { values } = await run(() => grads(loss)([matrix(32, 10)])[0])
    const expected = rowsOf(numbers(320), 10).flatMap((row, r) =>
      softmaxOf(row).map((p, i) => (p - (i === labels[r] ? 1 : 0)) / 32),
    )
    values.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5))
  })

  it('dense + bias + relu is one product', async () => {
    const { values, kernels } = await run(() =>
      relu(add(matMul(matrix(33, 20), matrix(20, 17, 1)), tensor(numbers(17, 2)))),
    )
    expect(kernels).toEqual(['contract'])
    const [a, b, bias] = [rowsOf(numbers(660), 20), rowsOf(numbers(340, 1), 17), numbers(17, 2)]
    values.forEach((v, i) => {
      const [r, c] = [Math.floor(i / 17), i % 17]
      expect(v).toBeCloseTo(Math.max(0, total(a[r]!.map((x, k) => x * b[k]![c]!)) + bias[c]!), 3)
    })
  })

  it('an embedding and its gradient: gather and scatter', async () => {
    const ids = [3, 1, 3, 9, 0, 3]
    const table = matrix(10, 8)
    const looked = await run(() => gather(table, tensor(ids, [6], 'int32')))
    expect(looked.values).toEqual(ids.flatMap((id) => Array.from(numbers(80).subarray(id * 8, id * 8 + 8))))
    const { values, kernels } = await run(
      () => grads((t: Tensor) => sum(mul(gather(t, tensor(ids, [6], 'int32')), matrix(6, 8, 1))))([table])[0],
    )
    expect(kernels).toContain('scatter')
    const updates = rowsOf(numbers(48, 1), 8)
    values.forEach((v, i) => {
      const sumOf = total(ids.map((id, j) => (id === Math.floor(i / 8) ? updates[j]![i % 8]! : 0)))
      expect(v).toBeCloseTo(sumOf, 5)
    })
  })

  it('dropout keeps its share, scales it, and repeats its mask in the gradient', async () => {
    const { values } = await run(() => dropout(tensor(new Float32Array(4000).fill(1)), 0.25, undefined, 7))
    expect(new Set(values.map((v) => v.toFixed(4)))).toEqual(new Set(['0.0000', '1.3333']))
    expect(values.filter((v) => v === 0).length / 4000).toBeCloseTo(0.25, 1)
    const { values: gradient } = await run(
      () =>
        grads((x: Tensor) => sum(dropout(x, 0.25, undefined, 7)))([
          tensor(new Float32Array(4000).fill(1)),
        ])[0],
    )
    expect(gradient).toEqual(values)
  })
})

/** Series for small arguments, as the scalar table's own. */
function erfOf(x: number): number {
  let [term, result] = [x, x]
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n
    result += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * result
}

const [BATCH, INPUTS, HIDDEN, CLASSES] = [24, 20, 16, 4]

/** The same training loop in plain JavaScript: losses before each step. */
function lossesInPlainJavaScript(steps: number): number[] {
  const scaled = (n: number, phase: number): number[] => Array.from(numbers(n, phase), (v) => 0.2 * v)
  const sizes = [INPUTS * HIDDEN, HIDDEN, HIDDEN * CLASSES, CLASSES]
  const weights = sizes.map((n, i) => scaled(n, i + 1))
  const moments = sizes.flatMap((n) => [
    Array.from({ length: n }, () => 0),
    Array.from({ length: n }, () => 0),
  ])
  const x = rowsOf(numbers(BATCH * INPUTS, 5), INPUTS)
  return Array.from({ length: steps }, () => {
    const [w1, b1, w2, b2] = weights as [number[], number[], number[], number[]]
    const gradients = sizes.map((n) => Array.from({ length: n }, () => 0))
    const [dw1, db1, dw2, db2] = gradients as [number[], number[], number[], number[]]
    let loss = 0
    x.forEach((row, r) => {
      const hidden = b1.map((b, j) => Math.max(0, b + total(row.map((v, i) => v * w1[i * HIDDEN + j]!))))
      const p = softmaxOf(b2.map((b, c) => b + total(hidden.map((v, j) => v * w2[j * CLASSES + c]!))))
      loss -= Math.log(p[r % CLASSES]!) / BATCH
      const error = p.map((v, c) => (v - (c === r % CLASSES ? 1 : 0)) / BATCH)
      error.forEach((e, c) => (db2[c]! += e))
      hidden.forEach((h, j) => {
        error.forEach((e, c) => (dw2[j * CLASSES + c]! += h * e))
        const back = h > 0 ? total(error.map((e, c) => e * w2[j * CLASSES + c]!)) : 0
        db1[j]! += back
        row.forEach((v, i) => (dw1[i * HIDDEN + j]! += v * back))
      })
    })
    weights.forEach((w, k) => {
      const [m, v] = [moments[2 * k]!, moments[2 * k + 1]!]
      w.forEach((_, i) => {
        const g = gradients[k]![i]!
        m[i] = 0.9 * m[i]! + 0.1 * g
        v[i] = 0.999 * v[i]! + 0.001 * g * g
        w[i]! -= (0.02 * m[i]) / (Math.sqrt(v[i]) + 1e-7)
      })
    })
    return loss
  })
}

describe('a training step', () => {
  it('of an MLP with Adam: weights and moments updated in place, losses as plain JavaScript computes them', async () => {
    const parameters = [
      matrix(INPUTS, HIDDEN, 1),
      tensor(numbers(HIDDEN, 2)),
      matrix(HIDDEN, CLASSES, 3),
      tensor(numbers(CLASSES, 4)),
    ].map((w) => variable(mul(w, 0.2)))
    const moments = parameters.flatMap((p) => [variable(mul(p, 0)), variable(mul(p, 0))])
    const classes = Array.from({ length: BATCH }, (_, i) => i % CLASSES)
    const labels = oneHot(tensor(classes, [BATCH], 'int32'), CLASSES)
    const forward = (x: Tensor, [w1, b1, w2, b2]: Tensor[]): Tensor => {
      const logits = add(matMul(relu(add(matMul(x, w1!), b1!)), w2!), b2!)
      return neg(mean(sum(mul(labels, logSoftmax(logits)), -1)))
    }
    const step = jit((x: Tensor): Tensor => {
      const { value, grads: found } = valueAndGrads((...w: Tensor[]) => forward(x, w))(
        parameters.map((p) => mul(p, 1)),
      )
      found.forEach((g, i) => {
        const [m, v] = [moments[2 * i]!, moments[2 * i + 1]!]
        m.assign(add(mul(m, 0.9), mul(g, 0.1)))
        v.assign(add(mul(v, 0.999), mul(square(g), 0.001)))
        parameters[i]!.assign(sub(parameters[i]!, div(mul(m, 0.02), add(sqrt(v), 1e-7))))
      })
      return value
    })
    backend.programs.length = 0
    const x = matrix(BATCH, INPUTS, 5)
    const expected = lossesInPlainJavaScript(8)
    for (const loss of expected) expect((await step(x).data())[0]).toBeCloseTo(loss, 4)
    const largest = backend.programs.reduce((a, b) =>
      b.program.kernels.length > a.program.kernels.length ? b : a,
    )
    expect(largest.program.kernels.filter((k) => k.kind === 'contract').length).toBeGreaterThanOrEqual(4)
    expect(largest.program.kernels.length).toBeLessThanOrEqual(12)
    for (const k of largest.kernels) expect(k.bindings.length).toBeLessThanOrEqual(8)
    await backend.verdict()
  })
})

describe('eight bindings', () => {
  it('hold when one value goes to several variables and to an output', async () => {
    const held = Array.from({ length: 4 }, () => variable(matrix(1, 6)))
    const step = jit((a: Tensor, b: Tensor, c: Tensor): Tensor[] => {
      const value = tanh(a)
      for (const v of held) v.assign(value)
      return [value, mul(a, b), mul(a, c)]
    })
    backend.programs.length = 0
    const results = step(matrix(1, 6), matrix(1, 6, 1), matrix(1, 6, 2))
    const expected = Array.from(numbers(6), Math.tanh)
    for (const t of [results[0]!, ...held])
      ((await t.data()) as Float32Array).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5))
    for (const { kernels } of backend.programs)
      for (const k of kernels) expect(k.bindings.length).toBeLessThanOrEqual(8)
  })
})
