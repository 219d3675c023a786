// Scatter kernels: additions at indices that are known at run time. All operands are contiguous buffers; nothing joins them.
import { sizeOf } from '../graph/shape.ts'
import type { Lowering, Refusal } from './cluster.ts'
import { isStored, isMovement, throughReshapes, type Value } from './values.ts'

export class ScatterLowering implements Lowering {
  readonly kind = 'scatter'
  readonly space = null
  readonly members: readonly Value[]
  /** Null: start from zeros. */
  readonly operand: Value | null
  readonly indices: Value
  readonly updates: Value

  private constructor(scatter: Value, operand: Value | null, indices: Value, updates: Value) {
    this.members = [scatter]
    this.operand = operand
    this.indices = indices
    this.updates = updates
  }

  /** A kernel for `scatter`, or the operand that has to be stored first. */
  static of(scatter: Value): ScatterLowering | Refusal {
    const [operand, indices, updates] = scatter.src.map(throughReshapes) as [Value, Value, Value]
    const zeros = isZero(operand)
    for (const v of zeros ? [indices, updates] : [operand, indices, updates])
      if (!isStored(v)) return { kind: 'store', value: v }
    return new ScatterLowering(scatter, zeros ? null : operand, indices, updates)
  }

  get extents(): { outer: number; limit: number; count: number; inner: number } {
    const { node, shape } = this.members[0]!
    const axis = node.prim === 'scatter' ? node.attrs.axis : 0
    return {
      outer: sizeOf(shape.slice(0, axis)),
      limit: shape[axis]!,
      count: this.indices.size,
      inner: sizeOf(shape.slice(axis + 1)),
    }
  }

  reads(): ReadonlySet<Value> {
    return new Set(this.operand ? [this.operand, this.indices, this.updates] : [this.indices, this.updates])
  }

  add(): Refusal {
    return { kind: 'unaligned' }
  }
}

function isZero(v: Value): boolean {
  while (isMovement(v) && !v.realised) v = v.src[0]!
  return v.node.prim === 'const' && Object.is(Number(v.node.attrs.value), 0)
}
