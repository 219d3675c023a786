// Imported models: running, metadata, weights, cutting, and what is said about files that are wrong.
import '@dl/backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { ready, tensor, type Tensor } from '@dl/tensor/core'
import { importOnnx } from '../src/index.ts'
import { int64Tensor, tensorProto } from '../src/schema/tensor-values.ts'
import { file, floats, info, node } from './support/model-files.ts'

beforeAll(() => ready())

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

  it('tells how long each of its kernels takes', async () => {
    const model = await importOnnx(twoLayers)
    const kernels = await model.profile({ x: [1, 2] }, { repeats: 2 })
    expect(kernels.length).toBeGreaterThan(0)
    for (const { milliseconds } of kernels) expect(milliseconds).toBeGreaterThanOrEqual(0)
    await expect(model.profile({})).rejects.toThrow('missing: x')
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

describe('a file that asks for more than there is', () => {
  const x = info('x', [2])
  const y = info('y', [2])
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
})
