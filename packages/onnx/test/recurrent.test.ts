// LSTM, GRU and RNN against ONNX Runtime (tooling/fixtures/onnx_recurrent.py): directions, lengths, states, peepholes, activations,
// in the layout that ONNX Runtime has and, turned around, in the other one.
import '@dl/backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { ready, strictBackend, zeros } from '@dl/tensor/core'
import { importOnnx, type OnnxModel } from '../src/index.ts'
import { decodeModel, encodeModel } from '../src/schema/codec.ts'
import { ATTRIBUTE, type AttributeProto, type NodeProto } from '../src/schema/messages.ts'
import fixture from './fixtures/recurrent.json' with { type: 'json' }
import { casesOf, expectOutputs, type Named, type Values } from './support/cases.ts'
import { file, info, node } from './support/model-files.ts'

beforeAll(async () => {
  await ready()
  strictBackend(true)
  return () => strictBackend(false)
})

const CASES = casesOf(fixture)

/** Axes of each value in time-major order, in the order of the batch-major layout. */
const TURNED: Readonly<Record<string, readonly number[]>> = {
  X: [1, 0, 2],
  h: [1, 0, 2],
  c: [1, 0, 2],
  Y: [2, 0, 1, 3],
  Y_h: [1, 0, 2],
  Y_c: [1, 0, 2],
}
function turned([name, { shape, data }]: readonly [string, Values]): [string, Values] {
  const axes = TURNED[name]
  if (!axes) return [name, { shape, data }]
  const stride = (axis: number): number => shape.slice(axis + 1).reduce((n, d) => n * d, 1)
  const sizes = axes.map((axis) => shape[axis]!)
  const moved = data.map((_, i) => {
    let [rest, from] = [i, 0]
    for (let a = sizes.length - 1; a >= 0; a--) {
      from += (rest % sizes[a]!) * stride(axes[a]!)
      rest = Math.floor(rest / sizes[a]!)
    }
    return data[from]!
  })
  return [name, { shape: sizes, data: moved }]
}
const turnedAll = (values: Named): Named => Object.fromEntries(Object.entries(values).map(turned))

function batchMajor(bytes: Uint8Array): Uint8Array {
  const { model } = decodeModel(bytes)
  const graph = model.graph!
  const [only] = graph.node!
  const layout: AttributeProto = { name: 'layout', type: ATTRIBUTE.int, i: 1n }
  const input = graph.input!.map(({ name = '', type }) =>
    name in TURNED
      ? info(
          name,
          TURNED[name]!.map((axis) => Number(type!.tensorType!.shape!.dim![axis]!.dimValue)),
        )
      : { name, type },
  )
  const changed: NodeProto = { ...only!, attribute: [...only!.attribute!, layout] }
  return encodeModel({ ...model, graph: { ...graph, input, node: [changed] } } as typeof model)
}

describe('computes what ONNX Runtime computes', () => {
  it.each(CASES)('$name', async ({ bytes, inputs, outputs }) => {
    await expectOutputs(await importOnnx(bytes), inputs, outputs)
  })
  it.each(CASES)('$name, batch first', async ({ bytes, inputs, outputs }) => {
    await expectOutputs(await importOnnx(batchMajor(bytes)), turnedAll(inputs), turnedAll(outputs))
  })
})

describe('refuses', () => {
  const model = (
    attribute: readonly AttributeProto[],
    shapes: readonly (readonly number[])[],
  ): Promise<OnnxModel> =>
    importOnnx(
      file({
        node: [node('GRU', ['x', 'w', 'r'], ['y'], { name: 'g', attribute })],
        input: ['x', 'w', 'r'].map((name, i) => info(name, shapes[i])),
        output: [info('y')],
      }),
    )
  const text = (s: string): Uint8Array => new TextEncoder().encode(s)
  const strings = (name: string, ...values: string[]): AttributeProto => ({
    name,
    type: ATTRIBUTE.strings,
    strings: values.map(text),
  })
  const SOUND = [
    [4, 2, 3],
    [1, 6, 3],
    [1, 6, 2],
  ]
  it.each<[string, readonly AttributeProto[], readonly (readonly number[])[], RegExp]>([
    ['an unknown activation', [strings('activations', 'Swish', 'Tanh')], SOUND, /activation 'Swish'/],
    ['too few activations', [strings('activations', 'Tanh')], SOUND, /names 1 activations, it needs 2/],
    [
      'numbers that are left out',
      [strings('activations', 'Affine', 'Tanh')],
      SOUND,
      /gives no alpha .*'Affine'/,
    ],
    [
      'an unknown direction',
      [{ name: 'direction', type: ATTRIBUTE.string, s: text('both') }],
      SOUND,
      /direction 'both'; it is/,
    ],
    [
      'a wrong hidden_size',
      [{ name: 'hidden_size', type: ATTRIBUTE.int, i: 5n }],
      SOUND,
      /hidden_size 5, but its recurrent weights are for 2/,
    ],
    [
      'weights of other gates',
      [],
      [
        [4, 2, 3],
        [1, 8, 3],
        [1, 6, 2],
      ],
      /input 1 of shape \[1, 6, 3\], got \[1, 8, 3\]/,
    ],
  ])('%s', async (_, attribute, shapes, message) => {
    const feeds = Object.fromEntries(['x', 'w', 'r'].map((name, i) => [name, zeros([...shapes[i]!])]))
    await expect(async () => (await model(attribute, shapes)).run(feeds)).rejects.toThrow(message)
  })
})
