// Products of matrices and vectors.
import { ShapeError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import { broadcastTo, dot as product, reshape, transpose } from '../graph/primitives.ts'
import { broadcastShapes, sameShape, showShape, sizeOf } from '../graph/shape.ts'
import type { DotOf, MatMul, OuterProduct } from '../tensor/op-types.ts'
import type { Arg } from '../tensor/types.ts'
import { numericOperands, result } from './operands.ts'

/**
 * Matrix product over the last two axes; leading (batch) axes broadcast.
 * @param a `[...batch, M, K]`, or `[...batch, K, M]` with `transposeA`
 * @param b `[...batch, K, N]`, or `[...batch, N, K]` with `transposeB`
 * @returns `[...batch, M, N]`
 * @throws when a rank is below 2, inner dimensions differ or batches do not broadcast
 * @example
 * ```ts
 * const a = tensor([[1, 2], [3, 4]])
 * matMul(a, tensor([[1, 0], [0, 1]])).print() // [[1, 2], [3, 4]]
 * matMul(a, a, true).print() // [[10, 14], [14, 20]]
 * ```
 */
export const matMul: MatMul = (a, b, transposeA, transposeB) => {
  const [x, y] = numericOperands('matMul', a, b)
  return result(matMulNodes('matMul', x, y, transposeA ?? false, transposeB ?? false))
}

function matMulNodes(op: string, a: Node, b: Node, transposeA: boolean, transposeB: boolean): Node {
  for (const [name, x] of [
    ['first', a],
    ['second', b],
  ] as const)
    if (x.shape.length < 2)
      throw new ShapeError(
        `[${op}] the ${name} argument needs rank 2 or more, its shape is ${showShape(x.shape)}; use dot or reshape`,
      )
  const x = transposeA ? swapLast(a) : a
  const y = transposeB ? swapLast(b) : b
  const k = x.shape.at(-1)!
  if (k !== y.shape.at(-2)!)
    throw new ShapeError(
      `[${op}] Error in matMul: inner shapes (${k}) and (${y.shape.at(-2)}) of Tensors with shapes ${showShape(a.shape)} and ` +
        `${showShape(b.shape)} and transposeA=${transposeA} and transposeB=${transposeB} must match`,
    )
  return batched(op, x, y)
}

function batched(op: string, x: Node, y: Node): Node {
  const [m, k] = x.shape.slice(-2) as [number, number]
  const n = y.shape.at(-1)!
  const xBatch = x.shape.slice(0, -2)
  const yBatch = y.shape.slice(0, -2)
  if (sameShape(xBatch, yBatch)) return product(x, y)
  const batch = broadcastShapes(op, xBatch, yBatch)
  // One matrix for a whole batch of rows: a single tall product instead of many small ones.
  if (sizeOf(yBatch) === 1 && x.prim !== 'transpose') {
    const rows = product(reshape(x, [sizeOf(xBatch) * m, k]), reshape(y, [k, n]))
    return reshape(rows, [...batch, m, n])
  }
  return product(broadcastTo(x, [...batch, m, k]), broadcastTo(y, [...batch, k, n]))
}

const swapLast = (x: Node): Node => {
  const r = x.shape.length
  return transpose(x, [...Array(r - 2).keys(), r - 1, r - 2])
}

/**
 * Product of vectors and matrices of rank 1 or 2: vectors are contracted without becoming matrices first.
 * @throws when a rank is not 1 or 2, or inner dimensions differ
 * @example
 * ```ts
 * dot(tensor([1, 2]), tensor([3, 4])).print() // 11
 * dot(tensor([[1, 2], [3, 4]]), tensor([1, 1])).print() // [3, 7]
 * ```
 */
export const dot: DotOf = (t1: Arg, t2: Arg) => {
  const [a, b] = numericOperands('dot', t1, t2)
  for (const x of [a, b])
    if (x.shape.length !== 1 && x.shape.length !== 2)
      throw new ShapeError(
        `[dot] Error in dot: inputs must all be rank 1 or 2, but got ranks ${a.shape.length} and ${b.shape.length}; use matMul`,
      )
  const [x, y] = [
    a.shape.length === 1 ? reshape(a, [1, a.shape[0]!]) : a,
    b.shape.length === 1 ? reshape(b, [b.shape[0]!, 1]) : b,
  ]
  if (x.shape[1] !== y.shape[0])
    throw new ShapeError(
      `[dot] Error in dot: inner dimensions of inputs must match, but got ${x.shape[1]} and ${y.shape[0]} ` +
        `(shapes ${showShape(a.shape)} and ${showShape(b.shape)})`,
    )
  return result(reshape(product(x, y), [...a.shape.slice(0, -1), ...b.shape.slice(1)]))
}

/**
 * All products of an element of `v1` and an element of `v2`: `[n]` and `[m]` give `[n, m]`.
 * @throws when an argument is not a vector
 * @example
 * ```ts
 * outerProduct(tensor([1, 2]), tensor([3, 4])).print() // [[3, 4], [6, 8]]
 * ```
 */
export const outerProduct: OuterProduct = (v1: Arg, v2: Arg) => {
  const [a, b] = numericOperands('outerProduct', v1, v2)
  if (a.shape.length !== 1 || b.shape.length !== 1)
    throw new ShapeError(
      `[outerProduct] Error in outerProduct: inputs must be rank 1, but got ranks ${a.shape.length} and ${b.shape.length}`,
    )
  return result(product(reshape(a, [a.shape[0]!, 1]), reshape(b, [1, b.shape[0]!])))
}
