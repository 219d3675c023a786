// Which values are candidates for a buffer: roots, reductions, products, scatters, pads and concatenations, and elementwise
// values that would be computed too often if they were inlined everywhere. The list may be liberal: a candidate that ends in
// one kernel with all its readers is never stored.
import { type FormulaOps, SCALARS, SCALAR_NAMES, type ScalarName } from '../graph/scalar-table.ts'
import { isControlValue } from './lower-control.ts'
import { isLinePrimitive } from './lower-line.ts'
import {
  isBuffer,
  isMovement,
  isStored,
  isZeroPad,
  nextWalk,
  throughReshapes,
  type Value,
  type ValueGraph,
} from './values.ts'

/**
 * Values that cost more than this many machine operations an element are worth a buffer when several readers need them:
 * writing and reading a float takes about as long as a subtraction and a division.
 */
const DEAR = 8
/** So are values computed from so many others of their size that reading those again is the cost. */
const MANY_READS = 4
const GATHER_COST = 4
/** Part of a kernel's expressions that one value with all it inlines may take; beyond it the value is stored. */
const LARGEST_CONE = 0.75

/** Who reads a value, movements and nothing else in between. */
interface Readers {
  /** The only reader so far, or 'many'. */
  who: Value | 'many' | null
  /** A product, a scatter, a composite or a kernel along lines takes it as operand. */
  product: boolean
  /** A broadcast stands in between: it would be computed again for each copy. */
  broadcast: boolean
  /** Somebody who is no matrix product reads it. */
  others: boolean
}

/** How many expressions a function becomes when its formula is expanded. */
const EXPANDED: { readonly [F in ScalarName]: number } = expandedSizes()

function expandedSizes(): Record<ScalarName, number> {
  const sizes = {} as Record<ScalarName, number>
  const sizeOfFunction = (fn: ScalarName): number => {
    const known = sizes[fn]
    if (known !== undefined) return known
    const { formula, arity } = SCALARS[fn]
    let count = formula ? 0 : 1
    const ops: FormulaOps<null> = {
      constant: () => {
        count++
        return null
      },
      map: (inner) => {
        count += sizeOfFunction(inner)
        return null
      },
    }
    formula?.(ops, ...Array<null>(arity).fill(null))
    return (sizes[fn] = count)
  }
  for (const fn of SCALAR_NAMES) sizeOfFunction(fn)
  return sizes
}

const ownWeight = (v: Value): number => (v.node.prim === 'map' ? EXPANDED[v.node.attrs.fn] : 1)

function readersOf(values: readonly Value[]): Readers[] {
  const readers = values.map((): Readers => ({ who: null, product: false, broadcast: false, others: false }))
  const tell = (
    v: Value,
    who: Value | 'many' | null,
    product: boolean,
    broadcast: boolean,
    others: boolean,
  ): void => {
    const r = readers[v.id]!
    if (who !== null) r.who = r.who === null || r.who === who ? who : 'many'
    r.product ||= product
    r.broadcast ||= broadcast
    r.others ||= others
  }
  for (let i = values.length - 1; i >= 0; i--) {
    const v = values[i]!
    const own = readers[i]!
    if (isMovement(v) && !v.isRoot) {
      const stretches = (v.node.prim === 'broadcast' || v.node.prim === 'window') && v.size > v.src[0]!.size
      tell(v.src[0]!, own.who, own.product, own.broadcast || stretches, own.others)
      continue
    }
    if (v.placement && isReadThrough(v.placement.target, readers)) continue
    if (isReadThrough(v, readers)) {
      tell(v.parts[0]!.src[0]!, own.who, true, false, false)
      continue
    }
    const isDot = v.node.prim === 'dot'
    const product = isDot || v.node.prim === 'composite' || readsContiguous(v)
    for (const s of v.src) tell(s, v, product, v.node.prim === 'broadcast' && v.size > s.size, !isDot)
  }
  return readers
}

/** A zero pad that only products read: they keep its bounds and read its source, so it is not stored. */
const isReadThrough = (v: Value, readers: readonly Readers[]): boolean =>
  isZeroPad(v) && !v.isRoot && readers[v.id]!.product && !readers[v.id]!.others

const base = (v: Value): Value => {
  while (isMovement(v) && !v.realised) v = v.src[0]!
  return v
}

/** Marks the candidates in `graph`. Without `fuse` every computed value is one. */
export function markRealised(graph: ValueGraph, fuse: boolean, mostExprs: number): void {
  const marking = new Marking(graph.values, fuse, mostExprs * LARGEST_CONE)
  for (const v of graph.values) marking.visit(v)
  for (const v of graph.values) {
    if (readsContiguous(v)) realiseOperands(v)
    realiseCompared(v)
  }
}

/** One pass from the sources up; arrays are by position of a value. */
class Marking {
  readonly #fuse: boolean
  readonly #mostWeight: number
  readonly #readers: readonly Readers[]
  /** Machine operations an element, of what is inlined. */
  readonly #cost: Float64Array
  /** Expressions of what is inlined. */
  readonly #weight: Float64Array
  /** Stored values of its size that it is computed from. */
  readonly #reads: Float64Array
  /** Computed from a product and nothing dear: better in the epilogue of that product, once. */
  readonly #onProduct: Uint8Array
  /** Some value below is in memory: only then can storing be cheaper than computing again. */
  readonly #readsBuffer: Uint8Array

  constructor(values: readonly Value[], fuse: boolean, mostWeight: number) {
    this.#fuse = fuse
    this.#mostWeight = mostWeight
    this.#readers = readersOf(values)
    this.#cost = new Float64Array(values.length)
    this.#weight = new Float64Array(values.length)
    this.#reads = new Float64Array(values.length)
    this.#onProduct = new Uint8Array(values.length)
    this.#readsBuffer = new Uint8Array(values.length)
  }

  visit(v: Value): void {
    if (isBuffer(v) || isControlValue(v)) return
    const i = v.id
    v.realised = v.placement === null && (v.isRoot || (alwaysStored(v) && !isReadThrough(v, this.#readers)))
    let reads = 0
    for (const x of v.src) {
      const stored = isStored(x)
      if (stored || this.#readsBuffer[x.id]) this.#readsBuffer[i] = 1
      if (!stored) reads += this.#reads[x.id]!
      else if (x.size >= v.size) reads++
    }
    this.#reads[i] = reads
    if ((v.node.prim === 'map' || v.node.prim === 'gather') && this.#isWorthStoring(v)) v.realised = true
    this.#limitWeight(v)
  }

  #isWorthStoring(v: Value): boolean {
    const i = v.id
    let cost = v.node.prim === 'map' ? SCALARS[v.node.attrs.fn].cost : GATHER_COST
    for (const x of v.src) {
      const b = base(x)
      // what is the same for a whole row is computed once a row
      if (!b.realised) cost += this.#cost[b.id]! * Math.min(1, b.size / v.size)
      const alone = b.node.prim === 'dot' && this.#readers[b.id]!.who !== 'many'
      if (alone || (!b.realised && this.#onProduct[b.id])) this.#onProduct[i] = 1
    }
    this.#cost[i] = cost
    const { who, product, broadcast } = this.#readers[i]!
    if (!this.#fuse || product) return true
    const dear = cost > DEAR
    const again = dear || this.#onProduct[i] === 1 || this.#reads[i]! >= MANY_READS
    return this.#readsBuffer[i] === 1 && ((who === 'many' && again) || (dear && broadcast))
  }

  /** A cone that would fill a kernel by itself is cut here. The sum over sources counts what is shared twice: count again. */
  #limitWeight(v: Value): void {
    let weight = ownWeight(v)
    for (const x of v.src) if (!isStored(x)) weight += this.#weight[x.id]!
    if (weight > this.#mostWeight && !v.realised && v.placement === null) {
      weight = coneWeight(v)
      if (weight > this.#mostWeight) v.realised = true
    }
    this.#weight[v.id] = weight
  }
}

/**
 * What is compared with its own greatest or least value (the gradient of max, argmax) must not be computed again in another
 * kernel: there it may come out one bit different, nothing would be equal, and the gradient would vanish.
 */
function realiseCompared(v: Value): void {
  if (v.node.prim !== 'map' || v.node.attrs.fn !== 'eq') return
  const [a, b] = v.src.map(base) as [Value, Value]
  for (const [x, extremum] of [
    [a, b],
    [b, a],
  ] as const)
    if (extremum.node.prim === 'reduce' && x.node.prim === 'map' && x.placement === null)
      if (base(extremum.src[0]!) === x) x.realised = true
}

const alwaysStored = (v: Value): boolean => {
  switch (v.node.prim) {
    case 'reduce':
    case 'dot':
    case 'scatter':
    case 'cumulate':
    case 'sort':
    case 'pad':
    case 'concat':
    case 'composite':
    case 'item':
      return true
    default:
      return false
  }
}

const readsContiguous = (v: Value): boolean =>
  v.node.prim === 'scatter' || isLinePrimitive(v) || isControlValue(v)

/** Those read contiguous buffers; a constant operand of a scatter is its start value, not a buffer. */
function realiseOperands(of: Value): void {
  for (const s of of.src) {
    const v = throughReshapes(s)
    if (!isStored(v) && (isControlValue(of) || base(v).node.prim !== 'const')) v.realised = true
  }
}

/** Distinct expressions below `v` that would be inlined with it. */
export function coneWeight(v: Value): number {
  let total = 0
  for (const x of coneOf(v)) total += ownWeight(x)
  return total
}

/** `v` and everything below it up to stored values. */
export function coneOf(v: Value): Value[] {
  const mark = nextWalk()
  const cone = [v]
  v.visited = mark
  for (let i = 0; i < cone.length; i++)
    for (const s of cone[i]!.src)
      if (s.visited !== mark && !isStored(s)) {
        s.visited = mark
        cone.push(s)
      }
  return cone
}
