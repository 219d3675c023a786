// The smallest useful program: what a page downloads that adds and multiplies matrices.
import '@dl/backend-cpu'
export { add, matMul, tensor } from '@dl/tensor/core'
