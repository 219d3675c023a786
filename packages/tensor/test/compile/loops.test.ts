// Loops as programs: how many kernels a step is, that a body is compiled once whatever the length, that weights get their
// gradients after the loop, and what is written out instead.
import { describe, expect, it } from 'vitest'
import type { Kernel, LoopKernel, Program } from '../../src/backend/ir.ts'
import * as tf from '../../src/index.ts'
import { interpretingBackend, type InterpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { activate } from '../../src/testing/suite.ts'

type T = tf.Tensor

async function programOf(
  run: () => T | readonly T[],
  backend: InterpretingBackend = interpretingBackend(),
): Promise<Program> {
  await activate(backend)
  const f = tf.jit((): T[] => {
    const result = run()
    return result instanceof tf.Tensor ? [result] : [...result]
  })
  f().forEach((x) => x.dataSync())
  return backend.programs.at(-1)!
}
const loopsOf = ({ kernels }: Program): LoopKernel[] => kernels.filter((k) => k.kind === 'loop')
const kinds = (kernels: readonly Kernel[]): string[] => kernels.map((k) => k.kind)
const dots = (kernels: readonly Kernel[]): number => kernels.filter((k) => k.kind === 'contract').length

const [batch, features, units] = [4, 3, 8]
const lstmWeights = (): tf.LstmWeights => ({
  kernel: tf.ones([features, 4 * units]),
  recurrentKernel: tf.ones([units, 4 * units]),
  bias: tf.zeros([4 * units]),
})
const gruWeights = (): tf.RecurrentWeights => ({
  kernel: tf.ones([features, 3 * units]),
  recurrentKernel: tf.ones([units, 3 * units]),
  recurrentBias: tf.ones([3 * units]),
})
const input = (time: number): T => tf.ones([batch, time, features])

describe('an LSTM in a program', () => {
  it('is a product for all inputs, and two kernels a step', async () => {
    const program = await programOf(() => tf.lstm(input(6), lstmWeights()).outputs)
    const [loop] = loopsOf(program) as [LoopKernel]
    expect([loop.count, kinds(loop.kernels)]).toEqual([6, ['contract', 'row']])
    expect(dots(program.kernels)).toBe(1)
  })
  it('is two kernels a step backwards, with the gradients of the weights after the loop', async () => {
    const program = await programOf(() => {
      const g = tf.grad((w: tf.LstmWeights) => tf.sum(tf.square(tf.lstm(input(6), w).outputs)))(lstmWeights())
      return [g.kernel, g.recurrentKernel, g.bias!]
    })
    const loops = loopsOf(program)
    expect(loops.map((l) => kinds(l.kernels).toSorted())).toEqual([
      ['contract', 'row'],
      ['contract', 'row'],
    ])
    // inputs of all steps; gradients of kernel and recurrent kernel
    expect(dots(program.kernels)).toBe(3)
  })
  it('is compiled once, whatever the length', async () => {
    const sizes: number[] = []
    for (const time of [20, 60]) {
      const { kernels, buffers } = await programOf(() =>
        tf.grad((x: T) => tf.sum(tf.lstm(x, lstmWeights()).outputs))(input(time)),
      )
      sizes.push(kernels.length, buffers.length)
    }
    expect(sizes.slice(2)).toEqual(sizes.slice(0, 2))
  })
  it('leaves what nobody reads out', async () => {
    const all = await programOf(() => tf.lstm(input(5), lstmWeights()).outputs)
    const last = await programOf(() => tf.lstm(input(5), lstmWeights()).h)
    expect(loopsOf(last)[0]!.windows.length).toBe(loopsOf(all)[0]!.windows.length - 1)
  })
})

describe('loops in programs', () => {
  it('keep a GRU at one product a step', async () => {
    const program = await programOf(() => tf.gru(input(5), gruWeights()).outputs)
    expect(kinds(loopsOf(program)[0]!.kernels)).toEqual(['contract', 'row'])
  })
  it('are written out for one step, and for backends without loops', async () => {
    expect(loopsOf(await programOf(() => tf.gru(input(1), gruWeights()).outputs))).toHaveLength(0)
    const without = interpretingBackend({ loops: false })
    expect(loopsOf(await programOf(() => tf.gru(input(3), gruWeights()).outputs, without))).toHaveLength(0)
  })
  it('become branches where a side is more than arithmetic', async () => {
    const x = tf.ones([3, 3])
    const cheap = await programOf(() =>
      tf.cond(
        tf.sum(x),
        (a: T) => tf.exp(a),
        (a: T) => tf.neg(a),
        x,
      ),
    )
    expect(kinds(cheap.kernels)).not.toContain('branch')
    const dear = await programOf(() =>
      tf.cond(
        tf.sum(x),
        (a: T) => tf.matMul(a, a),
        (a: T) => tf.neg(a),
        x,
      ),
    )
    expect(kinds(dear.kernels)).toContain('branch')
  })
  it('are printed with their bodies', async () => {
    await activate(interpretingBackend())
    const text = tf.explain(tf.gru(input(5), gruWeights()).outputs)
    expect(text).toMatch(/scan .*\(body .* in \d+ nodes/)
    expect(text).toMatch(/loop scan: 5 times\n.* = b\d+ from 0, 96 a step/)
    expect(text).toMatch(/ {2}product dot/)
  })
})
