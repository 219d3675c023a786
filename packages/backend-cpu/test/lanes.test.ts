// A value does not depend on its neighbours: functions that treat rare arguments apart leave the other lanes of a vector as
// they are. (Lanes behind the end of a row hold anything.)
import { registerBackend } from '@dl/tensor/backend'
import { cos, exp, log, pow, setBackend, sin, tanh, tensor, type Tensor } from '@dl/tensor/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'

beforeAll(async () => {
  registerBackend(new CpuBackend({ threads: 1 }))
  await setBackend('cpu')
})

const ordinary = Float32Array.from({ length: 400 }, (_, i) => 4 * Math.sin(i * 12.9898))
const rare = [1e7, -3e8, Infinity, NaN, 1e-42, -0]

describe('a lane beside rare arguments', () => {
  const functions: readonly [string, (x: Tensor) => Tensor][] = [
    ['sin', sin],
    ['cos', cos],
    ['exp', exp],
    ['log', log],
    ['tanh', tanh],
    ['pow', (x) => pow(x, 1.7)],
  ]
  it.each(functions)('%s gives what it gives alone', async (_, fn) => {
    const alone = (await fn(tensor(ordinary) as Tensor).data()) as Float32Array
    for (const value of rare) {
      const mixed = ordinary.map((v, i) => (i % 3 === 0 ? value : v))
      const beside = (await fn(tensor(mixed) as Tensor).data()) as Float32Array
      const others = (values: Float32Array): Float32Array => values.filter((_, i) => i % 3 !== 0)
      expect(others(beside)).toEqual(others(alone))
    }
  })
})
