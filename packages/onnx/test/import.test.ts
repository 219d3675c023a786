// Imported models: running, metadata, weights, cutting, and what is said about files that are wrong.
import '@dl/backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { ready, tensor, type Tensor } from '@dl/tensor/core'
import { importOnnx, OnnxError } from '../src/index.ts'
import { encodeModel } from '../src/schema/codec.ts'
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from '../src/schema/messages.ts'
import { type HostTensor, int64Tensor, tensorProto } from '../src/schema/tensor-values.ts'

beforeAll(() => ready())

const floats = (values: readonly number[], shape: readonly number[] = [values.length]): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
})
const info = (name: string, dims?: readonly (number | string)[], elemType = 1): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: dims
        ? { dim: dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: BigInt(d) })) }
        : null,
    },
  },
})
const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  rest: NodeProto = {},
): NodeProto => ({
  opType,
  input,
  output,
  ...rest,
})
const file = (graph: GraphProto, opset = 17): Uint8Array =>
  encodeModel({ irVersion: 8n, opsetImport: [{ version: BigInt(opset) }], graph })

/** `y = relu(x · w + b)`, twice. */
const twoLayers = file({
  name: 'two layers',
  node: [
    node('Gemm', ['x', 'w1', 'b1'], ['h'], { name: 'first' }),
    node('Relu', ['h'], ['features']),
    node('Identity', ['b1'], ['b2']),
    node('Gemm', ['features', 'w2', 'b2'], ['y']),
  ],
  initializer: [
    tensorProto(floats([1, 0, 0, 1], [2, 2]), 'w1'),
    tensorProto(floats([1, -1]), 'b1'),
    tensorProto(floats([2, 0, 0, 2], [2, 2]), 'w2'),
  ],
  input: [info('x', ['batch', 2])],
  output: [info('y', ['batch', 2])],
})

describe('a model', () => {
  it('tells its inputs, outputs and weights', async () => {
    const model = await importOnnx(twoLayers)
    expect(model.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['batch', 2] }])
    expect(model.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['batch', 2] }])
    expect(model.inputSpec).toEqual([{ name: 'x', dtype: 'float32', shape: [null, 2] }])
    expect(model.initializers.map(({ name, shape }) => [name, shape])).toEqual([
      ['w1', [2, 2]],
      ['b1', [2]],
      ['w2', [2, 2]],
    ])
    expect(model.opset).toBe(17)
  })

  it.each<[string, () => Tensor | Float32Array | number[] | number[][]]>([
    [
      'a tensor',
      () =>
        tensor([
          [1, 2],
          [3, -4],
        ]),
    ],
    ['a typed array', () => Float32Array.of(1, 2, 3, -4)],
    ['a flat array', () => [1, 2, 3, -4]],
    [
      'nested arrays',
      () => [
        [1, 2],
        [3, -4],
      ],
    ],
  ])('runs on %s, of any batch size', async (_, x) => {
    const { y } = await (await importOnnx(twoLayers)).run({ x: x() })
    expect(y!.shape).toEqual([2, 2])
    expect(await y!.data()).toEqual(Float32Array.of(5, 1, 9, -1))
  })

  it('takes an ArrayBuffer', async () => {
    const model = await importOnnx(Uint8Array.from(twoLayers).buffer)
    expect(model.inputs.length).toBe(1)
  })

  it.each([
    [{}, 'missing: x'],
    [{ x: [1, 2], z: 1 }, 'unknown: z'],
    [{ x: [1, 2, 3] }, 'which 3 values do not fill'],
    [{ x: tensor([1, 2]) }, "input 'x' must be float32 [batch, 2], got float32 [2]"],
    [{ x: tensor([[1, 2]], [1, 2], 'int32') }, 'got int32 [1, 2]'],
  ])('refuses the feeds %#', async (feeds, message) => {
    const model = await importOnnx(twoLayers)
    await expect(model.run(feeds)).rejects.toThrow(message)
  })

  it('is frozen and thawed by pattern', async () => {
    const model = await importOnnx(twoLayers)
    model.trainable = false
    expect(model.trainable).toBe(false)
    expect(model.setTrainable(/^w\d/, true)).toBe(2)
    expect(model.variables.map((v) => [v.name, v.trainable])).toEqual([
      ['w1', true],
      ['b1', false],
      ['w2', true],
    ])
  })

  it('is cut at a tensor, with the same Variables', async () => {
    const model = await importOnnx(twoLayers)
    const features = model.cut('features')
    expect(features.variables.map((v) => v.name)).toEqual(['w1', 'b1'])
    model.variable('b1').assign([0, 0])
    const result = await features.run({ x: [1, -2] })
    expect(await result['features']!.data()).toEqual(Float32Array.of(1, 0))
    expect(() => model.cut('nowhere')).toThrow("no node makes 'nowhere'")
  })

  it('separates weights that the exporter merged', async () => {
    const model = await importOnnx(twoLayers)
    expect(model.unshareInitializers()).toEqual(['b2'])
    model.variable('b2').assign([10, 10])
    expect(await model.variable('b1').data()).toEqual(Float32Array.of(1, -1))
    const { y } = await model.run({ x: [1, 2] })
    expect(await y!.data()).toEqual(Float32Array.of(14, 12))
  })

  it('gives zeros for an input', async () => {
    const model = await importOnnx(twoLayers)
    expect(model.zeros('x', { batch: 3 }).shape).toEqual([3, 2])
    expect(model.zeros('x').shape).toEqual([1, 2])
  })

  it('computes shapes from shapes, also while it is traced', async () => {
    const model = await importOnnx(
      file({
        node: [
          node('Shape', ['x'], ['s']),
          node('Gather', ['s', 'zero'], ['n']),
          node('Unsqueeze', ['n', 'first'], ['n1']),
          node('Concat', ['n1', 'rest'], ['to'], { attribute: [{ name: 'axis', type: 2, i: 0n }] }),
          node('Reshape', ['x', 'to'], ['y']),
        ],
        initializer: [
          tensorProto(int64Tensor([0], []), 'zero'),
          tensorProto(int64Tensor([0]), 'first'),
          tensorProto(int64Tensor([-1]), 'rest'),
        ],
        input: [info('x', ['n', 2, 3])],
        output: [info('y')],
      }),
    )
    const { y } = await model.run({ x: new Float32Array(24) })
    expect(y!.shape).toEqual([4, 6])
  })

  it('takes sizes from values when it runs, and says so in a trace', async () => {
    const model = await importOnnx(
      file({
        node: [node('Expand', ['x', 'to'], ['y'])],
        input: [info('x', [1]), info('to', [2], 7)],
        output: [info('y')],
      }),
    )
    const { y } = await model.run({ x: [7], to: [2n, 3n] })
    expect(y!.shape).toEqual([2, 3])
  })
})

describe('a file that is wrong', () => {
  const x = info('x', [2])
  const y = info('y', [2])
  const relu = node('Relu', ['x'], ['y'])
  const bad = (tensor: TensorProto): GraphProto => ({
    node: [node('Add', ['x', 'w'], ['y'])],
    initializer: [{ name: 'w', dataType: 1, ...tensor }],
    input: [x],
    output: [y],
  })
  it.each<[string, GraphProto, string]>([
    ['without outputs', { node: [relu], input: [x] }, 'no outputs'],
    [
      'with an output from nowhere',
      { node: [relu], input: [x], output: [info('z')] },
      "nothing produces the output 'z'",
    ],
    [
      'with an input from nowhere',
      { node: [node('Relu', ['a'], ['y'])], input: [x], output: [y] },
      "reads 'a'",
    ],
    [
      'with a cycle',
      { node: [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b'])], input: [x], output: [info('b')] },
      'cycle through the nodes',
    ],
    [
      'with a name twice',
      { node: [relu, node('Abs', ['x'], ['y'])], input: [x], output: [y] },
      "produce the value 'y'",
    ],
    [
      'with too few bytes',
      bad({ dims: [2n], rawData: new Uint8Array(7) }),
      'that is 8 bytes, but its raw data has 7',
    ],
    ['with a negative dimension', bad({ dims: [-2n], rawData: new Uint8Array(8) }), 'negative dimension -2'],
    [
      'with dimensions that overflow',
      bad({ dims: [2n ** 40n, 2n ** 40n], rawData: new Uint8Array(8) }),
      'more elements than fit',
    ],
    [
      'with data elsewhere',
      bad({ dims: [2n], dataLocation: 1, externalData: [{ key: 'location', value: '../secret' }] }),
      'in another file',
    ],
    [
      'with an unknown type',
      bad({ dims: [2n], dataType: 10, rawData: new Uint8Array(4) }),
      'element type float16',
    ],
    [
      'with an attribute of another type',
      {
        node: [node('Flatten', ['x'], ['y'], { attribute: [{ name: 'axis', type: 1, f: 1 }] })],
        input: [x],
        output: [y],
      },
      "attribute 'axis' must be of type int",
    ],
  ])('%s', async (_, graph, message) => {
    const imported = importOnnx(file(graph)).then((model) => model.run({ x: [1, 2] }))
    await expect(imported).rejects.toThrow(OnnxError)
    await expect(imported).rejects.toThrow(message)
  })

  it('lists all operators that are not known, with their nodes and domains', async () => {
    const graph = {
      node: [
        node('Frobnicate', ['x'], ['a'], { name: 'one' }),
        node('Frobnicate', ['a'], ['b'], { name: 'two' }),
        node('Relu', ['b'], ['c'], { name: 'three', domain: 'com.example' }),
        node('LayerNormalization', ['c', 'c'], ['y'], { name: 'four' }),
      ],
      input: [x],
      output: [y],
    }
    const imported = importOnnx(file(graph, 13))
    await expect(imported).rejects.toThrow("operator ai.onnx.Frobnicate: 'one', 'two'")
    await expect(imported).rejects.toThrow("operator com.example.Relu: 'three'")
    await expect(imported).rejects.toThrow("LayerNormalization, which exists from version 17 on: 'four'")
  })

  it('refuses operator sets that the table does not describe', async () => {
    await expect(importOnnx(file({ node: [relu], input: [x], output: [y] }, 5))).rejects.toThrow(
      'operator set 5',
    )
  })

  it('does not touch prototypes', async () => {
    const model = await importOnnx(
      file({ node: [node('Relu', ['x'], ['__proto__'])], input: [x], output: [info('__proto__', [2])] }),
    )
    const results = await model.run({ x: [1, -1] })
    expect(await Object.entries(results)[0]![1].data()).toEqual(Float32Array.of(1, 0))
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })
})
