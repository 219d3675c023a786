// One kernel updates a parameter with all its state, whatever the rule; one more advances the step counter and computes what
// is the same for all parameters.
import { cpuBackend } from '@dl/backend-cpu'
import type { Program } from '@dl/tensor/backend'
import { afterEach, expect, it, vi } from 'vitest'
import { jit, tensor, variable, type Tensor } from '@dl/tensor/core'
import { adagrad, adam, adamW, cosineDecay, type Optimizer, rmsprop, sgd } from '@dl/optim'

afterEach(() => {
  vi.restoreAllMocks()
})

const rows: [string, () => Optimizer][] = [
  ['sgd', () => sgd()],
  ['sgd with nesterov and decay', () => sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.01 })],
  ['adam', () => adam()],
  ['adam with amsgrad and a penalty', () => adam({ amsgrad: true, l2Penalty: 0.01, clipValue: 1 })],
  ['adamW with a schedule', () => adamW({ learningRate: cosineDecay(0.001, 100) })],
  ['adam with clipNorm', () => adam({ clipNorm: 1 })],
  ['rmsprop, centered, with momentum', () => rmsprop({ centered: true, momentum: 0.9 })],
  ['adagrad', () => adagrad()],
]
it.each(rows)('%s', (_, make) => {
  const optimizer = make()
  // sizes differ, so that no two updates could share a kernel
  const shapes = [[64, 32], [40], [7, 9]]
  const variables = shapes.map((shape) => variable(numbers(shape)))
  const gradients = shapes.map(numbers)
  optimizer.build(variables)
  const programs: Program[] = []
  const compile = cpuBackend.compile.bind(cpuBackend)
  vi.spyOn(cpuBackend, 'compile').mockImplementation((program) => {
    programs.push(program)
    return compile(program)
  })
  jit((...grads: Tensor[]) => {
    optimizer.applyGradients(grads, variables)
    return []
  })(...gradients)
  expect(programs).toHaveLength(1)
  expect(programs[0]!.kernels).toHaveLength(shapes.length + 1)
})

it('slots of any number of shapes start without a program of their own', () => {
  const variables = [[3], [4, 5], [6, 7, 8]].map((shape) => variable(numbers(shape)))
  const compile = vi.spyOn(cpuBackend, 'compile')
  const optimizer = adam({ amsgrad: true })
  optimizer.build(variables)
  expect(compile).not.toHaveBeenCalled()
  expect(optimizer.variables.map((v) => v.size)).toEqual([1, 3, 3, 3, 20, 20, 20, 336, 336, 336])
})

function numbers(shape: readonly number[]): Tensor {
  const size = shape.reduce((n, d) => n * d, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
    [...shape],
  )
}
