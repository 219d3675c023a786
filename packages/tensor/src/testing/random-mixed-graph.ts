// Random graphs over all dtypes. Everything in them is exact (integers wrap, floats stay small multiples of a quarter), so a
// backend must give equal bits, however it fuses, widens and narrows.
import { type DType, DTYPE_NAMES, isFloat, isInteger } from '../graph/dtype.ts'
import { buildBody } from '../graph/body.ts'
import { branch, scan } from '../graph/control-flow.ts'
import type { Node } from '../graph/node.ts'
import {
  argReduce,
  broadcastTo,
  cast,
  concat,
  cumulate,
  dot,
  gather,
  iota,
  pad,
  reduce,
  reshape,
  reverse,
  s,
  scatterAdd,
  slice,
  sort,
  takeAlong,
  transpose,
} from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

const SHAPES: readonly Dims[] = [[], [1], [5], [17], [3, 4], [4, 1], [2, 3, 4], [1, 4], [40]]
const LIMIT = 100

interface Context {
  readonly random: Random
  readonly pool: readonly Node[]
  readonly x: Node
}
type Step = (context: Context) => Node
type Pair = (a: Node, b: Node) => Node

/**
 * Outputs of a graph of about `operations` operations over inputs of all dtypes.
 * @param seed the same seed gives the same graph
 */
export function randomMixedGraph(seed: number, operations: number = 5 + (seed % 30)): readonly Node[] {
  const random = new Random(seed)
  const pool: Node[] = Array.from({ length: random.integer(2, 5) }, () =>
    newInput(random, random.pick(DTYPE_NAMES), random.pick(SHAPES)),
  )
  for (let i = 0; i < operations; i++) {
    const x =
      random.next() < 0.6 ? pool[Math.max(0, pool.length - 1 - random.integer(0, 3))]! : random.pick(pool)
    const y = small(random.pick(STEPS)({ random, pool, x }))
    if (sizeOf(y.shape) > 0 && sizeOf(y.shape) <= 3000) pool.push(y)
  }
  return [pool.at(-1)!, ...Array.from({ length: random.integer(1, 3) }, () => random.pick(pool))]
}

function newInput(random: Random, dtype: DType, shape: Dims): Node {
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-90, 90]
  const values = randomArray(random, dtype, sizeOf(shape), low, high)
  return input(
    dtype,
    shape,
    isFloat(dtype) ? (values as Float32Array).map((v) => Math.round(v * 4) / 4) : values,
  )
}

/** Floats are held in a range in which sums of quarters are exact. */
const small = (x: Node): Node => (isFloat(x.dtype) ? s.min(s.max(x, -LIMIT), LIMIT) : x)

/** Another value of this dtype and of a shape that broadcasts with `shape`. */
function partner({ random, pool }: Context, dtype: DType, shape: Dims): Node {
  const fits = pool.filter(
    (y) =>
      y.dtype === dtype &&
      y.shape.length <= shape.length &&
      y.shape.every((d, i) => d === 1 || d === shape[i + shape.length - y.shape.length]),
  )
  if (fits.length && random.next() < 0.7) return random.pick(fits)
  return newInput(random, dtype, shape.slice(random.integer(0, shape.length)))
}

const elementwise: Step = (context) => {
  const { random, x } = context
  const y = partner(context, x.dtype, x.shape)
  if (x.dtype === 'bool')
    return random.pick<Pair>([s.and, s.or, s.xor, s.eq, s.max, (a: Node) => s.not(a)])(x, y)
  if (isFloat(x.dtype))
    return random.pick<Pair>([
      s.add,
      s.sub,
      s.max,
      s.min,
      (a: Node) => s.neg(a),
      (a: Node) => s.abs(a),
      (a: Node) => s.floor(a),
    ])(x, y)
  const integer = [s.add, s.sub, s.mul, s.div, s.rem, s.max, s.min, s.bitAnd, s.bitOr, s.bitXor]
  return random.pick(integer)(x, y)
}

const comparison: Step = (context) =>
  context.random.pick([s.lt, s.le, s.gt, s.ge, s.eq, s.ne])(
    context.x,
    partner(context, context.x.dtype, context.x.shape),
  )

const selection: Step = (context) => {
  const { x } = context
  return s.select(partner(context, 'bool', x.shape), x, partner(context, x.dtype, x.shape))
}

const conversion: Step = ({ random, x }) => cast(x, random.pick(DTYPE_NAMES))

const reduction: Step = ({ random, x }) => {
  const axes = x.shape.map((_, a) => a).filter(() => random.next() < 0.5)
  const kinds = x.dtype === 'bool' ? (['max', 'min'] as const) : (['sum', 'max', 'min'] as const)
  const y = reduce(random.pick(kinds), x, axes)
  return random.next() < 0.5
    ? y
    : reshape(
        y,
        y.shape.filter((_, a) => !axes.includes(a)),
      )
}

const place: Step = ({ random, x }) => {
  if (!x.shape.length) return x
  return argReduce(random.pick(['max', 'min'] as const), x, random.integer(0, x.shape.length - 1))
}

const position: Step = (context) => {
  const { random, x } = context
  if (!x.shape.length) return x
  return iota(x.shape, random.integer(0, x.shape.length - 1), x.dtype === 'bool' ? 'int32' : x.dtype)
}

const movement: Step = ({ random, x }) => {
  const zeros = x.shape.map(() => 0)
  const fill = x.dtype === 'int64' ? 3n : x.dtype === 'bool' ? 1 : 3
  return random.pick<() => Node>([
    () => transpose(x, random.shuffle(x.shape.map((_, a) => a))),
    () => reshape(x, [sizeOf(x.shape)]),
    () =>
      reverse(
        x,
        x.shape.map((_, a) => a).filter(() => random.next() < 0.6),
      ),
    () => broadcastTo(x, [2, ...x.shape]),
    () =>
      slice(
        x,
        zeros,
        x.shape.map((d) => Math.ceil(d / 2)),
        x.shape.map((d) => (d > 1 ? 2 : 1)),
      ),
    () =>
      pad(
        x,
        x.shape.map(() => random.integer(0, 2)),
        x.shape.map(() => random.integer(0, 2)),
        zeros,
        fill,
      ),
    () => (x.shape.length ? concat([x, reverse(x, [0])], 0) : x),
  ])()
}

const indexing: Step = (context) => {
  const { random, x } = context
  if (!x.shape.length) return x
  const axis = random.integer(0, x.shape.length - 1)
  const known = context.pool.filter((y) => y.dtype === 'int32' && y.shape.length <= 1)
  const indices =
    known.length && random.next() < 0.6
      ? random.pick(known)
      : newInput(random, 'int32', [random.integer(1, 6)])
  // positions outside are clamped by gather and dropped by scatter
  const within = s.rem(indices, x.shape[axis]! + 2)
  const picked = gather(x, within, axis)
  return x.dtype !== 'bool' && random.next() < 0.4 ? scatterAdd(x, within, picked, axis) : picked
}

/** A running reduction, or some of the elements in order. */
const alongLines: Step = ({ random, x }) => {
  if (!x.shape.length) return x
  const axis = random.integer(0, x.shape.length - 1)
  const reverses = random.next() < 0.5
  if (random.next() < 0.5) {
    const kinds = x.dtype === 'bool' ? (['max', 'min'] as const) : (['sum', 'max', 'min'] as const)
    return cumulate(random.pick(kinds), x, axis, { reverse: reverses })
  }
  const positions = sort(x, axis, reverses, random.integer(1, x.shape[axis]!))
  return random.next() < 0.5 ? positions : takeAlong(x, positions, axis)
}

const product: Step = (context) => {
  const { random, x } = context
  if (x.shape.length !== 2 || !isInteger(x.dtype)) return elementwise(context)
  return dot(x, newInput(random, x.dtype, [x.shape[1]!, random.integer(1, 9)]))
}

/** A loop over the first axis, forwards or backwards, or a branch. */
const control: Step = (context) => {
  const { random, x } = context
  const plus = (a: Node, b: Node): Node => (x.dtype === 'bool' ? s.xor(a, b) : s.max(a, b))
  if (!x.shape.length || random.next() < 0.3) {
    const sides = [(a: Node) => plus(a, a), (a: Node) => s.eq(a, a)].map((fn) =>
      buildBody([x], ([a]) => [cast(fn(a!), x.dtype)]),
    )
    return branch(partner(context, 'bool', []), sides[0]!.body, sides[1]!.body, [x])[0]!
  }
  const row = { shape: x.shape.slice(1), dtype: x.dtype }
  const y = newInput(random, x.dtype, x.shape)
  const { body } = buildBody([row, row, row], ([c, a, b]) => [plus(c!, a!), s.ne(b!, c!), plus(c!, b!)])
  const parts = {
    constants: [],
    carries: [newInput(random, x.dtype, row.shape)],
    sequences: [x, y],
  }
  return random.pick(scan(body, parts, x.shape[0]!, random.pick([1, -1])))
}

const STEPS: readonly Step[] = [
  control,
  elementwise,
  elementwise,
  elementwise,
  comparison,
  selection,
  selection,
  conversion,
  conversion,
  reduction,
  place,
  position,
  movement,
  movement,
  indexing,
  alongLines,
  product,
]
