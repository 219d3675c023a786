// Composites: operations that carry a name and attributes for exporters and kernels, and a fallback graph for everybody else.
import { makeNode, type Node, serial } from './node.ts'

/**
 * What `defineOp` registers. A composite node's first source is its fallback graph, so everything that does not know the
 * composite treats it as that graph.
 */
export interface CompositeDefinition {
  /** Unique number, part of the hash of composite nodes. */
  readonly id: number
  readonly name: string
  /**
   * Cotangents of the inputs, or undefined to differentiate the fallback graph.
   * @param ct cotangent of the output, of the output's shape
   * @param output the composite node itself
   * @param inputs the input nodes
   */
  readonly vjp?:
    | ((ct: Node, output: Node, inputs: readonly Node[], config: unknown) => readonly (Node | null)[])
    | undefined
  /** The kernel that backends may bring for it, where they say so in their capabilities. */
  readonly kernel?: CompositeKernel | undefined
  /** Whether it means the same for inputs that all have one more dimension in front: `vmap` then keeps it as it is. */
  readonly batches?: ((config: unknown) => boolean) | undefined
}

/** Kinds of kernels that compute composites. */
export type CompositeKind = 'attention' | 'attentionGrad'

/** Composites of one kind with the same inputs and config are parts of one kernel, each its own output. */
export interface CompositeKernel {
  readonly kind: CompositeKind
  /** Which output of the kernel. */
  readonly part: string
}

/** The node that says what `fallback`, a graph over `inputs`, means. `config` is JSON. */
export function composite(
  definition: CompositeDefinition,
  fallback: Node,
  inputs: readonly Node[],
  config: string,
): Node {
  return makeNode('composite', [fallback, ...inputs], { definition, config }, fallback.shape, fallback.dtype)
}

/** A composite as the operations of this package declare it, on nodes; `defineOp` is the same on tensors. */
export interface CompositeSpec<C> {
  readonly name: string
  /** The same computation in other operations. */
  readonly fallback: (inputs: readonly Node[], config: C) => Node
  /** Cotangents of the inputs; without it the fallback is differentiated. */
  readonly vjp?: (ct: Node, output: Node, inputs: readonly Node[], config: C) => readonly (Node | null)[]
  /** See {@link CompositeDefinition.kernel}. */
  readonly kernel?: CompositeKernel
  /** See {@link CompositeDefinition.batches}. */
  readonly batches?: (config: C) => boolean
}

/** Declares a composite and returns its constructor. `config` must be JSON data: it is kept as text, part of the node's identity. */
export function defineComposite<C>(spec: CompositeSpec<C>): (inputs: readonly Node[], config: C) => Node {
  const { name, fallback, vjp, kernel, batches } = spec
  const definition: CompositeDefinition = {
    id: serial(),
    name,
    vjp: vjp && ((ct, output, inputs, config) => vjp(ct, output, inputs, config as C)),
    kernel,
    batches: batches && ((config) => batches(config as C)),
  }
  return (inputs, config) => composite(definition, fallback(inputs, config), inputs, configText(name, config))
}

function configText(name: string, config: unknown): string {
  return JSON.stringify(config ?? {}, (key, value: unknown) => {
    if (
      typeof value === 'function' ||
      typeof value === 'bigint' ||
      (typeof value === 'number' && !Number.isFinite(value))
    )
      throw new Error(
        `[${name}] config.${key} is ${String(value)}; a config holds JSON data: finite numbers, text, booleans, arrays, objects`,
      )
    return value
  })
}
