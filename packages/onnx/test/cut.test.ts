// What a cut model says about its output, which the file does not describe.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { cast, concat, ready, reshape, sum, type Tensor, tile } from '@dl/tensor/core'
import { exportOnnx, importOnnx } from '../src/index.ts'
import { decodeModel } from '../src/schema/codec.ts'

beforeAll(() => ready())

describe('the output of a cut model', () => {
  const digits = readFileSync(new URL('../../../examples/models/digits-0-to-7.onnx', import.meta.url))

  it.each([
    ['/Flatten_output_0', ['batch', 1568]],
    ['/pool/MaxPool_output_0', ['batch', 16, 14, 14]],
    ['logits', ['batch', 8]],
  ])('%s has shape %j', async (name, shape) => {
    const { outputs } = (await importOnnx(digits)).cut(name)
    expect(outputs).toEqual([{ name, dtype: 'float32', shape }])
  })

  it('has its dtype, and ? for sizes that no free dimension names', async () => {
    const bytes = exportOnnx(
      (x: Tensor) => {
        const twice = tile(reshape(x, [-1]), [2])
        return sum(concat([cast(twice, 'int32'), cast(twice, 'int32')], 0))
      },
      { inputs: [{ name: 'x', shape: [null, 3] }] },
    )
    const toInt = decodeModel(bytes).model.graph!.node!.find(({ opType }) => opType === 'Cast')
    const { outputs } = (await importOnnx(bytes)).cut(toInt!.output![0]!)
    expect(outputs.map(({ dtype, shape }) => [dtype, shape])).toEqual([['int32', ['?']]])
  })
})
