// The canonical form of a request: its nodes numbered depth first, leaves and run-time scalars numbered by first appearance,
// and an integer hash over all of it. Two requests of one form share a compiled plan, whatever objects they are made of.
import { Body } from '../graph/body.ts'
import { DTYPE_CODE, type DType } from '../graph/dtype.ts'
import {
  hashAttributes,
  type Leaf,
  mix,
  type Node,
  type PrimitiveName,
  sameAttributes,
  type ScalarLeaf,
} from '../graph/node.ts'
import { type Dims, sameShape } from '../graph/shape.ts'
import { type Owns, ownsNothing } from './owned-composites.ts'
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

/** Tells most names apart, without a look-up. */
const nameHash = (name: string): number =>
  (name.charCodeAt(0) << 8) ^ name.charCodeAt(1) ^ (name.charCodeAt(2) << 16)

/** The node that computes: markers, and composites for which there is no kernel, stand for their first source. */
function through(n: Node, owns: Owns): Node {
  while (n.value === null && (n.prim === 'mark' || n.prim === 'stop' || (n.prim === 'composite' && !owns(n))))
    n = n.src[0]!
  return n
}

/** The node that computes where no composite has a kernel. */
export const throughMarkers = (n: Node): Node => through(n, ownsNothing)

/** What a node is computed from: of a composite that has a kernel its inputs, without the graph that it stands for. */
export const firstSourceOf = (n: Node): 0 | 1 => (n.prim === 'composite' ? 1 : 0)

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

// Scratch of the walk, reused by all calls: the path from a root down, how many sources of each node on it are done, where
// the numbers of those sources lie, and these numbers.
const path: Node[] = []
let cursors = new Int32Array(256)
let firstSource = new Int32Array(256)
let sourceNumbers = new Int32Array(1024)
let edgeScratch = new Int32Array(4096)

/** `array`, or a larger copy that has room for `length` elements. */
function withRoom(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= array.length) return array
  const larger = new Int32Array(Math.max(length, array.length * 2))
  larger.set(array)
  return larger
}

function slotOf<T>(slots: Map<T, number>, item: T): number {
  let slot = slots.get(item)
  if (slot === undefined) slots.set(item, (slot = slots.size))
  return slot
}
const LEAF = 1
/** Bodies of loops count by what they compute. */
const noIdentity = (x: object): number => (x instanceof Body ? x.hash : 0)

/** The walk of one request. */
class Walk {
  readonly nodes: Node[] = []
  readonly leaves = new Map<Leaf, number>()
  readonly scalars = new Map<ScalarLeaf, number>()
  edgeCount = 0
  hash: number
  readonly #owns: Owns

  constructor(salt: number, owns: Owns) {
    this.hash = mix(17, salt)
    this.#owns = owns
    numbers.start(this.nodes)
  }

  /** Numbers `root` and everything below it; the number of `root`. */
  visit(root: Node): number {
    const known = numbers.find(root)
    if (known >= 0) return known
    let top = 0
    path[0] = root
    cursors[0] = firstSourceOf(root)
    firstSource[0] = 0
    sourceNumbers = withRoom(sourceNumbers, root.src.length)
    while (top >= 0) {
      const n = path[top]!
      const c = cursors[top]!
      const first = firstSource[top]!
      if (n.value !== null || c === n.src.length) {
        this.#finish(n, first, c)
        top--
        continue
      }
      const child = through(n.src[c]!, this.#owns)
      const number = numbers.find(child)
      if (number >= 0) {
        sourceNumbers[first + c] = number
        cursors[top] = c + 1
        continue
      }
      top++
      if (top >= cursors.length) {
        cursors = withRoom(cursors, top + 1)
        firstSource = withRoom(firstSource, top + 1)
      }
      const next = first + n.src.length
      sourceNumbers = withRoom(sourceNumbers, next + child.src.length)
      path[top] = child
      cursors[top] = firstSourceOf(child)
      firstSource[top] = next
    }
    return this.nodes.length - 1
  }

  #finish(n: Node, first: number, end: number): void {
    let h: number
    if (isLeaf(n)) {
      h = mix(LEAF, slotOf(this.leaves, leafOf(n)))
      h = this.#hashShape(mix(h, DTYPE_CODE[n.dtype]), n.shape)
    } else {
      h = nameHash(n.prim === 'map' ? n.attrs.fn : n.prim)
      const from = this.edgeCount
      const start = first + firstSourceOf(n)
      const count = first + end - start
      this.edgeCount += count
      if (this.edgeCount > edgeScratch.length) edgeScratch = withRoom(edgeScratch, this.edgeCount)
      for (let i = 0; i < count; i++) {
        const number = sourceNumbers[start + i]!
        edgeScratch[from + i] = number
        h = mix(h, number)
      }
      // shape and dtype of a map follow from its sources (a cast is told apart when the plan is compared)
      if (n.prim === 'scalar') h = mix(h, slotOf(this.scalars, n.attrs.leaf))
      else if (n.prim !== 'map') h = this.#hashShape(hashAttributes(h, n.attrs, noIdentity), n.shape)
    }
    this.hash = mix(this.hash, h)
    this.nodes.push(n)
    numbers.add(n)
  }

  #hashShape(h: number, shape: Dims): number {
    for (let i = 0; i < shape.length; i++) h = mix(h, shape[i]!)
    return h
  }
}

/**
 * Numbers and hashes a request. `salt` holds what else the plan depends on (options, capabilities); composites that `owns`
 * accepts stay, over their inputs alone.
 */
export function canonicalize(request: PlanRequest, salt = 0, owns: Owns = ownsNothing): Canonical {
  const walk = new Walk(salt, owns)
  const roots: number[] = []
  const inPlace: number[] = []
  const keep: number[] = []
  for (const root of request.roots) roots.push(walk.visit(through(root, owns)))
  for (const [root, leaf] of request.inPlace) inPlace.push(root, slotOf(walk.leaves, leaf))
  for (const n of request.keep) keep.push(numbers.find(through(n, owns)))
  let { hash } = walk
  for (const list of [roots, inPlace, keep]) for (let i = 0; i < list.length; i++) hash = mix(hash, list[i]!)
  path.length = 0
  return {
    hash,
    nodes: walk.nodes,
    edges: edgeScratch.slice(0, walk.edgeCount),
    roots,
    inPlace,
    keep,
    leaves: [...walk.leaves.keys()],
    scalars: [...walk.scalars.keys()],
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

const sameForm = (a: object, b: object): boolean =>
  a instanceof Body && b instanceof Body && a.form === b.form

/** Whether a request has the form that a plan was made for. The hash alone is not trusted. */
export function matches(key: CanonicalKey, c: Canonical): boolean {
  const { nodes } = c
  if (key.hash !== c.hash || key.prims.length !== nodes.length || key.edges.length !== c.edges.length)
    return false
  if (!sameShape(key.roots, c.roots) || !sameShape(key.inPlace, c.inPlace) || !sameShape(key.keep, c.keep))
    return false
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
    } else if (n.attrs !== expected && !sameAttributes(n.attrs, expected as object, sameForm)) return false
  }
  return true
}
