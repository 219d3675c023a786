// Movement of elements: reshape, transpose, broadcast, slice, pad, reverse, concat, alone and behind each other, exact for
// every dtype. The scheduler turns most of them into index arithmetic; chains are where it can go wrong.
import { type DType, DTYPE_NAMES, type Element } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import {
  broadcastTo,
  concat,
  iota,
  pad,
  reshape,
  reverse,
  s,
  slice,
  transpose,
  window,
} from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { CaseGroup } from './case.ts'
import { EXACT } from './compare.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

type Move = (x: Node, y: Node, fill: Element) => Node

/** Moves of x `[4, 6, 5]`, with y of the same shape beside it. */
const MOVES: Readonly<Record<string, Move>> = {
  'reshape to one row': (x) => reshape(x, [120]),
  'reshape that splits dimensions': (x) => reshape(x, [2, 2, 3, 2, 5]),
  'reshape with ones': (x) => reshape(x, [1, 4, 1, 30]),
  transpose: (x) => transpose(x, [2, 0, 1]),
  'transpose of the last two': (x) => transpose(x, [0, 2, 1]),
  'reshape of a transposition': (x) => reshape(transpose(x, [2, 1, 0]), [10, 12]),
  'reshape of a transposition of a reshape': (x) => reshape(transpose(reshape(x, [8, 15]), [1, 0]), [6, 20]),
  'broadcast in front': (x) => broadcastTo(x, [3, 4, 6, 5]),
  'broadcast in the middle': (x) => broadcastTo(reshape(x, [4, 1, 30]), [4, 7, 30]),
  slice: (x) => slice(x, [1, 2, 0], [2, 3, 5]),
  'slice with steps': (x) => slice(x, [0, 1, 1], [2, 3, 2], [3, 2, 2]),
  'empty slice': (x) => slice(x, [0, 0, 5], [4, 6, 0]),
  'slice of a transposition': (x) => slice(transpose(x, [1, 2, 0]), [1, 1, 1], [4, 3, 2], [1, 1, 2]),
  'reverse one axis': (x) => reverse(x, [1]),
  'reverse all axes': (x) => reverse(x, [0, 1, 2]),
  'reverse a slice': (x) => reverse(slice(x, [1, 0, 1], [2, 6, 3]), [0, 2]),
  'windows over one axis': (x) => window(x, [1], [3]),
  'windows over two axes with steps and gaps': (x) => window(x, [0, 1], [2, 3], [2, 1], [1, 2]),
  'windows in rows': (x) => reshape(transpose(window(x, [0, 1], [2, 2]), [0, 1, 3, 4, 2]), [15, 20]),
  'windows of a padded transposition': (x, _, fill) =>
    window(pad(transpose(x, [1, 0, 2]), [1, 1, 0], [1, 1, 0], [0, 0, 0], fill), [0, 1], [3, 3], [2, 2]),
  'windows without a place': (x) => window(x, [2], [9]),
  pad: (x, _, fill) => pad(x, [1, 0, 2], [0, 3, 1], [0, 0, 0], fill),
  'pad between elements': (x, _, fill) => pad(x, [0, 1, 0], [2, 0, 0], [1, 0, 2], fill),
  'pad a transposition': (x, _, fill) => pad(transpose(x, [1, 0, 2]), [1, 1, 1], [1, 1, 1], [0, 0, 0], fill),
  'slice a pad': (x, _, fill) => slice(pad(x, [2, 2, 2], [2, 2, 2], [0, 0, 0], fill), [1, 1, 1], [5, 8, 7]),
  'pad a pad': (x, _, fill) =>
    pad(pad(x, [1, 0, 0], [0, 1, 0], [0, 0, 0], 0), [0, 0, 1], [1, 0, 0], [0, 1, 0], fill),
  'concat in front': (x, y) => concat([x, y, x], 0),
  'concat at the end': (x, y) => concat([x, slice(y, [0, 0, 1], [4, 6, 3])], 2),
  'concat of moved parts': (x, y) =>
    concat([transpose(x, [1, 0, 2]), reverse(transpose(y, [1, 0, 2]), [0])], 1),
  'concat of concats': (x, y) => concat([concat([x, y], 1), concat([y, x], 1)], 2),
  'slice across the parts of a concat': (x, y) => slice(concat([x, y], 1), [1, 4, 0], [2, 5, 5]),
  'concat of something empty': (x, y) => concat([slice(x, [0, 0, 0], [0, 6, 5]), y], 0),
}

export function movementCases(): CaseGroup[] {
  return [...DTYPE_NAMES.map(moves), ...DTYPE_NAMES.filter((d) => d !== 'bool').map(movesOfValues), iotas()]
}

function moves(dtype: DType): CaseGroup {
  return {
    name: `movement ${dtype}`,
    cases: Object.entries(MOVES).map(([name, move]) => ({
      name,
      build: () => [move(...operandsOf(dtype, [4, 6, 5]))],
      tolerance: EXACT,
    })),
  }
}

/** The same with values that are computed before and after. */
function movesOfValues(dtype: DType): CaseGroup {
  return {
    name: `movement between operations ${dtype}`,
    cases: Object.entries(MOVES).map(([name, move]) => ({
      name,
      build: () => {
        const [x, y, fill] = operandsOf(dtype, [4, 6, 5])
        const moved = move(s.add(x, y), s.mul(x, y), fill)
        return [s.sub(s.mul(moved, 2), 1), moved]
      },
      tolerance: EXACT,
    })),
  }
}

function operandsOf(dtype: DType, shape: Dims): [Node, Node, Element] {
  const random = new Random(3)
  const make = (): Node => {
    const values = randomArray(random, dtype, sizeOf(shape), -60, 60)
    // halves stay exact under the arithmetic around the moves
    if (dtype === 'float32' || dtype === 'float64')
      for (let i = 0; i < values.length; i++) values[i] = Math.round(Number(values[i]) * 2) / 2
    return input(dtype, shape, values)
  }
  return [make(), make(), dtype === 'bool' ? 1 : dtype === 'int64' ? 7n : 7]
}

function iotas(): CaseGroup {
  return {
    name: 'iota',
    cases: DTYPE_NAMES.filter((d) => d !== 'bool').map((dtype) => ({
      name: dtype,
      build: () => [
        iota([3, 17, 2], 1, dtype),
        s.add(iota([5, 6], 0, dtype), input(dtype, [6], [1, 2, 3, 4, 5, 6])),
        iota([200], 0, dtype),
      ],
      tolerance: EXACT,
    })),
  }
}
