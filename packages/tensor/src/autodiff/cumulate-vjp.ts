// Cotangents of running reductions. None divides: a product with zeros in it is exact in every order of derivative.
import type { Node, NodeOf } from '../graph/node.ts'
import {
  cast,
  concat,
  constant,
  cumulate,
  iota,
  reshape,
  reverse,
  s,
  scatterAdd,
  slice,
} from '../graph/primitives.ts'
import { rowMajor, sizeOf } from '../graph/shape.ts'

/** Cotangent of the source of a `cumulate` node. */
export function cumulateCotangent(n: NodeOf<'cumulate'>, ct: Node): Node {
  const [x] = n.src as [Node]
  const { kind, axis, exclusive, reverse: backwards } = n.attrs
  if (sizeOf(x.shape) === 0) return constant(0, x.dtype, x.shape)
  if (kind === 'sum') return cumulate('sum', ct, axis, { exclusive, reverse: !backwards })
  // the other kinds forwards and inclusive: an exclusive result is the inclusive one moved by one place
  const turned = (y: Node): Node => (backwards ? reverse(y, [axis]) : y)
  const own = exclusive ? shifted(turned(ct), axis, 1) : turned(ct)
  return turned(
    kind === 'prod' ? productCotangent(turned(x), own, axis) : extremumCotangent(kind, turned(x), own, axis),
  )
}

/** Element i of the result is element `i + by` along `axis`, zero where there is none. */
function shifted(x: Node, axis: number, by: 1 | -1): Node {
  const start = x.shape.map((_, a) => (a === axis && by === 1 ? 1 : 0))
  const size = x.shape.map((d, a) => (a === axis ? d - 1 : d))
  const rest = slice(x, start, size)
  const zero = constant(
    0,
    x.dtype,
    x.shape.map((d, a) => (a === axis ? 1 : d)),
  )
  return concat(by === 1 ? [rest, zero] : [zero, rest], axis)
}

/** `Σ_{i ≥ j} ct_i · Π_{l ≤ i, l ≠ j} x_l = (Π_{l < j} x_l) · S_j` with `S_j = ct_j + x_{j+1} · S_{j+1}`. */
function productCotangent(x: Node, ct: Node, axis: number): Node {
  const before = cumulate('prod', x, axis, { exclusive: true })
  const sums = recurrence(reverse(shifted(x, axis, 1), [axis]), reverse(ct, [axis]), axis)
  return s.mul(before, reverse(sums, [axis]))
}

/** `S_j = b_j + a_j · S_{j-1}` along `axis`, `S_{-1} = 0`: joins neighbours, recurs on half the places, unfolds. */
function recurrence(a: Node, b: Node, axis: number): Node {
  const n = a.shape[axis]!
  if (n === 1) return b
  const every2nd = (x: Node, from: 0 | 1): Node =>
    slice(
      x,
      x.shape.map((_, i) => (i === axis ? from : 0)),
      x.shape.map((d, i) => (i === axis ? (from === 0 ? Math.ceil(n / 2) : Math.floor(n / 2)) : d)),
      x.shape.map((_, i) => (i === axis ? 2 : 1)),
    )
  const first = (x: Node): Node =>
    slice(
      x,
      x.shape.map(() => 0),
      x.shape.map((d, i) => (i === axis ? Math.floor(n / 2) : d)),
    )
  const [evenA, evenB, oddA, oddB] = [every2nd(a, 0), every2nd(b, 0), every2nd(a, 1), every2nd(b, 1)]
  const odd = recurrence(s.mul(oddA, first(evenA)), s.add(oddB, s.mul(oddA, first(evenB))), axis)
  const before = n % 2 === 0 ? shifted(odd, axis, -1) : withZeroInFront(odd, axis)
  return interleaved(s.add(evenB, s.mul(evenA, before)), odd, axis)
}

const withZeroInFront = (x: Node, axis: number): Node =>
  concat(
    [
      constant(
        0,
        x.dtype,
        x.shape.map((d, a) => (a === axis ? 1 : d)),
      ),
      x,
    ],
    axis,
  )

/** `even_0, odd_0, even_1, …`; there may be one more of the even ones. */
function interleaved(even: Node, odd: Node, axis: number): Node {
  const pairs = odd.shape[axis]!
  const last = even.shape[axis]! - pairs
  const column = (x: Node): Node => reshape(x, [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)])
  const paired = slice(
    even,
    even.shape.map(() => 0),
    odd.shape,
  )
  const joined = reshape(
    concat([column(paired), column(odd)], axis + 1),
    odd.shape.map((d, a) => (a === axis ? 2 * d : d)),
  )
  if (last === 0) return joined
  const rest = slice(
    even,
    even.shape.map((_, a) => (a === axis ? pairs : 0)),
    even.shape.map((d, a) => (a === axis ? last : d)),
  )
  return concat([joined, rest], axis)
}

/** Each result's cotangent goes to the element that it is: the last one that reached it, as in PyTorch's cummax. */
function extremumCotangent(kind: 'max' | 'min', x: Node, ct: Node, axis: number): Node {
  const best = cumulate(kind, x, axis)
  const reaches = s.or(s.eq(x, best), s.ne(x, x))
  const winner = cumulate('max', s.select(reaches, iota(x.shape, axis), 0), axis)
  const strides = rowMajor(x.shape)
  let at = s.mul(winner, strides[axis]!)
  for (let a = 0; a < x.shape.length; a++)
    if (a !== axis) at = s.add(at, s.mul(iota(x.shape, a), strides[a]!))
  const size = sizeOf(x.shape)
  const sums = scatterAdd(
    constant(0, x.dtype, [size]),
    reshape(cast(at, 'int32'), [size]),
    reshape(ct, [size]),
    0,
  )
  return reshape(sums, x.shape)
}
