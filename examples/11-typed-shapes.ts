// What the compiler catches, and where it stays out of the way.
import { concat, matMul, tensor, zeros, type Tensor, type Tensor2D } from '@dl/tensor'

const a = tensor([
  [1, 2, 3],
  [4, 5, 6],
]) // Tensor<[2, 3]>
const w = zeros([3, 10]) // Tensor<[3, 10]>
const y = matMul(a, w) // Tensor<[2, 10]>

// @ts-expect-error inner dimensions 3 and 4 differ
matMul(a, zeros([4, 10]))
// @ts-expect-error [2, 3] holds 6 elements, [4, 2] needs 8
a.reshape([4, 2])
// @ts-expect-error dimension 1: 10 and 3 do not broadcast
y.add(a)

declare const batch: Tensor<[number, 3]>
const z: Tensor<[number, 10]> = matMul(batch, w) // unknown sizes pass
declare const anything: Tensor
const old: Tensor2D = matMul(anything, anything) as Tensor2D // shape-free code compiles as it always did
concat([a, a], 0) satisfies Tensor<[4, 3]>
void [z, old]
