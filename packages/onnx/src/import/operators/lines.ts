// Operators along one axis: the greatest few, running sums and products.
import { argsort, cast, cumprod, cumsum, gather, slice, type Tensor, transpose } from '@dl/tensor/core'
import { type Operator, shapeOf, since } from '../operator.ts'

/** Version 1 has `k` as an attribute; from version 11 on the least can be asked for. */
const topK: Operator = {
  attributes: ['axis', 'k', 'largest', 'sorted'],
  host: [1],
  build: (call) => {
    const x = call.input(0)
    if (x.rank === 0) call.fail('needs a tensor with an axis, got a scalar')
    const axis = call.axis(call.attributes.int('axis', -1), x.rank)
    const k = call.opset < 10 ? call.attributes.int('k', 1) : call.number(1, 'k')
    const size = shapeOf(x)[axis]!
    if (!Number.isInteger(k) || k < 0 || k > size) call.fail(`asks for ${k} of ${size} elements`)
    const last = x.rank - 1
    const perm = shapeOf(x).map((_, a) => (a === axis ? last : a === last ? axis : a))
    const lines: Tensor = axis === last ? x : transpose(x, perm)
    const order: Tensor = argsort(lines, -1, call.attributes.flag('largest', true))
    const first: Tensor = slice(
      order,
      shapeOf(order).map(() => 0),
      shapeOf(order).map((d, a) => (a === last ? k : d)),
    )
    const picked: Tensor = gather(lines, first, last, last)
    const back = (y: Tensor): Tensor => (axis === last ? y : transpose(y, perm))
    return [back(picked), cast(back(first), 'int64')]
  },
}

const running = (since: number, fn: typeof cumsum): Operator => ({
  attributes: ['exclusive', 'reverse'],
  since,
  host: [1],
  build: (call) => {
    const x = call.input(0)
    const axis = call.axis(call.number(1, 'the axis'), x.rank)
    return fn(x, axis, call.attributes.flag('exclusive', false), call.attributes.flag('reverse', false))
  },
})

export const lines: Readonly<Record<string, Operator>> = {
  TopK: topK,
  CumSum: since(11, running(11, cumsum)),
  CumProd: since(26, running(26, cumprod)),
}
