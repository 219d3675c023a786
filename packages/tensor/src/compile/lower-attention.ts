// Attention kernels under construction: composites over the same inputs are the outputs of one kernel. Operands are affine
// views of stored values, so heads that were split off and turned round, and masks that repeat, are read where they lie.
import type { AttentionConfig } from '../graph/attention.ts'
import type { CompositeKind } from '../graph/composite.ts'
import type { Lowering, Refusal } from './cluster.ts'
import { type DraftOperand, operandView } from './lower-contract.ts'
import { isStored, throughReshapes, type Value } from './values.ts'

/** Operands that are read as matrices, and buffers that are read from front to back, by name. */
interface Operands {
  readonly matrices: Readonly<Record<string, DraftOperand>>
  readonly vectors: Readonly<Record<string, Value>>
}

export class AttentionLowering implements Lowering {
  readonly kind: CompositeKind
  readonly space = null
  readonly members: Value[]
  readonly config: AttentionConfig
  readonly #operands: Operands

  private constructor(first: Value, kind: CompositeKind, config: AttentionConfig, operands: Operands) {
    this.members = [first]
    this.kind = kind
    this.config = config
    this.#operands = operands
  }

  /** A kernel for the composite `v`, or the operand that has to be stored first. */
  static of(v: Value): AttentionLowering | Refusal {
    const { kind } = kernelOf(v)
    const config = JSON.parse(attributesOf(v).config) as AttentionConfig
    const matrices: Record<string, DraftOperand> = {}
    const vectors: Record<string, Value> = {}
    for (const [i, { name, vector }] of inputsOf(kind, config).entries()) {
      const input = v.src[i]!
      if (vector) {
        const stored = throughReshapes(input)
        if (!isStored(stored)) return { kind: 'store', value: stored }
        vectors[name] = stored
        continue
      }
      const batch = Array<'batch'>(input.shape.length - 2).fill('batch')
      const view = operandView(input, [...batch, 'rows', 'ks'])
      if ('kind' in view) return view
      if (view.bounds) return { kind: 'store', value: input }
      matrices[name] = view
    }
    return new AttentionLowering(v, kind, config, { matrices, vectors })
  }

  matrix(name: string): DraftOperand | undefined {
    return this.#operands.matrices[name]
  }
  vector(name: string): Value | undefined {
    return this.#operands.vectors[name]
  }
  /** The member that is this output of the kernel. */
  part(name: string): Value | undefined {
    return this.members.find((v) => kernelOf(v).part === name)
  }

  get extents(): { batch: number; queries: number; keys: number; depth: number; valueDepth: number } {
    const [q, k, v] = this.members[0]!.src as [Value, Value, Value]
    const [queries, depth] = q.shape.slice(-2) as [number, number]
    return {
      batch: q.size / (queries * depth),
      queries,
      keys: k.shape.at(-2)!,
      depth,
      valueDepth: v.shape.at(-1)!,
    }
  }

  reads(): ReadonlySet<Value> {
    const { matrices, vectors } = this.#operands
    return new Set([...Object.values(matrices).map((m) => m.value), ...Object.values(vectors)])
  }

  add(v: Value): Refusal | null {
    if (!isSameKernel(v, this.members[0]!) || this.part(kernelOf(v).part)) return { kind: 'unaligned' }
    this.members.push(v)
    return null
  }
}

/** Names of the inputs in their order (graph/attention.ts). */
function inputsOf(
  kind: CompositeKind,
  { mask, rate }: AttentionConfig,
): readonly { readonly name: string; readonly vector: boolean }[] {
  const matrix = (name: string): { name: string; vector: boolean } => ({ name, vector: false })
  const vector = (name: string): { name: string; vector: boolean } => ({ name, vector: true })
  return [
    ...['q', 'k', 'v', ...(mask ? ['mask'] : [])].map(matrix),
    ...(rate > 0 ? [vector('stream')] : []),
    ...(kind === 'attentionGrad' ? [vector('logSum'), vector('delta'), matrix('ct')] : []),
  ]
}

const attributesOf = (v: Value): Extract<Value['node'], { prim: 'composite' }>['attrs'] => {
  if (v.node.prim !== 'composite') throw new Error(`[compile] ${v.node.prim} is no composite`)
  return v.node.attrs
}
const kernelOf = (v: Value): { readonly kind: CompositeKind; readonly part: string } =>
  attributesOf(v).definition.kernel!

/** Whether two composites are outputs of one kernel. */
function isSameKernel(a: Value, b: Value): boolean {
  return (
    a.node.prim === 'composite' &&
    kernelOf(a).kind === kernelOf(b).kind &&
    attributesOf(a).config === attributesOf(b).config &&
    a.src.length === b.src.length &&
    a.src.every((x, i) => x === b.src[i])
  )
}
