// Operators beyond the conformance tests: gradients of compositions against differences of their values, transforms against
// their definition, random numbers, positions that are known only when the model runs.
import '@dl/backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { grad, mul, ready, strictBackend, sum, tensor, type Tensor } from '@dl/tensor/core'
import { importOnnx, type OnnxModel } from '../src/index.ts'
import { ATTRIBUTE, type AttributeProto } from '../src/schema/messages.ts'
import { type HostTensor, int64Tensor, tensorProto } from '../src/schema/tensor-values.ts'
import { file, floats, info, node } from './support/model-files.ts'

beforeAll(async () => {
  await ready()
  strictBackend(true)
  return () => strictBackend(false)
})

type Setting = number | string | readonly number[]
const attribute = (name: string, value: Setting): AttributeProto => {
  if (typeof value === 'string') return { name, type: ATTRIBUTE.string, s: new TextEncoder().encode(value) }
  if (typeof value === 'number')
    return Number.isInteger(value)
      ? { name, type: ATTRIBUTE.int, i: BigInt(value) }
      : { name, type: ATTRIBUTE.float, f: value }
  return { name, type: ATTRIBUTE.ints, ints: value.map(BigInt) }
}

/** A model of one node: float64 inputs, or constants. */
function oneNode(
  opType: string,
  inputs: readonly (readonly number[] | HostTensor | null)[],
  settings: Readonly<Record<string, Setting>> = {},
  opset = 22,
): Promise<OnnxModel> {
  const names = inputs.map((input, i) => (input === null ? '' : `x${i}`))
  const isShape = (input: readonly number[] | HostTensor | null): input is readonly number[] =>
    Array.isArray(input)
  return importOnnx(
    file(
      {
        node: [
          node(opType, names, ['y'], {
            attribute: Object.entries(settings).map(([name, value]) => attribute(name, value)),
          }),
        ],
        initializer: inputs.flatMap((input, i) =>
          input === null || isShape(input) ? [] : [tensorProto(input, names[i])],
        ),
        input: inputs.flatMap((input, i) => (isShape(input) ? [info(names[i]!, input, 11)] : [])),
        output: [info('y', undefined, 11)],
      },
      opset,
    ),
  )
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)
/** Numbers that are not equal and not near 0, the same in each run. */
const values = (shape: readonly number[], seed: number): Float64Array =>
  Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(12.9898 * (i + 1) + seed) * 0.9)
/** Steps of two sequences. */
const LENGTHS: HostTensor = { dtype: 'int32', shape: [2], data: Int32Array.of(3, 2) }

describe('gradients equal differences of values', () => {
  const none = floats([])
  it.each<[string, string, (readonly number[] | HostTensor)[], Record<string, Setting>]>([
    ['Resize nearest', 'Resize', [[1, 2, 3, 4], none, floats([1, 1, 2, 3])], {}],
    ['Resize linear', 'Resize', [[1, 1, 3, 4], none, floats([1, 1, 1.7, 2.3])], { mode: 'linear' }],
    ['Resize cubic', 'Resize', [[1, 1, 5, 4], none, floats([1, 1, 0.8, 1.5])], { mode: 'cubic' }],
    [
      'Resize with antialiasing',
      'Resize',
      [[1, 1, 9, 4], none, floats([1, 1, 0.3, 1])],
      { mode: 'linear', antialias: 1 },
    ],
    [
      'GridSample linear',
      'GridSample',
      [
        [1, 2, 3, 4],
        [1, 2, 2, 2],
      ],
      { mode: 'linear' },
    ],
    [
      'GridSample cubic, reflected',
      'GridSample',
      [
        [1, 1, 4, 4],
        [1, 2, 3, 2],
      ],
      { mode: 'cubic', padding_mode: 'reflection' },
    ],
    ['LpPool', 'LpPool', [[1, 2, 5, 5]], { kernel_shape: [2, 2], p: 3 }],
    ['LRN', 'LRN', [[1, 5, 2, 2]], { size: 3, alpha: 0.1 }],
    ['GroupNormalization', 'GroupNormalization', [[2, 4, 3], [4], [4]], { num_groups: 2 }],
    ['ScatterElements', 'ScatterElements', [[4, 2], int64Tensor([1, 0, 3, 2], [2, 2]), [2, 2]], { axis: 0 }],
    [
      'ScatterND with products',
      'ScatterND',
      [[4, 2], int64Tensor([1, 1, 3], [3, 1]), [3, 2]],
      { reduction: 'mul' },
    ],
    [
      'Einsum',
      'Einsum',
      [
        [2, 3, 3],
        [3, 4],
      ],
      { equation: 'bii,ij->bj' },
    ],
    ['Col2Im', 'Col2Im', [[1, 8, 4], int64Tensor([3, 3]), int64Tensor([2, 2])], {}],
    [
      'DeformConv',
      'DeformConv',
      [
        [1, 2, 4, 4],
        [2, 2, 2, 2],
        [1, 8, 3, 3],
      ],
      {},
    ],
    ['DFT', 'DFT', [[1, 6, 2]], {}],
    ['CenterCropPad', 'CenterCropPad', [[5, 2], int64Tensor([3, 4])], {}],
    [
      'LSTM both ways, with lengths, states and peepholes',
      'LSTM',
      [[3, 2, 2], [2, 8, 2], [2, 8, 2], [2, 16], LENGTHS, [2, 2, 2], [2, 2, 2], [2, 6]],
      { direction: 'bidirectional' },
    ],
    [
      'GRU backwards, batch first, with lengths',
      'GRU',
      [[2, 3, 2], [1, 6, 2], [1, 6, 2], [1, 12], LENGTHS],
      { direction: 'reverse', layout: 1 },
    ],
    ['RNN with a first state', 'RNN', [[3, 2, 2], [1, 2, 2], [1, 2, 2], [1, 4], LENGTHS, [1, 2, 2]], {}],
  ])('%s', async (_, opType, inputs, settings) => {
    const model = await oneNode(opType, inputs, settings)
    const shapes = inputs.filter((input): input is readonly number[] => Array.isArray(input))
    const given = shapes.map((shape, i) => values(shape, i))
    const make = (): Tensor[] => shapes.map((shape, i) => tensor(given[i]!.slice(), [...shape], 'float64'))
    const loss = (...x: Tensor[]): Tensor => {
      const y = model.call(x) as Tensor
      return sum(mul(y, tensor(values(y.shape, 99), [...y.shape], 'float64')))
    }
    for (const [which, shape] of shapes.entries()) {
      const others = make()
      const slope = grad((x: Tensor) => loss(...others.map((o, i) => (i === which ? x : o))))(others[which]!)
      const got = (await slope.data()) as Float64Array
      for (let k = 0; k < sizeOf(shape); k += Math.max(1, Math.floor(sizeOf(shape) / 7))) {
        const at = async (step: number): Promise<number> => {
          const x = make()
          const moved = given[which]!.slice()
          moved[k] = moved[k]! + step
          x[which] = tensor(moved, [...shape], 'float64')
          return ((await loss(...x).data()) as Float64Array)[0]!
        }
        const want = ((await at(1e-5)) - (await at(-1e-5))) / 2e-5
        expect(Math.abs(got[k]! - want), `input ${which}, element ${k}: ${got[k]}, not ${want}`).toBeLessThan(
          1e-6 * Math.max(1, Math.abs(want)),
        )
      }
    }
  })
})

describe('DFT', () => {
  /** The definition. */
  function spectrum(x: Float64Array, length: number, sign: number): Float64Array {
    const y = new Float64Array(2 * length)
    for (let k = 0; k < length; k++)
      for (let n = 0; n < Math.min(length, x.length / 2); n++) {
        const angle = (sign * 2 * Math.PI * k * n) / length
        y[2 * k] = y[2 * k]! + x[2 * n]! * Math.cos(angle) - x[2 * n + 1]! * Math.sin(angle)
        y[2 * k + 1] = y[2 * k + 1]! + x[2 * n]! * Math.sin(angle) + x[2 * n + 1]! * Math.cos(angle)
      }
    return y
  }
  it.each([5, 64, 97, 100, 210, 256])('of %i elements', async (n) => {
    const x = values([1, n, 2], 1)
    const { y } = await (await oneNode('DFT', [[1, n, 2]])).run({ x0: tensor(x, [1, n, 2], 'float64') })
    const got = (await y!.data()) as Float64Array
    spectrum(x, n, -1).forEach((want, i) => expect(got[i]).toBeCloseTo(want, 9))
  })
  it.each([
    [30, 12],
    [12, 30],
  ])('of %i elements, cut or filled to %i', async (n, length) => {
    const x = values([1, n, 2], 1)
    const model = await oneNode('DFT', [[1, n, 2], int64Tensor([length], [])])
    const { y } = await model.run({ x0: tensor(x, [1, n, 2], 'float64') })
    const got = (await y!.data()) as Float64Array
    spectrum(x.slice(0, 2 * length), length, -1).forEach((want, i) => expect(got[i]).toBeCloseTo(want, 9))
  })
  it.each([8, 9, 150, 151])('there and back on one side, %i real elements', async (n) => {
    const x = values([1, n, 1], 2)
    const there = await oneNode('DFT', [[1, n, 1]], { onesided: 1 })
    const half = (await there.run({ x0: tensor(x, [1, n, 1], 'float64') }))['y']!
    const bins = Math.floor(n / 2) + 1
    expect(half.shape).toEqual([1, bins, 2])
    const back = await oneNode('DFT', [[1, bins, 2], int64Tensor([n], [])], { onesided: 1, inverse: 1 })
    const got = (await (await back.run({ x0: half }))['y']!.data()) as Float64Array
    expect(got.length).toBe(n)
    x.forEach((want, i) => expect(got[i]).toBeCloseTo(want, 9))
  })
})

describe('random numbers', () => {
  it('have the bounds, and the mean, that the node names', async () => {
    const model = await oneNode('RandomUniform', [], { shape: [4000], low: 2.5, high: 4.5, dtype: 11 })
    const draw = (await (await model.run({}))['y']!.data()) as Float64Array
    expect(Math.min(...draw)).toBeGreaterThanOrEqual(2.5)
    expect(Math.max(...draw)).toBeLessThanOrEqual(4.5) // a draw just below may be rounded up to the bound
    expect(draw.reduce((a, b) => a + b, 0) / draw.length).toBeCloseTo(3.5, 1)
    expect(await (await model.run({}))['y']!.data()).not.toEqual(draw)
  })
  it('repeat with a seed', async () => {
    const model = await oneNode('RandomNormalLike', [[50]], { seed: 1.5, mean: 0.5 })
    const feeds = { x0: tensor(new Float64Array(50)) }
    const draw = await (await model.run(feeds))['y']!.data()
    expect(await (await model.run(feeds))['y']!.data()).toEqual(draw)
  })
  it('are 1 as often as Bernoulli is told', async () => {
    const model = await oneNode('Bernoulli', [[2, 3000]])
    const x = Float64Array.from({ length: 6000 }, (_, i) => (i < 3000 ? 0.2 : 1))
    const draw = (await (await model.run({ x0: tensor(x, [2, 3000]) }))['y']!.data()) as Float64Array
    const share = draw.subarray(0, 3000).reduce((a, b) => a + b, 0) / 3000
    expect(share).toBeGreaterThan(0.16)
    expect(share).toBeLessThan(0.24)
    expect(draw.subarray(3000).every((b) => b === 1)).toBe(true)
  })
})

describe('Resize', () => {
  it('takes its scales from the run', async () => {
    const model = await importOnnx(
      file({
        node: [node('Resize', ['x', '', 'scales'], ['y'])],
        input: [info('x', [1, 1, 2, 2]), info('scales', [4])],
        output: [info('y')],
      }),
    )
    const { y } = await model.run({ x: [1, 2, 3, 4], scales: [1, 1, 1, 2] })
    expect(await y!.data()).toEqual(Float32Array.of(1, 1, 2, 2, 3, 3, 4, 4))
  })
  it.each<[string, HostTensor, Record<string, Setting>, string]>([
    ['scales of another rank', floats([1, 2]), {}, 'has 2 scales for 4 axes of an input [1, 1, 2, 2]'],
    ['a mode that is none', floats([1, 1, 2, 2]), { mode: 'quintic' }, "has mode 'quintic'; it is one of"],
    ['a size beyond memory', floats([1, 1, 1e6, 1e6]), {}, 'more than the limit'],
    ['a size that is none', floats([1, 1, -1, 2]), {}, 'asks for the sizes [1, 1, -2, 4]'],
  ])('refuses %s', async (_, scales, settings, message) => {
    const model = await oneNode('Resize', [[1, 1, 2, 2], floats([]), scales], settings)
    await expect(model.run({ x0: tensor(new Float64Array(4), [1, 1, 2, 2]) })).rejects.toThrow(message)
  })
})

describe('what does not fit is refused', () => {
  it.each<[string, (readonly number[] | HostTensor)[], Record<string, Setting>, string]>([
    ['Pad', [[2, 3], int64Tensor([1, 1])], {}, 'has 2 pads for 2 axes'],
    ['Slice', [[4], floats([0.5]), floats([2])], {}, 'needs whole starts, got 0.5'],
    [
      'GridSample',
      [
        [1, 1, 2, 2],
        [1, 2, 2, 3],
      ],
      {},
      'samples [1, 1, 2, 2] at positions [1, 2, 2, 3]',
    ],
    ['AffineGrid', [[1, 2, 3], int64Tensor([1, 1, 2 ** 20, 2 ** 20])], {}, 'more than the limit'],
    ['AffineGrid', [[1, 3], int64Tensor([4, 3, 1, 2])], {}, 'has theta [1, 3] for the size [4, C, 1, 2]'],
    ['DFT', [[1, 4, 2], int64Tensor([2 ** 31 - 1], [])], {}, 'more than the limit'],
  ])('%s', async (opType, inputs, settings, message) => {
    const model = await oneNode(opType, inputs, settings)
    const shapes = inputs.flatMap((input, i) => (Array.isArray(input) ? [[i, input] as const] : []))
    const feeds = Object.fromEntries(
      shapes.map(([i, shape]) => [`x${i}`, tensor(values(shape, i), [...shape], 'float64')]),
    )
    await expect(model.run(feeds)).rejects.toThrow(message)
  })
})

describe('MaxPool', () => {
  it('gives positions that MaxUnpool takes back', async () => {
    const model = await importOnnx(
      file(
        {
          node: [
            node('MaxPool', ['x'], ['p', 'at'], {
              attribute: [attribute('kernel_shape', [2, 2]), attribute('strides', [2, 2])],
            }),
            node('MaxUnpool', ['p', 'at'], ['y'], {
              attribute: [attribute('kernel_shape', [2, 2]), attribute('strides', [2, 2])],
            }),
          ],
          input: [info('x', ['n', 1, 2, 4])],
          output: [info('y'), info('at', undefined, 7)],
        },
        22,
      ),
    )
    const { y, at } = await model.run({
      x: tensor([1, 5, 2, 0, 3, 4, 9, 9, 0, 0, 0, 1, 7, 0, 0, 0], [2, 1, 2, 4]),
    })
    expect(await at!.data()).toEqual(BigInt64Array.of(1n, 6n, 12n, 11n))
    expect(await y!.data()).toEqual(Float32Array.of(0, 5, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1, 7, 0, 0, 0))
  })
})
