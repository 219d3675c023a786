// Updates in place: allowed where nobody can see the difference, else the root becomes an ordinary output. Either way the
// values are those of the old leaves.
import { describe, expect, it } from 'vitest'
import type { Leaf, Node } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { distance, evaluate, expected, input, leafOfNode } from './evaluation.ts'

const { s } = p
const backend = interpretingBackend()
const transposed = (x: Node): Node => p.transpose(x, [1, 0])
const rowSum = (x: Node): Node => p.reduce('sum', x, [1])
const softmax = (x: Node): Node => {
  const e = s.exp(s.sub(x, p.reduce('maxNumber', x, [1])))
  return s.div(e, rowSum(e))
}

interface Case {
  readonly out?: Node[]
  /** Leaf and the value that replaces it. */
  readonly assign: readonly (readonly [Node, Node])[]
}
/** Name, how many of the assignments happen in place, graph. */
const cases: readonly (readonly [string, number, (a: Node, b: Node) => Case])[] = [
  ['increment', 1, (a) => ({ assign: [[a, s.add(a, 1)]] })],
  ['increment with the old value used too', 1, (a) => ({ out: [s.mul(a, 2)], assign: [[a, s.add(a, 1)]] })],
  [
    'increment, and the new value is also an output',
    1,
    (a) => {
      const next = s.add(a, 1)
      return { out: [next], assign: [[a, next]] }
    },
  ],
  [
    'the new value is read by another kernel',
    1,
    (a, b) => {
      const next = s.add(a, b)
      return { out: [p.dot(next, next)], assign: [[a, next]] }
    },
  ],
  [
    'both from both',
    2,
    (a, b) => ({
      assign: [
        [a, s.add(a, b)],
        [b, s.sub(a, b)],
      ],
    }),
  ],
  ['softmax', 1, (a) => ({ assign: [[a, softmax(a)]] })],
  ['a − mean(a)', 1, (a) => ({ assign: [[a, s.sub(a, s.div(p.reduce('sum', a, [0, 1]), 64))]] })],
  [
    'a reader that runs later in the graph',
    1,
    (a, b) => ({
      out: [p.reduce('sum', p.dot(transposed(a), b), [0])],
      assign: [[a, s.sub(a, p.reduce('max', b, [1]))]],
    }),
  ],
  [
    'one value for two leaves',
    2,
    (a, b) => {
      const sum = s.add(a, b)
      return {
        assign: [
          [a, sum],
          [b, sum],
        ],
      }
    },
  ],
  ['epilogue of a product', 1, (a, b) => ({ assign: [[a, s.sub(a, p.dot(b, transposed(b)))]] })],
  [
    'scatter onto itself',
    1,
    (a) => ({ assign: [[a, p.scatterAdd(a, input([2], 'int32', [3, 3]), input([2, 8]), 0)]] }),
  ],
  [
    'swap',
    0,
    (a, b) => ({
      assign: [
        [a, b],
        [b, a],
      ],
    }),
  ],
  ['the old value as an output, copied first', 1, (a) => ({ out: [a], assign: [[a, s.mul(a, 3)]] })],
  ['transposed', 0, (a) => ({ assign: [[a, transposed(a)]] })],
  ['reversed', 0, (a) => ({ assign: [[a, p.reverse(a, [0])]] })],
  ['product with itself', 0, (a, b) => ({ assign: [[a, p.dot(a, b)]] })],
  ['a row of itself everywhere', 0, (a) => ({ assign: [[a, s.add(a, p.slice(a, [3, 0], [1, 8]))]] })],
  [
    'shifted by a row, through a padded copy',
    1,
    (a) => ({ assign: [[a, s.add(a, p.pad(p.slice(a, [0, 0], [7, 8]), [1, 0], [0, 0]))]] }),
  ],
  [
    'gathered from itself',
    0,
    (a) => ({ assign: [[a, s.add(p.gather(a, input([8], 'int32', [7, 6, 5, 4, 3, 2, 1, 0]), 0), 1)]] }),
  ],
  [
    'a reader of the old value that needs the new one',
    0,
    (a) => {
      const next = s.add(a, 1)
      return { out: [p.dot(a, p.dot(next, next))], assign: [[a, next]] }
    },
  ],
  ['constants', 1, (a) => ({ assign: [[a, p.constant(2, 'float32', a.shape)]] })],
]

describe('updates in place', () => {
  it.each(cases)('%s', (_name, inPlaceCount, build) => {
    const [a, b] = [input([8, 8]), input([8, 8])]
    const { out = [], assign } = build(a, b)
    const roots = [...out, ...assign.map(([, value]) => value)]
    const inPlace = new Map<number, Leaf>(assign.map(([target], i) => [out.length + i, leafOfNode(target)]))
    const wanted = expected(roots)
    const { values, leaves, bound } = evaluate(backend, roots, { inPlace })
    values.forEach((v, i) => expect(distance(v, wanted[i]!), `root ${i}`).toBeLessThan(1e-5))
    let taken = 0
    for (const [root, leaf] of inPlace) {
      const place = bound.plan.roots[root]!
      if (place.kind !== 'leaf' || bound.leaves[place.slot] !== leaf) continue
      taken++
      expect(distance(leaves.get(leaf)!, wanted[root]!)).toBeLessThan(1e-5)
    }
    expect(taken).toBe(inPlaceCount)
  })

  it('refuses a store in an earlier pass than the last read', () => {
    // x is read again in the second pass over the row, after the first would have overwritten it
    const a = input([4, 6])
    const m = p.reduce('max', a, [1])
    const spread = rowSum(s.exp(s.sub(a, m)))
    const roots = [spread, s.add(a, 1)]
    const wanted = expected(roots)
    const { values } = evaluate(backend, roots, { inPlace: new Map([[1, leafOfNode(a)]]) })
    values.forEach((v, i) => expect(distance(v, wanted[i]!)).toBeLessThan(1e-5))
  })
})
