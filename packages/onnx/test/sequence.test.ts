// Lists of tensors between nodes: what PyTorch's newer exporter makes of split and chunk, and each list operator by itself.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { ready, square, sum, tensor, type Tensor, variableGrads } from '@dl/tensor/core'
import { importOnnx } from '../src/index.ts'
import { encodeModel } from '../src/schema/codec.ts'
import type { AttributeProto, NodeProto } from '../src/schema/messages.ts'
import split from './fixtures/dynamo-split.json' with { type: 'json' }

beforeAll(() => ready())

const expectClose = (got: ArrayLike<number>, want: readonly number[]): void => {
  expect(got.length).toBe(want.length)
  for (const [i, w] of want.entries()) expect(Math.abs(got[i]! - w)).toBeLessThan(1e-5)
}

describe('split and chunk of torch.export', () => {
  it('have the outputs and the gradient that PyTorch has', async () => {
    const model = await importOnnx(readFileSync(new URL('fixtures/dynamo-split.onnx', import.meta.url)))
    const x = tensor(split.x, [3, 5])
    expectClose(await (model.call(x) as Tensor).data(), split.y)
    const { grads } = variableGrads(
      () => sum(square(model.call(x) as Tensor)),
      [model.variable('linear.weight')],
    )
    expectClose(await grads['linear.weight']!.data(), split.gradient)
  })
})

const FLOAT = 1
const INT64 = 7
const floats = (name: string, first: number): object => ({
  name,
  type: { tensorType: { elemType: FLOAT, shape: { dim: [{ dimValue: BigInt(first) }, { dimValue: 2n }] } } },
})
const ints = (name: string, values: readonly number[], isScalar = false): object => ({
  name,
  dims: isScalar ? [] : [BigInt(values.length)],
  dataType: INT64,
  int64Data: values.map(BigInt),
})
const int = (name: string, i: number): AttributeProto => ({ name, type: 2, i: BigInt(i) })
const node = (
  opType: string,
  input: readonly string[],
  output: string,
  ...attribute: AttributeProto[]
): NodeProto => ({ name: output, opType, input, output: [output], attribute })

/** A model of `a` [4, 2] and `b` [4, 2] with the numbers 0, 1, 2 and -1, and the parts that lists are split into. */
const file = (nodes: readonly NodeProto[], elemType = FLOAT): Uint8Array =>
  encodeModel({
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'lists',
      node: nodes,
      initializer: [
        ...[0, 1, 2, 7].map((i) => ints(String(i), [i], true)),
        ints('-1', [-1], true),
        ints('parts', [1, 3]),
        ints('short', [1, 2]),
      ],
      input: [floats('a', 4), floats('b', 4)],
      output: [{ name: 'y', type: { tensorType: { elemType } } }],
    },
  })
const pair = node('SequenceConstruct', ['a', 'b'], 'pair')
const a = [1, 2, 3, 4, 5, 6, 7, 8]
const b = a.map((x) => 10 * x)

describe('operators on lists', () => {
  const CASES: readonly (readonly [string, readonly NodeProto[], readonly number[], readonly number[]])[] = [
    ['a list of tensors, counted from its end', [pair, node('SequenceAt', ['pair', '-1'], 'y')], b, [4, 2]],
    [
      'parts of given lengths',
      [node('SplitToSequence', ['a', 'parts'], 's'), node('SequenceAt', ['s', '1'], 'y')],
      a.slice(2),
      [3, 2],
    ],
    [
      'rows without their axis',
      [node('SplitToSequence', ['a'], 's', int('keepdims', 0)), node('SequenceAt', ['s', '2'], 'y')],
      [5, 6],
      [2],
    ],
    [
      'an element put in and one taken out',
      [
        pair,
        node('SequenceInsert', ['pair', 'b', '0'], 'three'),
        node('SequenceErase', ['three'], 'two'),
        node('ConcatFromSequence', ['two'], 'y', int('axis', 1)),
      ],
      [10, 20, 1, 2, 30, 40, 3, 4, 50, 60, 5, 6, 70, 80, 7, 8],
      [4, 4],
    ],
    [
      'a new axis',
      [
        node('SequenceEmpty', [], 'none'),
        node('SequenceInsert', ['none', 'a'], 'one'),
        node('ConcatFromSequence', ['one'], 'y', int('axis', 0), int('new_axis', 1)),
      ],
      a,
      [1, 4, 2],
    ],
  ]
  it.each(CASES)('%s', async (_, nodes, values, shape) => {
    const { y } = await (await importOnnx(file(nodes))).run({ a, b })
    expect([y!.shape, Array.from(await y!.data())]).toEqual([shape, values])
  })

  it('tell their length', async () => {
    const { y } = await (
      await importOnnx(file([pair, node('SequenceLength', ['pair'], 'y')], INT64))
    ).run({ a, b })
    expect([y!.shape, Array.from(await y!.data())]).toEqual([[], [2n]])
  })

  it.each([
    [
      'a position that is not there',
      [pair, node('SequenceAt', ['pair', '7'], 'y')],
      'has position 7, but there are 2',
    ],
    ['a tensor for a list', [node('SequenceAt', ['a', '0'], 'y')], "'a' is no list"],
    ['a list for a tensor', [pair, node('Relu', ['pair'], 'y')], "'pair' is a list"],
    [
      'lengths that do not fit',
      [node('SplitToSequence', ['a', 'short'], 's'), node('SequenceAt', ['s', '0'], 'y')],
      'cannot cut 4 into parts of 1, 2',
    ],
  ])('refuse %s', async (_, nodes, message) => {
    const model = await importOnnx(file(nodes))
    await expect(model.run({ a, b })).rejects.toThrow(message)
  })
})
