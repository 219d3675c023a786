// Tensors over given-away memory, and the memory behind tensors on the host.
import { beforeAll, expect, it } from 'vitest'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { registerBackend, setBackend } from '../../src/backend/registry.ts'
import { add, adoptArray, hostDataOf, sum, tensor, variable, zeros } from '../../src/core.ts'

beforeAll(async () => {
  registerBackend(referenceBackend)
  await setBackend(referenceBackend.name)
})

it('takes an array over and gives it back without a copy', async () => {
  const data = Float32Array.of(1, 2, 3, 4)
  const x = adoptArray(data, [2, 2], 'float32')
  expect([x.shape, x.dtype]).toEqual([[2, 2], 'float32'])
  expect(hostDataOf(x)).toBe(data)
  expect(await x.data()).not.toBe(data)
  expect([...(await sum(x).data())]).toEqual([10])
})

it('knows the host data of tensors that were given, not of those that were computed', async () => {
  expect(hostDataOf(tensor([1, 2]))).toEqual(Float32Array.of(1, 2))
  expect(hostDataOf(zeros([3]))).toBeUndefined()
  const v = variable(tensor([1, 2]))
  v.assign(add(v, 1))
  expect([...(await v.data())]).toEqual([2, 3])
  expect(hostDataOf(v)).toBeUndefined()
  const x = tensor([1])
  x.dispose()
  expect(() => hostDataOf(x)).toThrow('[hostDataOf] x is disposed')
})

it('refuses a shape that does not hold the data', () => {
  expect(() => adoptArray(new Float32Array(3), [2], 'float32')).toThrow(
    '[adoptArray] the shape [2] holds 2 values, the array has 3',
  )
})
