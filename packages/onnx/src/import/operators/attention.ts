// Attention and what goes with it: rotary position embeddings.
import {
  add,
  broadcastTo,
  cast,
  concat,
  div,
  type DType,
  gather,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  matMul,
  mul,
  pad,
  range,
  reshape,
  scaledDotProductAttention,
  slice,
  softmax,
  sub,
  tanh,
  type Tensor,
  transpose,
  where,
} from '@dl/tensor/core'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'

type Four = [number, number, number, number]

/** `[batch, time, heads · size]` to `[batch, heads, time, size]`. */
function splitHeads(call: OperatorCall, x: Tensor, attribute: string): Tensor {
  if (x.rank === 4) return x
  const heads = call.attributes.int(attribute) ?? call.fail(`needs ${attribute} for inputs of rank 3`)
  const [batch, time, width] = shapeOf(x) as [number, number, number]
  if (width % heads !== 0) call.fail(`splits ${width} features into ${heads} heads`)
  return transpose(reshape(x, [batch, time, heads, width / heads]), [0, 2, 1, 3])
}

/** Keys or values of few heads for groups of query heads. */
function repeatHeads(x: Tensor, heads: number): Tensor {
  const [batch, own, time, size] = shapeOf(x) as Four
  if (own === heads) return x
  const spread = broadcastTo(reshape(x, [batch, own, 1, time, size]), [batch, own, heads / own, time, size])
  return reshape(spread, [batch, heads, time, size])
}

/** Which keys a query sees. Both broadcast to `[batch, heads, queries, keys]`. */
interface Mask {
  /** True where it sees the key. */
  readonly keep: Tensor | undefined
  /** Added to the scores. */
  readonly bias: Tensor | undefined
}

/** The mask, the length of padded keys, and causality, unless it is left out because the operation knows it. */
function maskOf(call: OperatorCall, queries: number, keys: number, causal: number | undefined): Mask {
  const keeps: Tensor[] = []
  const mask = call.optional(3)
  let bias: Tensor | undefined
  if (mask) {
    const lacking = keys - shapeOf(mask).at(-1)! // shorter masks hide the keys behind them
    const border = shapeOf(mask).map((_, a): [number, number] => [0, a === mask.rank - 1 ? lacking : 0])
    const isBool = mask.dtype === 'bool'
    const whole = lacking > 0 ? pad(mask, border, isBool ? 0 : -Infinity) : mask
    if (isBool) keeps.push(whole)
    else bias = whole
  }
  const columns = range(0, keys, 1, 'int32')
  if (causal !== undefined) {
    const rows = reshape(range(causal, causal + queries, 1, 'int32'), [queries, 1])
    keeps.push(lessEqual(columns, rows))
  }
  const lengths = call.optional(6)
  if (lengths) keeps.push(less(columns, reshape(cast(lengths, 'int32'), [-1, 1, 1, 1])))
  return { keep: keeps.length > 0 ? keeps.reduce((a, b) => logicalAnd(a, b)) : undefined, bias }
}

const added = ({ keep, bias }: Mask, dtype: DType): Tensor | undefined => {
  if (!keep) return bias
  const hidden: Tensor = cast(where(keep, 0, -Infinity), dtype)
  return bias ? add(bias, hidden) : hidden
}

/** `softmax(softcap(Q · Kᵀ · scale) + bias) · V`, and the scores after one of the steps. */
function attention(call: OperatorCall): Tensor[] {
  const { attributes } = call
  const query = splitHeads(call, call.input(0), 'q_num_heads')
  const [newKey, newValue] = [1, 2].map((i) => splitHeads(call, call.input(i), 'kv_num_heads')) as [
    Tensor,
    Tensor,
  ]
  const past = call.has(4) ? shapeOf(call.input(4))[2]! : 0
  const key = call.has(4) ? concat([call.input(4), newKey], 2) : newKey
  const value = call.has(5) ? concat([call.input(5), newValue], 2) : newValue
  const softcap = attributes.float('softcap', 0)
  const [result, scores] =
    softcap === 0 && !call.wants(3)
      ? [fusedAttention(call, query, key, value, past)]
      : spelledAttention(call, query, key, value, past)
  const [batch, , queries] = shapeOf(query) as Four
  const merged =
    call.input(0).rank === 4 ? result : reshape(transpose(result, [0, 2, 1, 3]), [batch, queries, -1])
  return [merged, key, value, ...(scores ? [scores] : [])]
}

function fusedAttention(call: OperatorCall, query: Tensor, key: Tensor, value: Tensor, past: number): Tensor {
  const causal = call.attributes.flag('is_causal', false)
  const topLeft = causal && past === 0
  const [queries, keys] = [shapeOf(query)[2]!, shapeOf(key)[2]!]
  const mask = maskOf(call, queries, keys, causal && !topLeft ? past : undefined)
  return scaledDotProductAttention(query, key, value, {
    mask: mask.bias ? added(mask, dtypeOfTensor(query)) : mask.keep,
    causal: topLeft,
    scale: call.attributes.float('scale'),
  })
}

/** With the scores in memory: they are capped, or an output. */
function spelledAttention(
  call: OperatorCall,
  query: Tensor,
  keys: Tensor,
  values: Tensor,
  past: number,
): [Tensor, Tensor] {
  const { attributes } = call
  const [, heads, queries, size] = shapeOf(query) as Four
  const root = Math.sqrt(attributes.float('scale', 1 / Math.sqrt(size)))
  const key = repeatHeads(keys, heads)
  const raw: Tensor = matMul(mul(query, root), mul(key, root), false, true)
  const softcap = attributes.float('softcap', 0)
  const capped = softcap === 0 ? raw : mul(tanh(div(raw, softcap)), softcap)
  const causal = attributes.flag('is_causal', false) ? past : undefined
  const bias = added(maskOf(call, queries, shapeOf(key)[2]!, causal), dtypeOfTensor(query))
  const biased = bias ? add(capped, bias) : capped
  const weights = softmax(biased, -1)
  const mode = attributes.int('qk_matmul_output_mode', 0)
  const scores = [raw, capped, biased, weights][mode] ?? call.fail(`has qk_matmul_output_mode ${mode}`)
  return [matMul(weights, repeatHeads(values, heads)), scores]
}

/** Rows of a cache `[positions, size]` for the positions, or the cache as it is; `[batch, 1, time, size]`. */
function rotation(call: OperatorCall, i: number, size: number): Tensor {
  const cache = call.input(i)
  const rows: Tensor = call.has(3) ? gather(cache, cast(call.input(3), 'int32'), 0) : cache
  const [batch, time, width] = shapeOf(rows) as [number, number, number]
  if (width !== size) call.fail(`has a cache of ${width} values a position for ${size} pairs of features`)
  return reshape(rows, [batch, 1, time, width])
}

/** Pairs of features turned by an angle that grows with the position (Su et al. 2021, RoFormer). */
function rotaryEmbedding(call: OperatorCall): Tensor {
  const input = call.input(0)
  const x = splitHeads(call, input, 'num_heads')
  const [batch, heads, time, size] = shapeOf(x) as Four
  const turned = call.attributes.int('rotary_embedding_dim', 0) || size
  const half = turned / 2
  const [cos, sin] = [rotation(call, 1, half), rotation(call, 2, half)]
  const interleaved = call.attributes.flag('interleaved', false)
  const front = slice(x, [0, 0, 0, 0], [batch, heads, time, turned])
  const pairs = reshape(front, [batch, heads, time, ...(interleaved ? [half, 2] : [2, half])])
  const axis = interleaved ? 4 : 3
  const part = (i: number): Tensor => {
    const start = [0, 0, 0, 0, 0].map((_, a) => (a === axis ? i : 0))
    const sizes = shapeOf(pairs).map((d, a) => (a === axis ? 1 : d))
    return reshape(slice(pairs, start, sizes), [batch, heads, time, half])
  }
  const [real, imaginary] = [part(0), part(1)]
  const rotated = [sub(mul(real, cos), mul(imaginary, sin)), add(mul(real, sin), mul(imaginary, cos))]
  const column = (y: Tensor): Tensor =>
    reshape(y, [batch, heads, time, ...(interleaved ? [half, 1] : [1, half])])
  const joined = reshape(concat(rotated.map(column), axis), [batch, heads, time, turned])
  const rest = slice(x, [0, 0, 0, turned], [batch, heads, time, size - turned])
  const whole = size === turned ? joined : concat([joined, rest], 3)
  return input.rank === 4 ? whole : reshape(transpose(whole, [0, 2, 1, 3]), shapeOf(input))
}

/** New keys or values written into a cache from a position of each example on, round and round when `mode` is circular. */
function tensorScatter(call: OperatorCall): Tensor {
  const [cache, update] = [call.input(0), call.input(1)]
  const axis = call.axis(call.attributes.int('axis', -2), cache.rank)
  const mode = call.attributes.string('mode', 'linear')
  if (mode !== 'linear' && mode !== 'circular') call.fail(`has mode '${mode}'; it is linear or circular`)
  const [size, count] = [shapeOf(cache)[axis]!, shapeOf(update)[axis]!]
  const batch = shapeOf(cache)[0]!
  const starts = call.has(2) ? reshape(cast(call.input(2), 'int32'), [batch, 1]) : 0
  const offset: Tensor = sub(broadcastTo(range(0, size, 1, 'int32'), [batch, size]), starts)
  const from = mode === 'linear' ? offset : where(less(offset, 0), add(offset, size), offset)
  const written = logicalAnd(greaterEqual(from, 0), less(from, count))
  // each place of the cache takes the row of the update that is meant for it
  const order = shapeOf(update).flatMap((_, a) => (a === 0 || a === axis ? [] : [a]))
  const rows = reshape(transpose(update, [0, axis, ...order]), [batch * count, -1])
  const first = reshape(mul(range(0, batch, 1, 'int32'), count), [batch, 1])
  const picked = gather(rows, add(first, where(written, from, 0)), 0)
  const sizes = order.map((a) => shapeOf(cache)[a]!)
  const back = shapeOf(cache).map((_, a) => [0, axis, ...order].indexOf(a))
  const placed = transpose(reshape(picked, [batch, size, ...sizes]), back)
  const mask = reshape(
    written,
    shapeOf(cache).map((d, a) => (a === 0 || a === axis ? d : 1)),
  )
  return where(mask, placed, cache)
}

export const attentions: Readonly<Record<string, Operator>> = {
  Attention: {
    attributes: [
      'is_causal',
      'kv_num_heads',
      'q_num_heads',
      'qk_matmul_output_mode',
      'scale',
      'softcap',
      'softmax_precision',
    ],
    since: 23,
    build: attention,
  },
  RotaryEmbedding: {
    attributes: ['interleaved', 'num_heads', 'rotary_embedding_dim'],
    since: 23,
    build: rotaryEmbedding,
  },
  TensorScatter: { attributes: ['axis', 'mode'], since: 24, build: tensorScatter },
}
