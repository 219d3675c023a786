// examples/06-fine-tune-onnx.ts at its real size: a PyTorch network for the digits 0 to 7 learns all ten, and ONNX Runtime finds in
// the file that it writes the accuracy that it prints.
import { mnist } from '@dl/data/mnist'
import * as ort from 'onnxruntime-node'
import { expect, it, vi } from 'vitest'

const written = vi.hoisted(() => new Map<string, Uint8Array>())
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  writeFile: (path: string, bytes: Uint8Array) => Promise.resolve(void written.set(path, bytes)),
}))

it('ONNX Runtime finds the accuracy that the example prints: at least 95 % of 10,000 test digits', async () => {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...values) => void printed.push(values.join(' ')))
  vi.spyOn(console, 'table').mockReturnValue(undefined)
  await import('../../../examples/06-fine-tune-onnx.ts')
  vi.restoreAllMocks()
  const { percent, count } = /accuracy (?<percent>[\d.]+) % of (?<count>\d+)/.exec(
    printed.join('\n'),
  )!.groups!

  const { test } = await mnist()
  const session = await ort.InferenceSession.create(written.get('tuned.onnx')!)
  const pixels = Float32Array.from(test.pixels, (ink) => ink / 255)
  const image = new ort.Tensor('float32', pixels, [test.size, 1, 28, 28])
  const [result] = Object.values(await session.run({ [session.inputNames[0]!]: image }))
  const probabilities = result!.data as Float32Array
  let right = 0
  for (let i = 0; i < test.size; i++) {
    const row = probabilities.subarray(10 * i, 10 * i + 10)
    if (row.indexOf(Math.max(...row)) === test.digits[i]) right++
  }
  expect(Number(count)).toBe(10_000)
  expect((100 * right) / test.size).toBeCloseTo(Number(percent), 2)
  expect(right / test.size).toBeGreaterThan(0.96)
  await session.release()
}, 120_000)
