// Operators whose result has as many elements as values decide: they are computed on the host, while the graph is built, from
// values that are constants or, in `run`, computed on the way. What they select differentiates; the selection does not.
import { gather, reshape, tensor, type Tensor } from '@dl/tensor/core'
import { type Operator, type OperatorCall, shapeOf } from '../operator.ts'

const int64 = (values: readonly number[], shape: readonly number[]): Tensor =>
  tensor(BigInt64Array.from(values, BigInt), [...shape], 'int64')

/** The slices along `axis` for which the condition holds; without an axis, elements of the flattened input. */
function compress(call: OperatorCall): Tensor {
  const x = call.input(0)
  const given = call.attributes.int('axis')
  const axis = given === undefined ? 0 : call.axis(given, x.rank)
  const rows = given === undefined ? reshape(x, [x.size]) : x
  const size = shapeOf(rows)[axis]!
  const picks = call.numbers(1, 'the condition').flatMap((keep, i) => (keep !== 0 && i < size ? [i] : []))
  return gather(rows, tensor(Int32Array.from(picks), [picks.length], 'int32'), axis)
}

/** Positions of elements that are not 0, `[rank, found]`, in row-major order. */
function nonZero(call: OperatorCall): Tensor {
  const shape = shapeOf(call.input(0))
  const found = call.numbers(0, 'which elements are not 0').flatMap((value, i) => (value === 0 ? [] : [i]))
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((n, d) => n * d, 1))
  const positions = strides.flatMap((stride, a) => found.map((i) => Math.floor(i / stride) % shape[a]!))
  return int64(positions, [shape.length, found.length])
}

/** Opposite corners of a box, ordered, and its area. */
interface Box {
  readonly low: readonly [number, number]
  readonly high: readonly [number, number]
  readonly area: number
}

function boxAt(values: readonly number[], at: number, centered: boolean): Box {
  const [a, b, c, d] = values.slice(at, at + 4) as [number, number, number, number]
  // x and y of the middle, width and height; or y and x of two opposite corners
  const [y1, x1, y2, x2] = centered ? [b - d / 2, a - c / 2, b + d / 2, a + c / 2] : [a, b, c, d]
  const low = [Math.min(y1, y2), Math.min(x1, x2)] as const
  const high = [Math.max(y1, y2), Math.max(x1, x2)] as const
  return { low, high, area: (high[0] - low[0]) * (high[1] - low[1]) }
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const side = (axis: 0 | 1): number =>
    Math.max(0, Math.min(a.high[axis], b.high[axis]) - Math.max(a.low[axis], b.low[axis]))
  const common = side(0) * side(1)
  return common > 0 ? common / (a.area + b.area - common) : 0
}

/** The best boxes that do not overlap a better one of their class by more than a threshold: `[batch, class, box]` each. */
function nonMaxSuppression(call: OperatorCall): Tensor {
  const boxes = call.numbers(0, 'the boxes')
  const scores = call.numbers(1, 'the scores')
  const [batch, classes, count] = shapeOf(call.input(1)) as [number, number, number]
  const most = call.has(2) ? call.number(2, 'the number of boxes of a class') : 0
  const mostOverlap = call.has(3) ? call.number(3, 'the threshold of overlap') : 0
  const least = call.has(4) ? call.number(4, 'the threshold of the score') : -Infinity
  const centered = call.attributes.flag('center_point_box', false)
  const selected: number[] = []
  for (let n = 0; n < batch; n++) {
    const places = Array.from({ length: count }, (_, i) => boxAt(boxes, (n * count + i) * 4, centered))
    for (let c = 0; c < classes; c++) {
      const own = scores.slice((n * classes + c) * count, (n * classes + c + 1) * count)
      const order = own.map((_, i) => i).filter((i) => own[i]! > least)
      order.sort((i, j) => own[j]! - own[i]! || i - j)
      const kept: number[] = []
      for (const i of order) {
        if (kept.length >= most) break
        if (kept.every((j) => !(overlap(places[i]!, places[j]!) > mostOverlap))) kept.push(i)
      }
      for (const i of kept) selected.push(n, c, i)
    }
  }
  return int64(selected, [selected.length / 3, 3])
}

export const selection: Readonly<Record<string, Operator>> = {
  Compress: { attributes: ['axis'], since: 9, build: compress },
  NonZero: { since: 9, build: nonZero },
  NonMaxSuppression: {
    attributes: ['center_point_box'],
    since: 10,
    host: [2, 3, 4],
    build: nonMaxSuppression,
  },
}
