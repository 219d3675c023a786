// Updates of variables, in place where the backend and the schedule can: the new value must be the one that the old values
// give, whoever else reads them and at whichever index.
import type { Node } from '../graph/node.ts'
import { buildBody } from '../graph/body.ts'
import { scan } from '../graph/control-flow.ts'
import {
  broadcastTo,
  concat,
  dot,
  reduce,
  reshape,
  reverse,
  s,
  slice,
  transpose,
} from '../graph/primitives.ts'
import { dispose } from '../tensor/scope.ts'
import { fromNode, nodeOf } from '../tensor/tensor.ts'
import { Variable } from '../tensor/variable.ts'
import { firstDifference } from './compare.ts'
import { evaluateGraph, input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

const N = 12

interface Update {
  readonly name: string
  /** New values of a and b, and what is read beside them, from the old ones; both `[12, 12]`. */
  readonly step: (
    a: Node,
    b: Node,
  ) => { readonly a?: Node; readonly b?: Node; readonly read?: readonly Node[] }
}

export const UPDATES: readonly Update[] = [
  { name: 'elementwise', step: (a, b) => ({ a: s.add(s.mul(a, 0.9), b) }) },
  { name: 'two variables from each other', step: (a, b) => ({ a: s.add(a, b), b: s.sub(a, b) }) },
  { name: 'a swap', step: (a, b) => ({ a: b, b: a }) },
  { name: 'a transposition', step: (a) => ({ a: transpose(a, [1, 0]) }) },
  { name: 'a transposition added', step: (a) => ({ a: s.add(a, transpose(a, [1, 0])) }) },
  { name: 'a reversal', step: (a) => ({ a: reverse(a, [0]) }) },
  {
    name: 'a shift',
    step: (a) => ({ a: concat([slice(a, [1, 0], [N - 1, N]), slice(a, [0, 0], [1, N])], 0) }),
  },
  { name: 'a product with itself', step: (a) => ({ a: s.mul(dot(a, a), 0.1) }) },
  { name: 'a product into an operand', step: (a, b) => ({ a: s.tanh(dot(a, b)) }) },
  {
    name: 'the epilogue of a product',
    step: (a, b) => ({ a: s.sub(a, s.mul(dot(transpose(b, [1, 0]), b), 0.1)) }),
  },
  { name: 'its own row sums', step: (a) => ({ a: s.sub(a, broadcastTo(reduce('sum', a, [1]), [N, N])) }) },
  { name: 'its own column maximum', step: (a) => ({ a: s.sub(a, reduce('max', a, [0])) }) },
  {
    name: 'with reads of the old value',
    step: (a, b) => ({ a: s.mul(a, 0.5), read: [s.exp(a), reduce('sum', a, [0]), s.add(a, b)] }),
  },
  {
    name: 'with reads of the new value',
    step: (a) => {
      const next = s.mul(a, 0.5)
      return { a: next, read: [s.exp(next), next, a] }
    },
  },
  { name: 'what a loop carries from it', step: (a, b) => ({ a: carried(a, b), b: carried(b, a) }) },
  { name: 'the rows of a loop over it', step: (a) => ({ a: loop(a, a).rows, read: [loop(a, a).last] }) },
  {
    name: 'an optimizer with a moment',
    step: (a, b) => {
      const m = s.add(s.mul(b, 0.9), s.mul(s.sin(a), 0.1))
      return { b: m, a: s.sub(a, s.div(m, s.add(s.sqrt(s.square(m)), 1))) }
    },
  },
]

/** A loop over the rows of `y` that starts from the first row of `x` and gives a row at each step. */
function loop(x: Node, y: Node): { readonly last: Node; readonly rows: Node } {
  const row = { shape: [N], dtype: 'float32' } as const
  const { body } = buildBody([row, row], ([c, e]) => [s.tanh(s.add(c!, e!)), s.mul(c!, e!)])
  const first = reshape(slice(x, [0, 0], [1, N]), [N])
  const [last, rows] = scan(body, { constants: [], carries: [first], sequences: [y] }, N) as [Node, Node]
  return { last, rows }
}
/** The same with all of `x` carried: both buffers could be the one of a variable. */
function carried(x: Node, y: Node): Node {
  const all = { shape: [N, N], dtype: 'float32' } as const
  const { body } = buildBody([all, { shape: [N], dtype: 'float32' }], ([c, e]) => [
    s.tanh(s.add(transpose(c!, [1, 0]), e!)),
  ])
  return scan(body, { constants: [], carries: [x], sequences: [y] }, N)[0]!
}

/** Functions of `[12, 12]` values that read at the same, at other, or at all indices. */
const TERMS: readonly ((x: Node, y: Node) => Node)[] = [
  (x, y) => s.mul(s.add(x, y), 0.6),
  (x, y) => s.sub(s.tanh(x), s.mul(y, 0.3)),
  (x) => transpose(x, [1, 0]),
  (x) => reverse(x, [1]),
  (x, y) => s.max(x, transpose(y, [1, 0])),
  (x) => concat([slice(x, [3, 0], [N - 3, N]), slice(x, [0, 0], [3, N])], 0),
  (x, y) => s.mul(dot(x, y), 0.2),
  (x, y) => s.mul(dot(x, transpose(y, [1, 0])), 0.2),
  (x) => s.sub(x, s.mul(reduce('sum', x, [1]), 1 / N)),
  (x) => s.sub(x, reduce('max', x, [0])),
  (x, y) => s.add(x, s.mul(reduce('sum', s.square(y), [0, 1]), 0.01)),
  (x, y) => loop(x, y).rows,
  (x, y) => s.add(y, loop(x, y).last),
  carried,
]

/** Random updates of both variables from values that share parts, with reads beside them. */
export function randomUpdate(seed: number): Update {
  return {
    name: `randomUpdate(${seed})`,
    step: (a, b) => {
      const random = new Random(seed)
      const pool = [a, b]
      for (let i = random.integer(1, 6); i > 0; i--)
        pool.push(random.pick(TERMS)(random.pick(pool), random.pick(pool)))
      const bounded = (x: Node): Node => s.div(x, s.add(s.abs(x), 1))
      return {
        ...(random.next() < 0.8 && { a: random.next() < 0.5 ? bounded(pool.at(-1)!) : random.pick(pool) }),
        ...(random.next() < 0.6 && {
          b: random.next() < 0.5 ? bounded(random.pick(pool)) : random.pick(pool),
        }),
        read: Array.from({ length: random.integer(0, 2) }, () => random.pick(pool)),
      }
    },
  }
}

/** Three steps of an update on the active backend; after each, both variables and all reads are compared with the reference. */
export async function runUpdate({ name, step }: Update): Promise<void> {
  const random = new Random(13)
  let [oldA, oldB] = [0, 1].map(() => input('float32', [N, N], randomArray(random, 'float32', N * N))) as [
    Node,
    Node,
  ]
  const [a, b] = [oldA, oldB].map((node) => new Variable(fromNode(node))) as [Variable, Variable]
  for (let round = 0; round < 3; round++) {
    const wanted = step(oldA, oldB)
    const expected = evaluateGraph([wanted.a ?? oldA, wanted.b ?? oldB, ...(wanted.read ?? [])])
    const next = step(nodeOf('update', 'a', a), nodeOf('update', 'b', b))
    const reads = (next.read ?? []).map((node) => fromNode(node))
    const values = [next.a, next.b].map((node) => node && fromNode(node))
    if (values[0]) a.assign(values[0])
    if (values[1]) b.assign(values[1])
    dispose(values.filter((v) => v !== undefined))
    for (const [i, tensor] of [a, b, ...reads].entries()) {
      const difference = firstDifference('float32', (await tensor.data()) as Float32Array, expected[i]!, {
        relative: 1e-5,
      })
      if (difference)
        throw new Error(`${name}, round ${round}, ${['a', 'b'][i] ?? `read ${i - 2}`}: ${difference}`)
    }
    dispose(reads)
    // the next round starts from the reference's values on both sides
    ;[oldA, oldB] = [0, 1].map((i) => input('float32', [N, N], expected[i]! as Float32Array)) as [Node, Node]
  }
  dispose([a, b])
}
