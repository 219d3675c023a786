// The published declarations as a stranger's compiler reads them: no Node types, no DOM beyond the standard library.
import '@dl/backend-cpu'
import { matMul, tensor, zeros, type Tensor } from '@dl/tensor'
import type { Backend } from '@dl/tensor/backend'

const product: Tensor<[2, 10]> = matMul(
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]),
  zeros([3, 10]),
)
// @ts-expect-error inner dimensions 3 and 4 differ
matMul(product, zeros([4, 10]))
export const backends: Backend[] = []
