// Random graphs over all primitives and several dtypes, reproducible by seed.
import type { Leaf, Node } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { gradients } from '../../src/autodiff/gradient.ts'
import { type Dims, sizeOf } from '../../src/graph/shape.ts'
import { input, leafOfNode, random, seedRandom } from './evaluation.ts'

const { s } = p
const pick = (n: number): number => Math.floor(random() * n)
const chance = (probability: number): boolean => random() < probability

const MOST_ELEMENTS = 1500

const float = (x: Node): Node => (x.dtype === 'float32' ? x : p.cast(x, 'float32'))
const bounded = (x: Node): Node => s.tanh(float(x))
/** Permutation of the axes of `x`. */
const shuffled = (x: Node): number[] => {
  const perm = x.shape.map((_, i) => i)
  for (let i = perm.length - 1; i > 0; i--) {
    const j = pick(i + 1)
    ;[perm[i], perm[j]] = [perm[j]!, perm[i]!]
  }
  return perm
}

/** Another shape with the same number of elements. */
function otherShape(x: Node): Dims {
  let rest = sizeOf(x.shape)
  const dims: number[] = []
  for (const factor of [2, 3, 4, 5, 6, 7])
    if (rest % factor === 0 && chance(0.4)) {
      dims.push(factor)
      rest /= factor
    }
  dims.push(rest)
  if (chance(0.2)) dims.push(1)
  return chance(0.5) ? dims : dims.toReversed()
}

type Make = (x: Node, y: Node) => Node | null
const rank = (x: Node): number => x.shape.length
const axisOf = (x: Node): number => pick(rank(x))
const compatible = (x: Node, y: Node): boolean => {
  for (let i = 1; i <= Math.min(rank(x), rank(y)); i++) {
    const [a, b] = [x.shape.at(-i)!, y.shape.at(-i)!]
    if (a !== b && a !== 1 && b !== 1) return false
  }
  return true
}

const OPERATIONS: { readonly [name: string]: Make } = {
  add: (x, y) => (compatible(x, y) ? s.add(float(x), float(y)) : null),
  mul: (x, y) => (compatible(x, y) ? s.mul(bounded(x), float(y)) : null),
  div: (x, y) => (compatible(x, y) ? s.div(float(x), s.add(s.abs(float(y)), 0.5)) : null),
  select: (x, y) =>
    compatible(x, y) && x.dtype === y.dtype && x.dtype !== 'bool' ? s.select(s.gt(x, y), x, y) : null,
  tanh: (x) => s.tanh(float(x)),
  exp: (x) => s.exp(bounded(x)),
  relu: (x) => (x.dtype === 'bool' ? null : s.relu(x)),
  softplus: (x) => s.softplus(float(x)),
  compare: (x, y) => (compatible(x, y) && x.dtype === y.dtype ? s.le(x, y) : null),
  cast: (x) =>
    p.cast(
      x.dtype === 'float32' ? s.mul(x, 3) : x,
      (['float32', 'int32', 'uint8', 'int64', 'bool', 'float64'] as const)[pick(6)]!,
    ),
  integers: (x, y) =>
    compatible(x, y) && x.dtype === 'int32' && y.dtype === 'int32'
      ? s.sub(s.rem(x, s.max(y, 2)), s.min(x, y))
      : null,
  sum: (x) => (rank(x) && x.dtype !== 'bool' ? p.reduce('sum', x, [axisOf(x)]) : null),
  sumAll: (x) =>
    rank(x) && x.dtype !== 'bool'
      ? p.reduce(
          'sum',
          x,
          x.shape.map((_, i) => i),
        )
      : null,
  max: (x) => (rank(x) ? p.reduce('max', x, [axisOf(x)]) : null),
  min: (x) => (rank(x) > 1 ? p.reduce('min', x, [0, rank(x) - 1]) : null),
  prod: (x) => (rank(x) ? p.reduce('prod', bounded(x), [axisOf(x)]) : null),
  mean: (x) =>
    rank(x) ? s.sub(float(x), s.div(p.reduce('sum', float(x), [rank(x) - 1]), x.shape.at(-1)!)) : null,
  softmax: (x) => {
    if (!rank(x)) return null
    const e = s.exp(s.sub(float(x), p.reduce('maxNumber', float(x), [rank(x) - 1])))
    return s.div(e, p.reduce('sum', e, [rank(x) - 1]))
  },
  argMax: (x) => (rank(x) ? p.argReduce(chance(0.5) ? 'max' : 'min', x, axisOf(x)) : null),
  transpose: (x) => p.transpose(x, shuffled(x)),
  reshape: (x) => p.reshape(x, otherShape(x)),
  broadcast: (x) => p.broadcastTo(x, [2, ...x.shape]),
  stretch: (x) =>
    p.broadcastTo(
      x,
      x.shape.map((d) => (d === 1 ? 3 : d)),
    ),
  slice: (x) => {
    const stride = x.shape.map((d) => (d > 2 && chance(0.3) ? 2 : 1))
    const start = x.shape.map((d) => pick(Math.min(d, 2)))
    const size = x.shape.map((d, i) => 1 + pick(Math.floor((d - 1 - start[i]!) / stride[i]!) + 1))
    return rank(x) ? p.slice(x, start, size, stride) : null
  },
  pad: (x) =>
    rank(x)
      ? p.pad(
          x,
          x.shape.map(() => pick(2)),
          x.shape.map(() => pick(2)),
          x.shape.map(() => pick(2)),
          pick(3),
        )
      : null,
  padPair: (x) => {
    const n = x.shape.at(-1) ?? 0
    if (n < 2 || x.dtype === 'bool') return null
    const cut = 1 + pick(n - 1)
    const at = (from: number, size: number): Node =>
      p.slice(
        x,
        x.shape.map((_, i) => (i === rank(x) - 1 ? from : 0)),
        x.shape.map((d, i) => (i === rank(x) - 1 ? size : d)),
      )
    const low = (v: number): number[] => x.shape.map((_, i) => (i === rank(x) - 1 ? v : 0))
    return s.add(
      p.pad(at(0, cut), low(0), low(n - cut)),
      p.pad(
        s.neg(float(at(cut, n - cut))).dtype === x.dtype ? s.neg(at(cut, n - cut)) : at(cut, n - cut),
        low(cut),
        low(0),
      ),
    )
  },
  reverse: (x) => (rank(x) ? p.reverse(x, [axisOf(x)]) : null),
  concat: (x, y) => {
    if (!rank(x) || rank(x) !== rank(y) || x.dtype !== y.dtype) return null
    const axis = axisOf(x)
    return x.shape.every((d, i) => i === axis || d === y.shape[i])
      ? p.concat([x, y], axis)
      : p.concat([x, x], axis)
  },
  gather: (x) => {
    if (!rank(x)) return null
    const axis = axisOf(x)
    return p.gather(x, input(chance(0.5) ? [3] : [2, 2], 'int32'), axis)
  },
  gatherComputed: (x, y) =>
    rank(x) && rank(y) && rank(y) < 3 && y.dtype === 'int32' && sizeOf(y.shape) < 10
      ? p.gather(x, y, axisOf(x))
      : null,
  scatter: (x, y) => {
    if (!rank(x) || x.dtype === 'bool') return null
    const axis = axisOf(x)
    const updates = p.gather(x, input([3], 'int32'), axis)
    const start = chance(0.5) ? p.constant(0, x.dtype, x.shape) : x
    void y
    return p.scatterAdd(start, input([3], 'int32'), updates, axis)
  },
  dotSelf: (x) => {
    if (rank(x) < 2) return null
    const turn = x.shape.map((_, i) => (i < rank(x) - 2 ? i : 2 * rank(x) - 3 - i))
    return p.dot(bounded(x), p.transpose(bounded(x), turn))
  },
  dotWeight: (x) => {
    if (rank(x) < 2) return null
    const w = input([x.shape.at(-1)!, 1 + pick(5)])
    return p.dot(float(x), p.broadcastTo(w, [...x.shape.slice(0, -2), ...w.shape]))
  },
  sumOfProducts: (x) => {
    if (rank(x) !== 3) return null
    const product = p.dot(p.transpose(bounded(x), [0, 2, 1]), float(x))
    return p.reduce('sum', product, [0])
  },
  turnedProduct: (x) =>
    rank(x) === 2 ? p.transpose(p.dot(float(x), input([x.shape[1]!, 3])), [1, 0]) : null,
  integerDot: (x) => {
    if (rank(x) < 2 || (x.dtype !== 'int32' && x.dtype !== 'int64')) return null
    const w = input([x.shape.at(-1)!, 1 + pick(3)], x.dtype)
    return p.dot(x, p.broadcastTo(w, [...x.shape.slice(0, -2), ...w.shape]))
  },
  backThroughWeight: (x) => {
    if (rank(x) < 2) return null
    const w = input([1 + pick(5), x.shape.at(-1)!])
    const repeated = p.broadcastTo(w, [...x.shape.slice(0, -2), ...w.shape])
    return p.dot(
      float(x),
      p.transpose(
        repeated,
        x.shape.map((_, i) => (i < rank(x) - 2 ? i : 2 * rank(x) - 3 - i)),
      ),
    )
  },
  iota: (x) => (rank(x) ? s.add(float(x), p.iota(x.shape, axisOf(x), 'float32')) : null),
  random: (x) => {
    const counter = p.reshape(p.iota([sizeOf(x.shape)], 0), x.shape)
    return s.threefry(
      p.constant(3, 'int32', x.shape),
      p.constant(4, 'int32', x.shape),
      counter,
      p.constant(0, 'int32', x.shape),
    )
  },
  stop: (x) => p.stop(x),
  mark: (x) => p.mark(x),
}
const NAMES = Object.keys(OPERATIONS)

export interface RandomGraph {
  readonly roots: Node[]
  readonly keep: Node[]
  readonly inPlace: Map<number, Leaf>
  readonly log: string
}

/** Gradients of the sum of `y` for those leaves that it depends on. */
function gradientsOf(y: Node, xs: readonly Node[]): Node[] {
  const loss = p.reduce(
    'sum',
    bounded(y),
    y.shape.map((_, i) => i),
  )
  return gradients([loss], [p.constant(1, 'float32', loss.shape)], xs).filter((g) => g !== null)
}

/** A graph of about `size` operations. */
export function randomGraph(seed: number, size: number): RandomGraph {
  seedRandom(seed)
  const dims = [2 + pick(4), 3 + pick(6), 4 + pick(9)]
  const leaves = [
    input(dims),
    input([dims[2]!]),
    input([dims[1]!, 1]),
    input([dims[0]!, 1, 1]),
    input([dims[1]!, dims[2]!], 'int32'),
  ]
  const pool = [...leaves]
  const log: string[] = []
  const recent = (): Node => pool[Math.max(0, pool.length - 1 - pick(Math.min(pool.length, 7)))]!
  for (let k = 0; k < size; k++) {
    const name = NAMES[pick(NAMES.length)]!
    const n = OPERATIONS[name]!(recent(), recent())
    if (!n || sizeOf(n.shape) > MOST_ELEMENTS || sizeOf(n.shape) === 0) continue
    pool.push(n)
    log.push(`${name} ${n.dtype}[${n.shape.join(',')}]`)
  }
  const roots = [pool.at(-1)!]
  for (let i = 0; i < 2; i++) if (chance(0.6)) roots.push(recent())
  if (chance(0.3) && roots[0]!.dtype === 'float32') roots.push(...gradientsOf(roots[0]!, leaves.slice(0, 2)))
  const inPlace = new Map<number, Leaf>()
  for (const leaf of leaves.slice(0, 2))
    if (chance(0.4)) {
      const update = pool.findLast(
        (n) => n !== leaf && sizeOf(n.shape) === sizeOf(leaf.shape) && n.dtype === leaf.dtype,
      )
      if (!update) continue
      inPlace.set(roots.length, leafOfNode(leaf))
      roots.push(p.reshape(update, leaf.shape))
    }
  return { roots, keep: pool.filter(() => chance(0.2)), inPlace, log: log.join('\n') }
}
