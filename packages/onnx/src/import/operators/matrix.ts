// Products of matrices.
import { add, einsum, expandDims, matMul, mul, squeeze, type Tensor } from '@dl/tensor/core'
import type { Operator, OperatorCall } from '../operator.ts'

/** NumPy's matmul: a vector on the left is a row, on the right a column, and the extra axis goes away again. */
function numpyMatMul(call: OperatorCall): Tensor {
  const [a, b] = [call.input(0), call.input(1)]
  if (a.rank === 0 || b.rank === 0) call.fail('multiplies a scalar; use Mul')
  const product: Tensor = matMul(a.rank === 1 ? expandDims(a, 0) : a, b.rank === 1 ? expandDims(b, 1) : b)
  const dropped = [...(a.rank === 1 ? [product.rank - 2] : []), ...(b.rank === 1 ? [product.rank - 1] : [])]
  return dropped.length > 0 ? squeeze(product, dropped) : product
}

/** `alpha · A' · B' + beta · C`. */
function gemm(call: OperatorCall): Tensor {
  const { attributes } = call
  const product: Tensor = matMul(
    call.input(0),
    call.input(1),
    attributes.flag('transA', false),
    attributes.flag('transB', false),
  )
  const scaled = mul(product, attributes.float('alpha', 1))
  const offset = call.optional(2)
  return offset ? add(scaled, mul(offset, attributes.float('beta', 1))) : scaled
}

export const matrix: Readonly<Record<string, Operator>> = {
  Einsum: {
    attributes: ['equation'],
    since: 12,
    build: (call) => einsum(call.attributes.string('equation', ''), ...call.inputs()),
  },
  MatMul: { build: numpyMatMul },
  Gemm: { attributes: ['alpha', 'beta', 'transA', 'transB'], build: gemm },
}
