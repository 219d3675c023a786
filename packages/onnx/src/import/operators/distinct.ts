// Unique: how many elements it gives depends on values, so that it is computed on the host, as the operators of selection.ts.
import { gather, reshape, tensor, type Tensor } from '@dl/tensor/core'
import { type Operator, type OperatorCall, shapeOf } from '../operator.ts'

const int64 = (values: readonly number[]): Tensor =>
  tensor(BigInt64Array.from(values, BigInt), [values.length], 'int64')

/** Slices along an axis as lists of numbers. */
function slicesOf(values: readonly number[], shape: readonly number[], axis: number): number[][] {
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1)
  const length = shape[axis]!
  const slices = Array.from({ length }, (): number[] => [])
  values.forEach((v, i) => slices[Math.floor(i / inner) % length]!.push(v))
  return slices
}

/** Lexicographic; NaN comes last. */
function compareSlices(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((v, i) => !Object.is(v, b[i]) && v !== b[i])
  if (at < 0) return 0
  const [x, y] = [a[at]!, b[at]!]
  return x < y || y !== y ? -1 : 1
}

function unique(call: OperatorCall): readonly Tensor[] {
  const x = call.input(0)
  const given = call.attributes.int('axis')
  const axis = given === undefined ? 0 : call.axis(given, x.rank)
  const rows = given === undefined ? reshape(x, [x.size]) : x
  const slices = slicesOf(call.numbers(0, 'the elements'), shapeOf(rows), axis)
  const kinds = new Map<string, number>()
  const first: number[] = []
  const counts: number[] = []
  const kindOf = slices.map((slice, i) => {
    const key = slice.map((v) => v + 0).join()
    const kind = kinds.get(key) ?? kinds.size
    if (kind === kinds.size) {
      kinds.set(key, kind)
      first.push(i)
    }
    counts[kind] = (counts[kind] ?? 0) + 1
    return kind
  })
  const order = first.map((_, kind) => kind)
  if (call.attributes.flag('sorted', true))
    order.sort((a, b) => compareSlices(slices[first[a]!]!, slices[first[b]!]!))
  const placeOf = order.reduce<number[]>((places, kind, place) => ((places[kind] = place), places), [])
  const picks = order.map((kind) => first[kind]!)
  return [
    gather(rows, tensor(Int32Array.from(picks), [picks.length], 'int32'), axis),
    int64(picks),
    int64(kindOf.map((kind) => placeOf[kind]!)),
    int64(order.map((kind) => counts[kind]!)),
  ]
}

export const distinct: Readonly<Record<string, Operator>> = {
  Unique: { attributes: ['axis', 'sorted'], since: 11, build: unique },
}
