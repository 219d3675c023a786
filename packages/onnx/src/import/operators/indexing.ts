// Picking and writing elements by index. Negative indices count from the back; those of ONNX stay inside.
import {
  add,
  broadcastTo,
  cast,
  concat,
  gather,
  gatherND,
  less,
  maximum,
  minimum,
  mul,
  reshape,
  scatterND,
  sum,
  tensor,
  type Tensor,
  tensorScatterUpdate,
  where,
} from '@dl/tensor/core'
import { type Operator, type OperatorCall, shapeOf } from '../operator.ts'

const count = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1)
const ints = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Int32Array.from(values), [...shape], 'int32')
const upTo = (n: number): number[] => [...Array(n).keys()]

/** Indices counted from the front; a negative one counts from the back of an axis with `size` elements. */
export function fromFront(call: OperatorCall, i: number, size: number): Tensor {
  const known = call.knownNumbers(i)
  const indices = call.input(i)
  if (known)
    return ints(
      known.map((k) => (k < 0 ? k + size : k)),
      shapeOf(indices),
    )
  const index: Tensor = cast(indices, 'int32')
  return where(less(index, 0), add(index, size), index)
}

/** Places in the flattened data of the elements that the indices of input 1 name along `axis`, at their own other positions. */
function elementPlaces(call: OperatorCall, shape: readonly number[], axis: number): Tensor {
  let linear: Tensor = mul(fromFront(call, 1, shape[axis]!), count(shape.slice(axis + 1)))
  const sizes = shapeOf(linear)
  sizes.forEach((d, a) => {
    if (a === axis) return
    const along = upTo(d).map((i) => i * count(shape.slice(a + 1)))
    linear = add(
      linear,
      ints(
        along,
        sizes.map((_, b) => (a === b ? d : 1)),
      ),
    )
  })
  return linear
}

function gatherElements(call: OperatorCall): Tensor {
  const x = call.input(0)
  const axis = call.axis(call.attributes.int('axis', 0), x.rank)
  return gather(reshape(x, [x.size]), elementPlaces(call, shapeOf(x), axis), 0)
}

/** Positions in the last axis of input 1, counted from the front. */
function positionsFromFront(call: OperatorCall, shape: readonly number[]): Tensor {
  const raw: Tensor = cast(call.input(1), 'int32')
  return where(less(raw, 0), add(raw, ints(shape.slice(0, shapeOf(raw).at(-1)))), raw)
}

function gatherPositions(call: OperatorCall): Tensor {
  const x = call.input(0)
  const shape = shapeOf(x)
  const batch = call.attributes.int('batch_dims', 0)
  let positions = positionsFromFront(call, shape.slice(batch))
  for (let a = batch - 1; a >= 0; a--) {
    const sizes = shapeOf(positions)
    const column = ints(
      upTo(sizes[a]!),
      sizes.map((d, b) => (a === b ? d : 1)),
    )
    positions = concat([broadcastTo(column, [...sizes.slice(0, -1), 1]), positions], sizes.length - 1)
  }
  return gatherND(x, positions)
}

const COMBINE = { mul, max: maximum, min: minimum } as const

/** `rows` `[places, width]` with `updates` `[n, width]` written to `places`, or combined with what stands there. */
function written(
  call: OperatorCall,
  rows: Tensor,
  places: Tensor,
  updates: Tensor,
  known: () => number[],
): Tensor {
  const reduction = call.attributes.string('reduction', 'none')
  const column = reshape(places, [-1, 1])
  if (reduction === 'none') return tensorScatterUpdate(rows, column, updates)
  if (reduction === 'add') return add(rows, scatterND(column, updates, shapeOf(rows)))
  if (reduction !== 'mul' && reduction !== 'max' && reduction !== 'min')
    return call.fail(`has reduction '${reduction}'; it is none, add, mul, max or min`)
  // in rounds in which every place stands once
  let result = rows
  for (const round of rounds(known())) {
    const [to, from] = [ints(round.map(({ place }) => place)), ints(round.map(({ update }) => update))]
    const combined = COMBINE[reduction](gather(result, to, 0), gather(updates, from, 0))
    result = tensorScatterUpdate(result, reshape(to, [-1, 1]), combined)
  }
  return result
}

function rounds(places: readonly number[]): { place: number; update: number }[][] {
  const seen = new Map<number, number>()
  const found: { place: number; update: number }[][] = []
  places.forEach((place, update) => {
    const round = seen.get(place) ?? 0
    seen.set(place, round + 1)
    ;(found[round] ??= []).push({ place, update })
  })
  return found
}

function scatterElements(call: OperatorCall): Tensor {
  const [x, updates] = [call.input(0), call.input(2)]
  const shape = shapeOf(x)
  const axis = call.axis(call.attributes.int('axis', 0), x.rank)
  const places = elementPlaces(call, shape, axis)
  const sizes = shapeOf(places)
  const known = (): number[] =>
    call.numbers(1, 'the indices').map((index, i) => {
      let [rest, place] = [i, 0]
      for (let a = sizes.length - 1; a >= 0; a--) {
        const at = a === axis ? (index < 0 ? index + shape[axis]! : index) : rest % sizes[a]!
        place += at * count(shape.slice(a + 1))
        rest = Math.floor(rest / sizes[a]!)
      }
      return place
    })
  const rows = written(call, reshape(x, [x.size, 1]), places, reshape(updates, [updates.size, 1]), known)
  return reshape(rows, shape)
}

function scatterPositions(call: OperatorCall): Tensor {
  const [x, updates] = [call.input(0), call.input(2)]
  const shape = shapeOf(x)
  const positions = positionsFromFront(call, shape)
  const depth = shapeOf(positions).at(-1)!
  const strides = shape.slice(0, depth).map((_, a) => count(shape.slice(a + 1, depth)))
  const known = (): number[] => {
    const given = call.numbers(1, 'the indices')
    return upTo(given.length / depth).map((i) =>
      strides.reduce((place, stride, a) => {
        const at = given[i * depth + a]!
        return place + (at < 0 ? at + shape[a]! : at) * stride
      }, 0),
    )
  }
  const width = count(shape.slice(depth))
  const flat = reshape(positions, [-1, depth])
  const places = sum(mul(flat, ints(strides)), 1)
  const rows = written(call, reshape(x, [-1, width]), places, reshape(updates, [-1, width]), known)
  return reshape(rows, shape)
}

export const indexing: Readonly<Record<string, Operator>> = {
  Gather: {
    attributes: ['axis'],
    build: (call) => {
      const x = call.input(0)
      const axis = call.axis(call.attributes.int('axis', 0), x.rank)
      return gather(x, fromFront(call, 1, shapeOf(x)[axis]!), axis)
    },
  },
  GatherElements: { since: 11, attributes: ['axis'], build: gatherElements },
  GatherND: { since: 11, attributes: ['batch_dims'], build: gatherPositions },
  Scatter: { attributes: ['axis'], since: 9, build: scatterElements },
  ScatterElements: { attributes: ['axis', 'reduction'], since: 11, build: scatterElements },
  ScatterND: { attributes: ['reduction'], since: 11, build: scatterPositions },
}
