// Roots that need care: leaves, duplicates, constants, scalars, empty tensors, views of other roots; and kept nodes.
import { describe, expect, it } from 'vitest'
import type { Node } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { planGraph } from '../../src/compile/plan-graph.ts'
import { UnsupportedError } from '../../src/compile/unsupported.ts'
import { createReferenceBackend } from '../../src/backend/reference/backend.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { distance, evaluate, expected, input, kernelCount, leafOfNode } from './evaluation.ts'

const { s } = p
const backend = interpretingBackend()
const x = input([3, 4])
const sum = p.reduce('sum', x, [0, 1])
const y = s.exp(x)

/** Name, kernels, roots. */
const cases: readonly (readonly [string, number, Node[]])[] = [
  ['a leaf', 0, [x]],
  ['a marked leaf', 0, [p.mark(x)]],
  ['a leaf and something else', 1, [x, y]],
  ['one value twice', 1, [y, y]],
  ['one value under two markers', 1, [p.mark(y), p.mark(y)]],
  ['a value and a reshape of it', 1, [y, p.reshape(y, [12])]],
  ['a value and its transpose', 2, [y, p.transpose(y, [1, 0])]],
  ['a value and a part of it', 2, [y, p.slice(y, [0, 0], [1, 4])]],
  ['a reshaped leaf', 1, [p.reshape(x, [2, 6])]],
  ['a broadcast leaf', 1, [p.broadcastTo(x, [2, 3, 4])]],
  ['a constant', 1, [p.constant(3, 'float32', [2, 2])]],
  ['a scalar constant', 1, [p.constant(3, 'int32')]],
  ['an iota', 1, [p.iota([3, 2], 1)]],
  ['a reshaped iota', 1, [p.reshape(p.iota([6], 0), [2, 3])]],
  ['a scalar', 1, [sum]],
  ['a scalar of a scalar', 1, [s.exp(input([]))]],
  ['an empty tensor', 0, [p.slice(x, [0, 0], [0, 4])]],
  ['something of an empty tensor', 0, [s.exp(input([0, 4]))]],
  ['the sum of an empty tensor', 1, [p.reduce('sum', input([3, 0]), [1])]],
  ['the maximum of an empty tensor', 1, [p.reduce('max', input([3, 0]), [1])]],
  ['a product without terms', 1, [p.dot(input([2, 0]), input([0, 3]))]],
  ['an empty tensor padded', 1, [p.pad(input([0, 2]), [1, 0], [1, 0], [0, 0], 5)]],
  ['a concatenation with an empty tensor', 1, [p.concat([y, input([0, 4]), y], 0)]],
  ['a scatter of nothing', 1, [s.neg(p.scatterAdd(x, input([0], 'int32'), input([0, 4]), 0))]],
  ['a concatenation of two functions of one leaf', 1, [p.concat([s.exp(x), s.neg(x)], 0)]],
  ['a pad', 1, [p.pad(s.exp(x), [1, 1], [0, 2], [1, 0], 7)]],
]

describe('special roots', () => {
  it.each(cases)('%s', (_name, kernels, roots) => {
    const wanted = expected(roots)
    for (const fuse of [true, false]) {
      const { values } = evaluate(backend, roots, { fuse })
      values.forEach((v, i) => {
        expect(v.length).toBe(wanted[i]!.length)
        expect(distance(v, wanted[i]!)).toBeLessThan(1e-6)
      })
    }
    expect(kernelCount(backend, roots)).toBe(kernels)
  })

  it('gives one output to equal roots', () => {
    const { plan } = planGraph({ roots: [y, p.mark(y)], inPlace: new Map(), keep: [] }, backend)
    expect(plan.outputs.length).toBe(1)
    expect(plan.roots[0]).toEqual(plan.roots[1])
  })

  it('says that a root that is a leaf lies in its leaf', () => {
    const { plan, leaves } = planGraph({ roots: [p.mark(x)], inPlace: new Map(), keep: [] }, backend)
    expect(plan.roots).toEqual([{ kind: 'leaf', slot: 0 }])
    expect(leaves).toEqual([leafOfNode(x)])
  })
})

describe('kept nodes', () => {
  it('are outputs where a kernel ends anyway, and not elsewhere', () => {
    const inlined = s.add(x, 1)
    const e = s.exp(inlined)
    const total = p.reduce('sum', e, [1])
    const [unused, stored] = [s.exp(input([2])), p.dot(e, input([4, 3]))]
    const roots = [s.div(s.neg(inlined), total), p.reduce('max', stored, [0])]
    const keep = [inlined, total, unused, stored]
    const { kept } = evaluate(backend, roots, { keep })
    expect([...kept.keys()]).toEqual([3])
    expect(distance(kept.get(3)!, expected([stored])[0]!)).toBeLessThan(1e-6)
  })

  it('share the output of a root', () => {
    const { kept, bound } = evaluate(backend, [y], { keep: [p.mark(y)] })
    expect(bound.plan.outputs.length).toBe(1)
    expect(distance(kept.get(0)!, expected([y])[0]!)).toBeLessThan(1e-6)
  })

  it('never have the wrong shape: a reshape is kept only if its storage is its own', () => {
    const product = p.dot(x, input([4, 3]))
    const flat = p.reshape(product, [9])
    const roots = [p.reduce('max', flat, [0])]
    const { kept } = evaluate(backend, roots, { keep: [flat, product] })
    expect([...kept.keys()]).toEqual([0])
    expect(distance(kept.get(0)!, expected([flat])[0]!)).toBeLessThan(1e-6)
  })
})

describe('what a backend cannot do', () => {
  it('throws an error that names operation and dtype', () => {
    const small = interpretingBackend({ dtypes: new Set(['float32'] as const) })
    const plan = (): unknown =>
      planGraph({ roots: [s.neg(input([2], 'int64'))], inPlace: new Map(), keep: [] }, small)
    expect(plan).toThrow(UnsupportedError)
    expect(plan).toThrow(/no int64 kernels/)
  })

  it('names the longest line that it sorts', () => {
    const short = interpretingBackend({ longestSort: 8 })
    const plan = (length: number) => (): unknown =>
      planGraph({ roots: [p.sort(input([length, 2]), 0, false)], inPlace: new Map(), keep: [] }, short)
    expect(plan(8)).not.toThrow()
    expect(plan(9)).toThrow(UnsupportedError)
    expect(plan(9)).toThrow('[sort] backend "interpreter" sorts at most 8 elements a line')
  })

  it('takes another way for products of other dtypes', () => {
    const a = input([3, 4], 'int32')
    const roots = [p.dot(a, input([4, 5], 'int32'))]
    const { values } = evaluate(interpretingBackend({ contractDtypes: new Set(['float32'] as const) }), roots)
    expect(values[0]).toEqual(expected(roots)[0])
  })
})

describe('graph backends', () => {
  it('get the graph without markers', () => {
    const reference = createReferenceBackend('graphs')
    const { plan } = planGraph({ roots: [p.mark(p.stop(y)), x], inPlace: new Map(), keep: [] }, reference)
    expect(plan.roots).toEqual([
      { kind: 'output', slot: 1 },
      { kind: 'leaf', slot: 0 },
    ])
    expect(plan.kernelCount).toBe(1)
  })
})
