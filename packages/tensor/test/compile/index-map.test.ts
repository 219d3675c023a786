// Index maps: each is compared with what the indices are, one loop setting after the other.
import { describe, expect, it } from 'vitest'
import {
  add,
  type Index,
  linear,
  moveIndex,
  type Nest,
  reshapeIndex,
  sameAffine,
  scale,
  splitLinear,
  unit,
} from '../../src/compile/index-map.ts'
import type { Node } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { type Dims, rowMajor, sizeOf } from '../../src/graph/shape.ts'
import { input } from './evaluation.ts'

const nestOf = (sizes: Dims): Nest => ({ loops: sizes.length, sizes: [...sizes], split: null })
const loopsOf = (sizes: Dims): Index => sizes.map((_, i) => unit(i))
const value = (form: readonly number[], at: Dims): number =>
  form.slice(1).reduce((n, c, i) => n + c * (at[i] ?? 0), form[0]!)

function* settings(sizes: Dims): Iterable<number[]> {
  for (let n = 0; n < sizeOf(sizes); n++)
    yield rowMajor(sizes).map((stride, i) => Math.floor(n / stride) % sizes[i]!)
}

describe('affine forms', () => {
  it('treat missing coefficients as 0', () => {
    expect(sameAffine([1, 2], [1, 2, 0])).toBe(true)
    expect(sameAffine([1, 2], [1, 2, 3])).toBe(false)
    expect(add([1, 2], [3])).toEqual([4, 2])
    expect(scale([1, 2], 3, 4)).toEqual([7, 6])
    expect(linear([unit(0), unit(1)], [3, 4])).toEqual([0, 4, 1])
    expect(linear([unit(0), unit(1)], [1, 4])).toEqual([0, 0, 1])
    expect(linear([], [])).toEqual([0])
  })
})

describe('reshape', () => {
  const affine: readonly (readonly [Dims, Dims])[] = [
    [[6, 4], [24]],
    [
      [6, 4],
      [6, 4, 1],
    ],
    [
      [6, 1, 4],
      [1, 6, 4],
    ],
    [
      [2, 3, 4],
      [6, 4],
    ],
    [[], [1, 1]],
  ]
  it.each(affine)('%j to %j is affine', (from, to) => {
    const index = reshapeIndex(loopsOf(from), from, to, nestOf(from))
    for (const at of settings(from)) {
      const want = value(linear(loopsOf(from), from), at)
      expect(value(linear(index!, to), at)).toBe(want)
      to.forEach((d, i) => {
        expect(value(index![i]!, at)).toBeGreaterThanOrEqual(0)
        expect(value(index![i]!, at)).toBeLessThan(d)
      })
    }
  })

  /** From, to, the loop to split and the size of its inner part; null where splitting does not help. */
  const refused: readonly (readonly [Dims, Dims, { loop: number; inner: number } | null])[] = [
    [[24], [6, 4], { loop: 0, inner: 4 }],
    [[6, 4], [2, 3, 4], { loop: 0, inner: 3 }],
    [[6, 4], [3, 8], { loop: 0, inner: 2 }],
    [[4, 6], [3, 8], null],
  ]
  it.each(refused)('%j to %j asks for a split: %j', (from, to, split) => {
    const nest = nestOf(from)
    expect(reshapeIndex(loopsOf(from), from, to, nest)).toBeNull()
    expect(nest.split).toEqual(split)
  })

  it('splits a reversed address without a division', () => {
    // 11 − i as [3, 4]
    expect(splitLinear([11, -4, -1], [3, 4], nestOf([3, 4]))).toEqual([
      [2, -1, 0],
      [3, 0, -1],
    ])
  })

  it('refuses an address with a step that no loop walks', () => {
    const nest = nestOf([3])
    expect(splitLinear([0, 2], [2, 3], nest)).toBeNull()
    expect(nest.split).toBeNull()
  })
})

describe('movement', () => {
  const x = input([4, 6])
  const cases: readonly (readonly [string, Node, (at: number[]) => number[]])[] = [
    ['transpose', p.transpose(x, [1, 0]), ([i, j]) => [j!, i!]],
    ['broadcast', p.broadcastTo(input([1, 6]), [4, 6]), ([, j]) => [0, j!]],
    ['slice', p.slice(x, [1, 0], [3, 3], [1, 2]), ([i, j]) => [i! + 1, 2 * j!]],
    ['reverse', p.reverse(x, [1]), ([i, j]) => [i!, 5 - j!]],
    ['stop', p.stop(x), (at) => at],
  ]
  it.each(cases)('%s', (_name, node, want) => {
    const index = moveIndex(node, loopsOf(node.shape), nestOf(node.shape))!
    for (const at of settings(node.shape)) expect(index.map((form) => value(form, at))).toEqual(want(at))
  })
})
