// A graph with one free size. The function is traced at several batch sizes; the graphs are walked in step, and every number
// that differs between them must be affine in the batch size. What depends on it otherwise cannot be exported with a free batch.
import type { Node } from '@dl/tensor/backend'
import { OnnxError } from '../errors.ts'

/** A size: a number, or `times · batch + plus`. */
export type Dim = number | { readonly times: number; readonly plus: number }

/** The same node in the trace of each batch size. */
export type Site = readonly Node[]

export const first = (site: Site): Node => site[0]!
export const isFree = (d: Dim): d is Exclude<Dim, number> => typeof d !== 'number'

export function sameDim(a: Dim, b: Dim): boolean {
  if (!isFree(a) || !isFree(b)) return a === b
  return a.times === b.times && a.plus === b.plus
}
export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => sameDim(d, b[i]!))

const DEPENDS =
  '[exportOnnx] the computation depends on the batch size in a way that a free batch dimension cannot express'
const REMEDY = 'export it with dynamicBatch: false'

export class Lockstep {
  readonly #sizes: readonly number[]
  readonly #met = new Map<Node, Site[]>()

  /** @param sizes the batch size of each trace */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes
  }

  /** The site of these nodes; throws when they are not the same operation. */
  site(nodes: readonly Node[]): Site {
    const [node] = nodes as [Node]
    let met = this.#met.get(node)
    if (!met) this.#met.set(node, (met = []))
    const known = met.find((site) => site.every((n, i) => n === nodes[i]))
    if (known) return known
    if (nodes.some((n) => n.prim !== node.prim || n.dtype !== node.dtype || n.src.length !== node.src.length))
      throw new OnnxError('export', `${DEPENDS} (${nodes.map((n) => n.prim).join(' or ')}); ${REMEDY}`)
    met.push(nodes)
    return nodes
  }

  source(site: Site, i: number): Site {
    return this.site(site.map((n) => n.src[i]!))
  }
  sources(site: Site): Site[] {
    return first(site).src.map((_, i) => this.source(site, i))
  }

  /** One number for each trace as one size. */
  dim(values: readonly number[]): Dim {
    const [a, b] = values as [number, number]
    if (values.every((v) => v === a)) return a
    const [p, q] = this.#sizes as [number, number]
    const times = (b - a) / (q - p)
    const plus = a - times * p
    if (!Number.isInteger(times) || values.some((v, i) => v !== times * this.#sizes[i]! + plus))
      throw new OnnxError(
        'export',
        `${DEPENDS} (sizes ${values.join(', ')} at batches of ${this.#sizes.join(', ')}); ${REMEDY}`,
      )
    return { times, plus }
  }
  /** Lists of numbers, one list for each trace. */
  dims(lists: readonly (readonly number[])[]): Dim[] {
    return lists[0]!.map((_, i) => this.dim(lists.map((list) => list[i]!)))
  }
  shape(site: Site): Dim[] {
    return this.dims(site.map((n) => n.shape))
  }

  /** Something that must not depend on the batch size: a constant, a function's name. */
  fixed<T>(values: readonly T[]): T {
    const [value] = values as [T]
    if (values.some((v) => !Object.is(v, value)))
      throw new OnnxError('export', `${DEPENDS} (${values.map(String).join(' or ')}); ${REMEDY}`)
    return value
  }
}
