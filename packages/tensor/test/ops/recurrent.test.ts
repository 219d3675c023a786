// LSTM, GRU and the plain recurrent layer against PyTorch in float64: values and gradients, stacked, bidirectional, projected.
// Orders of gates, masks, peepholes and the other GRU against the same step written by hand.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { beforeAll, describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { activate } from '../../src/testing/suite.ts'

type T = tf.Tensor
beforeAll(() => activate(interpretingBackend()))

interface Recorded {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}
interface Case {
  readonly id: string
  readonly op: 'LSTM' | 'GRU' | 'RNN'
  readonly args: {
    readonly num_layers: number
    readonly bidirectional: boolean
    readonly batch_first: boolean
    readonly nonlinearity?: string
  }
  readonly inputs: Readonly<Record<string, Recorded>>
  readonly outputs: Readonly<Record<string, Recorded>>
  readonly cotangents: Readonly<Record<string, Recorded>>
  readonly grads: Readonly<Record<string, Recorded>>
}
const tensorOf = ({ shape, data }: Recorded): T => tf.tensor(Float32Array.from(data), [...shape])
const part = (x: T, i: number): T => tf.reshape(tf.slice(x, [i, 0, 0], [1, -1, -1]), x.shape.slice(1))

/** Every layer and direction of one of PyTorch's recurrent modules. */
function run({ op, args, inputs }: Case, x: T, h0: T, c0: T | null): Record<string, T> {
  const { num_layers: layers, bidirectional, batch_first: batchFirst, nonlinearity } = args
  const [hs, cs]: [T[], T[]] = [[], []]
  let y = x
  for (let layer = 0; layer < layers; layer++) {
    const outputs = (bidirectional ? [false, true] : [false]).map((reverse) => {
      const get = (name: string): T | null => {
        const recorded = inputs[`param.${name}_l${layer}${reverse ? '_reverse' : ''}`]
        return recorded ? tensorOf(recorded) : null
      }
      const weights = {
        kernel: tf.transpose(get('weight_ih')!),
        recurrentKernel: tf.transpose(get('weight_hh')!),
        bias: get('bias_ih'),
        recurrentBias: get('bias_hh'),
      }
      const projection = get('weight_hr')
      const state = { h: part(h0, hs.length), reverse, timeMajor: !batchFirst }
      if (op === 'LSTM') {
        const {
          outputs: out,
          h,
          c,
        } = tf.lstm(
          y,
          { ...weights, projection: projection && tf.transpose(projection) },
          { ...state, c: part(c0!, cs.length) },
        )
        cs.push(c)
        hs.push(h)
        return out
      }
      const { outputs: out, h } =
        op === 'GRU'
          ? tf.gru(y, weights, { ...state, order: 'rzh' })
          : tf.simpleRnn(y, weights, { ...state, ...(nonlinearity === 'relu' && { activation: tf.relu }) })
      hs.push(h)
      return out
    })
    y = tf.concat(outputs, 2)
  }
  return { y, hn: tf.stack(hs), ...(cs.length > 0 && { cn: tf.stack(cs) }) }
}

function expectClose(actual: T, { shape, data }: Recorded, relative: number): void {
  expect(actual.shape).toEqual(shape)
  const values = actual.dataSync() as Float32Array
  data.forEach((v, i) => expect(Math.abs(values[i]! - v)).toBeLessThan(1e-5 + relative * Math.abs(v)))
}

const fixture = fileURLToPath(new URL('../fixtures/pytorch-recurrent.json', import.meta.url))
judge('PyTorch recurrent layers', { needs: 'oracles/ops/recurrent.json', fixture }, (file) => {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly Case[] }
  it.each(cases)('$id', (c) => {
    const [x, h0] = [tensorOf(c.inputs['x']!), tensorOf(c.inputs['h0']!)]
    const c0 = c.inputs['c0'] ? tensorOf(c.inputs['c0']) : null
    const results = run(c, x, h0, c0)
    for (const [name, expected] of Object.entries(c.outputs)) expectClose(results[name]!, expected, 1e-4)
    const gradient = tf.grad((p: { x: T; h0: T; c0?: T }) => {
      const out = run(c, p.x, p.h0, p.c0 ?? null)
      return Object.entries(c.cotangents)
        .map(([name, ct]) => tf.sum(tf.mul(out[name]!, tensorOf(ct))))
        .reduce((a, b) => tf.add(a, b))
    })({ x, h0, ...(c0 && { c0 }) }) as Record<string, T>
    for (const [name, expected] of Object.entries(c.grads)) expectClose(gradient[name]!, expected, 1e-3)
  })
  it('has cases of every kind', () => expect(new Set(cases.map((c) => c.op)).size).toBe(3))
})

// ---- what PyTorch does not have, against steps written by hand
let seed = 1
const some = (...shape: number[]): T => tf.randomUniform(shape, -1, 1, 'float32', ++seed)
const [batch, time, features, units] = [3, 4, 2, 5]
const values = (x: T): number[] => Array.from(x.dataSync() as Float32Array)
function same(a: T, b: T): void {
  expect(a.shape).toEqual(b.shape)
  const other = values(b)
  values(a).forEach((v, i) => expect(v).toBeCloseTo(other[i]!, 5))
}
const columns = (x: T, i: number): T => tf.slice(x, [0, i * units], [-1, units])
/** A weight with its blocks of columns in another order. */
const reordered = (w: T, order: readonly number[]): T =>
  tf.concat(
    order.map((i) => (w.rank === 2 ? columns(w, i) : tf.slice(w, i * units, units))),
    w.rank - 1,
  )
const weightsOf = (gates: number) => ({
  kernel: some(features, gates * units),
  recurrentKernel: some(units, gates * units),
  bias: some(gates * units),
  recurrentBias: some(gates * units),
})
type Weights = ReturnType<typeof weightsOf>
const inOrder = (w: Weights, order: readonly number[]): Weights =>
  Object.fromEntries(Object.entries(w).map(([k, v]) => [k, reordered(v, order)])) as Weights

describe('lstm', () => {
  const x = some(batch, time, features)
  const w = weightsOf(4)
  it('takes the gates in the order of ONNX', () => {
    same(tf.lstm(x, inOrder(w, [0, 3, 1, 2]), { order: 'iofc' }).outputs, tf.lstm(x, w).outputs)
  })
  it('has peepholes, a clip, coupled gates and other activations', () => {
    const peepholes = some(3 * units)
    const state = { h: some(batch, units), c: some(batch, units) }
    const input = some(batch, features)
    const { h, c } = tf.lstmCell(
      input,
      state,
      { ...w, peepholes },
      { clip: 0.4, coupled: true, outputActivation: tf.relu },
    )
    const z = tf.addN([
      tf.matMul(input, w.kernel),
      tf.matMul(state.h, w.recurrentKernel),
      tf.add(w.bias, w.recurrentBias).expandDims(0).tile([batch, 1]),
    ])
    const clip = (y: T): T => tf.clipByValue(y, -0.4, 0.4)
    const peep = (i: number, cell: T): T => tf.mul(tf.slice(peepholes, i * units, units), cell)
    const i = tf.sigmoid(clip(tf.add(columns(z, 0), peep(0, state.c))))
    const next = tf.add(tf.mul(tf.sub(1, i), state.c), tf.mul(i, tf.tanh(clip(columns(z, 2)))))
    const o = tf.sigmoid(clip(tf.add(columns(z, 3), peep(2, next))))
    same(c, next)
    same(h, tf.mul(o, tf.relu(next)))
  })
  it('keeps the state where the mask is false', () => {
    const mask = tf.tensor([1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1], [batch, time], 'bool')
    const { outputs, h, c } = tf.lstm(x, w, { mask })
    const zeroed = tf.lstm(x, w, { mask, zeroMasked: true })
    // each example alone, over the steps that count
    for (const [b, steps] of [
      [0, [0, 1]],
      [1, [0, 1, 2, 3]],
      [2, [1, 3]],
    ] as const) {
      const rows = tf.gather(
        tf.slice(x, [b, 0, 0], [1, -1, -1]),
        tf.tensor([...steps], [steps.length], 'int32'),
        1,
      )
      const alone = tf.lstm(rows, w)
      same(tf.slice(h, [b, 0], [1, -1]), alone.h)
      same(tf.slice(c, [b, 0], [1, -1]), alone.c)
      steps.forEach((t, i) =>
        same(tf.slice(outputs, [b, t, 0], [1, 1, -1]), tf.slice(alone.outputs, [0, i, 0], [1, 1, -1])),
      )
    }
    same(tf.slice(outputs, [0, 3, 0], [1, 1, -1]), tf.slice(outputs, [0, 1, 0], [1, 1, -1]))
    expect(values(tf.slice(zeroed.outputs, [0, 2, 0], [1, 2, -1]))).toEqual(Array(2 * units).fill(0))
    same(zeroed.h, h)
  })
  it('walks from the end within what the mask leaves', () => {
    const mask = tf.tensor([1, 1, 0, 0], [1, time], 'bool')
    const one = tf.slice(x, [0, 0, 0], [1, -1, -1])
    const short = tf.lstm(tf.slice(one, [0, 0, 0], [1, 2, -1]), w, { reverse: true })
    const padded = tf.lstm(one, w, { reverse: true, mask, zeroMasked: true })
    same(padded.h, short.h)
    same(tf.slice(padded.outputs, [0, 0, 0], [1, 2, -1]), short.outputs)
  })
  it('scales the state on its way into the product alone', () => {
    const stateScale = some(batch, units)
    const walked = tf.lstm(x, w, { stateScale })
    let state: tf.LstmState = { h: tf.zeros([batch, units]), c: tf.zeros([batch, units]) }
    for (let t = 0; t < time; t++) {
      const row = tf.reshape(tf.slice(x, [0, t, 0], [-1, 1, -1]), [batch, features])
      state = tf.lstmCell(row, { ...state, h: tf.mul(state.h, stateScale) }, w)
    }
    same(walked.h, state.h)
    same(walked.c, state.c)
    // in a GRU the part of the state that is kept is not scaled
    const g = weightsOf(3)
    const kept = tf.gru(
      x,
      { ...g, bias: tf.concat([tf.mul(tf.ones([units]), 30), some(2 * units)], 0) },
      {
        stateScale,
        h: state.h,
      },
    )
    same(kept.h, state.h)
    for (const resetAfter of [true, false]) {
      const none = tf.gru(x, g, { stateScale: tf.zeros([batch, units]), resetAfter })
      const other = { ...g, recurrentKernel: tf.zeros([units, 3 * units]) }
      same(none.outputs, tf.gru(x, other, { resetAfter }).outputs)
    }
  })
  it('refuses weights and states that do not fit', () => {
    expect(() => tf.lstm(x, { ...w, recurrentKernel: some(units, 3 * units) })).toThrow(
      /\[lstm\] recurrentKernel must have shape \[5, 20\]/,
    )
    expect(() => tf.lstm(x, w, { h: some(batch, 4) })).toThrow(
      /\[lstm\] h must have shape \[3, 5\], got \[3, 4\]/,
    )
    expect(() => tf.lstm(some(2, 3), w)).toThrow(/\[lstm\] the input must be \[batch, time, features\]/)
    expect(() => tf.gru(x, w)).toThrow(/\[gru\] kernel must hold 3 blocks/)
    expect(() => tf.lstm(x, w, { mask: some(batch) })).toThrow(/\[lstm\] mask must have shape \[3, 4\]/)
  })
})

describe('gru', () => {
  const w = weightsOf(3)
  const [input, h] = [some(batch, features), some(batch, units)]
  it('takes the gates in the order of PyTorch', () => {
    const x = some(batch, time, features)
    same(tf.gru(x, inOrder(w, [1, 0, 2]), { order: 'rzh' }).outputs, tf.gru(x, w).outputs)
  })
  it('applies the reset gate before the product when asked to', () => {
    const x = tf.add(tf.matMul(input, w.kernel), w.bias)
    const u = (state: T, i: number): T =>
      tf.add(tf.matMul(state, columns(w.recurrentKernel, i)), tf.slice(w.recurrentBias, i * units, units))
    const z = tf.sigmoid(tf.add(columns(x, 0), u(h, 0)))
    const r = tf.sigmoid(tf.add(columns(x, 1), u(h, 1)))
    const n = tf.tanh(tf.add(columns(x, 2), u(tf.mul(r, h), 2)))
    same(tf.gruCell(input, h, w, { resetAfter: false }), tf.add(tf.mul(z, h), tf.mul(tf.sub(1, z), n)))
  })
})

describe('cells', () => {
  it('are the steps of the layers', () => {
    const x = some(batch, 1, features)
    const input = tf.reshape(x, [batch, features])
    const state = { h: some(batch, units), c: some(batch, units) }
    const [a, b, c] = [weightsOf(4), weightsOf(3), weightsOf(1)]
    same(tf.lstmCell(input, state, a).h, tf.lstm(x, a, state).h)
    same(tf.lstmCell(input, state, a).c, tf.lstm(x, a, state).c)
    same(tf.gruCell(input, state.h, b), tf.gru(x, b, { h: state.h }).h)
    same(tf.rnnCell(input, state.h, c), tf.simpleRnn(x, c, { h: state.h }).h)
  })
})
