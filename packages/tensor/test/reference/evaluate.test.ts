// The executable specification against values worked out by hand: corner cases that the other backends are then held to.
import { describe, expect, it } from 'vitest'
import { evaluateNode } from '../../src/backend/reference/index.ts'
import { allocate, type DType, type Element, type TypedArray } from '../../src/graph/dtype.ts'
import { type Attributes, makeNode, type Node, type PrimitiveName, serial } from '../../src/graph/node.ts'

const array = (dtype: DType, values: readonly Element[]): TypedArray => {
  const out = allocate(dtype, values.length)
  for (const [i, v] of values.entries()) out[i] = (dtype === 'int64' ? BigInt(v) : Number(v)) as never
  return out
}
const input = (dtype: DType, shape: readonly number[]): Node =>
  makeNode('buffer', [], { leaf: { id: serial(), shape, dtype } }, shape, dtype)

interface Case {
  readonly name: string
  readonly prim: PrimitiveName
  readonly attrs: object
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly src: readonly (readonly [DType, readonly number[], readonly Element[]])[]
  readonly gives: readonly Element[]
}
const NaN_ = Number.NaN

const cases: readonly Case[] = [
  {
    name: 'float32 is rounded once',
    prim: 'map',
    attrs: { fn: 'add' },
    shape: [1],
    dtype: 'float32',
    src: [
      ['float32', [1], [1]],
      ['float32', [1], [2 ** -25]],
    ],
    gives: [1],
  },
  {
    name: 'float64 is not',
    prim: 'map',
    attrs: { fn: 'add' },
    shape: [1],
    dtype: 'float64',
    src: [
      ['float64', [1], [1]],
      ['float64', [1], [2 ** -25]],
    ],
    gives: [1 + 2 ** -25],
  },
  {
    name: 'int32 wraps',
    prim: 'map',
    attrs: { fn: 'mul' },
    shape: [2],
    dtype: 'int32',
    src: [
      ['int32', [2], [65536, 2147483647]],
      ['int32', [2], [65537, 2]],
    ],
    gives: [65536, -2],
  },
  {
    name: 'int64 is exact above 2^53',
    prim: 'map',
    attrs: { fn: 'add' },
    shape: [1],
    dtype: 'int64',
    src: [
      ['int64', [1], [2n ** 53n]],
      ['int64', [1], [1n]],
    ],
    gives: [2n ** 53n + 1n],
  },
  {
    name: 'uint8 wraps',
    prim: 'map',
    attrs: { fn: 'sub' },
    shape: [1],
    dtype: 'uint8',
    src: [
      ['uint8', [1], [3]],
      ['uint8', [1], [5]],
    ],
    gives: [254],
  },
  {
    name: 'integer division truncates, by zero gives 0',
    prim: 'map',
    attrs: { fn: 'div' },
    shape: [3],
    dtype: 'int32',
    src: [
      ['int32', [3], [-7, 7, 7]],
      ['int32', [3], [2, -2, 0]],
    ],
    gives: [-3, -3, 0],
  },
  {
    name: 'float to int32 truncates and clamps, NaN gives 0',
    prim: 'map',
    attrs: { fn: 'cast' },
    shape: [5],
    dtype: 'int32',
    src: [['float32', [5], [-1.9, 1.9, 3e9, -3e9, NaN_]]],
    gives: [-1, 1, 2147483647, -2147483648, 0],
  },
  {
    name: 'float to uint8 goes through int32',
    prim: 'map',
    attrs: { fn: 'cast' },
    shape: [3],
    dtype: 'uint8',
    src: [['float32', [3], [257, -1, NaN_]]],
    gives: [1, 255, 0],
  },
  {
    name: 'everything but 0 is true, NaN too',
    prim: 'map',
    attrs: { fn: 'cast' },
    shape: [4],
    dtype: 'bool',
    src: [['float32', [4], [0, -0, 0.25, NaN_]]],
    gives: [0, 0, 1, 1],
  },
  {
    name: 'int64 to float32 rounds once',
    prim: 'map',
    attrs: { fn: 'cast' },
    shape: [2],
    dtype: 'float32',
    // just above a tie of float32: through float64 first it would round down
    src: [['int64', [2], [2n ** 60n + 2n ** 36n + 1n, -(2n ** 60n) - 2n ** 36n - 1n]]],
    gives: [2 ** 60 + 2 ** 37, -(2 ** 60) - 2 ** 37],
  },
  {
    name: 'bitcast keeps bits',
    prim: 'map',
    attrs: { fn: 'bitcast' },
    shape: [2],
    dtype: 'int32',
    src: [['float32', [2], [1, -0]]],
    gives: [0x3f800000, -2147483648],
  },
  {
    name: 'iota',
    prim: 'iota',
    attrs: { axis: 1 },
    shape: [2, 3],
    dtype: 'int64',
    src: [],
    gives: [0n, 1n, 2n, 0n, 1n, 2n],
  },
  {
    name: 'transpose',
    prim: 'transpose',
    attrs: { perm: [2, 0, 1] },
    shape: [2, 1, 3],
    dtype: 'float32',
    src: [['float32', [1, 3, 2], [0, 1, 2, 3, 4, 5]]],
    gives: [0, 2, 4, 1, 3, 5],
  },
  {
    name: 'broadcast',
    prim: 'broadcast',
    attrs: {},
    shape: [2, 3],
    dtype: 'float32',
    src: [['float32', [2, 1], [1, 2]]],
    gives: [1, 1, 1, 2, 2, 2],
  },
  {
    name: 'slice with strides',
    prim: 'slice',
    attrs: { start: [1, 0], stride: [1, 2] },
    shape: [1, 2],
    dtype: 'float32',
    src: [['float32', [2, 3], [0, 1, 2, 3, 4, 5]]],
    gives: [3, 5],
  },
  {
    name: 'pad with interior and value',
    prim: 'pad',
    attrs: { low: [1], interior: [1], value: 9 },
    shape: [6],
    dtype: 'float32',
    src: [['float32', [2], [1, 2]]],
    gives: [9, 1, 9, 2, 9, 9],
  },
  {
    name: 'reverse',
    prim: 'reverse',
    attrs: { axes: [1] },
    shape: [2, 3],
    dtype: 'float32',
    src: [['float32', [2, 3], [0, 1, 2, 3, 4, 5]]],
    gives: [2, 1, 0, 5, 4, 3],
  },
  {
    name: 'concat',
    prim: 'concat',
    attrs: { axis: 1 },
    shape: [2, 3],
    dtype: 'int32',
    src: [
      ['int32', [2, 1], [1, 2]],
      ['int32', [2, 2], [3, 4, 5, 6]],
    ],
    gives: [1, 3, 4, 2, 5, 6],
  },
  {
    name: 'sum over two axes',
    prim: 'reduce',
    attrs: { kind: 'sum', axes: [0, 2] },
    shape: [1, 2, 1],
    dtype: 'float32',
    src: [['float32', [2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7]]],
    gives: [10, 18],
  },
  {
    name: 'sum over nothing is 0',
    prim: 'reduce',
    attrs: { kind: 'sum', axes: [0] },
    shape: [1, 2],
    dtype: 'float32',
    src: [['float32', [0, 2], []]],
    gives: [0, 0],
  },
  {
    name: 'max over nothing is the least value',
    prim: 'reduce',
    attrs: { kind: 'max', axes: [0] },
    shape: [1],
    dtype: 'int32',
    src: [['int32', [0], []]],
    gives: [-2147483648],
  },
  {
    name: 'max keeps NaN',
    prim: 'reduce',
    attrs: { kind: 'max', axes: [0] },
    shape: [1],
    dtype: 'float32',
    src: [['float32', [3], [1, NaN_, 2]]],
    gives: [NaN_],
  },
  {
    name: 'maxNumber drops NaN',
    prim: 'reduce',
    attrs: { kind: 'maxNumber', axes: [0] },
    shape: [1],
    dtype: 'float32',
    src: [['float32', [3], [1, NaN_, 2]]],
    gives: [2],
  },
  {
    name: 'argmax: the first of equals',
    prim: 'argReduce',
    attrs: { kind: 'max', axis: 1 },
    shape: [2, 1],
    dtype: 'int32',
    src: [['float32', [2, 3], [1, 3, 3, 2, 1, 0]]],
    gives: [1, 0],
  },
  {
    name: 'argmax and argmin: the first NaN',
    prim: 'argReduce',
    attrs: { kind: 'min', axis: 0 },
    shape: [1],
    dtype: 'int32',
    src: [['float32', [4], [1, NaN_, -5, NaN_]]],
    gives: [1],
  },
  {
    name: 'argmin of int64',
    prim: 'argReduce',
    attrs: { kind: 'min', axis: 0 },
    shape: [1, 2],
    dtype: 'int32',
    src: [['int64', [3, 2], [3n, 1n, -(2n ** 62n), 1n, 5n, 0n]]],
    gives: [1, 2],
  },
  {
    name: 'batched dot',
    prim: 'dot',
    attrs: {},
    shape: [2, 1, 2],
    dtype: 'float32',
    src: [
      ['float32', [2, 1, 2], [1, 2, 3, 4]],
      ['float32', [2, 2, 2], [1, 0, 0, 1, 1, 2, 3, 4]],
    ],
    gives: [1, 2, 15, 22],
  },
  {
    name: 'dot of int32 wraps',
    prim: 'dot',
    attrs: {},
    shape: [1, 1],
    dtype: 'int32',
    src: [
      ['int32', [1, 2], [65536, 1]],
      ['int32', [2, 1], [65536, 7]],
    ],
    gives: [7],
  },
  {
    name: 'dot over no elements',
    prim: 'dot',
    attrs: {},
    shape: [1, 2],
    dtype: 'int64',
    src: [
      ['int64', [1, 0], []],
      ['int64', [0, 2], []],
    ],
    gives: [0n, 0n],
  },
  {
    name: 'gather clamps',
    prim: 'gather',
    attrs: { axis: 0 },
    shape: [3, 2],
    dtype: 'float32',
    src: [
      ['float32', [2, 2], [1, 2, 3, 4]],
      ['int32', [3], [1, 9, -4]],
    ],
    gives: [3, 4, 3, 4, 1, 2],
  },
  {
    name: 'gather along an inner axis with a matrix of indices',
    prim: 'gather',
    attrs: { axis: 1 },
    shape: [2, 1, 2],
    dtype: 'int32',
    src: [
      ['int32', [2, 3], [0, 1, 2, 3, 4, 5]],
      ['int32', [1, 2], [2, 0]],
    ],
    gives: [2, 0, 5, 3],
  },
  {
    name: 'scatter adds in order and drops',
    prim: 'scatter',
    attrs: { axis: 0 },
    shape: [2],
    dtype: 'float32',
    src: [
      ['float32', [2], [1, 1]],
      ['int32', [4], [0, 0, 2, -1]],
      ['float32', [4], [5, 6, 7, 8]],
    ],
    gives: [12, 1],
  },
]

describe('evaluateNode', () => {
  it.each(cases)('$prim: $name', ({ prim, attrs, shape, dtype, src, gives }) => {
    const inputs = src.map(([d, s]) => input(d, s))
    const node = makeNode(prim, inputs, attrs as Attributes[typeof prim], shape, dtype) as Node
    const values = src.map(([d, , v]) => array(d, v))
    const before = values.map((v) => v.slice())
    expect(evaluateNode(node, values)).toEqual(array(dtype, gives))
    expect(values).toEqual(before)
  })

  it('says that a buffer has no value here', () => {
    expect(() => evaluateNode(input('float32', [2]), [])).toThrow(/\[reference\] the value of buffer/)
  })
})
