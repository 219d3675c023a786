// Random graphs from a seed: what no table thinks of. Values stay near 1 by construction, so that backend and reference can be
// compared with a bound, and functions are smooth almost everywhere, so that their gradients can be compared too.
import { gradients } from '../autodiff/gradient.ts'
import type { Node } from '../graph/node.ts'
import {
  broadcastTo,
  concat,
  constant,
  dot,
  gather,
  mark,
  pad,
  reduce,
  reshape,
  reverse,
  s,
  scatterAdd,
  slice,
  transpose,
} from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

export interface RandomGraph {
  /** Float inputs. */
  readonly inputs: readonly Node[]
  readonly outputs: readonly Node[]
  /** Gradients of the sum of all outputs with respect to `inputs`. */
  readonly gradients: readonly Node[]
}

const DIMS = [1, 2, 3, 4, 5, 7, 8, 17] as const

/**
 * A graph of about `operations` operations over a few inputs.
 * @param seed the same seed gives the same graph
 */
export function randomGraph(seed: number, operations: number = 4 + (seed % 28)): RandomGraph {
  const random = new Random(seed)
  const inputs = Array.from({ length: random.integer(1, 3) }, () => newInput(random, randomShape(random)))
  const marks = inputs.map(mark)
  const pool: Node[] = [...marks]
  for (let i = 0; i < operations; i++) {
    const x = recent(random, pool)
    const next = random.pick(STEPS)({ random, pool, x })
    if (sizeOf(next.shape) > 0 && sizeOf(next.shape) <= 4000) pool.push(next)
  }
  const outputs = [pool.at(-1)!, ...Array.from({ length: random.integer(0, 2) }, () => random.pick(pool))]
  const cts = outputs.map((y) => constant(1, 'float32', y.shape))
  const found = gradients(outputs, cts, marks)
  return { inputs, outputs, gradients: found.map((g, i) => g ?? constant(0, 'float32', marks[i]!.shape)) }
}

const randomShape = (random: Random): number[] =>
  Array.from({ length: random.integer(0, 3) }, () => random.pick(DIMS))
const newInput = (random: Random, shape: Dims): Node =>
  input('float32', shape, randomArray(random, 'float32', sizeOf(shape), -1.5, 1.5))
/** Mostly one of the last few nodes, so that graphs grow deep. */
const recent = (random: Random, pool: readonly Node[]): Node =>
  random.next() < 0.7 ? pool[Math.max(0, pool.length - 1 - random.integer(0, 3))]! : random.pick(pool)

interface Context {
  readonly random: Random
  readonly pool: readonly Node[]
  readonly x: Node
}
type Step = (context: Context) => Node

const axesOf = (x: Node): number[] => x.shape.map((_, a) => a)
const someAxes = (random: Random, x: Node): number[] => axesOf(x).filter(() => random.next() < 0.5)

const unary: Step = ({ random, x }) =>
  random.pick<(a: Node) => Node>([
    s.tanh,
    s.sigmoid,
    s.sin,
    s.cos,
    s.relu,
    s.neg,
    (a) => s.mul(a, 0.5),
    (a) => s.exp(s.neg(s.abs(a))),
    (a) => s.sqrt(s.add(s.square(a), 0.3)),
    (a) => s.log(s.add(s.square(a), 1.1)),
    (a) => s.reciprocal(s.add(s.square(a), 0.7)),
    (a) => s.div(a, s.add(s.abs(a), 1)),
    (a) => s.erf(a),
    (a) => s.select(s.gt(a, 0.123), a, s.mul(a, 0.1)),
  ])(x)

/** Another node whose shape broadcasts with that of x: from the pool, cut down to it, or a new input. */
function partner({ random, pool, x }: Context): Node {
  const fits = pool.filter(
    (y) =>
      y.shape.length <= x.shape.length &&
      y.shape.every((d, i) => d === 1 || d === x.shape[i + x.shape.length - y.shape.length]),
  )
  if (fits.length && random.next() < 0.75) return random.pick(fits)
  const shape = x.shape.map((d) => (random.next() < 0.3 ? 1 : d))
  return newInput(random, shape.slice(random.integer(0, shape.length)))
}

const binary: Step = (context) => {
  const { random, x } = context
  const y = partner(context)
  return random.pick<(a: Node, b: Node) => Node>([
    (a, b) => s.mul(s.add(a, b), 0.6),
    s.sub,
    (a, b) => s.mul(a, s.tanh(b)),
    (a, b) => s.div(a, s.add(s.square(b), 1)),
    s.max,
    s.min,
    (a, b) => s.select(s.lt(a, b), s.mul(a, 0.3), b),
  ])(x, y)
}

const reduction: Step = ({ random, x }) => {
  const axes = someAxes(random, x)
  const count = Math.max(1, sizeOf(axes.map((a) => x.shape[a]!)))
  const kind = random.pick(['sum', 'sum', 'max', 'min'] as const)
  const y = kind === 'sum' ? s.mul(reduce('sum', x, axes), 1 / Math.sqrt(count)) : reduce(kind, x, axes)
  if (random.next() < 0.5) return y
  return reshape(
    y,
    y.shape.filter((_, a) => !axes.includes(a)),
  )
}

const softmax: Step = ({ random, x }) => {
  if (!x.shape.length) return s.sigmoid(x)
  const axis = random.integer(0, x.shape.length - 1)
  const e = s.exp(s.sub(x, reduce('maxNumber', x, [axis])))
  return s.div(e, reduce('sum', e, [axis]))
}

const normalization: Step = ({ random, x }) => {
  const axes = someAxes(random, x)
  const count = Math.max(1, sizeOf(axes.map((a) => x.shape[a]!)))
  const centered = s.sub(x, s.div(reduce('sum', x, axes), count))
  return s.mul(centered, s.rsqrt(s.add(s.div(reduce('sum', s.square(centered), axes), count), 0.1)))
}

const product: Step = (context) => {
  const { random, x } = context
  const r = x.shape.length
  if (r < 2) return unary(context)
  const k = x.shape[r - 1]!
  const n = random.pick(DIMS)
  const transposed = random.next() < 0.5
  const w = newInput(random, [...x.shape.slice(0, -2), ...(transposed ? [n, k] : [k, n])])
  const right = transposed ? transpose(w, [...axesOf(w).slice(0, -2), r - 1, r - 2]) : w
  const y = dot(x, right)
  return s.mul(y, 1 / Math.sqrt(k))
}

const movement: Step = (context) => {
  const { random, x } = context
  return random.pick<() => Node>([
    () => transpose(x, random.shuffle(axesOf(x))),
    () => reshape(x, refactor(random, sizeOf(x.shape))),
    () => reverse(x, someAxes(random, x)),
    () => broadcastTo(x, [random.integer(1, 3), ...x.shape]),
    () => randomSlice(random, x),
    () =>
      pad(
        x,
        x.shape.map(() => random.integer(0, 1)),
        x.shape.map(() => random.integer(0, 2)),
        x.shape.map(() => (random.next() < 0.2 ? 1 : 0)),
        0.25,
      ),
    () => (x.shape.length ? concat([x, s.mul(x, 0.5), randomSlice(random, x, 0)], 0) : x),
  ])()
}

/** Up to three dimensions with this product. */
function refactor(random: Random, size: number): number[] {
  const shape: number[] = []
  let rest = size
  while (shape.length < 2 && rest > 1) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0)
    const d = random.pick(divisors)
    shape.push(d)
    rest /= d
  }
  return [...shape, rest]
}

function randomSlice(random: Random, x: Node, only?: number): Node {
  const start: number[] = []
  const size: number[] = []
  const stride: number[] = []
  x.shape.forEach((d, a) => {
    if (only !== undefined && a !== only) {
      start.push(0)
      size.push(d)
      stride.push(1)
      return
    }
    const step = random.integer(1, 2)
    const first = random.integer(0, Math.min(1, d - 1))
    const available = Math.floor((d - 1 - first) / step) + 1
    start.push(first)
    size.push(random.integer(1, available))
    stride.push(step)
  })
  return slice(x, start, size, stride)
}

const indexing: Step = (context) => {
  const { random, x } = context
  if (!x.shape.length) return unary(context)
  const axis = random.integer(0, x.shape.length - 1)
  const count = random.integer(1, 6)
  const indices = input('int32', [count], randomArray(random, 'int32', count, 0, x.shape[axis]! - 1))
  const picked = gather(x, indices, axis)
  return random.next() < 0.6 ? picked : s.mul(scatterAdd(x, indices, s.tanh(picked), axis), 0.5)
}

/** Elementwise steps come up more often than others. */
const STEPS: readonly Step[] = [
  unary,
  unary,
  unary,
  binary,
  binary,
  binary,
  reduction,
  softmax,
  normalization,
  product,
  movement,
  movement,
  indexing,
]
