// The chained methods: every method of the type exists, does what the function does, and comes with the root door only.
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as core from '../../src/core.ts'

// The compiler refuses this table when a name is missing from it or too many.
const METHODS: Readonly<Record<keyof core.TensorMethods, true>> = {
  add: true,
  sub: true,
  mul: true,
  div: true,
  divNoNan: true,
  floorDiv: true,
  mod: true,
  pow: true,
  maximum: true,
  minimum: true,
  squaredDifference: true,
  neg: true,
  abs: true,
  sign: true,
  floor: true,
  ceil: true,
  round: true,
  square: true,
  sqrt: true,
  rsqrt: true,
  reciprocal: true,
  exp: true,
  expm1: true,
  log: true,
  log1p: true,
  sin: true,
  cos: true,
  tan: true,
  tanh: true,
  sigmoid: true,
  erf: true,
  clipByValue: true,
  relu: true,
  relu6: true,
  leakyRelu: true,
  elu: true,
  step: true,
  prelu: true,
  selu: true,
  softplus: true,
  logSigmoid: true,
  silu: true,
  swish: true,
  hardSigmoid: true,
  mish: true,
  softsign: true,
  gelu: true,
  softmax: true,
  logSoftmax: true,
  layerNorm: true,
  batchNorm: true,
  equal: true,
  notEqual: true,
  less: true,
  lessEqual: true,
  greater: true,
  greaterEqual: true,
  logicalAnd: true,
  logicalOr: true,
  logicalXor: true,
  logicalNot: true,
  isNaN: true,
  isInf: true,
  isFinite: true,
  where: true,
  sum: true,
  prod: true,
  max: true,
  min: true,
  mean: true,
  logSumExp: true,
  any: true,
  all: true,
  argMax: true,
  argMin: true,
  argsort: true,
  cumprod: true,
  cumsum: true,
  sort: true,
  topk: true,
  unique: true,
  moments: true,
  norm: true,
  matMul: true,
  dot: true,
  outerProduct: true,
  reshape: true,
  flatten: true,
  expandDims: true,
  squeeze: true,
  transpose: true,
  broadcastTo: true,
  tile: true,
  reverse: true,
  pad: true,
  slice: true,
  stridedSlice: true,
  split: true,
  unstack: true,
  concat: true,
  stack: true,
  gather: true,
  gatherND: true,
  oneHot: true,
  cast: true,
  asType: true,
  toFloat: true,
  toInt: true,
  toBool: true,
  clone: true,
  zerosLike: true,
  onesLike: true,
  as1D: true,
  as2D: true,
  asScalar: true,
}
const names = Object.keys(METHODS)
const methods = (): Record<string, unknown> => core.Tensor.prototype as unknown as Record<string, unknown>

beforeAll(() => {
  registerBackend(referenceBackend)
})

describe('chained methods', () => {
  it('are absent from the core door, and complete behind the root door', async () => {
    expect(names.filter((name) => name in methods())).toEqual([])
    await import('../../src/index.ts')
    expect(names.filter((name) => typeof methods()[name] !== 'function')).toEqual([])
  })
  it('compute what the functions compute', async () => {
    await import('../../src/index.ts')
    const x = core.tensor([
      [1, -2],
      [3, 4],
    ])
    expect(await x.relu().matMul(x).sum(0).data()).toEqual(
      await core.sum(core.matMul(core.relu(x), x), 0).data(),
    )
    expect(await x.where(x.greater(0), 0).data()).toEqual(Float32Array.of(1, 0, 3, 4))
    expect(await x.concat([x, x], 1).sum().data()).toEqual(Float32Array.of(18))
    expect(x.toInt().dtype).toBe('int32')
    expect(x.as1D().shape).toEqual([4])
  })
  it('exist on variables', async () => {
    await import('../../src/index.ts')
    const v = core.variable(core.tensor([1, 2]))
    const doubled = v.mul(2)
    v.assign(core.tensor([5, 6]))
    expect(await doubled.data()).toEqual(Float32Array.of(2, 4))
  })
})
