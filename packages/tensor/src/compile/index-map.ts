// Index maps: where an element of a value is read, as affine forms of the loops of a kernel. Movement operations only rewrite
// them. A reshape that would need a division asks for a loop to be split; where that does not help, the caller stores the
// value first, because a stored value needs nothing but its linear address.
import type { Affine } from '../backend/ir.ts'
import type { Node } from '../graph/node.ts'
import type { Dims } from '../graph/shape.ts'

/** One affine form for each dimension. Missing trailing coefficients are 0. */
export type Index = readonly Affine[]

/** Loop number `loop` must become two loops, the inner one of size `inner`. */
export interface Split {
  readonly loop: number
  readonly inner: number
}

/**
 * The variables of affine forms: loops first, then symbols (indices that are computed at run time and stay below a limit).
 * When a function here returns null, `split` tells whether splitting a loop helps.
 */
export interface Nest {
  readonly loops: number
  /** Size of each loop, then limit of each symbol. */
  readonly sizes: number[]
  split: Split | null
}

export const ZERO: Affine = [0]

/** `coefficient` times loop number `loop`. */
export function unit(loop: number, coefficient = 1): Affine {
  const form = Array<number>(loop + 2).fill(0)
  form[loop + 1] = coefficient
  return form
}

export function add(a: Affine, b: Affine): Affine {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a]
  const sum = long.slice()
  for (let i = 0; i < short.length; i++) sum[i] = sum[i]! + short[i]!
  return sum
}

/** `a * factor + offset`. */
export function scale(a: Affine, factor: number, offset = 0): Affine {
  const form = Array<number>(a.length)
  for (let i = 0; i < a.length; i++) form[i] = a[i]! * factor + 0 // no -0
  form[0] = form[0]! + offset
  return form
}

export function sameAffine(a: Affine, b: Affine): boolean {
  const n = Math.max(a.length, b.length)
  for (let i = 0; i < n; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return false
  return true
}

export function sameIndex(a: Index, b: Index): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !sameAffine(a[i]!, b[i]!)) return false
  return true
}

/** The address of an element in a contiguous array of `shape`. */
export function linear(index: Index, shape: Dims): Affine {
  if (index.length === 1) return shape[0] === 1 ? ZERO : index[0]!
  let length = 1
  for (let d = 0; d < index.length; d++) length = Math.max(length, index[d]!.length)
  const sum = Array<number>(length).fill(0)
  let stride = 1
  for (let d = index.length - 1; d >= 0; d--) {
    if (shape[d] === 1) continue
    const form = index[d]!
    for (let i = 0; i < form.length; i++) sum[i] = sum[i]! + form[i]! * stride
    stride *= shape[d]!
  }
  return sum
}

const positiveRemainder = (a: number, b: number): number => ((a % b) + b) % b

/** A linear address as an index of dimensions `dims`. */
export function splitLinear(address: Affine, dims: Dims, nest: Nest): Affine[] | null {
  const index = Array<Affine>(dims.length)
  let rest = address
  for (let d = dims.length - 1; d > 0; d--) {
    const size = dims[d]!
    if (size === 1) {
      index[d] = ZERO
      continue
    }
    const low = positiveRemainder(rest[0]!, size)
    const remainder = [low]
    const quotient = [(rest[0]! - low) / size]
    let least = low
    let greatest = low
    for (let i = 1; i < rest.length; i++) {
      const c = rest[i]!
      const divides = c % size === 0
      quotient.push(divides ? c / size : 0)
      remainder.push(divides ? 0 : c)
      if (divides) continue
      const reach = c * (nest.sizes[i - 1]! - 1)
      if (c > 0) greatest += reach
      else least += reach
    }
    if (least < 0 || greatest >= size) {
      nest.split = splitFor(remainder, size, nest)
      return null
    }
    index[d] = remainder
    rest = quotient
  }
  if (dims.length) index[0] = rest
  return index
}

/** The loop whose inner part stays inside a dimension of `size`, if there is one. */
function splitFor(remainder: Affine, size: number, nest: Nest): Split | null {
  for (let i = Math.min(remainder.length - 1, nest.loops); i > 0; i--) {
    const c = remainder[i]!
    const extent = nest.sizes[i - 1]!
    if (c > 0 && size % c === 0 && c * extent > size && extent % (size / c) === 0)
      return { loop: i - 1, inner: size / c }
  }
  return null
}

/** An index of shape `from` as an index of shape `to`. Groups of dimensions with equal products are treated apart. */
export function reshapeIndex(index: Index, from: Dims, to: Dims, nest: Nest): Index | null {
  const result: Affine[] = []
  let i = 0
  let j = 0
  while (i < from.length || j < to.length) {
    let a = from[i] ?? 1
    let b = to[j] ?? 1
    let iEnd = Math.min(i + 1, from.length)
    let jEnd = Math.min(j + 1, to.length)
    while (a !== b) {
      if (a < b) a *= from[iEnd++]!
      else b *= to[jEnd++]!
    }
    if (iEnd - i === 1 && jEnd - j === 1) result.push(index[i]!)
    else {
      const group = splitLinear(linear(index.slice(i, iEnd), from.slice(i, iEnd)), to.slice(j, jEnd), nest)
      if (!group) return null
      result.push(...group)
    }
    i = iEnd
    j = jEnd
  }
  return result
}

/** The index at which a movement operation reads its source. */
export function moveIndex(node: Node, index: Index, nest: Nest): Index | null {
  switch (node.prim) {
    case 'reshape':
      return reshapeIndex(index, node.shape, node.src[0]!.shape, nest)
    case 'transpose': {
      const source = Array<Affine>(index.length)
      node.attrs.perm.forEach((p, i) => {
        source[p] = index[i]!
      })
      return source
    }
    case 'broadcast':
      return node.src[0]!.shape.map((d, i) => (d === 1 ? ZERO : index[i]!))
    case 'slice': {
      const { start, stride } = node.attrs
      return index.map((form, i) => scale(form, stride[i]!, start[i]))
    }
    case 'reverse': {
      const { axes } = node.attrs
      return index.map((form, i) => (axes.includes(i) ? scale(form, -1, node.shape[i]! - 1) : form))
    }
    case 'window': {
      const { axes, stride, dilation } = node.attrs
      const rank = node.src[0]!.shape.length
      const source = index.slice(0, rank)
      axes.forEach((a, i) => {
        source[a] = add(scale(index[a]!, stride[i]!), scale(index[rank + i]!, dilation[i]!))
      })
      return source
    }
    case 'stop':
    case 'mark':
    case 'composite':
      return index
    default:
      throw new Error(`[compile] ${node.prim} is no movement of elements`)
  }
}
