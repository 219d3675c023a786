// Primitives that go by positions: picking, adding at, ordering and running totals. Indices of the graph are int32 and never
// negative; ONNX counts negative ones from the end and refuses those outside, so positions that scatter drops are sent to
// a row of their own.
import type { NodeOf } from '@dl/tensor/backend'
import { OnnxError } from '../errors.ts'
import { ELEMENT_TYPE } from '../schema/data-types.ts'
import { type Dim, first, type Lockstep, type Site } from './lockstep.ts'
import { type GraphWriter, scalarTensor } from './writer.ts'

/** What a primitive is written with. */
export interface Writing {
  readonly writer: GraphWriter
  readonly steps: Lockstep
  /** The name of the value of a site. */
  value(site: Site): string
  shape(site: Site): readonly Dim[]
  /** Sizes as a tensor of shape [n], int64. */
  sizes(dims: readonly Dim[]): string
}

const int32 = (writer: GraphWriter, x: string): string => writer.node('Cast', [x], { to: ELEMENT_TYPE.int32 })

export function writeGather({ writer, steps, value }: Writing, site: Site, axis: number): string {
  return writer.node('Gather', [value(steps.source(site, 0)), value(steps.source(site, 1))], { axis })
}

export function writeArgReduce(
  { writer, steps, value }: Writing,
  site: Site,
  { kind, axis }: NodeOf<'argReduce'>['attrs'],
): string {
  const source = steps.source(site, 0)
  const x = value(source)
  const numeric = first(source).dtype === 'bool' ? int32(writer, x) : x
  return int32(writer, writer.node(kind === 'max' ? 'ArgMax' : 'ArgMin', [numeric], { axis, keepdims: 1 }))
}

/** `src[0]` with `src[2]` added at `src[1]` along `axis`. */
export function writeScatter(w: Writing, site: Site, axis: number): string {
  const { writer, steps } = w
  if (writer.opset < 16)
    throw new OnnxError(
      'export',
      '[exportOnnx] the computation adds at positions (scatter), which ONNX can from operator set 16 on; pass { opset: 16 } or newer',
    )
  const [x, indices, updates] = steps.sources(site) as [Site, Site, Site]
  const size = w.shape(x)[axis]!
  const rank = w.shape(x).length
  const count = w.shape(indices).length
  const toFront = (from: number, length: number, all: number): number[] => {
    const moved = Array.from({ length }, (_, i) => from + i)
    return [...moved, ...Array.from({ length: all }, (_, i) => i).filter((i) => !moved.includes(i))]
  }
  const forward = toFront(axis, 1, rank)
  const data = writer.transpose(w.value(x), forward)
  const rows = writer.transpose(w.value(updates), toFront(axis, count, rank - 1 + count))
  // one row more, for positions outside
  const pads = writer.ints([...Array<number>(rank).fill(0), 1, ...Array<number>(rank - 1).fill(0)])
  const longer = writer.node('Pad', [data, pads, writer.constant(scalarTensor(0, first(site).dtype))])
  const end = w.sizes([size])
  const place = writer.node('Cast', [w.value(indices)], { to: ELEMENT_TYPE.int64 })
  const zero = writer.ints([0], [])
  const outside = writer.node('Or', [
    writer.node('Less', [place, zero]),
    writer.node('GreaterOrEqual', [place, end]),
  ])
  const kept = writer.node('Unsqueeze', [writer.node('Where', [outside, end, place]), writer.ints([-1])])
  const added = writer.node('ScatterND', [longer, kept, rows], { reduction: 'add' })
  const cut = writer.node('Slice', [added, writer.ints([0]), end, writer.ints([0])])
  return writer.transpose(
    cut,
    forward.map((_, a) => forward.indexOf(a)),
  )
}

/** Positions in stable order; ONNX breaks ties by the lower index, too. NaN has no order there. */
export function writeSort(
  { writer, steps, value, shape, sizes }: Writing,
  site: Site,
  { axis, descending }: NodeOf<'sort'>['attrs'],
): string {
  const count = sizes([shape(site)[axis]!])
  const attributes = { axis, largest: descending ? 1 : 0, sorted: 1 }
  return int32(writer, writer.node('TopK', [value(steps.source(site, 0)), count], attributes, 1))
}

export function writeCumulate(
  { writer, steps, value }: Writing,
  site: Site,
  { kind, axis, exclusive, reverse }: NodeOf<'cumulate'>['attrs'],
): string {
  if (kind === 'max' || kind === 'min' || (kind === 'prod' && writer.opset < 26))
    throw new OnnxError(
      'export',
      `[exportOnnx] the computation has running ${kind === 'prod' ? 'products' : kind === 'max' ? 'maxima' : 'minima'}, for which ` +
        `operator set ${writer.opset} has no operator`,
    )
  return writer.node(
    kind === 'sum' ? 'CumSum' : 'CumProd',
    [value(steps.source(site, 0)), writer.ints([axis], [])],
    {
      ...(exclusive ? { exclusive: 1 } : {}),
      ...(reverse ? { reverse: 1 } : {}),
    },
  )
}
