// Derivatives and batching: the functions that users call.
export { grad, grads, valueAndGrad, valueAndGrads } from './grad.ts'
export { gradsOfVariables, type VariableGradients, variableGrads } from './variable-grads.ts'
export { customGrad, type CustomGradient, stopGradient } from './custom-grad.ts'
export { hvp, jvp, vjp } from './forward.ts'
export { type AnyShape, type BatchAxis, vmap, type VmapOptions } from './vmap.ts'
