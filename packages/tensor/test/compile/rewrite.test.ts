// Rewrites: what each rule turns a graph into, seen on the kernels that come out. Values are checked where all graphs are.
import { describe, expect, it } from 'vitest'
import type { Kernel, Program } from '../../src/backend/ir.ts'
import { planGraph } from '../../src/compile/plan-graph.ts'
import { gradients } from '../../src/autodiff/gradient.ts'
import type { Node } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { distance, evaluate, expected, input } from './evaluation.ts'

const { s } = p

function programOf(roots: readonly Node[]): Program {
  const backend = interpretingBackend({ contractDtypes: new Set(['float32'] as const) })
  planGraph({ roots, inPlace: new Map(), keep: [] }, backend)
  return backend.programs[0]!
}

/** `2 × 3 × 4 × 5` = batch, rows, columns, terms; reductions and stores of rows. */
const shapeOf = (k: Kernel): string =>
  k.kind === 'contract'
    ? `product ${k.batch} × ${k.m} × ${k.n} × ${k.k}`
    : k.kind === 'row'
      ? `row ${k.sizes.slice(0, k.outer).join(' × ')} / ${k.sizes.slice(k.outer).join(' × ')}`
      : k.kind === 'sort'
        ? `sort ${k.length} to ${k.count}`
        : k.kind

const [a, b] = [input([2, 3, 4]), input([2, 4, 5])]
const w = input([4, 5])
const matrix = input([6, 7])
const spread = (x: Node, batch: number): Node => p.broadcastTo(x, [batch, ...x.shape])
const zeroPadded = (x: Node, low: number, high: number): Node => p.pad(x, [0, low], [0, high])

const cases: readonly (readonly [string, Node[], string[]])[] = [
  ['a product with one row', [p.dot(input([1, 6]), matrix)], ['row 7 / 6']],
  ['a product with one column', [p.dot(input([3, 6]), input([6, 1]))], ['row 3 / 6']],
  ['a product with one term', [p.dot(input([3, 1]), input([1, 4]))], ['row 3 × 4 / ']],
  ['a product of integers', [p.dot(input([2, 3], 'int32'), input([3, 4], 'int32'))], ['row 2 × 4 / 3']],
  ['a batch of products', [p.dot(a, b)], ['product 2 × 3 × 5 × 4']],
  ['one right matrix for a batch', [p.dot(a, spread(w, 2))], ['product 1 × 6 × 5 × 4']],
  [
    'one right matrix for a batch, transposed',
    [p.dot(a, p.transpose(spread(input([5, 4]), 2), [0, 2, 1]))],
    ['product 1 × 6 × 5 × 4'],
  ],
  ['one column for a batch', [p.dot(a, spread(input([4, 1]), 2))], ['row 6 / 4']],
  [
    'a sum of products over the batch',
    [p.reduce('sum', p.dot(p.transpose(a, [0, 2, 1]), input([2, 3, 5])), [0])],
    ['product 1 × 4 × 5 × 6'],
  ],
  ['a transposed product', [p.transpose(p.dot(input([3, 6]), matrix), [1, 0])], ['product 1 × 7 × 3 × 6']],
  ['a sum of a sum', [p.reduce('sum', p.reduce('sum', a, [1]), [2])], ['row 2 / 12']],
  ['a sum of a maximum', [p.reduce('sum', p.reduce('max', a, [1]), [2])], ['row 2 × 4 / 3', 'row 2 / 4']],
  ['the first of sorted positions', [p.slice(p.sort(a, 2, true), [0, 0, 0], [2, 3, 1])], ['sort 4 to 1']],
  ['argMax', [p.argReduce('max', a, 2)], ['row 6 / 4']],
  [
    'a sum of disjoint pads',
    [
      s.add(
        s.add(zeroPadded(input([2, 3]), 0, 5), zeroPadded(input([2, 2]), 6, 0)),
        zeroPadded(input([2, 3]), 3, 2),
      ),
    ],
    ['row 2 × 3 / ', 'row 2 × 2 / '],
  ],
  ['a part of a concatenation', [p.slice(p.concat([a, a], 0), [2, 0, 0], [1, 3, 4])], ['row 12 / ']],
]

describe('rewrites', () => {
  it.each(cases)('%s', (_name, roots, kernels) => {
    expect(programOf(roots).kernels.map(shapeOf)).toEqual(kernels)
    const { values } = evaluate(interpretingBackend(), roots)
    expect(distance(values[0]!, expected(roots)[0]!)).toBeLessThan(1e-6)
  })

  it('leave a sum of overlapping pads alone', () => {
    const roots = [s.add(zeroPadded(input([2, 3]), 0, 2), zeroPadded(input([2, 3]), 2, 0))]
    const { values, bound } = evaluate(interpretingBackend(), roots)
    expect(values[0]).toEqual(expected(roots)[0])
    expect(bound.plan.kernelCount).toBe(2)
  })

  it('make the step of a dense layer over sequences three plain products', () => {
    const [x, weight, bias] = [input([2, 3, 4]), input([4, 5]), input([5])]
    const y = s.relu(s.add(p.dot(x, spread(weight, 2)), bias))
    const loss = p.reduce('sum', s.mul(y, y), [0, 1, 2])
    const roots = gradients([loss], [p.constant(1, 'float32', loss.shape)], [weight, bias, x]) as Node[]
    const products = programOf(roots).kernels.filter((k) => k.kind === 'contract')
    expect(products.map(shapeOf).toSorted()).toEqual([
      'product 1 × 4 × 5 × 6',
      'product 1 × 6 × 4 × 5',
      'product 1 × 6 × 5 × 4',
    ])
  })

  it('let NaN win argMax and argMin, the first one', () => {
    const x = input([3, 4], 'float32', [1, NaN, 3, NaN, -Infinity, 2, 2, 1, 0, -0, 0, -0])
    const roots = [p.argReduce('max', x, 1), p.argReduce('min', x, 1)]
    const { values } = evaluate(interpretingBackend(), roots)
    expect(values.map((v) => [...v].map(Number))).toEqual([
      [1, 1, 0],
      [1, 0, 0],
    ])
  })
})
