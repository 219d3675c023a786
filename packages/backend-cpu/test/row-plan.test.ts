// Along which loop a row kernel lays its lanes: what decides about its speed, and shows in no result.
import type { RowKernel } from '@dl/tensor/backend'
import { expect, it } from 'vitest'
import { planRow } from '../src/kernels/row-plan.ts'
import { Exprs, runBoth, difference } from './harness.ts'

/** Sum of products of a window of `k` × `k` elements: channels, rows and columns outside, the window inside. */
function windows(k: number, kernelStrides: readonly [number, number, number]): RowKernel {
  const [channels, rows, columns] = [6, 4, 20]
  const x = new Exprs(3)
  const width = columns + k - 1
  const area = (rows + k - 1) * width
  const image = x.push('float32', { op: 'load', buffer: 0, addr: [0, area, width, 1, width, 1] })
  const weight = x.push('float32', {
    op: 'load',
    buffer: 1,
    addr: [0, kernelStrides[0], 0, 0, kernelStrides[1], kernelStrides[2]],
  })
  const product = x.push('float32', { op: 'map', fn: 'mul', args: [image, weight] })
  const sum = x.push('float32', { op: 'reduce', kind: 'sum', args: [product] })
  return {
    kind: 'row',
    name: 'windows',
    sizes: [channels, rows, columns, k, k],
    outer: 3,
    exprs: x.list,
    stores: [{ buffer: 2, expr: sum, addr: [0, rows * columns, columns, 1, 0, 0] }],
  }
}

it.each([
  ['channels outside, as in PyTorch', 5, [25, 5, 1], true],
  ['channels inside, as in Keras', 5, [1, 30, 6], true],
  ['in a wide window', 17, [289, 17, 1], false],
] as const)('lanes of a depthwise convolution, kernel with %s', (_, k, strides, vertical) => {
  const kernel = windows(k, strides)
  expect(planRow(kernel, () => false).vertical).toBe(vertical)
  const specs = [6 * (3 + k) * (19 + k), 6 * k * k, 6 * 4 * 20].map((size) => ({
    dtype: 'float32' as const,
    size,
  }))
  const { actual, expected } = runBoth(specs, [kernel], 1)
  expect(difference(actual[2]!, expected[2]!, 1e-5)).toBeNull()
})
