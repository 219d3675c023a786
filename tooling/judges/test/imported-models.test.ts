// ONNX Runtime as the judge of imported models: PaddleOCR's detector and classifier at sizes that their files leave open.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { beforeAll, expect, it } from 'vitest'
import { ready, strictBackend, tensor } from '@dl/tensor/core'
import { importOnnx } from '@dl/onnx'
import { judge } from '@dl/test-kit'

beforeAll(async () => {
  await ready()
  strictBackend(true)
  return () => strictBackend(false)
})

/** Pixels in [-1, 1), the same in each run. */
function pixels(shape: readonly number[]): Float32Array {
  let x = 12345
  return Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff
    return (x / 0x7fffffff - 0.5) * 2
  })
}

for (const [name, shapes] of [
  [
    'ppocr_v4_det',
    [
      [1, 3, 96, 128],
      [2, 3, 64, 160],
      [1, 3, 320, 320],
    ],
  ],
  [
    'ppocr_v2_cls',
    [
      [1, 3, 48, 192],
      [5, 3, 48, 100],
    ],
  ],
] as const)
  judge(`ONNX Runtime computes ${name}`, { needs: `models/${name}` }, (folder) => {
    it.each(shapes.map((shape) => [shape.join('×'), shape] as const))('%s', async (_, shape) => {
      const bytes = readFileSync(join(folder, 'model.onnx'))
      const data = pixels(shape)
      const session = await ort.InferenceSession.create(bytes)
      const expected = await session.run({
        [session.inputNames[0]!]: new ort.Tensor('float32', data, [...shape]),
      })
      const want = expected[session.outputNames[0]!]!
      const model = await importOnnx(bytes)
      const results = await model.run({ [model.inputs[0]!.name]: tensor(data, [...shape]) })
      const got = results[model.outputs[0]!.name]!
      expect(got.shape).toEqual(want.dims)
      const values = (await got.data()) as Float32Array
      const distance = (want.data as Float32Array).reduce(
        (worst, value, i) => Math.max(worst, Math.abs(value - values[i]!)),
        0,
      )
      expect(distance).toBeLessThan(1e-5)
    })
  })
