// Run a model in four lines, then look inside.
import '@dl/backend-cpu'
import { importOnnx, OnnxError } from '@dl/onnx'
import { mnist } from '@dl/data/mnist'
import { softmax } from '@dl/tensor'
import { readFile } from 'node:fs/promises'

const { test } = await mnist()
const image = Float32Array.from(test.pixels.subarray(0, 784), (ink) => ink / 255) // a handwritten 7

const model = await importOnnx(await readFile('examples/models/digits-0-to-7.folded.onnx'))
const { logits } = await model.run({ image })
console.log(logits!.shape, await logits!.data())

const probabilities: Float32Array = await softmax(logits!).data()
const classes = [...probabilities].map((p, digit) => ({ digit, p })).toSorted((a, b) => b.p - a.p)
for (const { digit, p } of classes.slice(0, 3)) console.log(`${digit}  ${(100 * p).toFixed(2)} %`)

let best = Infinity
for (let i = 0; i < 50; i++) {
  const start = performance.now()
  const { logits: again } = await model.run({ image })
  await again!.data()
  best = Math.min(best, performance.now() - start)
}
console.log(`one image takes ${best.toFixed(2)} ms`)

for (const { name, dtype, shape } of [...model.inputs, ...model.outputs]) console.log(name, dtype, shape)
console.table(await model.profile({ image }))

try {
  await importOnnx(new Uint8Array([1, 2, 3]))
} catch (error) {
  if (error instanceof OnnxError) console.log(error.message) // says what is wrong with the file, not where the parser stood
}
