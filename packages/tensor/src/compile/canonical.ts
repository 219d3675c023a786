// The canonical form of a request: its nodes numbered depth first, leaves and run-time scalars numbered by first appearance,
// and an integer hash over all of it. Two requests of one form share a compiled plan, whatever objects they are made of.
import { DTYPE_CODE, type DType } from '../graph/dtype.ts'
import {
  hashAttributes,
  type Leaf,
  mix,
  type Node,
  PRIMITIVE_CODE,
  type PrimitiveName,
  sameAttributes,
  type ScalarLeaf,
} from '../graph/node.ts'
import { SCALAR_NAMES, type ScalarName } from '../graph/scalar-table.ts'
import { type Dims, sameShape } from '../graph/shape.ts'
import type { PlanRequest } from './plan.ts'

/** A request in canonical form. Arrays are owned by the caller. */
export interface Canonical {
  readonly hash: number
  /** Sources before users; markers are left out, computed nodes count as buffers. */
  readonly nodes: readonly Node[]
  /** Numbers of the sources of all nodes, one node after the other. */
  readonly edges: Int32Array
  readonly roots: readonly number[]
  /** Root number, leaf slot; one pair after the other. */
  readonly inPlace: readonly number[]
  /** Numbers of the kept nodes, -1 for those that no root needs. */
  readonly keep: readonly number[]
  readonly leaves: readonly Leaf[]
  readonly scalars: readonly ScalarLeaf[]
}

/** What a plan remembers of its request: everything but leaves and scalars. */
export interface CanonicalKey {
  readonly hash: number
  readonly prims: readonly PrimitiveName[]
  readonly dtypes: readonly DType[]
  readonly shapes: readonly Dims[]
  /** Attributes; slot numbers for buffers and scalars. */
  readonly attributes: readonly (object | number)[]
  readonly edges: Int32Array
  readonly roots: readonly number[]
  readonly inPlace: readonly number[]
  readonly keep: readonly number[]
}

const FUNCTION_CODE = new Map<ScalarName, number>(SCALAR_NAMES.map((fn, i) => [fn, i + 1]))

/** The node that computes: markers and composites stand for their first source. */
export function throughMarkers(n: Node): Node {
  while (n.value === null && (n.prim === 'mark' || n.prim === 'stop' || n.prim === 'composite')) n = n.src[0]!
  return n
}

export const isLeaf = (n: Node): boolean => n.value !== null || n.prim === 'buffer'
export const leafOf = (n: Node): Leaf => n.value ?? (n as Extract<Node, { prim: 'buffer' }>).attrs.leaf

/** Node → number, by open addressing on ids: the one table of the hot path, reused by all calls. */
class NodeNumbers {
  #size = 1024
  #stamp = new Int32Array(this.#size)
  #number = new Int32Array(this.#size)
  #now = 0
  #nodes: Node[] = []

  start(nodes: Node[]): void {
    this.#nodes = nodes
    this.#now++
  }

  find(n: Node): number {
    const mask = this.#size - 1
    for (let at = n.id & mask; this.#stamp[at] === this.#now; at = (at + 1) & mask) {
      const number = this.#number[at]!
      if (this.#nodes[number] === n) return number
    }
    return -1
  }

  /** Numbers `n`, which is last in the list of nodes. */
  add(n: Node): void {
    if (this.#nodes.length * 2 > this.#size) this.#grow()
    else this.#put(n, this.#nodes.length - 1)
  }

  #put(n: Node, number: number): void {
    const mask = this.#size - 1
    let at = n.id & mask
    while (this.#stamp[at] === this.#now) at = (at + 1) & mask
    this.#stamp[at] = this.#now
    this.#number[at] = number
  }

  #grow(): void {
    this.#size *= 4
    this.#stamp = new Int32Array(this.#size)
    this.#number = new Int32Array(this.#size)
    this.#now = 1
    for (let i = 0; i < this.#nodes.length; i++) this.#put(this.#nodes[i]!, i)
  }
}
const numbers = new NodeNumbers()
let edgeScratch = new Int32Array(4096)
const pending: Node[] = []
const cursors: number[] = []

function slotOf<T>(slots: Map<T, number>, item: T): number {
  let slot = slots.get(item)
  if (slot === undefined) slots.set(item, (slot = slots.size))
  return slot
}
const noIdentity = (): number => 0

/** Numbers and hashes a request. `salt` holds what else the plan depends on (options, capabilities). */
export function canonicalize(request: PlanRequest, salt = 0): Canonical {
  const nodes: Node[] = []
  const leaves = new Map<Leaf, number>()
  const scalars = new Map<ScalarLeaf, number>()
  let edgeCount = 0
  let hash = mix(17, salt)
  numbers.start(nodes)

  const finish = (n: Node): void => {
    let h = mix(PRIMITIVE_CODE[n.prim], DTYPE_CODE[n.dtype])
    if (isLeaf(n)) h = mix(PRIMITIVE_CODE.buffer, slotOf(leaves, leafOf(n)))
    else {
      const src = n.src
      if (edgeCount + src.length > edgeScratch.length) {
        const larger = new Int32Array(edgeScratch.length * 2 + src.length)
        larger.set(edgeScratch)
        edgeScratch = larger
      }
      for (let i = 0; i < src.length; i++) {
        const number = numbers.find(throughMarkers(src[i]!))
        edgeScratch[edgeCount++] = number
        h = mix(h, number)
      }
      if (n.prim === 'map') h = mix(h, FUNCTION_CODE.get(n.attrs.fn)!)
      else if (n.prim === 'scalar') h = mix(h, slotOf(scalars, n.attrs.leaf))
      else h = hashAttributes(h, n.attrs, noIdentity)
    }
    const shape = n.shape
    for (let i = 0; i < shape.length; i++) h = mix(h, shape[i]!)
    hash = mix(hash, h)
    nodes.push(n)
    numbers.add(n)
  }

  const visit = (root: Node): number => {
    const known = numbers.find(root)
    if (known >= 0) return known
    let top = 0
    pending[0] = root
    cursors[0] = 0
    while (top >= 0) {
      const n = pending[top]!
      const c = cursors[top]!
      if (n.value === null && c < n.src.length) {
        cursors[top] = c + 1
        const child = throughMarkers(n.src[c]!)
        if (numbers.find(child) >= 0) continue
        pending[++top] = child
        cursors[top] = 0
      } else {
        top--
        if (numbers.find(n) < 0) finish(n)
      }
    }
    return nodes.length - 1
  }

  const roots: number[] = []
  for (const root of request.roots) {
    const number = visit(throughMarkers(root))
    roots.push(number)
    hash = mix(hash, number)
  }
  const inPlace: number[] = []
  for (const [root, leaf] of request.inPlace) inPlace.push(root, slotOf(leaves, leaf))
  for (let i = 0; i < inPlace.length; i++) hash = mix(hash, inPlace[i]!)
  const keep: number[] = []
  for (const n of request.keep) {
    const number = numbers.find(throughMarkers(n))
    keep.push(number)
    hash = mix(hash, number)
  }
  pending.length = 0
  return {
    hash,
    nodes,
    edges: edgeScratch.slice(0, edgeCount),
    roots,
    inPlace,
    keep,
    leaves: [...leaves.keys()],
    scalars: [...scalars.keys()],
  }
}

/** What the cache keeps: no leaf and no scalar stays alive through it. */
export function keyOf(c: Canonical): CanonicalKey {
  const leafSlots = new Map(c.leaves.map((leaf, slot) => [leaf, slot]))
  const scalarSlots = new Map(c.scalars.map((leaf, slot) => [leaf, slot]))
  return {
    hash: c.hash,
    prims: c.nodes.map((n) => (isLeaf(n) ? 'buffer' : n.prim)),
    dtypes: c.nodes.map((n) => n.dtype),
    shapes: c.nodes.map((n) => n.shape),
    attributes: c.nodes.map((n) =>
      isLeaf(n) ? leafSlots.get(leafOf(n))! : n.prim === 'scalar' ? scalarSlots.get(n.attrs.leaf)! : n.attrs,
    ),
    edges: c.edges,
    roots: c.roots,
    inPlace: c.inPlace,
    keep: c.keep,
  }
}

const differ = (): boolean => false

/** Whether a request has the form that a plan was made for. The hash alone is not trusted. */
export function matches(key: CanonicalKey, c: Canonical): boolean {
  const { nodes } = c
  if (key.hash !== c.hash || key.prims.length !== nodes.length || key.edges.length !== c.edges.length) return false
  if (!sameShape(key.roots, c.roots) || !sameShape(key.inPlace, c.inPlace) || !sameShape(key.keep, c.keep)) return false
  for (let i = 0; i < c.edges.length; i++) if (c.edges[i] !== key.edges[i]) return false
  let leaf = 0
  let scalar = 0
  const seenLeaves = c.leaves
  for (let i = 0; i < nodes.length; i++) {
    const n = nodes[i]!
    if (n.dtype !== key.dtypes[i] || !sameShape(n.shape, key.shapes[i]!)) return false
    const expected = key.attributes[i]!
    if (isLeaf(n)) {
      if (key.prims[i] !== 'buffer') return false
      // slots are given by first appearance, so a new leaf must get the next slot
      const slot = expected as number
      if (seenLeaves[slot] !== leafOf(n) || slot > leaf) return false
      if (slot === leaf) leaf++
    } else if (n.prim !== key.prims[i]) return false
    else if (n.prim === 'scalar') {
      const slot = expected as number
      if (c.scalars[slot] !== n.attrs.leaf || slot > scalar) return false
      if (slot === scalar) scalar++
    } else if (n.attrs !== expected && !sameAttributes(n.attrs, expected as object, differ)) return false
  }
  return true
}
