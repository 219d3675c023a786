// Loops in the runtime: variables that a loop starts from and is assigned to, compiled and not; programs that a backend without
// loops hands to the reference; nothing left behind.
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import * as tf from '../../src/index.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { activate } from '../../src/testing/suite.ts'

type T = tf.Tensor
const values = (x: T): number[] => Array.from(x.dataSync() as Float32Array)
const step = (c: T, x: T): readonly [T, T] => [tf.add(tf.mul(c, 0.5), x), tf.mul(c, x)]

describe('a variable that a loop starts from and is assigned to', () => {
  beforeAll(() => activate(interpretingBackend()))
  it.each([
    ['recorded afresh', (f: (x: T) => T) => f],
    ['compiled', (f: (x: T) => T) => tf.jit(f)],
  ])('is right when %s', (_, wrap) => {
    const state = tf.variable(tf.tensor([1, 2]))
    const advance = wrap((x) => {
      const { carry, ys } = tf.scan(step, state as T, x)
      state.assign(carry)
      return ys
    })
    const expected = [1, 2]
    for (let round = 0; round < 4; round++) {
      const x = [
        [1, 2],
        [3, 4],
        [5, round],
      ]
      const ys = advance(tf.tensor(x))
      const wanted = x.map((row) =>
        row.map((e, i) => {
          const y = expected[i]! * e
          expected[i] = expected[i]! * 0.5 + e
          return y
        }),
      )
      expect(values(ys)).toEqual(wanted.flat())
      expect(values(state as T)).toEqual(expected)
    }
  })
  it('may be read beside it, and be the sequence itself', () => {
    const v = tf.variable(tf.tensor([1, 2, 3]))
    const f = tf.jit(() => {
      const { carry, ys } = tf.scan((c: T, e: T) => [tf.add(c, e), c] as const, tf.sum(v), v as T)
      v.assign(ys)
      return carry
    })
    expect(values(f())).toEqual([12])
    expect(values(v as T)).toEqual([6, 7, 9])
  })
})

describe('a while loop on a backend without loops', () => {
  afterEach(() => tf.strictBackend(true))
  it('runs on the reference, says so once, and counts', async () => {
    await activate(interpretingBackend({ loops: false }))
    tf.strictBackend(false)
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const before = tf.fallbackCount()
    const x = tf.whileLoop(
      (y: T) => tf.less(y, 100),
      (y: T) => tf.mul(y, 2),
      tf.scalar(3),
    )
    expect(values(x)).toEqual([192])
    expect(tf.fallbackCount()).toBe(before + 1)
    expect(warn.mock.calls.flat().join()).toMatch(/\[while\] a while loop needs a backend that runs loops/)
    warn.mockRestore()
  })
})

describe('memory', () => {
  it('is given back: handles, buffers and programs', async () => {
    const backend = interpretingBackend()
    await activate(backend)
    const w = { kernel: tf.ones([2, 12]), recurrentKernel: tf.ones([3, 12]) }
    const x = tf.ones([2, 5, 2])
    const once = (): void => {
      const g = tf.grad((p: typeof w) => tf.sum(tf.lstm(x, p).outputs))(w)
      values(g.kernel)
      tf.dispose(g)
    }
    once() // computes the weights
    once()
    const [tensors, { buffers }, programs] = [
      tf.memory().numTensors,
      backend.memory(),
      backend.programs.length,
    ]
    for (let i = 0; i < 5; i++) once()
    expect([tf.memory().numTensors, backend.memory().buffers]).toEqual([tensors, buffers])
    // equal loops share a plan, although they were recorded afresh
    expect(backend.programs.length).toBe(programs)
  })
})
