// Files that are no models, damaged ones, and ones that contradict the format or ask for the impossible: each gives an
// OnnxError with the right code, that says what is wrong and where.
import '@dl/backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { ready } from '@dl/tensor/core'
import { exportOnnx, importOnnx, OnnxError } from '../src/index.ts'
import { encodeModel } from '../src/schema/codec.ts'
import { ATTRIBUTE, type AttributeProto, type GraphProto, type TensorProto } from '../src/schema/messages.ts'
import { int64Tensor, tensorProto } from '../src/schema/tensor-values.ts'
import { file, floats, info, node } from './support/model-files.ts'

beforeAll(() => ready())

const x = info('x', [2])
const y = info('y', [2])
const text = (s: string): Uint8Array => new TextEncoder().encode(s)
const weight = (tensor: TensorProto): GraphProto => ({
  node: [node('Add', ['x', 'w'], ['y'])],
  initializer: [{ name: 'w', dataType: 1, ...tensor }],
  input: [x],
  output: [y],
})
const operator = (
  opType: string,
  attribute: readonly AttributeProto[] = [],
  input: readonly string[] = ['x'],
): GraphProto => ({ node: [node(opType, input, ['y'], { attribute })], input: [x], output: [info('y')] })
const constants = (
  opType: string,
  values: Readonly<Record<string, readonly number[]>>,
  attribute: readonly AttributeProto[] = [],
): GraphProto => ({
  ...operator(opType, attribute, ['x', ...Object.keys(values)]),
  initializer: Object.entries(values).map(([name, list]) => tensorProto(int64Tensor([...list]), name)),
})

async function failureOf(bytes: Uint8Array): Promise<OnnxError> {
  try {
    const model = await importOnnx(bytes)
    const result = await model.run({ x: [1, 2] })
    for (const output of Object.values(result)) await output.data()
  } catch (error) {
    if (error instanceof OnnxError) return error
    throw error
  }
  throw new Error('the file was accepted')
}

describe('bytes that are no model', () => {
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(), 'empty'],
    ['text', text('import torch\n'), 'text, not an ONNX model; it begins with "import torch'],
    ['a web page', text('<!DOCTYPE html><html>'), 'a web page'],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid sha256:00'), 'git lfs pull'],
    ['a zip archive', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0), 'a zip archive'],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), 'gzip'],
    ['safetensors', Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0, ...text('{"w":{"dtype":"F')), 'safetensors'],
    ['a pickle', Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc), 'pickle'],
    ['a TensorFlow Lite model', Uint8Array.of(0x1c, 0, 0, 0, ...text('TFL3'), 0, 0), 'TensorFlow Lite'],
  ])('%s', async (_, bytes, message) => {
    const error = await failureOf(bytes)
    expect([error.code, error.message]).toEqual(['notOnnx', expect.stringContaining(message)])
  })

  it('random bytes', async () => {
    expect((await failureOf(Uint8Array.of(1, 2, 3))).code).toBe('damaged')
  })
})

describe('damaged bytes', () => {
  const whole = file(weight({ dims: [2n], rawData: new Uint8Array(8) }))

  it('cut off at any byte', async () => {
    for (let length = 0; length < whole.length; length++) {
      const { code } = await failureOf(whole.slice(0, length))
      expect(['notOnnx', 'damaged', 'invalid', 'unsupported'], `${length} bytes`).toContain(code)
    }
    const model = await importOnnx(whole)
    expect(await (await model.run({ x: [1, 2] }))['y']!.data()).toEqual(Float32Array.of(1, 2))
  })

  it('a name that is not UTF-8', async () => {
    const at = whole.indexOf('w'.charCodeAt(0))
    const broken = Uint8Array.from(whole)
    broken[at] = 0xff
    const error = await failureOf(broken)
    expect([error.code, error.message]).toEqual(['damaged', expect.stringContaining('not UTF-8')])
  })

  it('messages nested beyond 100', async () => {
    let graph: GraphProto = { name: 'innermost' }
    for (let i = 0; i < 30; i++)
      graph = {
        node: [node('If', ['c'], ['y'], { attribute: [{ name: 'then_branch', type: 5, g: graph }] })],
      }
    const bytes = file(graph)
    const nested = Uint8Array.from(bytes)
    expect((await failureOf(nested)).code).not.toBe('damaged')
    expect((await failureOf(deeply(200))).message).toContain('more than 100 deep')
  })
})

/** A type of sequences of sequences of …, as bytes: our own encoder would refuse it too. */
function deeply(levels: number): Uint8Array {
  const wrap = (field: number, inner: readonly number[]): number[] => {
    const tag = (field << 3) | 2
    const length = inner.length < 128 ? [inner.length] : [(inner.length & 127) | 128, inner.length >> 7]
    return [tag, ...length, ...inner]
  }
  let type = wrap(1, [8, 1])
  for (let i = 0; i < levels; i++) type = wrap(4, wrap(1, type)).slice(0, 16_000)
  return Uint8Array.from(wrap(7, wrap(11, wrap(2, type))))
}

describe('graphs that contradict the format', () => {
  const relu = node('Relu', ['x'], ['y'])
  it.each<[string, GraphProto, string]>([
    ['no outputs', { node: [relu], input: [x] }, 'no outputs'],
    ['an output from nowhere', { node: [relu], input: [x], output: [info('z')] }, "output 'z'"],
    ['an input from nowhere', { node: [node('Relu', ['a'], ['y'])], input: [x], output: [y] }, "reads 'a'"],
    [
      'a cycle',
      { node: [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b'])], input: [x], output: [info('b')] },
      'cycle through the nodes',
    ],
    [
      'a node that reads itself',
      { node: [node('Add', ['x', 'y'], ['y'])], input: [x], output: [y] },
      'cycle through the nodes',
    ],
    [
      'a value made twice',
      { node: [relu, node('Abs', ['x'], ['y'])], input: [x], output: [y] },
      "produce the value 'y'",
    ],
    ['an input twice', { node: [relu], input: [x, x], output: [y] }, "produce the value 'x'"],
    [
      'two initializers of one name',
      { ...weight({ dims: [2n] }), initializer: [1, 2].map(() => tensorProto(floats([1, 2]), 'w')) },
      "two initializers are called 'w'",
    ],
    ['an initializer without a name', weight({ name: '', dims: [2n], floatData: [1, 2] }), 'has no name'],
    ['an input without a name', { node: [relu], input: [x, info('', [1])], output: [y] }, 'has no name'],
    ['too few bytes', weight({ dims: [2n], rawData: new Uint8Array(7) }), "initializer 'w' holds 2 elements"],
    ['too many bytes', weight({ dims: [2n], rawData: new Uint8Array(12) }), 'its raw data has 12'],
    ['too few numbers', weight({ dims: [3n], floatData: [1, 2] }), 'its data has 2'],
    ['a negative dimension', weight({ dims: [-2n], rawData: new Uint8Array(8) }), 'negative dimension -2'],
    [
      'an attribute of another type',
      operator('Flatten', [{ name: 'axis', type: ATTRIBUTE.float, f: 1 }]),
      "attribute 'axis' must be of type int",
    ],
    ['an attribute without a value', operator('Flatten', [{ name: 'axis' }]), 'holds no such value'],
    [
      'an attribute twice',
      operator('Flatten', [
        { name: 'axis', type: ATTRIBUTE.int, i: 1n },
        { name: 'axis', type: ATTRIBUTE.int, i: 1n },
      ]),
      "the attribute 'axis' twice",
    ],
    ['too many inputs', operator('Relu', [], ['x', 'x']), "Relu node 'y' has 2 inputs, it takes at most 1"],
    [
      'too many outputs',
      { node: [node('Relu', ['x'], ['y', 'z'])], input: [x], output: [y] },
      "Relu node 'y' has 2 outputs, it gives at most 1",
    ],
    [
      'a node without an operator',
      { node: [node('', ['x'], ['y'])], input: [x], output: [y] },
      'node 0 has no',
    ],
  ])('%s', async (_, graph, message) => {
    const error = await failureOf(file(graph))
    expect([error.code, error.message]).toEqual(['invalid', expect.stringContaining(message)])
  })
})

describe('sizes beyond memory, before anything is allocated', () => {
  it.each<[string, GraphProto, string]>([
    [
      'dimensions whose product overflows',
      weight({ dims: [2n ** 40n, 2n ** 40n] }),
      'more elements than fit',
    ],
    ['a dimension beyond 2^53', weight({ dims: [0n, 2n ** 62n] }), 'more elements than fit'],
    ['ten thousand dimensions', weight({ dims: Array<bigint>(10_000).fill(1n) }), '10000 dimensions'],
    ['expanding', constants('Expand', { to: [1 << 20, 1 << 20, 2] }), "Expand node 'y' makes a tensor of"],
    ['tiling', { ...constants('Tile', { n: [2 ** 40] }) }, "Tile node 'y'"],
    [
      'constants of a shape',
      { ...constants('ConstantOfShape', { s: [2 ** 33] }), node: [node('ConstantOfShape', ['s'], ['y'])] },
      "ConstantOfShape node 'y'",
    ],
    [
      'ranges',
      {
        ...constants('Range', { a: [0], b: [2 ** 40], c: [1] }),
        initializer: [0, 2 ** 40, 1].map((v, i) => tensorProto(int64Tensor([v], []), 'abc'[i])),
        node: [node('Range', ['a', 'b', 'c'], ['y'])],
      },
      "Range node 'y'",
    ],
  ])('%s', async (_, graph, message) => {
    const error = await failureOf(file(graph))
    expect([error.code, error.message]).toEqual(['tooLarge', expect.stringContaining(message)])
  })

  it('a limit of one’s own', async () => {
    const model = await importOnnx(file(constants('Expand', { to: [1024, 2] })), { maxTensorBytes: 4096 })
    await expect(model.run({ x: [1, 2] })).rejects.toThrow('8192 bytes, more than the limit of 4096')
  })
})

describe('what is sound but not supported', () => {
  it.each<[string, Uint8Array, string]>([
    [
      'another element type',
      file(weight({ dims: [2n], dataType: 14, rawData: new Uint8Array(16) })),
      'complex64',
    ],
    ['text', file(weight({ dims: [1n], dataType: 8, stringData: [text('a')] })), 'element type string'],
    ['sparse weights', file({ ...operator('Relu'), sparseInitializer: [{}] }), 'sparse initializers'],
    ['a newer operator set', file(operator('Relu'), 99), 'operator set 99; versions 7 to 2'],
    ['a far newer one', file(operator('Relu'), 2 ** 60), 'operator set 1152921504606846976'],
    ['none', encodeModel({ graph: operator('Relu') }), 'does not say which version'],
    ['an unknown operator', file(operator('Frobnicate')), "ai.onnx.Frobnicate: 'y'"],
    ['an unknown attribute', file(operator('Relu', [{ name: 'alpha', type: 1, f: 1 }])), 'attribute alpha'],
    [
      'a sequence as input',
      file({ ...operator('Relu'), input: [{ name: 'x', type: { tensorType: null } }] }),
      'not declared as a tensor',
    ],
  ])('%s', async (_, bytes, message) => {
    const error = await failureOf(bytes)
    expect(['unsupported', 'invalid']).toContain(error.code)
    expect(error.message).toContain(message)
  })
})

describe('nodes that cannot compute', () => {
  it.each<[string, GraphProto, string]>([
    ['a missing input', operator('Add', [], ['x']), "Add node 'y' needs input 1"],
    ['an input left out', operator('Add', [], ['x', '']), "Add node 'y' needs input 1"],
    ['shapes that do not fit', constants('Reshape', { to: [3, 5] }), "Reshape node 'y'"],
    ['an axis outside', operator('Softmax', [{ name: 'axis', type: 2, i: 7n }]), 'has axis 7'],
  ])('%s', async (_, graph, message) => {
    const error = await failureOf(file(graph))
    expect([error.code, error.message]).toEqual(['operator', expect.stringContaining(message)])
  })
})

describe('names of prototypes', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__']
  it.each(NAMES)('%s names nodes, weights, inputs, dimensions and notes', async (name) => {
    const graph: GraphProto = {
      name,
      node: [node('Add', [name, `${name} w`], ['y'], { name }), node('Relu', ['y'], [`${name} y`])],
      initializer: [tensorProto(floats([1, 2]), `${name} w`)],
      input: [info(name, [name, 2])],
      output: [info(`${name} y`, [name, 2])],
    }
    const bytes = encodeModel({
      irVersion: 8n,
      opsetImport: [{ version: 17n }],
      graph,
      metadataProps: [{ key: name, value: 'v' }],
    })
    const model = await importOnnx(bytes)
    const feeds = Object.fromEntries([[name, [[-3, 1]]]])
    const result = await model.run(feeds)
    expect(await result[`${name} y`]!.data()).toEqual(Float32Array.of(0, 3))
    expect(Object.entries(model.metadata)).toEqual([[name, 'v']])
    expect(model.zeros(name).shape).toEqual([1, 2])
    const again = await importOnnx(exportOnnx(model))
    expect([again.inputs[0]!.name, again.batchName, again.outputs[0]!.name]).toEqual([
      name,
      name,
      `${name} y`,
    ])
    expect(again.variables.map((v) => v.name)).toEqual([`${name} w`])
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it.each(NAMES)('%s is no operator and no attribute', async (name) => {
    expect((await failureOf(file(operator(name)))).code).toBe('unsupported')
    expect((await failureOf(file(operator('Relu', [{ name, type: 2, i: 1n }])))).code).toBe('unsupported')
  })
})

describe('unusual but sound', () => {
  it('nodes in any order: ONNX Runtime wants them sorted, here they are sorted', async () => {
    const nodes = [node('Abs', ['b'], ['y']), node('Neg', ['a'], ['b']), node('Relu', ['x'], ['a'])]
    const model = await importOnnx(file({ node: nodes, input: [x], output: [y] }))
    expect(await (await model.run({ x: [-1, 2] }))['y']!.data()).toEqual(Float32Array.of(0, 2))
  })

  it('integers beyond 2^53 stay exact', async () => {
    const big = 2n ** 62n + 1n
    const graph: GraphProto = {
      node: [node('Add', ['x', 'w'], ['y'])],
      initializer: [tensorProto({ dtype: 'int64', shape: [1], data: BigInt64Array.of(big) }, 'w')],
      input: [info('x', [1], 7)],
      output: [info('y', [1], 7)],
    }
    const { y } = await (await importOnnx(file(graph))).run({ x: [2n] })
    expect(await y!.data()).toEqual(BigInt64Array.of(big + 2n))
  })

  it('a hundred thousand nodes in a row', async () => {
    const count = 100_000
    const nodes = Array.from({ length: count }, (_, i) =>
      node('Neg', [i === 0 ? 'x' : `v${i}`], [i === count - 1 ? 'y' : `v${i + 1}`]),
    ).reverse()
    const model = await importOnnx(file({ node: nodes, input: [x], output: [y] }))
    expect(model.outputs.length).toBe(1)
  }, 60_000)
})
