// How many kernels, and how much memory between them, convolutions and pools become: no padded copies under products, no
// sums of spread-out arrays in gradients.
import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradient.ts'
import { convolution, type ConvolutionGeometry } from '../../src/graph/convolution.ts'
import type { Node } from '../../src/graph/node.ts'
import { averagePooling, maxPooling, type PoolGeometry } from '../../src/graph/pooling.ts'
import * as p from '../../src/graph/primitives.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { distance, evaluate, expected, input } from './evaluation.ts'

const { s } = p
const backend = interpretingBackend()
const same: ConvolutionGeometry = {
  stride: [1, 1],
  dilation: [1, 1],
  low: [1, 1],
  high: [1, 1],
  groups: 1,
  channelsLast: true,
}
const pool: PoolGeometry = { ...same, size: [2, 2], stride: [2, 2], low: [0, 0], high: [0, 0] }
const overlapping: PoolGeometry = { ...pool, size: [3, 3], low: [1, 1], high: [0, 0] }
const image = (): Node => input([2, 6, 4, 3])

/** The gradient of `f` at `x` for a given cotangent. */
function gradient(f: (x: Node) => Node, x: Node): Node {
  const y = f(x)
  return gradients([y], [input(y.shape)], [x])[0]!
}
const conv =
  (g: ConvolutionGeometry, w: Node) =>
  (x: Node): Node =>
    convolution([x, w], g)
const strided: ConvolutionGeometry = { ...same, stride: [2, 2], high: [0, 0] }

const cases: readonly (readonly [
  name: string,
  kernels: number,
  arenaElements: number,
  build: () => Node[],
])[] = [
  [
    'a padded convolution with bias and relu',
    1,
    0,
    () => [s.max(s.add(conv(same, input([3, 3, 3, 4]))(image()), input([4])), 0)],
  ],
  [
    'a padded convolution, channels first',
    1,
    0,
    () => [conv({ ...same, channelsLast: false }, input([3, 3, 3, 4]))(input([2, 3, 6, 4]))],
  ],
  ['its gradient of the input', 1, 0, () => [gradient(conv(same, input([3, 3, 3, 4])), image())]],
  [
    'its gradient of the kernel',
    1,
    0,
    () => {
      const x = image()
      return [gradient((w) => convolution([x, w], same), input([3, 3, 3, 4]))]
    },
  ],
  [
    'the gradient of the input with steps: phases side by side, then between each other',
    5,
    2 * 6 * 4 * 3,
    () => [gradient(conv(strided, input([3, 3, 3, 4])), image())],
  ],
  ['max pooling and its gradient', 2, 0, () => gradientAndValue((x) => maxPooling([x], pool), image())],
  [
    'average pooling and its gradient',
    2,
    0,
    () => gradientAndValue((x) => averagePooling([x], { ...pool, countPadding: true }), image()),
  ],
  [
    'the gradient of overlapping means: windows with zeros around them, then each element once',
    2,
    2 * 4 * 3 * 3,
    () => [gradient((x) => averagePooling([x], { ...overlapping, countPadding: true }), image())],
  ],
  [
    'overlapping maxima and their gradient: the padded input, maxima with winners, cotangents, each element once',
    4,
    2 * 7 * 5 * 3 + 2 * (2 * 4 * 3 * 3),
    () => gradientAndValue((x) => maxPooling([x], overlapping), image()),
  ],
]

function gradientAndValue(f: (x: Node) => Node, x: Node): Node[] {
  const y = f(x)
  return [y, gradients([y], [input(y.shape)], [x])[0]!]
}

describe('kernel counts of windows', () => {
  it.each(cases)('%s', (_name, count, elements, build) => {
    const roots = build()
    const { values, bound } = evaluate(backend, roots)
    const wanted = expected(roots)
    values.forEach((v, i) => expect(distance(v, wanted[i]!)).toBeLessThan(1e-5))
    expect(bound.plan.kernelCount).toBe(count)
    // places in the arena are rounded up to 64 bytes
    const { arenaBytes, buffers } = backend.programs.at(-1)!
    expect(arenaBytes).toBeLessThanOrEqual(elements * 4 + 64 * buffers.length)
  })
})
