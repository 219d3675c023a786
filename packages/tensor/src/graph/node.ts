// The node of the lazy graph and its hash-consing table: equal nodes are one object, so that building a graph twice costs
// no second computation. What a node means is in (prim, src, attrs, shape, dtype) and nowhere else.
import type { Body } from './body.ts'
import type { CompositeDefinition } from './composite.ts'
import { DTYPE_CODE, type DType, type Element, type TypedArray } from './dtype.ts'
import { type Dims, sameShape } from './shape.ts'
import type { ScalarName } from './scalar-table.ts'

/** The storage that a `buffer` node stands for: a value on a device or the host, or a placeholder inside a trace. */
export interface Leaf {
  readonly id: number
  readonly shape: Dims
  readonly dtype: DType
  /** The value, when it is a small integer tensor known on the host: shape arithmetic folds with it. */
  readonly host?: TypedArray | undefined
  /** Set for placeholders: who is tracing (`jit`, `vmap`, `grad`), for the error when somebody reads the value. */
  readonly tracer?: string | undefined
}

/** A number that may change between two runs of one program without a new compilation (a learning rate). */
export interface ScalarLeaf {
  readonly id: number
  readonly dtype: DType
  value: number
}

export type ReduceKind = 'sum' | 'prod' | 'max' | 'min' | 'maxNumber'
export type CumulateKind = 'sum' | 'prod' | 'max' | 'min'

/**
 * Attributes of each primitive. Semantics follow StableHLO where it has the op.
 *
 * - `map`: elementwise function of the scalar table; all sources have the node's shape.
 * - `broadcast`: same rank, dimensions of 1 stretch to the node's shape.
 * - `slice`: element i along an axis is `start + i * stride` of the source (strides ≥ 1); sizes are the node's shape.
 * - `pad`: `low[a]` before, `interior[a]` between neighbours; what the shape leaves is after. Never negative.
 * - `window`: for each axis `axes[i]` a new axis at the end runs over `size[i]` elements, `dilation[i]` apart, and the axis
 *   itself over the starts of windows, `stride[i]` apart: a view, the unfolding behind convolution and pooling.
 * - `reduce`: over `axes`, which stay as dimensions of 1. `maxNumber` may lose NaN (softmax's stabiliser: the NaN returns through exp).
 * - `argReduce`: int32 index of the first greatest or least element (NaN wins) along `axis`, which stays as 1.
 * - `cumulate`: element i along `axis` is the reduction of elements 0 … i (`exclusive`: 0 … i-1; `reverse`: from the end).
 * - `sort`: int32 positions along `axis` in stable ascending (or `descending`) order, the first `count` of them, which is the
 *   node's size there; NaN counts as greatest, −0 equals 0.
 * - `dot`: `[...batch, M, K] · [...batch, K, N]` with equal batch dimensions.
 * - `gather`: rows of `src[0]` along `axis` picked by the int32 tensor `src[1]` (any shape); indices are clamped.
 * - `scatter`: `src[0]` with `src[2]` added at the int32 indices `src[1]` along `axis`; indices outside are dropped.
 * - `iota`: the index along `axis`.
 * - `stop`: identity without a derivative. `mark`: identity with a name of its own, the point at which a gradient ends.
 * - `composite`: `src[0]` is the fallback graph over the inputs `src[1…]`; the node says what it means.
 *
 * Control flow has bodies, closed graphs over parameters, and several results; `item` number `index` is one of them.
 *
 * - `scan`: sources are constants, carried values, and sequences along axis 0, in this order, as are the parameters of
 *   the body, which sees one element of each sequence. Its results are the next carried values and elements of the outputs.
 *   Items: the last carried values, then the outputs, `[length, …]`. `direction` -1 runs from the last element to the first.
 * - `while`: sources are constants and carried values; both bodies take all of them. `condition` gives a bool of shape [], `body`
 *   the next carried values. Items: the last carried values.
 * - `if`: sources are a bool of shape [] and the operands of both bodies. Items: the results of `yes` or of `no`.
 * - `whilePullback`: what transposing a `while` gives: never computed, forward mode differentiates through it.
 */
export interface Attributes {
  buffer: { readonly leaf: Leaf }
  const: { readonly value: Element }
  scalar: { readonly leaf: ScalarLeaf }
  iota: { readonly axis: number }
  map: { readonly fn: ScalarName }
  reshape: NoAttributes
  transpose: { readonly perm: Dims }
  broadcast: NoAttributes
  slice: { readonly start: Dims; readonly stride: Dims }
  pad: { readonly low: Dims; readonly interior: Dims; readonly value: Element }
  reverse: { readonly axes: Dims }
  concat: { readonly axis: number }
  window: { readonly axes: Dims; readonly size: Dims; readonly stride: Dims; readonly dilation: Dims }
  reduce: { readonly kind: ReduceKind; readonly axes: Dims }
  argReduce: { readonly kind: 'max' | 'min'; readonly axis: number }
  cumulate: {
    readonly kind: CumulateKind
    readonly axis: number
    readonly exclusive: boolean
    readonly reverse: boolean
  }
  sort: { readonly axis: number; readonly descending: boolean }
  dot: NoAttributes
  gather: { readonly axis: number }
  scatter: { readonly axis: number }
  stop: NoAttributes
  mark: { readonly serial: number }
  composite: { readonly definition: CompositeDefinition; readonly config: string }
  scan: {
    readonly body: Body
    readonly length: number
    readonly direction: number
    readonly constants: number
    readonly carries: number
  }
  while: WhileAttributes
  if: { readonly yes: Body; readonly no: Body }
  whilePullback: WhileAttributes
  item: { readonly index: number }
}
export interface WhileAttributes {
  readonly condition: Body
  readonly body: Body
  readonly constants: number
}
export interface NoAttributes {
  readonly none?: undefined
}
export type PrimitiveName = keyof Attributes

export interface NodeOf<P extends PrimitiveName> {
  readonly prim: P
  /** Sources; emptied when the value is known, unless a gradient scope needs them. */
  src: readonly Node[]
  readonly attrs: Attributes[P]
  readonly shape: Dims
  readonly dtype: DType
  readonly id: number
  /** Where the value lies once it has been computed. */
  value: Leaf | null
}
export type Node = { [P in PrimitiveName]: NodeOf<P> }[PrimitiveName]

export const PRIMITIVE_CODE: { readonly [P in PrimitiveName]: number } = {
  buffer: 1,
  const: 2,
  scalar: 3,
  iota: 4,
  map: 5,
  reshape: 6,
  transpose: 7,
  broadcast: 8,
  slice: 9,
  pad: 10,
  reverse: 11,
  concat: 12,
  reduce: 13,
  argReduce: 14,
  dot: 15,
  gather: 16,
  scatter: 17,
  stop: 18,
  mark: 19,
  composite: 20,
  window: 21,
  cumulate: 30,
  sort: 31,
  scan: 22,
  while: 23,
  if: 24,
  item: 25,
  whilePullback: 26,
}

/** Primitives that only move elements: the scheduler turns them into index arithmetic. */
export const MOVEMENT: ReadonlySet<PrimitiveName> = new Set([
  'reshape',
  'transpose',
  'broadcast',
  'slice',
  'reverse',
  'window',
  'stop',
  'mark',
])

// ---- hashing
export const mix = (h: number, x: number): number => {
  const m = Math.imul(h ^ x, 0x9e3779b1)
  return m ^ (m >>> 15)
}
const float64 = new Float64Array(1)
const words = new Int32Array(float64.buffer)
const stringHashes = new Map<string, number>()

function hashString(s: string): number {
  let h = stringHashes.get(s)
  if (h === undefined) {
    h = 7
    for (let i = 0; i < s.length; i++) h = mix(h, s.charCodeAt(i))
    stringHashes.set(s, h)
  }
  return h
}

function hashNumber(h: number, x: number): number {
  if ((x | 0) === x && !Object.is(x, -0)) return mix(h, x)
  float64[0] = x
  return mix(mix(h, words[0]!), words[1]!)
}

type AttributeValue = Element | string | Dims | { readonly id: number } | undefined

/** Hash of attributes. `identify` numbers leaves (by identity in the table, by slot in a program key). */
export function hashAttributes(
  h: number,
  attrs: object,
  identify: (leaf: { readonly id: number }) => number,
): number {
  for (const key in attrs) {
    const v = (attrs as Record<string, AttributeValue>)[key]
    if (typeof v === 'number') h = hashNumber(h, v)
    else if (typeof v === 'string') h = mix(h, hashString(v))
    else if (typeof v === 'bigint') h = mix(h, hashString(String(v)))
    else if (Array.isArray(v)) for (let i = 0; i < v.length; i++) h = hashNumber(h, v[i] as number)
    else if (v !== undefined) h = mix(h, identify(v as { readonly id: number }))
  }
  return h
}

/** Equality of attributes of two nodes of one primitive; `same` compares leaves. NaN equals NaN, 0 differs from -0. */
export function sameAttributes(
  a: object,
  b: object,
  same: (a: { readonly id: number }, b: { readonly id: number }) => boolean,
): boolean {
  for (const key in a) {
    const x = (a as Record<string, AttributeValue>)[key]
    const y = (b as Record<string, AttributeValue>)[key]
    if (Object.is(x, y)) continue
    if (Array.isArray(x) && Array.isArray(y)) {
      if (!sameShape(x as Dims, y as Dims)) return false
    } else if (typeof x === 'object' && typeof y === 'object' && !Array.isArray(x) && !Array.isArray(y)) {
      if (!same(x as { id: number }, y as { id: number })) return false
    } else return false
  }
  return true
}

// ---- the table
let table = new Map<number, Node[]>()
let nextId = 1
const identity = (leaf: { readonly id: number }): number => leaf.id
const sameIdentity = (a: object, b: object): boolean => a === b

/** How many distinct nodes have been made since the start: a test's measure of work done in JavaScript. */
export const nodesCreated = (): number => nextId - 1
/** Ids at or above this belong to nodes made after the call. */
export const nextNodeId = (): number => nextId
/** A number that no other call returns: the name of a `mark`, a leaf, a scalar. */
let nextSerial = 1
export const serial = (): number => nextSerial++

/** Forgets all nodes. Called at each flush: the table must not keep buffers alive, and nothing may rely on it. */
export function clearNodeTable(): void {
  table = new Map()
}

/** Runs `fn` with an empty table of its own: nodes made in a trace are never shared with nodes outside. */
export function withOwnNodeTable<T>(fn: () => T): T {
  const outer = table
  table = new Map()
  try {
    return fn()
  } finally {
    table = outer
  }
}

/** The node with this meaning: the existing one, else a new one. */
export function makeNode<P extends PrimitiveName>(
  prim: P,
  src: readonly Node[],
  attrs: Attributes[P],
  shape: Dims,
  dtype: DType,
): NodeOf<P> {
  let h = mix(PRIMITIVE_CODE[prim], DTYPE_CODE[dtype])
  for (let i = 0; i < src.length; i++) h = mix(h, src[i]!.id)
  for (let i = 0; i < shape.length; i++) h = mix(h, shape[i]!)
  h = hashAttributes(h, attrs, identity)
  let bucket = table.get(h)
  if (bucket) {
    for (const n of bucket)
      if (
        n.prim === prim &&
        n.dtype === dtype &&
        n.value === null &&
        sameSources(n.src, src) &&
        sameShape(n.shape, shape) &&
        sameAttributes(n.attrs, attrs, sameIdentity)
      )
        return n as NodeOf<P>
  } else table.set(h, (bucket = []))
  const node: NodeOf<P> = { prim, src, attrs, shape, dtype, id: nextId++, value: null }
  bucket.push(node as Node)
  return node
}

function sameSources(a: readonly Node[], b: readonly Node[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
