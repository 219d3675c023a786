// One constructor for each primitive: checks the arguments, infers shape and dtype, removes what is an identity, makes the
// node. Operations, gradients, batching rules and rewrites all build graphs through these and nothing else.
import { DTypeError, ShapeError } from '../errors.ts'
import { foldHost } from './host-values.ts'
import {
  type CumulateKind,
  type Leaf,
  makeNode,
  type Node,
  type ReduceKind,
  type ScalarLeaf,
  serial,
} from './node.ts'
import { type DType, type Element, isFloat, toElement } from './dtype.ts'
import { evaluateScalar, SCALARS, type ScalarName, type ScalarOps, scalarDtype } from './scalar-table.ts'
import { type Dims, broadcastShapes, rowMajor, sameShape, showShape, sizeOf } from './shape.ts'

const NO_ATTRIBUTES = {}

// ---- leaves
export const buffer = (leaf: Leaf): Node => makeNode('buffer', [], { leaf }, leaf.shape, leaf.dtype)
/** A leaf without a value, for the function that `tracer` traces: whoever reads it gets an error that names the tracer. */
export const placeholder = (shape: Dims, dtype: DType, tracer: string): Node =>
  buffer({ id: serial(), shape, dtype, tracer })
/** A run-time scalar: shape [], its value is read at each run. */
export const scalarInput = (leaf: ScalarLeaf): Node => makeNode('scalar', [], { leaf }, [], leaf.dtype)

/** `value` everywhere in `shape`. */
export function constant(value: Element | boolean, dtype: DType, shape: Dims = []): Node {
  return broadcastTo(makeNode('const', [], { value: toElement(dtype, value) }, [], dtype), shape)
}

/** `[0, 1, …]` along `axis` of `shape`. */
export function iota(shape: Dims, axis: number, dtype: DType = 'int32'): Node {
  return makeNode('iota', [], { axis }, shape, dtype)
}

// ---- elementwise
/** The number that a node is everywhere, if it is a constant seen through movement. */
export function constantOf(x: Node): Element | undefined {
  while (x.prim === 'broadcast' || x.prim === 'reshape') x = x.src[0]!
  return x.prim === 'const' ? x.attrs.value : undefined
}

/** Elementwise `fn` with NumPy broadcasting; numbers adopt the dtype of the first node (of a branch, in `select`). */
export function map(fn: Exclude<ScalarName, 'cast' | 'bitcast'>, ...args: readonly (Node | number)[]): Node {
  let typed: Node | undefined
  for (let i = fn === 'select' ? 1 : 0; i < args.length && !typed; i++)
    if (typeof args[i] === 'object') typed = args[i] as Node
  if (!typed) throw new ShapeError(`[${fn}] at least one argument must be a tensor`)
  const nodes = args.map((a) => (typeof a === 'number' ? constant(a, typed.dtype) : a))
  let shape = nodes[0]!.shape
  for (let i = 1; i < nodes.length; i++)
    if (!sameShape(shape, nodes[i]!.shape)) shape = broadcastShapes(fn, shape, nodes[i]!.shape)
  const dtype = scalarDtype(
    fn,
    nodes.map((n) => n.dtype),
  )
  return simplified(fn, nodes, shape, dtype) ?? mapNode(fn, nodes, shape, dtype)
}

function mapNode(fn: ScalarName, nodes: readonly Node[], shape: Dims, dtype: DType): Node {
  const src = nodes.map((n) => broadcastTo(n, shape))
  return foldHost('map', src, { fn }, shape, dtype) ?? makeNode('map', src, { fn }, shape, dtype)
}

/** Constants folded and identities removed (x·1, x÷1, x−0; never x+0 or x·0, which change −0, NaN and infinity). */
function simplified(fn: ScalarName, nodes: readonly Node[], shape: Dims, dtype: DType): Node | undefined {
  const values = nodes.map(constantOf)
  if (fn !== 'threefry' && values.every((v) => v !== undefined))
    return constant(evaluateScalar(fn, nodes[nodes.length - 1]!.dtype, values), dtype, shape)
  const is = (i: number, value: number): boolean =>
    values[i] !== undefined && Object.is(Number(values[i]), value)
  if (fn === 'mul' && is(1, 1)) return broadcastTo(nodes[0]!, shape)
  if (fn === 'mul' && is(0, 1)) return broadcastTo(nodes[1]!, shape)
  if (fn === 'div' && is(1, 1)) return broadcastTo(nodes[0]!, shape)
  if (fn === 'sub' && is(1, 0)) return broadcastTo(nodes[0]!, shape)
  if (fn === 'add' && !isFloat(dtype) && is(1, 0)) return broadcastTo(nodes[0]!, shape)
  if (fn === 'add' && !isFloat(dtype) && is(0, 0)) return broadcastTo(nodes[1]!, shape)
  return undefined
}

export function cast(x: Node, dtype: DType): Node {
  if (x.dtype === dtype) return x
  const c = constantOf(x)
  if (c !== undefined) return constant(c, dtype, x.shape)
  return mapNode('cast', [x], x.shape, dtype)
}

/** The same 32 bits read as another dtype: int32 ↔ float32. */
export function bitcast(x: Node, dtype: DType): Node {
  const ok = (x.dtype === 'int32' && dtype === 'float32') || (x.dtype === 'float32' && dtype === 'int32')
  if (x.dtype === dtype) return x
  if (!ok) throw new DTypeError(`[bitcast] reinterprets int32 as float32 or back, got ${x.dtype} to ${dtype}`)
  return mapNode('bitcast', [x], x.shape, dtype)
}

/** Every row of the scalar table as a function on nodes. */
export const s: ScalarOps = Object.assign(
  Object.fromEntries(
    (Object.keys(SCALARS) as ScalarName[]).map((fn) => [
      fn,
      (...args: (Node | number)[]) => map(fn as 'add', ...args),
    ]),
  ),
  { cast, bitcast },
) as unknown as ScalarOps

// ---- movement
export function reshape(x: Node, shape: Dims): Node {
  if (sameShape(x.shape, shape)) return x
  if (sizeOf(shape) !== sizeOf(x.shape))
    throw new ShapeError(
      `[reshape] ${showShape(x.shape)} holds ${sizeOf(x.shape)} values, ${showShape(shape)} holds ${sizeOf(shape)}`,
    )
  while (x.prim === 'reshape') x = x.src[0]!
  if (sameShape(x.shape, shape)) return x
  return (
    foldHost('reshape', [x], NO_ATTRIBUTES, shape, x.dtype) ??
    makeNode('reshape', [x], NO_ATTRIBUTES, shape, x.dtype)
  )
}

/** Axis i of the result is axis `perm[i]` of `x`. */
export function transpose(x: Node, perm: Dims): Node {
  if (perm.length !== x.shape.length || perm.toSorted((a, b) => a - b).some((p, i) => p !== i))
    throw new ShapeError(
      `[transpose] perm ${showShape(perm)} is not a permutation of the axes of ${showShape(x.shape)}`,
    )
  if (perm.every((p, i) => p === i)) return x
  if (x.prim === 'transpose') {
    const inner = x.attrs.perm
    return transpose(
      x.src[0]!,
      perm.map((p) => inner[p]!),
    )
  }
  const shape = perm.map((p) => x.shape[p]!)
  return (
    foldHost('transpose', [x], { perm }, shape, x.dtype) ??
    makeNode('transpose', [x], { perm }, shape, x.dtype)
  )
}

/** NumPy's rule: aligned at the right, dimensions of 1 stretch. */
export function broadcastTo(x: Node, shape: Dims): Node {
  if (sameShape(x.shape, shape)) return x
  if (x.shape.length < shape.length) {
    const ones = Array<number>(shape.length - x.shape.length).fill(1)
    x = reshape(x, [...ones, ...x.shape])
    if (sameShape(x.shape, shape)) return x
  }
  if (x.shape.length > shape.length || x.shape.some((d, i) => d !== shape[i] && d !== 1))
    throw new ShapeError(`[broadcastTo] ${showShape(x.shape)} does not stretch to ${showShape(shape)}`)
  if (x.prim === 'broadcast') x = x.src[0]!
  return (
    foldHost('broadcast', [x], NO_ATTRIBUTES, shape, x.dtype) ??
    makeNode('broadcast', [x], NO_ATTRIBUTES, shape, x.dtype)
  )
}

/** `size[a]` elements from `start[a]` in steps of `stride[a]` (≥ 1) along each axis. */
export function slice(x: Node, start: Dims, size: Dims, stride: Dims = start.map(() => 1)): Node {
  for (let a = 0; a < x.shape.length; a++) {
    const last = start[a]! + Math.max(size[a]! - 1, 0) * stride[a]!
    if (start[a]! < 0 || size[a]! < 0 || stride[a]! < 1 || (size[a]! > 0 && last >= x.shape[a]!))
      throw new ShapeError(
        `[slice] start ${showShape(start)}, size ${showShape(size)}, stride ${showShape(stride)} leave ${showShape(x.shape)} ` +
          `at axis ${a}`,
      )
  }
  if (sameShape(size, x.shape)) return x
  return (
    foldHost('slice', [x], { start, stride }, size, x.dtype) ??
    makeNode('slice', [x], { start, stride }, size, x.dtype)
  )
}

/** `low` before, `high` after, `interior` between neighbours, all ≥ 0, filled with `value`. */
export function pad(
  x: Node,
  low: Dims,
  high: Dims,
  interior: Dims = low.map(() => 0),
  value: Element = 0,
): Node {
  if ([...low, ...high, ...interior].some((v) => v < 0))
    throw new ShapeError(`[pad] paddings are 0 or more, got low ${showShape(low)}, high ${showShape(high)}`)
  if ([...low, ...high, ...interior].every((v) => v === 0)) return x
  const shape = x.shape.map(
    (d, a) => low[a]! + high[a]! + Math.max(0, (d - 1) * (interior[a]! + 1) + (d > 0 ? 1 : 0)),
  )
  const attrs = { low, interior, value: toElement(x.dtype, value) }
  return foldHost('pad', [x], attrs, shape, x.dtype) ?? makeNode('pad', [x], attrs, shape, x.dtype)
}

export function reverse(x: Node, axes: Dims): Node {
  const real = axes.filter((a) => x.shape[a]! > 1)
  if (!real.length) return x
  return (
    foldHost('reverse', [x], { axes: real }, x.shape, x.dtype) ??
    makeNode('reverse', [x], { axes: real }, x.shape, x.dtype)
  )
}

/** How many windows of `size` elements, `dilation` apart, start `stride` apart in `length` elements. */
export const windowCount = (length: number, size: number, stride: number, dilation: number): number =>
  Math.max(0, Math.floor((length - (size - 1) * dilation - 1) / stride) + 1)

/**
 * Windows over axes, as a view: `[…, windows, …, size…]`. Axis `axes[i]` runs over the starts of windows, a new axis at the end
 * over the `size[i]` elements of one.
 */
export function window(
  x: Node,
  axes: Dims,
  size: Dims,
  stride: Dims = axes.map(() => 1),
  dilation: Dims = axes.map(() => 1),
): Node {
  const fits = axes.every(
    (a, i) => size[i]! >= 1 && stride[i]! >= 1 && dilation[i]! >= 1 && a < x.shape.length,
  )
  if (!fits)
    throw new ShapeError(
      `[window] sizes, strides and dilations are 1 or more, got ${showShape(size)}, ${showShape(stride)} and ` +
        `${showShape(dilation)} for axes ${showShape(axes)} of ${showShape(x.shape)}`,
    )
  const shape = [...x.shape, ...size]
  axes.forEach((a, i) => (shape[a] = windowCount(x.shape[a]!, size[i]!, stride[i]!, dilation[i]!)))
  const attrs = { axes, size, stride, dilation }
  return foldHost('window', [x], attrs, shape, x.dtype) ?? makeNode('window', [x], attrs, shape, x.dtype)
}

export function concat(xs: readonly Node[], axis: number): Node {
  const first = xs[0]!
  for (const x of xs)
    if (
      x.dtype !== first.dtype ||
      x.shape.length !== first.shape.length ||
      x.shape.some((d, a) => a !== axis && d !== first.shape[a])
    )
      throw new ShapeError(
        `[concat] all tensors need one dtype and equal shapes outside axis ${axis}, got ` +
          xs.map((t) => `${t.dtype} ${showShape(t.shape)}`).join(', '),
      )
  const parts = xs.filter((x) => x.shape[axis]! > 0)
  if (parts.length <= 1) return parts[0] ?? first
  const shape = first.shape.map((d, a) => (a === axis ? parts.reduce((n, x) => n + x.shape[axis]!, 0) : d))
  return (
    foldHost('concat', parts, { axis }, shape, first.dtype) ??
    makeNode('concat', parts, { axis }, shape, first.dtype)
  )
}

// ---- reductions and products
/** Reduces over `axes`, which stay as dimensions of 1. */
export function reduce(kind: ReduceKind, x: Node, axes: Dims): Node {
  if ((kind === 'sum' || kind === 'prod') && x.dtype === 'bool')
    throw new DTypeError(`[${kind}] adds numbers, got bool; cast to int32 first`)
  const real = axes.filter((a) => x.shape[a] !== 1)
  if (!real.length) return x
  const shape = x.shape.map((d, a) => (real.includes(a) ? 1 : d))
  return (
    foldHost('reduce', [x], { kind, axes: real }, shape, x.dtype) ??
    makeNode('reduce', [x], { kind, axes: real }, shape, x.dtype)
  )
}

/** int32 index of the first greatest or least element along `axis`, which stays as 1. */
export function argReduce(kind: 'max' | 'min', x: Node, axis: number): Node {
  if (x.shape[axis] === 0) throw new ShapeError(`[arg${kind}] axis ${axis} of ${showShape(x.shape)} is empty`)
  const shape = x.shape.map((d, a) => (a === axis ? 1 : d))
  return makeNode('argReduce', [x], { kind, axis }, shape, 'int32')
}

/** How a `cumulate` runs: which way, and whether an element is part of its own result. */
export interface CumulateOptions {
  readonly exclusive?: boolean | undefined
  readonly reverse?: boolean | undefined
}

/** Running reduction along `axis`; the shape stays. */
export function cumulate(kind: CumulateKind, x: Node, axis: number, options: CumulateOptions = {}): Node {
  const { exclusive = false, reverse: backwards = false } = options
  if ((kind === 'sum' || kind === 'prod') && x.dtype === 'bool')
    throw new DTypeError(`[cum${kind}] adds up numbers, got bool; cast to int32 first`)
  if (!exclusive && x.shape[axis]! <= 1) return x
  const attrs = { kind, axis, exclusive, reverse: backwards }
  return (
    foldHost('cumulate', [x], attrs, x.shape, x.dtype) ?? makeNode('cumulate', [x], attrs, x.shape, x.dtype)
  )
}

/** int32 positions of the first `count` elements along `axis` in stable order; NaN counts as greatest. */
export function sort(x: Node, axis: number, descending: boolean, count: number = x.shape[axis]!): Node {
  const length = x.shape[axis]!
  if (!Number.isInteger(count) || count < 0 || count > length)
    throw new ShapeError(
      `[sort] ${count} of the ${length} elements along axis ${axis} of ${showShape(x.shape)} were asked for`,
    )
  const shape = x.shape.map((d, a) => (a === axis ? count : d))
  if (length <= 1 || count === 0) return constant(0, 'int32', shape)
  const attrs = { axis, descending }
  return foldHost('sort', [x], attrs, shape, 'int32') ?? makeNode('sort', [x], attrs, shape, 'int32')
}

/** `[...batch, M, K] · [...batch, K, N]`, batch dimensions equal. */
export function dot(a: Node, b: Node): Node {
  const r = a.shape.length
  const k = a.shape[r - 1]
  const fits =
    r >= 2 &&
    b.shape.length === r &&
    k === b.shape[r - 2] &&
    a.shape.slice(0, -2).every((d, i) => d === b.shape[i])
  if (!fits || a.dtype !== b.dtype || a.dtype === 'bool')
    throw new ShapeError(
      `[dot] expects [...batch, M, K] and [...batch, K, N] of one number dtype, got ${a.dtype} ${showShape(a.shape)} and ` +
        `${b.dtype} ${showShape(b.shape)}`,
    )
  return makeNode('dot', [a, b], NO_ATTRIBUTES, [...a.shape.slice(0, -1), b.shape[r - 1]!], a.dtype)
}

// ---- indexed
/** Slices of `x` along `axis` picked by int32 `indices` (clamped): shape is `x.shape` with `axis` replaced by `indices.shape`. */
export function gather(x: Node, indices: Node, axis: number): Node {
  if (indices.dtype !== 'int32') throw new DTypeError(`[gather] indices must be int32, got ${indices.dtype}`)
  if (x.shape[axis] === 0 && sizeOf(indices.shape) > 0)
    throw new ShapeError(`[gather] axis ${axis} of ${showShape(x.shape)} is empty, there is nothing to pick`)
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
  return (
    foldHost('gather', [x, indices], { axis }, shape, x.dtype) ??
    makeNode('gather', [x, indices], { axis }, shape, x.dtype)
  )
}

/** Elements of `x` at int32 `positions` along `axis`, each line with its own: shapes agree outside of `axis`. */
export function takeAlong(x: Node, positions: Node, axis: number): Node {
  const lines = x.shape.map((d, a) => (a === axis ? 1 : d))
  const strides = rowMajor(x.shape)
  let base = constant(0, 'int32', lines)
  for (let a = 0; a < lines.length; a++)
    if (lines[a]! > 1) base = map('add', base, map('mul', iota(lines, a), strides[a]!))
  const at = map('add', base, map('mul', positions, strides[axis]!))
  return gather(reshape(x, [sizeOf(x.shape)]), at, 0)
}

/** `x` with `updates` added along `axis` at `indices`; `updates` has the shape that `gather(x, indices, axis)` has. */
export function scatterAdd(x: Node, indices: Node, updates: Node, axis: number): Node {
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
  if (indices.dtype !== 'int32' || updates.dtype !== x.dtype || !sameShape(updates.shape, shape))
    throw new ShapeError(
      `[scatterAdd] expects int32 indices and ${x.dtype} updates ${showShape(shape)}, got ${indices.dtype} ` +
        `${showShape(indices.shape)} and ${updates.dtype} ${showShape(updates.shape)}`,
    )
  return makeNode('scatter', [x, indices, updates], { axis }, x.shape, x.dtype)
}

// ---- markers
/** Identity whose derivative is none. */
export const stop = (x: Node): Node =>
  x.prim === 'stop' ? x : makeNode('stop', [x], NO_ATTRIBUTES, x.shape, x.dtype)
/** Identity that is a node of its own: a point at which gradients, or a trace, can be taken. */
export const mark = (x: Node): Node => makeNode('mark', [x], { serial: serial() }, x.shape, x.dtype)

/** Any node again with other sources: what rewrites and batching use for primitives they do not treat. */
export function withSources(n: Node, src: readonly Node[]): Node {
  if (src.every((x, i) => x === n.src[i])) return n
  return makeNode(n.prim, src, n.attrs, n.shape, n.dtype) as Node
}
