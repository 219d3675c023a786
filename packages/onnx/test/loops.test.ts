// Loop and Scan against ONNX Runtime (tooling/fixtures/onnx_loops.py), what a trace can know of them, and their gradients.
import '@dl/backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { grad, jit, ready, strictBackend, sum, tensor, type Tensor } from '@dl/tensor/core'
import { importOnnx, type OnnxModel } from '../src/index.ts'
import fixture from './fixtures/loops.json' with { type: 'json' }
import { casesOf, expectOutputs } from './support/cases.ts'
import { ATTRIBUTE } from '../src/schema/messages.ts'
import { int64Tensor, tensorProto } from '../src/schema/tensor-values.ts'
import { file, info, node } from './support/model-files.ts'

beforeAll(async () => {
  await ready()
  strictBackend(true)
  return () => strictBackend(false)
})

const CASES = casesOf(fixture)
const modelOf = (name: string): Promise<OnnxModel> =>
  importOnnx(CASES.find((row) => row.name === name)!.bytes)

describe('computes what ONNX Runtime computes', () => {
  it.each(CASES)('$name', async ({ bytes, inputs, outputs }) => {
    await expectOutputs(await importOnnx(bytes), inputs, outputs)
  })
})

describe('a Loop', () => {
  it('of known length differentiates', async () => {
    const model = await modelOf('Loop of known length')
    const slope = grad((x: Tensor) => sum((model.call(x) as Tensor[])[0]!))(tensor([1, 2, 3]))
    expect([...(await slope.data())]).toEqual([5, 5, 5]) // x + 4 x
  })
  it('that the body ends needs values', async () => {
    const model = await modelOf('Loop that the body ends')
    const step = jit((x: Tensor) => model.call(x) as Tensor[])
    expect(() => step(tensor([1]))).toThrow(/Loop node .* needs to know whether it goes on/)
  })
  it.each<[string, number, RegExp]>([
    ['asks for more steps than anybody waits for', 2 ** 40, /asks for \d+ steps/],
    ['changes its shape for ever', 2 ** 20, /adds dimensions to what it carries/],
  ])('that %s is refused', async (what, count, message) => {
    const grows = what.startsWith('changes')
    const model = await importOnnx(
      file({
        initializer: [tensorProto(int64Tensor([count], []), 'count')],
        node: [
          node('Loop', ['count', '', 'x'], ['y'], {
            attribute: [
              {
                name: 'body',
                type: ATTRIBUTE.graph,
                g: {
                  node: [
                    node('Identity', ['on'], ['go']),
                    grows ? node('Unsqueeze', ['a', 'zero'], ['next']) : node('Neg', ['a'], ['next']),
                  ],
                  initializer: [tensorProto(int64Tensor([0], [1]), 'zero')],
                  input: [info('i', [], 7), info('on', [], 9), info('a')],
                  output: [info('go', [], 9), info('next')],
                },
              },
            ],
          }),
        ],
        input: [info('x', [1])],
        output: [info('y')],
      }),
    )
    await expect(model.run({ x: [1] })).rejects.toThrow(message)
  })
})
