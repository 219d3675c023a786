// Operations whose result has a shape that depends on values: they read their arguments and compute on the host. Those that
// end in `Async` work on every backend and wait for it; `unique` reads at once.
import { DTypeError, ShapeError } from '../errors.ts'
import { allocate, type Element, type TypedArray } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { cast, constant, gather, reshape, s, sort, reduce } from '../graph/primitives.ts'
import { type Dims, normalizeAxis, rowMajor, sameShape, showShape, sizeOf } from '../graph/shape.ts'
import type {
  BooleanMask,
  Distinct,
  InTopK,
  SetDifference,
  Unique,
  UniqueAsync,
  WhereAsync,
} from '../tensor/op-types.ts'
import { keep } from '../tensor/scope.ts'
import { fromNode, hostNode } from '../tensor/tensor.ts'
import type { Arg } from '../tensor/types.ts'
import { given, result } from './operands.ts'

/** The values of a node, read through a handle of its own. */
async function read(node: Node): Promise<TypedArray> {
  const handle = keep(fromNode(node))
  try {
    return await handle.data()
  } finally {
    handle.dispose()
  }
}

function truth(op: string, name: string, x: Arg): Node {
  const node = given(op, name, x, 'bool')
  if (node.dtype === 'bool') return node
  throw new DTypeError(
    `[${op}] Argument '${name}' passed to '${op}' must be bool tensor, but got ${node.dtype} tensor; compare it first`,
  )
}

const int32 = (op: string, values: readonly number[], shape: Dims): Node =>
  hostNode(op, Int32Array.from(values), shape, 'int32')

// ---- true elements
/** Places of the true elements in row-major order. */
function truePlaces(values: ArrayLike<Element>): number[] {
  const places: number[] = []
  for (let i = 0; i < values.length; i++) if (values[i]) places.push(i)
  return places
}

/**
 * Coordinates of the true elements, in row-major order.
 * @param condition bool
 * @returns int32 `[trues, rank]`
 * @throws when the condition is not bool
 * @example
 * ```ts
 * const places = await whereAsync(tensor([[true, false], [true, true]]))
 * console.log(places.arraySync()) // [[0, 0], [1, 0], [1, 1]]
 * ```
 */
export const whereAsync: WhereAsync = async (condition) => {
  const node = truth('whereAsync', 'condition', condition)
  const { shape } = node
  const strides = rowMajor(shape)
  const places = truePlaces(await read(node))
  const coordinates = places.flatMap((place) =>
    strides.map((stride, a) => Math.floor(place / stride) % shape[a]!),
  )
  return result(int32('whereAsync', coordinates, [places.length, shape.length]))
}

/**
 * The slices of `x` at which a mask is true.
 * @param mask bool; its shape is that of `x` from `axis` on, as far as it goes
 * @param axis where the mask starts (default 0)
 * @returns `x.shape` with the axes of the mask replaced by one, as long as there are trues
 * @throws when the mask is not bool, is a scalar, or its shape does not match
 * @example
 * ```ts
 * const rows = await booleanMaskAsync(tensor([[1, 2], [3, 4], [5, 6]]), tensor([true, false, true]))
 * console.log(rows.arraySync()) // [[1, 2], [5, 6]]
 * ```
 */
export const booleanMaskAsync: BooleanMask = async (x, mask, axis) => {
  const op = 'booleanMaskAsync'
  const [node, chosen] = [given(op, 'tensor', x), truth(op, 'mask', mask)]
  const rank = chosen.shape.length
  if (rank === 0) throw new ShapeError(`[${op}] mask cannot be scalar; it says true or false for each slice`)
  const from = normalizeAxis(op, axis ?? 0, node.shape.length)
  const masked = node.shape.slice(from, from + rank)
  if (!sameShape(masked, chosen.shape))
    throw new ShapeError(
      `[${op}] mask's shape must match the first K dimensions of tensor's shape,, got mask ${showShape(chosen.shape)} for axis ` +
        `${from} of ${showShape(node.shape)}`,
    )
  const rows = reshape(node, [...node.shape.slice(0, from), sizeOf(masked), ...node.shape.slice(from + rank)])
  const handle = keep(fromNode(rows))
  try {
    const places = truePlaces(await read(chosen))
    const picked = places.length
      ? gather(given(op, 'tensor', handle), int32(op, places, [places.length]), from)
      : null
    return result(
      picked ??
        constant(
          0,
          rows.dtype,
          rows.shape.map((d, a) => (a === from ? 0 : d)),
        ),
    )
  } finally {
    handle.dispose()
  }
}

// ---- distinct elements
/** What tells slices apart: −0 is 0, every NaN is one value. */
const keyOf = (x: Element): Element => (typeof x === 'number' ? x + 0 : x)

/** Numbers of the first slice of each kind along an axis, and for each slice which kind it is. */
function kinds(values: TypedArray, shape: Dims, axis: number): { firsts: number[]; kindOf: number[] } {
  const [outer, length, inner] = [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))]
  const known = new Map<Element | string, number>()
  const firsts: number[] = []
  const kindOf: number[] = []
  for (let j = 0; j < length; j++) {
    const slice: Element[] = []
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) slice.push(keyOf(values[(o * length + j) * inner + i]!))
    const key = slice.length === 1 ? slice[0]! : slice.join()
    let kind = known.get(key)
    if (kind === undefined) {
      known.set(key, (kind = firsts.length))
      firsts.push(j)
    }
    kindOf.push(kind)
  }
  return { firsts, kindOf }
}

function distinct(op: string, x: Arg, axis: number | undefined): { node: Node; along: number } {
  const node = given(op, 'x', x)
  if (node.shape.length === 0)
    throw new ShapeError(`[${op}] The input tensor must be at least 1D, got a scalar`)
  return { node, along: normalizeAxis(op, axis ?? 0, node.shape.length) }
}

function distinctSlices(op: string, node: Node, along: number, values: TypedArray): Distinct<never, never> {
  const { firsts, kindOf } = kinds(values, node.shape, along)
  const slices = firsts.length ? gather(node, int32(op, firsts, [firsts.length]), along) : node
  return { values: result(slices), indices: result(int32(op, kindOf, [kindOf.length])) }
}

/**
 * The distinct slices along an axis in the order in which they first occur, and for each slice which of them it is. Reads its
 * argument at once: where the backend cannot (WebGPU), or inside a trace, use {@link uniqueAsync} outside.
 * @param axis default 0
 * @returns `values`, and int32 `indices` `[x.shape[axis]]`
 * @throws when `x` is a scalar, or its values cannot be read at once
 * @example
 * ```ts
 * const { values, indices } = unique(tensor([1, 1, 2, 4, 4, 4, 7, 8, 8]))
 * values.print() // [1, 2, 4, 7, 8]
 * indices.print() // [0, 0, 1, 2, 2, 2, 3, 4, 4]
 * ```
 */
export const unique: Unique = (x, axis) => {
  const { node, along } = distinct('unique', x, axis)
  const handle = fromNode(node)
  try {
    return distinctSlices('unique', given('unique', 'x', handle), along, handle.dataSync())
  } finally {
    handle.dispose()
  }
}

/**
 * {@link unique} on every backend.
 * @param axis default 0
 * @returns `values`, and int32 `indices` `[x.shape[axis]]`
 * @throws when `x` is a scalar
 * @example
 * ```ts
 * const { values } = await uniqueAsync(tensor([[1, 2], [3, 4], [1, 2]]))
 * console.log(values.arraySync()) // [[1, 2], [3, 4]]
 * ```
 */
export const uniqueAsync: UniqueAsync = async (x, axis) => {
  const { node, along } = distinct('uniqueAsync', x, axis)
  const handle = keep(fromNode(node))
  try {
    const values = await handle.data()
    return distinctSlices('uniqueAsync', given('uniqueAsync', 'x', handle), along, values)
  } finally {
    handle.dispose()
  }
}

/**
 * The elements of `x` that are not in `y`, in their order and as often as they occur, and their positions.
 * @param x `[n]`
 * @param y `[m]`, of the same dtype
 * @returns the elements, and int32 positions in `x`
 * @throws when an argument is not a vector, or the dtypes differ
 * @example
 * ```ts
 * const [values, places] = await setdiff1dAsync([1, 2, 3, 4, 5, 6], [1, 3, 5])
 * console.log(values.arraySync(), places.arraySync()) // [2, 4, 6] [1, 3, 5]
 * ```
 */
export const setdiff1dAsync: SetDifference = async (x, y) => {
  const op = 'setdiff1dAsync'
  const [a, b] = [given(op, 'x', x), given(op, 'y', y)]
  if (a.dtype !== b.dtype)
    throw new DTypeError(
      `[${op}] x and y should have the same dtype, but got x (${a.dtype}) and y (${b.dtype}). Cast one`,
    )
  for (const [name, node] of [
    ['x', a],
    ['y', b],
  ] as const)
    if (node.shape.length !== 1)
      throw new ShapeError(
        `[${op}] ${name} should be 1D tensor, but got ${name} (${String(node.shape)}). Flatten it`,
      )
  const [values, others] = await Promise.all([read(a), read(b)])
  const excluded = new Set<Element>(others as Iterable<Element>)
  const places = truePlaces(Array.from(values as ArrayLike<Element>, (v) => (excluded.has(v) ? 0 : 1)))
  const left = allocate(a.dtype, places.length) as { [index: number]: Element }
  places.forEach((place, i) => (left[i] = values[place]!))
  return [
    result(hostNode(op, left as TypedArray, [places.length], a.dtype)),
    result(int32(op, places, [places.length])),
  ]
}

// ---- hits
/**
 * Whether each target is among the `k` greatest predictions of its row.
 * @param predictions `[..., classes]`
 * @param targets integers `[...]`
 * @param k default 1
 * @returns bool `[...]`
 * @throws when the shapes do not match, or `k` is not in 1 … classes
 * @example
 * ```ts
 * const hits = await inTopKAsync([[20, 10, 40, 30], [30, 50, -20, 10]], [2, 0])
 * console.log(hits.arraySync()) // [1, 0]
 * ```
 */
export const inTopKAsync: InTopK = async (predictions, targets, k) => {
  const op = 'inTopKAsync'
  const [node, wanted] = [given(op, 'predictions', predictions), given(op, 'targets', targets)]
  const rank = node.shape.length
  const count: number = k ?? 1
  if (rank < 2)
    throw new ShapeError(
      `[${op}] inTopK() expects the predictions to be of rank 2 or higher, but got ${rank}. Give [batch, classes]`,
    )
  if (rank - 1 !== wanted.shape.length)
    throw new ShapeError(
      `[${op}] predictions rank should be 1 larger than targets rank, but got predictions rank ${rank} and targets rank ` +
        `${wanted.shape.length}. Their shapes are ${showShape(node.shape)} and ${showShape(wanted.shape)}`,
    )
  if (!sameShape(node.shape.slice(0, -1), wanted.shape))
    throw new ShapeError(
      `[${op}] predictions's shape should be align with the targets' shape, except the last dimension. ` +
        `Got ${showShape(node.shape)} and ${showShape(wanted.shape)}`,
    )
  if (!(Number.isInteger(count) && count > 0 && count <= node.shape[rank - 1]!))
    throw new ShapeError(
      `[${op}] 'k' passed to inTopK() must be > 0 && <= the predictions last dimension (${node.shape[rank - 1]}), but got ${count}`,
    )
  const greatest = sort(node, rank - 1, true, count)
  const hit = s.eq(greatest, cast(reshape(wanted, [...wanted.shape, 1]), 'int32'))
  return result(reshape(reduce('max', hit, [rank - 1]), wanted.shape))
}
