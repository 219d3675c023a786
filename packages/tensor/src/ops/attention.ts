// Scaled dot-product attention: what its arguments mean, heads that share keys, broadcasting. The computation is a composite
// (graph/attention.ts) for which backends may have a kernel.
import { DTypeError, ShapeError } from '../errors.ts'
import { attention } from '../graph/attention.ts'
import { promote } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { broadcastTo, cast, concat, reshape } from '../graph/primitives.ts'
import { broadcastShapes, type Dims, showShape } from '../graph/shape.ts'
import { streamFor } from '../random/generator.ts'
import type { Key, Stream } from '../random/stream.ts'
import type { DTypeOf, FloatDType } from '../tensor/dtype-types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Arg, Dim } from '../tensor/types.ts'
import { floating, given, result } from './operands.ts'

const OP = 'scaledDotProductAttention'

/** Options of {@link scaledDotProductAttention}. */
export interface AttentionOptions {
  /**
   * Broadcastable to `[…, heads, queries, keys]`. Bool: true where the query may look at the key. Float: added to the scores;
   * its gradient is computed with the whole score matrix in memory.
   */
  readonly mask?: Arg | undefined
  /** Query i looks at keys 0 … i only, counted from the start of both (top left, as PyTorch). Default false. */
  readonly causal?: boolean | undefined
  /** Factor of the scores. Default `1 / sqrt(depth)`. */
  readonly scale?: number | undefined
  /** Chance in [0, 1) with which a probability is set to 0; the others are divided by `1 - dropout`. Default 0. */
  readonly dropout?: number | undefined
  /** An integer, or a key, for repeatable dropout; default: the generator of `random.seed`. */
  readonly seed?: number | Key | undefined
}

/**
 * `softmax(scale · query · keyᵀ + mask) · value` (Vaswani et al. 2017, §3.2.1). On the CPU float32 is one kernel forward and one
 * backward, in blocks with a running softmax: the `[queries, keys]` matrix is never stored. A query that may look at no key
 * gets zeros, and has no gradient, as in PyTorch ≥ 2.5.
 * @param query `[…, heads, queries, depth]`; the head axis and those before it may be missing
 * @param key `[…, keyHeads, keys, depth]`; `heads` must be a multiple of `keyHeads`: that many neighbouring query heads share a
 *   key head (grouped queries, PyTorch's `enable_gqa`). Axes before the heads broadcast
 * @param value `[…, keyHeads, keys, valueDepth]`
 * @returns `[…, heads, queries, valueDepth]`
 * @throws when shapes do not fit together, the mask is an integer tensor, or dropout is outside [0, 1)
 * @example
 * ```ts
 * const x = tensor([[1, 0], [0, 1]])
 * scaledDotProductAttention(x, x, tensor([[1], [3]]), { causal: true, scale: 1 }).print() // [[1], [2.462]]
 * ```
 */
export const scaledDotProductAttention = <const Q extends Arg>(
  query: Q,
  key: Arg,
  value: Arg,
  options: AttentionOptions = {},
): Tensor<Dim[], FloatDType<DTypeOf<Q>>> => {
  const { mask, causal = false, dropout = 0, seed } = options
  const [q, k, v] = floats(query, key, value)
  const depth = q.shape.at(-1)!
  const scale = options.scale ?? (depth > 0 ? 1 / Math.sqrt(depth) : 1)
  if (!Number.isFinite(scale)) throw new Error(`[${OP}] scale must be a finite number, got ${scale}`)
  if (!(dropout >= 0 && dropout < 1))
    throw new Error(`[${OP}] dropout must be in the range [0, 1), got ${dropout}`)
  const { outer, groups } = layoutOf(q, k, v)
  const [tq, tk] = [q.shape.at(-2)!, k.shape.at(-2)!]
  // query heads that share a key head become an axis of their own, along which keys and values are repeated
  const batch = groups === 1 ? outer : [...outer.slice(0, -1), outer.at(-1)! / groups, groups]
  const repeated = (x: Node): Node =>
    groups === 1
      ? broadcastTo(x, [...batch, ...x.shape.slice(-2)])
      : broadcastTo(reshape(x, [...x.shape.slice(0, -2), 1, ...x.shape.slice(-2)]), [
          ...batch,
          ...x.shape.slice(-2),
        ])
  const queries = reshape(broadcastTo(q, [...outer, tq, depth]), [...batch, tq, depth])
  const inputs = [queries, repeated(k), repeated(v)]
  if (mask !== undefined) inputs.push(maskNode(mask, q, [...outer, tq, tk], batch))
  if (dropout > 0) inputs.push(words(streamFor(seed)))
  const out = attention(inputs, { scale, causal, mask: mask !== undefined, rate: dropout })
  return result(reshape(out, [...outer, tq, v.shape.at(-1)!]))
}

function floats(query: Arg, key: Arg, value: Arg): [Node, Node, Node] {
  const nodes = [floating(OP, 'query', query), floating(OP, 'key', key), floating(OP, 'value', value)]
  const dtype = nodes.map((x) => x.dtype).reduce(promote)
  return nodes.map((x) => cast(x, dtype)) as [Node, Node, Node]
}

/** Axes before queries and depth, and how many query heads share a key head. */
function layoutOf(q: Node, k: Node, v: Node): { outer: Dims; groups: number } {
  const shapes = `query ${showShape(q.shape)}, key ${showShape(k.shape)}, value ${showShape(v.shape)}`
  const rank = q.shape.length
  if (rank < 2 || k.shape.length !== rank || v.shape.length !== rank)
    throw new ShapeError(
      `[${OP}] query, key and value need one rank, [..., heads, length, depth], of 2 or more; got ${shapes}`,
    )
  if (q.shape.at(-1) !== k.shape.at(-1))
    throw new ShapeError(`[${OP}] query and key need the same depth (last axis); got ${shapes}`)
  if (k.shape.at(-2) !== v.shape.at(-2))
    throw new ShapeError(`[${OP}] key and value need the same length (axis -2); got ${shapes}`)
  if (rank === 2) return { outer: [], groups: 1 }
  const [heads, keyHeads] = [q.shape.at(-3)!, k.shape.at(-3)!]
  if (v.shape.at(-3) !== keyHeads || (keyHeads === 0 ? heads !== 0 : heads % keyHeads !== 0))
    throw new ShapeError(
      `[${OP}] the heads of query (axis -3) must be a multiple of those of key and value, which are equal; got ${shapes}`,
    )
  const before = [q, k, v].map((x) => x.shape.slice(0, -3)).reduce((a, b) => broadcastShapes(OP, a, b))
  return { outer: [...before, heads], groups: keyHeads === 0 ? 1 : heads / keyHeads }
}

/** The mask as a view of the full matrix. */
function maskNode(mask: Arg, q: Node, full: Dims, batch: Dims): Node {
  const node = given(OP, 'mask', mask)
  if (node.dtype !== 'bool' && node.dtype !== 'float32' && node.dtype !== 'float64')
    throw new DTypeError(
      `[${OP}] mask is bool (true: may look) or float (added to the scores), got ${node.dtype}; cast it to bool`,
    )
  const typed = node.dtype === 'bool' ? node : cast(node, q.dtype)
  const fits =
    typed.shape.length <= full.length &&
    typed.shape.every((d, i) => d === 1 || d === full[full.length - typed.shape.length + i])
  if (!fits)
    throw new ShapeError(
      `[${OP}] mask ${showShape(node.shape)} must broadcast to [..., heads, queries, keys], here ${showShape(full)}`,
    )
  return reshape(broadcastTo(typed, full), [...batch, ...full.slice(-2)])
}

const words = ({ key0, key1, counter }: Stream): Node =>
  concat(
    [key0, key1, counter].map((w) => reshape(w, [1])),
    0,
  )
