// If: branches with weights, constants and names of their own; conditions from shapes, from inputs, and ones that only a run knows.
import '@dl/backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { jit, ready, strictBackend, sum, tensor, type Tensor, variableGrads } from '@dl/tensor/core'
import { importOnnx, type OnnxModel } from '../src/index.ts'
import { ATTRIBUTE, type AttributeProto, type GraphProto, type NodeProto } from '../src/schema/messages.ts'
import { type HostTensor, int64Tensor, tensorProto } from '../src/schema/tensor-values.ts'
import { file, floats, info, node } from './support/model-files.ts'

beforeAll(async () => {
  await ready()
  strictBackend(true)
  return () => strictBackend(false)
})

const body = (name: string, g: GraphProto): AttributeProto => ({ name, type: ATTRIBUTE.graph, g })
const constant = (name: string, value: HostTensor): NodeProto =>
  node('Constant', [], [name], {
    attribute: [{ name: 'value', type: ATTRIBUTE.tensor, t: tensorProto(value) }],
  })
const BOOL = 9

/** `then`: x times a weight of its own; `else`: x plus a weight of the model. Both call their values the same. */
const thenBranch: GraphProto = {
  initializer: [tensorProto(floats([3]), 'w')],
  node: [node('Mul', ['x', 'w'], ['result'])],
  output: [info('result')],
}
const elseBranch: GraphProto = {
  initializer: [tensorProto(floats([10]), 'w')],
  node: [node('Add', ['x', 'shared'], ['sum']), node('Add', ['sum', 'w'], ['result'])],
  output: [info('result')],
}
const ifNode = (condition: string, yes: GraphProto, no: GraphProto, output = 'y'): NodeProto =>
  node('If', [condition], [output], {
    name: 'choice',
    attribute: [body('then_branch', yes), body('else_branch', no)],
  })
const model = (nodes: readonly NodeProto[], rest: GraphProto = {}): Promise<OnnxModel> =>
  importOnnx(
    file({
      initializer: [tensorProto(floats([100]), 'shared')],
      node: nodes,
      input: [info('flag', [], BOOL), info('x', [2])],
      output: [info('y', [2])],
      ...rest,
    }),
  )
const flag = (on: boolean): Tensor => tensor(on, [], 'bool')

describe('a condition that is an input', () => {
  it('is decided when the program runs', async () => {
    const choice = await model([ifNode('flag', thenBranch, elseBranch)])
    const step = jit((on: Tensor, x: Tensor) => choice.call([on, x]) as Tensor)
    expect([...(await step(flag(true), tensor([1, 2])).data())]).toEqual([3, 6])
    expect([...(await step(flag(false), tensor([1, 2])).data())]).toEqual([111, 112])
    const { y } = await choice.run({ flag: flag(false), x: [5, 6] })
    expect([...(await y!.data())]).toEqual([115, 116])
  })
  it('makes Variables of the weights of its branches, each with a name of its own', async () => {
    const choice = await model([ifNode('flag', thenBranch, elseBranch)])
    expect(choice.variables.map((v) => v.name)).toEqual(['shared', 'w', 'choice/else_branch/w'])
    const backwards = jit((on: Tensor, x: Tensor) => {
      const { grads } = variableGrads(() => sum(choice.call([on, x]) as Tensor), choice.variables)
      return choice.variables.map(({ name }) => grads[name]!)
    })
    const slopes = async (on: boolean): Promise<number[]> => {
      const found = backwards(flag(on), tensor([1, 2]))
      return Promise.all(found.map(async (slope) => (await slope.data())[0]!))
    }
    expect(await slopes(true)).toEqual([0, 3, 0])
    expect(await slopes(false)).toEqual([2, 0, 2])
  })
  it('may stand inside of a branch', async () => {
    const inner: GraphProto = {
      node: [ifNode('flag', thenBranch, elseBranch, 'inner')],
      output: [info('inner')],
    }
    const unlike: GraphProto = { node: [node('Neg', ['x'], ['w'])], output: [info('w')] }
    const nested = await model([node('Not', ['flag'], ['off']), ifNode('off', unlike, inner)])
    const step = jit((on: Tensor, x: Tensor) => nested.call([on, x]) as Tensor)
    expect([...(await step(flag(true), tensor([1, 2])).data())]).toEqual([3, 6])
    expect([...(await step(flag(false), tensor([1, 2])).data())]).toEqual([-1, -2])
  })
  it('gives results of two shapes in a run, not in a trace', async () => {
    const whole: GraphProto = { node: [node('Identity', ['x'], ['a'])], output: [info('a')] }
    const total: GraphProto = { node: [node('ReduceSum', ['x'], ['a'])], output: [info('a')] }
    const choice = await model([ifNode('flag', whole, total)])
    expect((await choice.run({ flag: flag(true), x: [1, 2] }))['y']!.shape).toEqual([2])
    expect((await choice.run({ flag: flag(false), x: [1, 2] }))['y']!.shape).toEqual([1])
    const step = jit((on: Tensor, x: Tensor) => choice.call([on, x]) as Tensor)
    expect(() => step(flag(true), tensor([1, 2]))).toThrow(/'choice' needs to know its condition/)
  })
})

describe('a condition that follows from shapes', () => {
  it('leaves one branch, also when the other one could not be built', async () => {
    const asMatrix: GraphProto = { node: [node('MatMul', ['x', 'x'], ['a'])], output: [info('a')] }
    const asVector: GraphProto = {
      node: [constant('two', floats([2])), node('Mul', ['x', 'two'], ['a'])],
      output: [info('a')],
    }
    const choice = await model(
      [
        node('Shape', ['x'], ['shape']),
        node('Size', ['shape'], ['rank']),
        node('Equal', ['rank', 'wanted'], ['is matrix']),
        ifNode('is matrix', asMatrix, asVector),
      ],
      {
        initializer: [tensorProto(int64Tensor([2], []), 'wanted')],
        input: [info('x')],
      },
    )
    expect([...(await (choice.call(tensor([1, 2])) as Tensor).data())]).toEqual([2, 4])
    expect([
      ...(await (
        choice.call(
          tensor([
            [1, 1],
            [0, 1],
          ]),
        ) as Tensor
      ).data()),
    ]).toEqual([1, 2, 0, 1])
  })
})

describe('parts', () => {
  it('keep what the branches read', async () => {
    const choice = await model([
      node('Neg', ['x'], ['minus']),
      ifNode('flag', { node: [node('Abs', ['minus'], ['a'])], output: [info('a')] }, elseBranch, 'chosen'),
      node('Relu', ['chosen'], ['y']),
    ])
    const part = choice.cut('chosen')
    expect(part.inputs.map(({ name }) => name)).toEqual(['flag', 'x'])
    expect(part.variables.map((v) => v.name)).toEqual(['shared', 'w'])
    expect([...(await (part.call([flag(false), tensor([1, 2])]) as Tensor).data())]).toEqual([111, 112])
  })
})

describe('refuses', () => {
  it.each<[string, GraphProto, RegExp]>([
    [
      'a branch that reads what nobody makes',
      { node: [node('Neg', ['ghost'], ['a'])], output: [info('a')] },
      /If node 'choice' reads 'ghost'/,
    ],
    [
      'a branch that is a cycle',
      { node: [node('Neg', ['b'], ['a']), node('Neg', ['a'], ['b'])], output: [info('a')] },
      /cycle/,
    ],
    [
      'an operator that is not there',
      { node: [node('Ghost', ['x'], ['a'])], output: [info('a')] },
      /ai\.onnx\.Ghost/,
    ],
    [
      'a branch of two values',
      { node: [node('Neg', ['x'], ['a'])], output: [info('a'), info('x')] },
      /1 outputs, its branch gives 2/,
    ],
    [
      'a branch with inputs',
      { node: [node('Neg', ['b'], ['a'])], input: [info('b')], output: [info('a')] },
      /of 1 inputs, it needs 0/,
    ],
  ])('%s', async (_, branch, message) => {
    const attempt = async (): Promise<unknown> => {
      const choice = await model([ifNode('flag', branch, branch)])
      return choice.run({ flag: flag(true), x: [1, 2] })
    }
    await expect(attempt()).rejects.toThrow(message)
  })
})
