// What the runtime asks of the compiler and what it gets: values to compute, and a compiled plan with numbered slots.
import type { Executable } from '../backend/contract.ts'
import type { DType } from '../graph/dtype.ts'
import type { Leaf, Node, ScalarLeaf } from '../graph/node.ts'

export interface PlanRequest {
  /** Nodes to compute. */
  readonly roots: readonly Node[]
  /**
   * Root number → leaf whose storage the value may take over in place (a variable's update), if the schedule allows it:
   * every reader of the leaf runs before the writer, the writer reads it at the same index, and it is no operand of that product.
   */
  readonly inPlace: ReadonlyMap<number, Leaf>
  /** Nodes that somebody holds: where one ends at a kernel boundary anyway, its buffer is kept. */
  readonly keep: readonly Node[]
}

export interface Output {
  readonly slot: number
  readonly dtype: DType
  /** Elements. */
  readonly size: number
}

/** Where a root's value is after the run. Two roots that are the same node share an output. */
export type RootPlace =
  | { readonly kind: 'output'; readonly slot: number }
  /** The root is a leaf: its value lies there already, or is written there in place. */
  | { readonly kind: 'leaf'; readonly slot: number }

export interface Plan {
  readonly executable: Executable
  /** Pointers that `run` takes: slots 0 … leaves-1 are leaves in canonical order, the rest outputs. */
  readonly slots: number
  readonly outputs: readonly Output[]
  readonly roots: readonly RootPlace[]
  /** Kept nodes: `keep[index]` lies in `slot`. */
  readonly kept: readonly { readonly index: number; readonly slot: number }[]
  /** Kernels that one run executes. */
  readonly kernelCount: number
}

/** A plan bound to the leaves and scalars of one request, in slot order. */
export interface BoundPlan {
  readonly plan: Plan
  readonly leaves: readonly Leaf[]
  readonly scalars: readonly ScalarLeaf[]
}
