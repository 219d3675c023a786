// Kernels along lines: running reductions and sorting. Source and result are contiguous buffers; nothing joins them.
import type { CumulateKernel, SortKernel } from '../backend/ir.ts'
import { sizeOf } from '../graph/shape.ts'
import type { Lowering, Refusal } from './cluster.ts'
import { isStored, throughReshapes, type Value } from './values.ts'

export const isLinePrimitive = (v: Value): boolean =>
  v.placement === null && (v.node.prim === 'cumulate' || v.node.prim === 'sort')

export class LineLowering implements Lowering {
  readonly kind: 'cumulate' | 'sort'
  readonly space = null
  readonly members: readonly Value[]
  readonly source: Value

  private constructor(kind: 'cumulate' | 'sort', v: Value, source: Value) {
    this.kind = kind
    this.members = [v]
    this.source = source
  }

  /** A kernel for `v`, or the source that has to be stored first. */
  static of(v: Value): LineLowering | Refusal {
    const source = throughReshapes(v.src[0]!)
    if (!isStored(source)) return { kind: 'store', value: source }
    return new LineLowering(v.node.prim === 'sort' ? 'sort' : 'cumulate', v, source)
  }

  reads(): ReadonlySet<Value> {
    return new Set([this.source])
  }

  add(): Refusal {
    return { kind: 'unaligned' }
  }

  kernel(name: string, bufferOf: (v: Value) => number): CumulateKernel | SortKernel {
    const [v] = this.members as [Value]
    const { node } = v
    if (node.prim !== 'cumulate' && node.prim !== 'sort') throw new Error('[compile] not along a line')
    const { shape, dtype } = v.src[0]!
    const { axis } = node.attrs
    const line = {
      name,
      dtype,
      outer: sizeOf(shape.slice(0, axis)),
      length: shape[axis]!,
      inner: sizeOf(shape.slice(axis + 1)),
      source: bufferOf(this.source),
      out: bufferOf(v),
    }
    if (node.prim === 'sort')
      return { kind: 'sort', ...line, descending: node.attrs.descending, count: v.shape[axis]! }
    const { kind: reduction, exclusive, reverse } = node.attrs
    return { kind: 'cumulate', ...line, reduction, exclusive, reverse }
  }
}
