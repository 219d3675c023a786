// The higher-order lines of the golden program 12 as our users write them: chained methods, shape-typed arguments.
import { beforeAll, describe, expect, it } from 'vitest'
import { createReferenceBackend } from '../../src/backend/reference/index.ts'
import { grad, hvp, jvp, type Tensor, tanh, tensor, vmap, zeros } from '../../src/index.ts'
import { activate } from '../../src/testing/suite.ts'

beforeAll(() => activate(createReferenceBackend()))

const f = (x: Tensor<[8]>) => tanh(x).square().sum()
const values = async (x: Tensor): Promise<number[]> => [...((await x.data()) as Float32Array)]

describe('golden program 12', () => {
  it('third derivatives', async () => {
    const third = grad((x: Tensor<[8]>) => grad((u: Tensor<[8]>) => grad(f)(u).sum())(x).sum())
    // the third derivative of tanh² is −8 t (1 − t²)(2 − 3 t²) with t = tanh x
    const t = Math.tanh(0.3)
    const expected = -8 * t * (1 - t * t) * (2 - 3 * t * t)
    for (const v of await values(third(zeros([8]).add(0.3)))) expect(v).toBeCloseTo(expected, 5)
  })
  it('curvature', async () => {
    const curvature = hvp(f, zeros([8]).add(0.3), zeros([8]).add(1))
    const t = Math.tanh(0.3)
    for (const v of await values(curvature)) expect(v).toBeCloseTo(2 * (1 - t * t) * (1 - 3 * t * t), 5)
  })
  it('forward mode', async () => {
    const { value, tangent } = jvp(f, [zeros([8])], [zeros([8]).add(1)])
    expect([...(await values(value)), ...(await values(tangent))]).toEqual([0, 0])
  })
  it('one gradient per row', async () => {
    const x = tensor(Array.from({ length: 32 }, (_, i) => Array.from({ length: 8 }, (__, j) => (i - j) / 20)))
    const perExample = vmap(grad(f))(x)
    expect(perExample.shape).toEqual([32, 8])
    const got = await values(perExample)
    ;(await values(x)).forEach((v, i) =>
      expect(got[i]).toBeCloseTo(2 * Math.tanh(v) * (1 - Math.tanh(v) ** 2), 5),
    )
  })
})
