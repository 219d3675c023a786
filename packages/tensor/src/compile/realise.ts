// Which values are candidates for a buffer: roots, reductions, products, scatters, pads and concatenations, and elementwise
// values that would be computed too often if they were inlined everywhere. The list may be liberal: a candidate that ends in
// one kernel with all its readers is never stored.
import { type FormulaOps, SCALARS, SCALAR_NAMES, type ScalarName } from '../graph/scalar-table.ts'
import {
  isBuffer,
  isMovement,
  isStored,
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
  /** A product, or a scatter, takes it as operand. */
  product: boolean
  /** A broadcast stands in between: it would be computed again for each copy. */
  broadcast: boolean
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
  const readers = values.map((): Readers => ({ who: null, product: false, broadcast: false }))
  const tell = (v: Value, who: Value | 'many' | null, product: boolean, broadcast: boolean): void => {
    const r = readers[v.id]!
    if (who !== null) r.who = r.who === null || r.who === who ? who : 'many'
    r.product ||= product
    r.broadcast ||= broadcast
  }
  for (let i = values.length - 1; i >= 0; i--) {
    const v = values[i]!
    const own = readers[i]!
    if (isMovement(v) && !v.isRoot) {
      const stretches = v.node.prim === 'broadcast' && v.size > v.src[0]!.size
      tell(v.src[0]!, own.who, own.product, own.broadcast || stretches)
      continue
    }
    const product = v.node.prim === 'dot' || v.node.prim === 'scatter'
    for (const s of v.src) tell(s, v, product, v.node.prim === 'broadcast' && v.size > s.size)
  }
  return readers
}

const base = (v: Value): Value => {
  while (isMovement(v) && !v.realised) v = v.src[0]!
  return v
}

/** Marks the candidates in `graph`. Without `fuse` every computed value is one. */
export function markRealised(graph: ValueGraph, fuse: boolean, mostExprs: number): void {
  const { values } = graph
  const readers = readersOf(values)
  const cost = new Float64Array(values.length)
  const weight = new Float64Array(values.length)
  /** Stored values of its size that it is computed from. */
  const reads = new Float64Array(values.length)
  /** Computed from a product and nothing dear: better in the epilogue of that product, once. */
  const onProduct = new Uint8Array(values.length)
  const readsBuffer = new Uint8Array(values.length)
  const mostWeight = mostExprs * LARGEST_CONE
  for (const v of values) {
    const i = v.id
    const r = readers[i]!
    for (const s of v.src) if (isStored(s) || readsBuffer[s.id]) readsBuffer[i] = 1
    const buffer = isBuffer(v)
    v.realised = !buffer && v.placement === null && (v.isRoot || alwaysStored(v))
    reads[i] = v.src.reduce((n, x) => n + (isStored(x) ? (x.size >= v.size ? 1 : 0) : reads[x.id]!), 0)
    if (v.node.prim === 'map' || v.node.prim === 'gather') {
      cost[i] = v.node.prim === 'map' ? SCALARS[v.node.attrs.fn].cost : GATHER_COST
      for (const x of v.src) {
        const b = base(x)
        // what is the same for a whole row is computed once a row
        if (!b.realised) cost[i] = cost[i]! + cost[b.id]! * Math.min(1, b.size / v.size)
        const alone = b.node.prim === 'dot' && readers[b.id]!.who !== 'many'
        if (alone || (!b.realised && onProduct[b.id])) onProduct[i] = 1
      }
      const dear = cost[i]! > DEAR
      const again = dear || onProduct[i] === 1 || reads[i]! >= MANY_READS
      const repeated = (r.who === 'many' && again) || (dear && r.broadcast)
      if (!fuse || r.product || (repeated && readsBuffer[i])) v.realised = true
    }
    weight[i] = ownWeight(v)
    for (const s of v.src) if (!isStored(s)) weight[i] = weight[i]! + weight[s.id]!
    if (weight[i]! > mostWeight && !v.realised && v.placement === null && !buffer) {
      weight[i] = coneWeight(v)
      if (weight[i]! > mostWeight) v.realised = true
    }
  }
  for (const v of values) {
    if (v.node.prim === 'scatter') v.src.forEach(realiseOperand)
    realiseCompared(v)
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
    case 'pad':
    case 'concat':
      return true
    default:
      return false
  }
}

/** Scatter reads contiguous buffers; a constant operand is its start value, not a buffer. */
function realiseOperand(s: Value): void {
  const v = throughReshapes(s)
  if (!isStored(v) && base(v).node.prim !== 'const') v.realised = true
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
