// What a convolution takes beside its inputs and results: no padded copies, no matrix of windows, few waiting sums.
import { add, conv, dispose, jit, mul, relu, sum, type Tensor, tensor, valueAndGrads } from '@dl/tensor'
import { describe, expect, it } from 'vitest'
import { cpuBackend } from '../src/index.ts'

const MIB = 1 << 20
const filled = (shape: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => ((i * 7919) % 101) / 101 - 0.5),
    shape,
  )

describe('memory of a 3×3 convolution, 8×56×56×64 to 64 channels', () => {
  for (const dataFormat of ['channelsLast', 'channelsFirst'] as const)
    it(`forward and backward with bias and relu take at most 4 MB more, ${dataFormat}`, () => {
      const start = cpuBackend.memory().liveBytes
      const last = dataFormat === 'channelsLast'
      const x = filled(last ? [8, 56, 56, 64] : [8, 64, 56, 56])
      const w = filled([3, 3, 64, 64])
      const bias = filled(last ? [64] : [64, 1, 1])
      const weights = filled(x.shape)
      const layer = (...[a, k, b]: Tensor[]): Tensor =>
        relu(add(conv(a!, k!, { padding: 'same', dataFormat }), b!))
      const step = jit(() => {
        const gradients = valueAndGrads((...p: Tensor[]) => sum(mul(layer(...p), weights)))([x, w, bias])
        return [layer(x, w, bias), ...gradients.grads]
      })
      dispose(step())
      const results = step()
      // the gradient of what relu is given is an operand of both products: one more gradient
      const bytes = [x, w, bias, weights, ...results, weights].reduce((n, t) => n + t.size * 4, 0)
      const extra = cpuBackend.memory().liveBytes - start - bytes
      expect(extra).toBeGreaterThan(0)
      expect(extra).toBeLessThanOrEqual(4 * MIB)
      dispose([...results, x, w, bias, weights])
    })
})
