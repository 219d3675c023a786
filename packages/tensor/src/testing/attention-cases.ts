// Attention forward and backward: lengths around every block size, cross attention, shared heads, masks of each kind, views of
// heads, dropout. Kernels are compared with the graph that the composite stands for.
import { gradients } from '../autodiff/gradient.ts'
import type { Node } from '../graph/node.ts'
import { mark, reshape, s, transpose } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { type AttentionOptions, scaledDotProductAttention } from '../ops/attention.ts'
import { fromNode, nodeOf } from '../tensor/tensor.ts'
import type { Case, CaseGroup } from './case.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

/** Sizes of one case; `outer` are the axes before the heads. */
interface Problem {
  readonly outer?: Dims
  readonly heads?: number
  readonly keyHeads?: number
  readonly queries: number
  readonly keys?: number
  readonly depth: number
  readonly valueDepth?: number
  /** Shape of the mask and what it holds. */
  readonly mask?: { readonly shape: Dims; readonly kind: 'bool' | 'float' | 'hides rows' }
  readonly causal?: boolean
  readonly scale?: number
  readonly dropout?: number
  /** Heads lie behind a transposition, as a layer has them: `[…, length, heads · depth]` in memory. */
  readonly split?: boolean
}

const SIZES: readonly Problem[] = [
  { queries: 1, depth: 3 },
  { queries: 7, depth: 3 },
  { queries: 7, depth: 64 },
  { queries: 65, depth: 3, heads: 2 },
  { queries: 65, depth: 64 },
  { queries: 1, keys: 70, depth: 8 },
  { queries: 70, keys: 1, depth: 8 },
  { queries: 5, keys: 131, depth: 16, heads: 2 },
  { queries: 133, keys: 6, depth: 16 },
  { queries: 9, keys: 12, depth: 1, valueDepth: 1 },
  { queries: 17, keys: 30, depth: 5, valueDepth: 11 },
  { outer: [2], heads: 3, queries: 20, depth: 12 },
  { outer: [2, 1, 2], heads: 1, queries: 9, keys: 10, depth: 6, scale: 0.3 },
]

const VARIANTS: Readonly<Record<string, Problem>> = {
  causal: { queries: 70, depth: 8, causal: true },
  'causal, several blocks': { queries: 260, depth: 4, causal: true },
  'several blocks': {
    queries: 250,
    keys: 370,
    depth: 5,
    valueDepth: 4,
    mask: { shape: [250, 370], kind: 'bool' },
  },
  'causal, fewer queries than keys': { queries: 9, keys: 40, depth: 4, causal: true },
  'causal, more queries than keys': { queries: 80, keys: 11, depth: 4, causal: true },
  'causal with a mask': {
    heads: 2,
    queries: 21,
    depth: 4,
    causal: true,
    mask: { shape: [1, 1, 21], kind: 'bool' },
  },
  'bool mask of everything': {
    outer: [2],
    heads: 3,
    queries: 10,
    keys: 13,
    depth: 4,
    mask: { shape: [2, 3, 10, 13], kind: 'bool' },
  },
  'bool mask of keys': {
    outer: [3],
    heads: 2,
    queries: 10,
    keys: 19,
    depth: 4,
    mask: { shape: [3, 1, 1, 19], kind: 'bool' },
  },
  'bool mask of queries': {
    heads: 2,
    queries: 12,
    keys: 9,
    depth: 4,
    mask: { shape: [12, 1], kind: 'bool' },
  },
  'rows that see nothing': {
    heads: 2,
    queries: 70,
    keys: 67,
    depth: 4,
    mask: { shape: [70, 67], kind: 'hides rows' },
  },
  'float mask': { heads: 2, queries: 66, keys: 71, depth: 4, mask: { shape: [2, 66, 71], kind: 'float' } },
  'float mask of heads': {
    heads: 4,
    queries: 5,
    keys: 8,
    depth: 4,
    mask: { shape: [4, 1, 8], kind: 'float' },
  },
  'shared key heads': { outer: [2], heads: 6, keyHeads: 2, queries: 15, keys: 18, depth: 8 },
  'one key head': { heads: 4, keyHeads: 1, queries: 13, depth: 5, causal: true },
  'shared key heads with a mask': {
    outer: [2],
    heads: 4,
    keyHeads: 2,
    queries: 9,
    keys: 14,
    depth: 4,
    mask: { shape: [2, 1, 9, 14], kind: 'bool' },
  },
  'split heads': { outer: [2], heads: 3, queries: 20, keys: 23, depth: 8, split: true },
  'split heads, causal': { outer: [2], heads: 2, queries: 67, depth: 5, split: true, causal: true },
  dropout: { outer: [2], heads: 2, queries: 33, keys: 41, depth: 8, dropout: 0.4 },
  'dropout, causal': { heads: 2, queries: 70, depth: 4, dropout: 0.2, causal: true },
}

const random = new Random(83)
const floats = (shape: Dims): Node =>
  input('float32', shape, randomArray(random, 'float32', sizeOf(shape), -2, 2))

function heads(x: Problem, count: number, length: number, depth: number): Node {
  const outer = x.outer ?? []
  if (!x.split) return floats([...outer, count, length, depth])
  const split = reshape(floats([...outer, length, count * depth]), [...outer, length, count, depth])
  const r = outer.length
  return transpose(split, [...outer.map((_, a) => a), r + 1, r, r + 2])
}

function maskOf({ shape, kind }: NonNullable<Problem['mask']>): Node {
  const size = sizeOf(shape)
  if (kind === 'float') return input('float32', shape, randomArray(random, 'float32', size, -3, 3))
  const row = shape.at(-1)!
  const values = Array.from({ length: size }, (_, i) =>
    kind === 'hides rows' ? Number(Math.floor(i / row) % 3 !== 1) : random.integer(0, 2) > 0 ? 1 : 0,
  )
  return input('bool', shape, values)
}

/** The attention, and its gradients for an uneven cotangent. */
function build(problem: Problem): readonly Node[] {
  const { queries, depth, causal, scale, dropout } = problem
  const { heads: count = 1, keyHeads = count, keys = queries, valueDepth = depth } = problem
  const marks = [
    mark(heads(problem, count, queries, depth)),
    mark(heads(problem, keyHeads, keys, depth)),
    mark(heads(problem, keyHeads, keys, valueDepth)),
  ]
  const mask = problem.mask && maskOf(problem.mask)
  const options: AttentionOptions = {
    causal,
    scale,
    dropout,
    ...(mask && { mask: fromNode(mask) }),
    ...(dropout && { seed: 5 }),
  }
  const [q, k, v] = marks.map((x) => fromNode(x)) as [Arg, Arg, Arg]
  const y = nodeOf('attention', 'result', scaledDotProductAttention(q, k, v, options))
  const found = gradients([y], [s.add(floats(y.shape), 0.25)], marks)
  return [y, ...found.map((x) => x!)]
}
type Arg = ReturnType<typeof fromNode>

function cases(problems: Readonly<Record<string, Problem>>): Case[] {
  return Object.entries(problems).map(([name, problem]) => ({
    name,
    build: () => build(problem),
    tolerance: { relative: 2e-5, absolute: 2e-6 }, // gradients of a single key cancel to 0
  }))
}

const label = ({
  outer = [],
  heads: count = 1,
  queries,
  keys = queries,
  depth,
  valueDepth = depth,
}: Problem): string =>
  `[${[...outer, count].join(', ')}] × ${queries} queries, ${keys} keys, ${depth} and ${valueDepth} deep`

export function attentionCases(): CaseGroup[] {
  return [
    { name: 'attention sizes', cases: cases(Object.fromEntries(SIZES.map((x) => [label(x), x]))) },
    ...cases(VARIANTS).map((one) => ({ name: `attention: ${one.name}`, cases: [one] })),
  ]
}
