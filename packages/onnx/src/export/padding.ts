// Padding, also between elements: ONNX pads at the ends only, so an axis whose elements are spread apart gets an axis behind it,
// which is padded at its end, and both become one again.
import type { Element } from '@dl/tensor/backend'
import type { Writing } from './indexing.ts'
import { type Dim, first, isFree, type Site } from './lockstep.ts'
import { scalarTensor } from './writer.ts'

interface Pad {
  readonly low: readonly number[]
  readonly interior: readonly number[]
  readonly value: Element
}

/** @param attrs of the pad in each trace */
export function writePad(w: Writing, site: Site, attrs: readonly Pad[]): string {
  const { writer, steps } = w
  const source = steps.source(site, 0)
  const fill = writer.constant(scalarTensor(attrs[0]!.value, first(site).dtype))
  const interior = first(site).shape.map((_, a) => steps.fixed(attrs.map((p) => p.interior[a]!)))
  const spread = interior.some((v) => v > 0)
  const inner = spread ? spreadApart(w, w.value(source), w.shape(source), interior, fill) : w.value(source)
  const amounts = site.map((n, i) => {
    const { low } = attrs[i]!
    const sizes = n.src[0]!.shape.map((d, a) => d + Math.max(0, d - 1) * interior[a]!)
    return [...low, ...n.shape.map((d, a) => d - low[a]! - sizes[a]!)]
  })
  const pads = steps.dims(amounts)
  return spread && pads.every((p) => p === 0) ? inner : writer.node('Pad', [inner, w.sizes(pads), fill])
}

const times = (d: Dim, factor: number): Dim =>
  isFree(d) ? { times: d.times * factor, plus: d.plus * factor } : d * factor
const plus = (d: Dim, more: number): Dim => (isFree(d) ? { times: d.times, plus: d.plus + more } : d + more)

/** `interior[a]` fillers between neighbours along each axis. */
function spreadApart(
  { writer, sizes }: Writing,
  x: string,
  dims: readonly Dim[],
  interior: readonly number[],
  fill: string,
): string {
  const rank = dims.length
  const split = writer.node('Reshape', [x, sizes(dims.flatMap((d) => [d, 1]))])
  const pads = [...Array<number>(2 * rank).fill(0), ...interior.flatMap((v) => [0, v])]
  const padded = writer.node('Pad', [split, writer.ints(pads), fill])
  const whole = dims.map((d, a) => times(d, interior[a]! + 1))
  const joined = writer.node('Reshape', [padded, sizes(whole)])
  const axes = interior.flatMap((v, a) => (v > 0 ? [a] : []))
  return writer.node('Slice', [
    joined,
    writer.ints(axes.map(() => 0)),
    sizes(axes.map((a) => plus(whole[a]!, -interior[a]!))),
    writer.ints(axes),
  ])
}
