// The graph as the scheduler works on it: one object a node with its users and what has been decided about it. Pads and
// concatenations are buffers that are filled part by part; each part is a value of its own, a placement.
import type { DType, Element } from '../graph/dtype.ts'
import { MOVEMENT, makeNode, type Node } from '../graph/node.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import type { Cluster } from './cluster.ts'
import { postOrder } from './post-order.ts'

/** Where a part lies in a buffer: element i along an axis goes to `low + i * step`. */
export interface Placement {
  target: Value
  readonly low: Dims
  readonly step: Dims
  /** What the rest of the buffer is set to first. */
  readonly fill: Element | undefined
}

export interface Value {
  /** Position in topological order. */
  readonly id: number
  readonly node: Node
  readonly src: readonly Value[]
  readonly users: Value[]
  readonly shape: Dims
  readonly size: number
  readonly dtype: DType
  /** This value is the store of one part into a pad or concatenation, its only source is the part. */
  readonly placement: Placement | null
  /** Of a pad or concatenation: the placements that fill it. */
  readonly parts: readonly Value[]
  isRoot: boolean
  /** Gets a buffer if anybody outside of its kernel reads it. */
  realised: boolean
  /** When that was decided: 0 before scheduling, else by {@link storeNow}. */
  realisedAt: number
  /** When it was put into a kernel: if it is lowered again, what got a buffer later is still inlined. */
  placedAt: number
  /** The kernel that computes it. */
  cluster: Cluster | null
  /** Mark of the last graph walk that came by. */
  visited: number
}

export interface ValueGraph {
  /** Sources before users. */
  readonly values: readonly Value[]
  readonly roots: readonly Value[]
  /** Kept nodes by position in the request; null where none is left. */
  readonly keep: readonly (Value | null)[]
}

export const isBuffer = (v: Value): boolean => v.node.prim === 'buffer'
/** Can be loaded from memory (or is computed by the kernel at hand). */
export const isStored = (v: Value): boolean => v.realised || v.node.prim === 'buffer'
export const isMovement = (v: Value): boolean => v.placement === null && MOVEMENT.has(v.node.prim)

/** Zeros around one part without gaps: an operand of a product can be read through it. */
export const isZeroPad = ({ node, parts }: Value): boolean =>
  node.prim === 'pad' &&
  parts.length === 1 &&
  Object.is(Number(node.attrs.value), 0) &&
  node.attrs.interior.every((gap, axis) => gap === 0 || parts[0]!.shape[axis]! <= 1)

/** A stored value or leaf below nothing but reshapes, which do not change the linear address. */
export function throughReshapes(v: Value): Value {
  while (v.node.prim === 'reshape' && !v.realised) v = v.src[0]!
  return v
}

/** How many elements a kernel walks to compute `v`. */
export const walkedSize = (v: Value): number =>
  v.node.prim === 'reduce' && v.placement === null ? v.src[0]!.size : v.size

/** Whether reading `v` is little beside walking `size` elements: no reason to share a kernel. */
export const isSmallBeside = (v: Value, size: number): boolean => v.size * 4 < size

let clock = 0
/** The present on the clock of late decisions. */
export const storeTime = (): number => clock
/**
 * Decides while kernels are being built that `v` gets a buffer. Kernels that have inlined it go on to compute it themselves:
 * its own kernel may need theirs.
 */
export function storeNow(v: Value): void {
  v.realised = true
  v.realisedAt = ++clock
}

let walk = 0
/** A number for a new walk over `visited`. */
export const nextWalk = (): number => ++walk

const NO_PARTS: readonly Value[] = []

/** Memory that one kernel uses while it runs; no value of the graph. */
export function workValue(dtype: DType, size: number): Value {
  const node = makeNode('const', [], { value: 0 }, [], dtype)
  return { ...plainValue(-1, node, []), shape: [size], size, realised: true }
}

/** Builds values for everything below the roots. */
export function valueGraph(roots: readonly Node[], keep: readonly (Node | null)[]): ValueGraph {
  const values: Value[] = []
  const of = new Map<Node, Value>()
  const make = (
    node: Node,
    src: readonly Value[],
    more: Partial<Pick<Value, 'placement' | 'parts'>> = {},
  ): Value => {
    const shape = more.placement ? src[0]!.shape : node.shape
    const v: Value = { ...plainValue(values.length, node, src), shape, size: sizeOf(shape), ...more }
    for (const s of src) if (s.users[s.users.length - 1] !== v) s.users.push(v)
    values.push(v)
    return v
  }
  for (const node of postOrder(roots, (n) => n.src)) {
    const src = node.src.map((s) => of.get(s)!)
    of.set(node, node.prim === 'pad' || node.prim === 'concat' ? assembled(node, src, make) : make(node, src))
  }
  const rootValues = roots.map((n) => of.get(n)!)
  for (const v of rootValues) v.isRoot = true
  return { values, roots: rootValues, keep: keep.map((n) => (n && of.get(n)) ?? null) }
}

const plainValue = (id: number, node: Node, src: readonly Value[]): Value => ({
  id,
  node,
  src,
  users: [],
  shape: node.shape,
  size: 0,
  dtype: node.dtype,
  placement: null,
  parts: NO_PARTS,
  isRoot: false,
  realised: false,
  realisedAt: 0,
  placedAt: 0,
  cluster: null,
  visited: 0,
})

type Make = (node: Node, src: readonly Value[], more?: Partial<Pick<Value, 'placement' | 'parts'>>) => Value

/** A pad or concatenation: placements first, then the buffer that they fill, which the placements then name. */
function assembled(node: Node, src: readonly Value[], make: Make): Value {
  const placements = placementsOf(node, src)
  const parts = placements.map((placement, i) => make(node, [src[i]!], { placement }))
  const target = make(node, parts, { parts })
  for (const placement of placements) placement.target = target
  return target
}

/** Where each source of `node` lies in it; the target is not known yet. */
function placementsOf(node: Node, src: readonly Value[]): Placement[] {
  const target = null as unknown as Value
  if (node.prim === 'pad') {
    const { low, interior, value } = node.attrs
    return [{ target, low, step: interior.map((v) => v + 1), fill: value }]
  }
  const axis = node.prim === 'concat' ? node.attrs.axis : 0
  const step = node.shape.map(() => 1)
  let end = 0
  return src.map((part) => {
    const at = end
    end += part.shape[axis]!
    return { target, low: node.shape.map((_, a) => (a === axis ? at : 0)), step, fill: undefined }
  })
}

/** A copy of a value as a value of its own (a root that is a leaf). */
export const copyOf = (n: Node): Node => makeNode('stop', [n], {}, n.shape, n.dtype)
