// The kinds of errors: each mistake is of a class that a caller can tell apart, thrown at the line that made it.
import { beforeAll, expect, it } from 'vitest'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { registerBackend, sharedRegistry } from '../../src/backend/registry.ts'
import * as dl from '../../src/index.ts'

beforeAll(() => registerBackend(referenceBackend))

/** Shapes that the compiler does not know, as a program that reads data has them. */
const zeros = (...shape: number[]): dl.Tensor => dl.zeros(shape)
const gone = (): dl.Tensor => {
  const x = zeros(2)
  x.dispose()
  return x
}

it.each([
  ['shapes that do not broadcast', () => zeros(2, 3).add(zeros(4)), dl.ShapeError],
  ['inner dimensions that differ', () => zeros(2, 3).matMul(zeros(4, 5)), dl.ShapeError],
  ['a reshape of another size', () => zeros(2, 3).reshape([4, 2]), dl.ShapeError],
  ['an axis outside', () => zeros(2, 3).sum(5), dl.ShapeError],
  ['joining what does not fit', () => dl.concat([zeros(2, 3), zeros(2, 4)], 0), dl.ShapeError],
  [
    'channels that do not fit',
    () => dl.conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 4, 8), 1, 'same'),
    dl.ShapeError,
  ],
  ['ragged rows', () => dl.tensor([[1, 2], [3]] as number[][]), dl.ShapeError],
  ['a variable given another shape', () => dl.variable(zeros(2)).assign(zeros(3)), dl.ShapeError],
  ['a dtype that an operation does not take', () => dl.gather(zeros(3), zeros(1) as never), dl.DTypeError],
  ['a dtype that does not exist', () => zeros(3).cast('float8' as never), dl.DTypeError],
  ['a disposed tensor', () => gone().add(1), dl.DisposedError],
  ['reading a disposed tensor', () => gone().dataSync(), dl.DisposedError],
  [
    'reading inside a trace',
    () => dl.jit((x: dl.Tensor) => dl.scalar(x.dataSync()[0]))(zeros(1)),
    dl.TraceError,
  ],
  ['a second copy that does not fit', () => sharedRegistry('file:///other.js', 99), dl.BackendError],
])('%s', (_, mistake, kind) => {
  let thrown: unknown
  try {
    mistake()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(kind)
  expect((thrown as Error).name).toBe(kind.name)
  expect((thrown as Error).message).toMatch(/^\[\w+\] /)
})
