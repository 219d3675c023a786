// Scaled dot-product attention on nodes: composites whose fallback spells it out, score matrix and all, and for which backends
// may bring a kernel that never stores that matrix (kernel language: AttentionKernel). The gradient is made of composites too:
// scores are computed again from queries, keys and the logarithm of each row's sum (Dao et al. 2022, FlashAttention, §3.1).
import { unitUniform, word } from '../random/stream.ts'
import { defineComposite } from './composite.ts'
import { isFloat } from './dtype.ts'
import type { Node } from './node.ts'
import { constant, dot, iota, reduce, s, stop, transpose } from './primitives.ts'

/**
 * What one attention means. Its inputs: queries `[…, Tq, D]`, keys `[…, Tk, D]`, values `[…, Tk, E]`, then, as far as the
 * config says so, the mask `[…, Tq, Tk]` (bool: who is seen; float: added) and the words of a random stream, int32 `[3]`.
 */
export interface AttentionConfig {
  readonly scale: number
  /** Query i sees keys 0 … i. */
  readonly causal: boolean
  readonly mask: boolean
  /** Of the probabilities that are set to 0; above 0 there is a stream. */
  readonly rate: number
}

interface Inputs {
  readonly q: Node
  readonly k: Node
  readonly v: Node
  readonly mask: Node | undefined
  readonly stream: Node | undefined
  readonly rest: readonly Node[]
}

function named(inputs: readonly Node[], { mask, rate }: AttentionConfig): Inputs {
  const [q, k, v] = inputs as [Node, Node, Node]
  const rest = inputs.slice(3)
  return {
    q,
    k,
    v,
    mask: mask ? rest.shift() : undefined,
    stream: rate > 0 ? rest.shift() : undefined,
    rest,
  }
}

const turned = (x: Node): Node => {
  const rank = x.shape.length
  return transpose(x, [...x.shape.map((_, a) => a).slice(0, -2), rank - 1, rank - 2])
}
const overKeys = (kind: 'sum' | 'maxNumber', x: Node): Node => reduce(kind, x, [x.shape.length - 1])

/** `[…, Tq, Tk]`; -∞ where a query does not see a key. */
function scoresOf({ q, k, mask }: Inputs, { scale, causal }: AttentionConfig): Node {
  let scores = s.mul(dot(q, turned(k)), scale)
  const hidden = constant(-Infinity, q.dtype)
  if (mask) scores = isFloat(mask.dtype) ? s.add(scores, mask) : s.select(mask, scores, hidden)
  if (!causal) return scores
  const { shape } = scores
  const rank = shape.length
  const square = [...shape.slice(0, -2).map(() => 1), ...shape.slice(-2)]
  return s.select(s.le(iota(square, rank - 1), iota(square, rank - 2)), scores, hidden)
}

/** The greatest score of each row, which only keeps exp in range; 0 for a row that sees nothing. */
function shiftOf(scores: Node): Node {
  const greatest = overKeys('maxNumber', scores)
  return stop(s.select(s.eq(greatest, -Infinity), 0, greatest))
}

/** `probabilities` where they are kept, divided by the chance of that; 0 elsewhere. Differentiated, it does the same. */
function dropped(probabilities: Node, { stream }: Inputs, { rate }: AttentionConfig): Node {
  if (!stream) return probabilities
  const words = { key0: word(stream, 0), key1: word(stream, 1), counter: word(stream, 2) }
  const kept = s.lt(unitUniform(words, probabilities.shape), 1 - rate)
  return s.select(kept, s.div(probabilities, 1 - rate), 0)
}

const positive = (sum: Node): Node => s.select(s.eq(sum, 0), 1, sum)
const batches = ({ rate }: AttentionConfig): boolean => rate === 0

/** `dropout(softmax(scale · q kᵀ + mask)) v` of shape `[…, Tq, E]`; rows that see no key are 0. */
export const attention: (inputs: readonly Node[], config: AttentionConfig) => Node =
  /* @__PURE__ */ defineComposite<AttentionConfig>({
    name: 'scaledDotProductAttention',
    kernel: { kind: 'attention', part: 'output' },
    batches,
    fallback: (inputs, config) => {
      const given = named(inputs, config)
      const scores = scoresOf(given, config)
      const e = s.exp(s.sub(scores, shiftOf(scores)))
      return dot(dropped(s.div(e, positive(overKeys('sum', e))), given, config), given.v)
    },
    vjp: (ct, output, inputs, config) => {
      const { mask } = named(inputs, config)
      const logSum = logSumOf(inputs, config)
      const delta = overKeys('sum', s.mul(ct, output))
      const all = [...inputs, logSum, delta, ct]
      const cts: (Node | null)[] = [queryGrad(all, config), keyGrad(all, config), valueGrad(all, config)]
      if (mask) cts.push(isFloat(mask.dtype) ? scoreGrad(named(all, config), config) : null)
      if (config.rate > 0) cts.push(null)
      return cts
    },
  })

/** `log Σ exp(scores)` of each row, `[…, Tq, 1]`; +∞ for a row that sees nothing, so that `exp(score - it)` is 0. */
const logSumOf = /* @__PURE__ */ defineComposite<AttentionConfig>({
  name: 'attentionLogSum',
  kernel: { kind: 'attention', part: 'logSum' },
  batches,
  fallback: (inputs, config) => {
    const scores = scoresOf(named(inputs, config), config)
    const shift = shiftOf(scores)
    const sum = overKeys('sum', s.exp(s.sub(scores, shift)))
    return s.select(s.eq(sum, 0), Infinity, s.add(shift, s.log(positive(sum))))
  },
})

// ---- gradients; their inputs are those of the attention, then logSum, delta = Σ ct · output, and ct
function probabilities(given: Inputs, config: AttentionConfig): Node {
  return s.exp(s.sub(scoresOf(given, config), given.rest[0]!))
}

/** Cotangent of the scores after scale and mask, `[…, Tq, Tk]`. */
function scoreGrad(given: Inputs, config: AttentionConfig): Node {
  const [, delta, ct] = given.rest as [Node, Node, Node]
  const pulled = dropped(dot(ct, turned(given.v)), given, config)
  return s.mul(probabilities(given, config), s.sub(pulled, delta))
}

const gradient = (
  part: 'query' | 'key' | 'value',
  fallback: (given: Inputs, config: AttentionConfig) => Node,
): ((inputs: readonly Node[], config: AttentionConfig) => Node) =>
  defineComposite<AttentionConfig>({
    name: `attentionGrad:${part}`,
    kernel: { kind: 'attentionGrad', part },
    batches,
    fallback: (inputs, config) => fallback(named(inputs, config), config),
  })

const queryGrad = /* @__PURE__ */ gradient('query', (given, config) =>
  s.mul(dot(scoreGrad(given, config), given.k), config.scale),
)
const keyGrad = /* @__PURE__ */ gradient('key', (given, config) =>
  s.mul(dot(turned(scoreGrad(given, config)), given.q), config.scale),
)
const valueGrad = /* @__PURE__ */ gradient('value', (given, config) =>
  dot(turned(dropped(probabilities(given, config), given, config)), given.rest[2]!),
)
