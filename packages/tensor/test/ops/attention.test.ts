// scaledDotProductAttention as users see it: what it computes, what it refuses, and that it stays one kernel under grad, vmap
// and jit where the backend has one.
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend, setBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'

const interpreter = interpretingBackend()
const backends = { reference: referenceBackend, interpreter }

beforeAll(() => {
  registerBackend(referenceBackend)
  registerBackend(interpreter)
})

const key = tf.random.key(3)
const floats = (n: number, ...shape: number[]): tf.Tensor => tf.random.normal(key.fold(n), shape)

/** The same in products and a softmax; `hidden` is true where a key is not seen. */
function spelledOut(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, hidden?: tf.Tensor): tf.Tensor {
  const scores = tf.matMul(q, k, false, true).div(Math.sqrt(q.shape.at(-1)!))
  return tf.matMul(tf.softmax(hidden ? tf.where(hidden, -Infinity, scores) : scores), v)
}

function expectClose(actual: tf.Tensor, expected: tf.Tensor, bound = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape)
  const [a, e] = [actual, expected].map((t) => t.dataSync() as Float32Array) as [Float32Array, Float32Array]
  a.forEach((x, i) => expect(Math.abs(x - e[i]!)).toBeLessThan(bound))
}

/** Names of the kernels that the last program of the interpreter has. */
const kernels = (): string[] => interpreter.programs.at(-1)!.kernels.map((x) => x.kind)
type Three = [tf.Tensor, tf.Tensor, tf.Tensor]
const inputs = (...shape: number[]): Three => [floats(0, ...shape), floats(1, ...shape), floats(2, ...shape)]

describe.each(Object.entries(backends))('scaledDotProductAttention on %s', (name) => {
  beforeAll(() => setBackend(name))

  it('is softmax of scaled products times values', () => {
    const [q, k, v] = [floats(0, 2, 3, 5, 4), floats(1, 2, 3, 7, 4), floats(2, 2, 3, 7, 6)]
    expectClose(tf.scaledDotProductAttention(q, k, v), spelledOut(q, k, v))
  })

  it('counts the causal triangle from the top left', () => {
    const [q, k, v] = [floats(0, 3, 4), floats(1, 5, 4), floats(2, 5, 4)]
    const hidden = tf.greater(
      tf.range(0, 5, 1, 'int32').reshape([1, 5]),
      tf.range(0, 3, 1, 'int32').reshape([3, 1]),
    )
    expectClose(tf.scaledDotProductAttention(q, k, v, { causal: true }), spelledOut(q, k, v, hidden))
  })

  it('repeats key heads over neighbouring query heads', () => {
    const [q, k, v] = [floats(0, 2, 6, 3, 4), floats(1, 2, 2, 5, 4), floats(2, 2, 2, 5, 4)]
    const repeated = (x: tf.Tensor): tf.Tensor => tf.gather(x, tf.tensor1d([0, 0, 0, 1, 1, 1], 'int32'), 1)
    expectClose(tf.scaledDotProductAttention(q, k, v), spelledOut(q, repeated(k), repeated(v)))
  })

  it('broadcasts axes before the heads', () => {
    const [q, k, v] = [floats(0, 3, 2, 4, 4), floats(1, 1, 2, 5, 4), floats(2, 1, 2, 5, 4)]
    expectClose(
      tf.scaledDotProductAttention(q, k, v),
      spelledOut(q, k.tile([3, 1, 1, 1]), v.tile([3, 1, 1, 1])),
    )
  })

  it('gives zeros, and zero gradients, where no key is seen', () => {
    const [q, k, v] = inputs(3, 4)
    const mask = tf.tensor([
      [true, true, false],
      [false, false, false],
      [false, true, true],
    ])
    const attend = (...x: Three): tf.Tensor => tf.scaledDotProductAttention(...x, { mask })
    const { value, grads } = tf.valueAndGrads((...x: Three) =>
      attend(...x)
        .square()
        .sum(),
    )([q, k, v])
    expect(Number.isFinite(value.dataSync()[0])).toBe(true)
    expect([...attend(q, k, v).dataSync()].slice(4, 8)).toEqual([0, 0, 0, 0])
    expect([...grads[0].dataSync()].slice(4, 8)).toEqual([0, 0, 0, 0])
    for (const g of grads) expect([...g.dataSync()].every(Number.isFinite)).toBe(true)
  })

  it('has a gradient for a float mask', () => {
    const [q, k, v] = inputs(4, 6)
    const bias = floats(5, 4, 4)
    const own = tf.grad((m: tf.Tensor) => tf.scaledDotProductAttention(q, k, v, { mask: m }).square().sum())(
      bias,
    )
    const expected = tf.grad((m: tf.Tensor) => {
      const scores = tf.matMul(q, k, false, true).div(Math.sqrt(6)).add(m)
      return tf.matMul(tf.softmax(scores), v).square().sum()
    })(bias)
    expectClose(own, expected)
  })

  it('drops probabilities of the same elements forward and backward, and keeps their mean', () => {
    const ones = tf.ones([1, 2, 50, 40])
    const q = floats(0, 1, 2, 50, 8)
    const attend = (v: tf.Tensor): tf.Tensor =>
      tf.scaledDotProductAttention(q, floats(1, 1, 2, 40, 8), v, { dropout: 0.25, seed: 11 })
    const identity = tf.eye(40).reshape([1, 1, 40, 40]).tile([1, 2, 1, 1])
    const kept = attend(identity) // the dropped probabilities themselves
    const zeros = (kept.dataSync() as Float32Array).filter((x) => x === 0).length / kept.size
    expect(Math.abs(zeros - 0.25)).toBeLessThan(0.03)
    expect(Math.abs(Number(kept.sum().dataSync()[0]) / 100 - 1)).toBeLessThan(0.03)
    const pulled = tf.grad((v: tf.Tensor) => attend(v).mul(ones).sum())(identity)
    expectClose(
      pulled,
      kept
        .sum(2)
        .expandDims(3)
        .mul(tf.ones([1, 1, 1, 40])),
      1e-4,
    )
  })

  it('agrees with itself under vmap, jit, jvp and second derivatives', () => {
    const batch = inputs(3, 2, 5, 4)
    const attend = (...x: Three): tf.Tensor => tf.scaledDotProductAttention(...x, { causal: true })
    const expected = attend(...batch)
    expectClose(tf.vmap(attend)(...batch), expected)
    expectClose(tf.jit(attend)(...batch), expected)
    const loss = (x: tf.Tensor): tf.Tensor => attend(x, batch[1], batch[2]).square().sum()
    const spelled = (x: tf.Tensor): tf.Tensor => {
      const at = tf.range(0, 5, 1, 'int32')
      const hidden = tf.greater(at.reshape([1, 5]), at.reshape([5, 1]))
      return spelledOut(x, batch[1], batch[2], hidden).square().sum()
    }
    const direction = floats(9, 3, 2, 5, 4)
    expectClose(tf.hvp(loss, batch[0], direction), tf.hvp(spelled, batch[0], direction), 1e-4)
    const [own, other] = [loss, spelled].map((f) => tf.jvp(f, [batch[0]], [direction]).tangent)
    expectClose(own!, other!, 1e-4)
  })
})

describe('the attention kernel', () => {
  beforeAll(() => setBackend('interpreter'))

  it('is one forward and one backward', () => {
    const x = inputs(2, 3, 5, 4)
    tf.scaledDotProductAttention(...x).dataSync()
    expect(kernels().filter((k) => k !== 'row')).toEqual(['attention'])
    const { grads } = tf.valueAndGrads((...y: Three) => tf.scaledDotProductAttention(...y))(
      x,
      floats(4, 2, 3, 5, 4),
    )
    tf.addN(grads).dataSync()
    expect(kernels().filter((k) => k !== 'row')).toEqual(['attention', 'attentionGrad'])
  })

  it('reads heads where a projection left them', () => {
    const heads = (n: number): tf.Tensor => floats(n, 2, 5, 12).reshape([2, 5, 3, 4]).transpose([0, 2, 1, 3])
    const x = [0, 1, 2].map((n) => tf.keep(heads(n)))
    tf.addN(x).dataSync()
    const jitted = tf.jit((a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) => {
      const split = (t: tf.Tensor): tf.Tensor => t.reshape([2, 5, 3, 4]).transpose([0, 2, 1, 3])
      return tf.scaledDotProductAttention(split(a), split(b), split(c))
    })
    jitted(floats(0, 2, 5, 12), floats(1, 2, 5, 12), floats(2, 2, 5, 12)).dataSync()
    expect(kernels()).toEqual(['attention'])
  })

  it('stays under vmap, with its gradient', () => {
    const x = inputs(3, 2, 5, 4)
    const f = (...y: Three): tf.Tensor =>
      tf
        .scaledDotProductAttention(...y)
        .square()
        .sum()
    tf.addN(
      tf
        .vmap((...y: Three) => tf.grads(f)(y)[0])(...x)
        .unstack(),
    ).dataSync()
    expect(kernels().filter((k) => k !== 'row')).toEqual(['attention', 'attentionGrad'])
  })

  it('is shown by explain', () => {
    const x = inputs(2, 5, 4)
    const y = tf.scaledDotProductAttention(...x, { causal: true })
    const text = tf.explain(y)
    y.dataSync()
    expect(text).toContain('scaledDotProductAttention')
    expect(text).toMatch(/attention .*2 × 5 queries × 5 keys, depth 4/)
  })

  it('leaves float64 to products and a softmax', () => {
    const x = inputs(2, 5, 4).map((t) => t.cast('float64')) as Three
    const y = tf.scaledDotProductAttention(...x)
    expect(y.dtype).toBe('float64')
    y.dataSync()
    expect(kernels()).not.toContain('attention')
  })
})

const REFUSED: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
  'different ranks': [
    () => tf.scaledDotProductAttention(floats(0, 2, 3), floats(1, 1, 2, 3), floats(2, 2, 3)),
    /one rank/,
  ],
  'different depths': [
    () => tf.scaledDotProductAttention(floats(0, 2, 3), floats(1, 2, 4), floats(2, 2, 3)),
    /same depth/,
  ],
  'different lengths': [
    () => tf.scaledDotProductAttention(floats(0, 2, 3), floats(1, 2, 3), floats(2, 5, 3)),
    /same length/,
  ],
  'heads that do not divide': [
    () => tf.scaledDotProductAttention(floats(0, 3, 2, 3), floats(1, 2, 2, 3), floats(2, 2, 2, 3)),
    /multiple/,
  ],
  'an integer mask': [
    () => tf.scaledDotProductAttention(...inputs(2, 3), { mask: tf.ones([2, 2], 'int32') }),
    /mask is bool .*int32.*cast/,
  ],
  'a mask that does not fit': [
    () => tf.scaledDotProductAttention(...inputs(2, 3), { mask: tf.ones([3, 2]) }),
    /mask \[3, ?2\] must broadcast .*\[2, ?2\]/,
  ],
  'a dropout of 1': [() => tf.scaledDotProductAttention(...inputs(2, 3), { dropout: 1 }), /\[0, 1\).*1/],
  'an endless scale': [() => tf.scaledDotProductAttention(...inputs(2, 3), { scale: Infinity }), /finite/],
}
describe('scaledDotProductAttention refuses', () => {
  it.each(Object.entries(REFUSED))('%s', (_, [call, message]) => {
    expect(call).toThrow(message)
    expect(call).toThrow(/^\[scaledDotProductAttention\]/)
  })
})
