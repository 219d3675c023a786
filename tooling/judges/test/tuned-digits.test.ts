// PyTorch as the judge of a whole tuning in Node: the files that it exported compute what it computed, and tune as it tunes.
import '@dl/backend-cpu'
import { readFile } from 'node:fs/promises'
import { mnist } from '@dl/data/mnist'
import { importOnnx } from '@dl/onnx'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { imagesOf, largestDifference, pytorch, tuneDigits } from './support/tune-digits.ts'

const model = (name: string): Promise<Uint8Array> =>
  readFile(new URL(`../../../examples/models/${name}`, import.meta.url))
const { test } = await mnist()

describe('a network that PyTorch exported', () => {
  // The training-mode export ran the model once, which moved its statistics: its outputs differ from the model's.
  it.each(['digits-0-to-7.folded.onnx', 'digits-0-to-7.dynamo.onnx'])('%s has its outputs', async (file) => {
    const { logits } = await (await importOnnx(await model(file))).run({ image: imagesOf(test, 0, 8) })
    expect(largestDifference(await logits!.data(), pytorch.logits)).toBeLessThan(1e-5)
  })

  it('has the features that the training-mode file gives', async () => {
    const features = (await importOnnx(await model('digits-0-to-7.onnx'))).cut('/Flatten_output_0')
    const [values] = Object.values(await features.run({ image: imagesOf(test, 0, 2) }))
    const some = Array.from((await values!.data()) as Float32Array).filter((_, i) => i % 64 === 0)
    expect(largestDifference(some, pytorch.features)).toBeLessThan(1e-5)
  })

  it.each(['head', 'all'] as const)(
    'tunes as in PyTorch, and ONNX Runtime reads the result: %s',
    async (part) => {
      const { losses, outputs, bytes } = await tuneDigits(await model('digits-0-to-7.onnx'), test, part)
      expect(largestDifference(losses, pytorch[part].losses)).toBeLessThan(1e-6)
      expect(largestDifference(outputs, pytorch[part].outputs)).toBeLessThan(1e-5)

      const session = await ort.InferenceSession.create(bytes)
      const images = new ort.Tensor(
        'float32',
        (await imagesOf(test, 320, 336).data()) as Float32Array,
        [16, 1, 28, 28],
      )
      const [theirs] = Object.values(await session.run({ [session.inputNames[0]!]: images }))
      expect(largestDifference(theirs!.data as Float32Array, outputs)).toBeLessThan(1e-5)
      await session.release()
    },
  )
})
