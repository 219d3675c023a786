// Convolutions and pools against PyTorch in float64: values, and gradients of input, kernel and bias; then what tfjs's names
// promise about shapes, and errors.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { beforeAll, describe, expect, it } from 'vitest'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { registerBackend } from '../../src/backend/registry.ts'
import * as dl from '../../src/index.ts'

beforeAll(() => {
  registerBackend(referenceBackend)
})

interface Recorded {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}
type Setting = number | string | boolean | readonly number[]
interface Case {
  readonly file: 'conv' | 'pool'
  readonly id: string
  readonly op: string
  readonly args: Readonly<Record<string, Setting>>
  readonly inputs: Readonly<Record<string, Recorded>>
  readonly outputs: { readonly output: Recorded }
  readonly cotangents: { readonly output: Recorded }
  readonly grads: Readonly<Record<string, Recorded>>
}
const fixture = fileURLToPath(new URL('../fixtures/pytorch-convolutions-pools.json', import.meta.url))
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: readonly Case[] }

const list = (value: Setting | undefined, n: number, absent: number): number[] =>
  typeof value === 'object' ? [...value] : Array<number>(n).fill(typeof value === 'number' ? value : absent)

/** PyTorch's `[O, I / groups, …K]` (transposed: `[I, O / groups, …K]`) as ours, the last two after the kernel's axes. */
const kernelOf = (weight: dl.Tensor): dl.Tensor =>
  weight.transpose([...Array.from({ length: weight.rank - 2 }, (_, i) => i + 2), 1, 0])

function forward(
  { op, args }: Case,
  channelsLast: boolean,
  x: dl.Tensor,
  weight?: dl.Tensor,
  bias?: dl.Tensor,
): dl.Tensor {
  const n = x.rank - 2
  const toLast = [0, ...Array.from({ length: n }, (_, i) => i + 2), 1]
  const toFirst = [0, n + 1, ...Array.from({ length: n }, (_, i) => i + 1)]
  const dataFormat: dl.DataFormat = channelsLast ? 'channelsLast' : 'channelsFirst'
  const input = channelsLast ? x.transpose(toLast) : x
  const padding: dl.Padding =
    args['padding'] === 'same' ? 'same' : list(args['padding'], n, 0).map((p): [number, number] => [p, p])
  const common = { padding, dataFormat, dilations: list(args['dilation'], n, 1) }
  const finish = (y: dl.Tensor): dl.Tensor => {
    const first = channelsLast ? y.transpose(toFirst) : y
    return bias ? first.add(bias.reshape([-1, ...Array<number>(n).fill(1)])) : first
  }
  if (op.includes('Pool')) {
    const size = list(args['kernel_size'], n, 1)
    const strides = args['stride'] === undefined ? size : list(args['stride'], n, 1)
    const options = { ...common, size, strides, ceil: args['ceil_mode'] === true }
    return finish(
      op.startsWith('Max')
        ? dl.maxPoolNd(input, options)
        : dl.avgPoolNd(input, { ...options, countPadding: args['count_include_pad'] !== false }),
    )
  }
  const options = { ...common, strides: list(args['stride'], n, 1), groups: Number(args['groups'] ?? 1) }
  const outputPadding = list(args['output_padding'], n, 0)
  return finish(
    op.startsWith('ConvTranspose')
      ? dl.convTranspose(input, kernelOf(weight!), { ...options, outputPadding })
      : dl.conv(input, kernelOf(weight!), options),
  )
}

async function expectClose(x: dl.Tensor, recorded: Recorded, relative: number): Promise<void> {
  expect([...x.shape]).toEqual(recorded.shape)
  const values = (await x.data()) as Float32Array
  for (const [i, want] of recorded.data.entries())
    expect(Math.abs(values[i]! - want), `element ${i}: ${values[i]} for ${want}`).toBeLessThanOrEqual(
      1e-5 + relative * Math.abs(want),
    )
}

function compare(rows: readonly Case[]): void {
  describe.each(['channelsLast', 'channelsFirst'])('%s', (format) => {
    it.each(rows)('$id', async (row) => {
      const order = ['x', 'param.weight', 'param.bias'].filter((name) => row.inputs[name] !== undefined)
      const make = ({ data, shape }: Recorded): dl.Tensor => dl.tensor(data, shape)
      const { value, pullback } = dl.vjp(
        (...primals: dl.Tensor[]) =>
          forward(row, format === 'channelsLast', primals[0]!, primals[1], primals[2]),
        order.map((name) => make(row.inputs[name]!)),
      )
      await expectClose(value, row.outputs.output, 1e-4)
      const gradients = pullback(make(row.cotangents.output))
      for (const [i, name] of order.entries()) await expectClose(gradients[i]!, row.grads[name]!, 1e-3)
    })
  })
}
judge('PyTorch convolutions', { needs: 'oracles/ops/conv.json', fixture }, () =>
  compare(cases.filter(({ file }) => file === 'conv')),
)
judge('PyTorch pools', { needs: 'oracles/ops/pool.json', fixture }, () =>
  compare(cases.filter(({ file }) => file === 'pool')),
)

describe('gradients of gradients', () => {
  it('a convolution differentiates twice', async () => {
    const x = dl.random.uniform(dl.random.key(1), [1, 4, 5, 2])
    const w = dl.random.uniform(dl.random.key(2), [2, 3, 2, 3])
    const f = (u: dl.Tensor): dl.Tensor => dl.conv2d(u, w, [2, 1], 'same').square().sum()
    const v = dl.random.uniform(dl.random.key(3), [1, 4, 5, 2])
    // f is quadratic: H v = grad f(v)
    const hv = await dl.hvp(f, x, v).data()
    const expected = await dl.grad(f)(v).data()
    for (const [i, want] of expected.entries()) expect(hv[i]).toBeCloseTo(want as number, 4)
  })
})

describe('shapes and values', () => {
  const x = (): dl.Tensor => dl.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1])
  it.each([
    ['conv2d valid', () => dl.conv2d(x(), dl.ones([2, 2, 1, 1]), 1, 'valid'), [12, 16, 24, 28]],
    ['conv2d same', () => dl.conv2d(x(), dl.ones([2, 2, 1, 1]), 1, 'same').sum(), [145]],
    [
      'conv1d causal',
      () => dl.conv(dl.tensor([1, 2, 3], [1, 3, 1]), dl.ones([2, 1, 1]), { padding: 'causal' }),
      [1, 3, 5],
    ],
    ['maxPool', () => dl.maxPool(x(), 2, 1, 'valid'), [5, 6, 8, 9]],
    ['maxPool same', () => dl.maxPool(x(), 2, 2, 'same'), [5, 6, 8, 9]],
    ['avgPool same leaves padding out', () => dl.avgPool(x(), 2, 2, 'same'), [3, 4.5, 7.5, 9]],
    ['without a batch', () => dl.maxPool(x().reshape([3, 3, 1]), 3, 1, 'valid'), [9]],
    ['int32 maxima', () => dl.maxPool(x().cast('int32'), 2, 1, 'valid'), [5, 6, 8, 9]],
  ])('%s', async (_, f, expected) => {
    expect([...(await f().data())]).toEqual(expected)
  })
  it.each([
    [
      'channels',
      () => dl.conv2d(dl.zeros([8, 32, 32, 3]), dl.zeros([3, 3, 4, 16]), 1, 'same'),
      /\[conv\] input has 3 channels \(shape \[8, 32, 32, 3\]\) but the filter expects 4/,
    ],
    [
      'rank',
      () => dl.conv2d(dl.zeros([8, 8]), dl.zeros([3, 3, 4, 16]), 1, 'same'),
      /\[conv2d\].*rank 4.*rank 2/,
    ],
    [
      'padding',
      () => dl.conv(dl.zeros([1, 8, 8, 1]), dl.zeros([3, 3, 1, 1]), { padding: 'full' as never }),
      /padding must be 'valid', 'same'/,
    ],
    [
      'strides',
      () => dl.maxPoolNd(dl.zeros([1, 8, 8, 1]), { size: 0 }),
      /size must be 2 whole numbers of 1 or more/,
    ],
  ])('wrong %s throws', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
