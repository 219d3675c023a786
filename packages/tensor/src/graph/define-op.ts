// The public way to add an operation: a name, a fallback in terms of existing operations, and, if wanted, a derivative.
import { fromNode, nodeOf, type Tensor } from '../tensor/tensor.ts'
import type { TensorLike } from '../tensor/types.ts'
import { defineComposite } from './composite.ts'
import type { Node } from './node.ts'

/** Settings of an operation: JSON data. */
export type OpConfig = Readonly<Record<string, unknown>>

/** What {@link defineOp} takes. `C` is the type of the operation's config. */
export interface OpDefinition<C extends OpConfig> {
  /** Name for printers, exporters and kernels, for example `'softmax'`. */
  readonly name: string
  /** The same computation in other operations: what runs where nobody knows the name. */
  readonly fallback: (inputs: readonly Tensor[], config: C) => Tensor
  /**
   * Cotangents of the inputs from that of the output, null for inputs without one; of the inputs' shapes and dtypes.
   * Without it the fallback is differentiated.
   */
  readonly vjp?: (
    ct: Tensor,
    output: Tensor,
    inputs: readonly Tensor[],
    config: C,
  ) => readonly (Tensor | null)[]
}

/**
 * Declares an operation and returns it as a function of its inputs and its config. The graph keeps the name and the
 * config, so exporters write one node, and backends may bring a kernel; everything else sees the fallback.
 * @returns a function `(inputs, config) => Tensor`; host values among the inputs become tensors
 * @throws when called with a config that is not JSON data
 * @example
 * ```ts
 * import { defineOp, mul, sigmoid, tensor } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const swish = defineOp<{ beta: number }>({
 *   name: 'swish',
 *   fallback: ([x], { beta }) => mul(x!, sigmoid(mul(x!, beta))),
 * })
 * console.log(await swish([tensor([0, 1])], { beta: 1 }).data()) // 0, 0.731
 * ```
 */
export function defineOp<C extends OpConfig = OpConfig>(
  definition: OpDefinition<C>,
): (inputs: readonly (Tensor | TensorLike)[], config?: C) => Tensor {
  const { name, fallback, vjp } = definition
  const handles = (nodes: readonly Node[]): Tensor[] => nodes.map((node) => fromNode(node))
  const make = defineComposite<C>({
    name,
    fallback: (inputs, config) => nodeOf(name, 'the result of fallback', fallback(handles(inputs), config)),
    ...(vjp && {
      vjp: (ct: Node, output: Node, inputs: readonly Node[], config: C) =>
        vjp(fromNode(ct), fromNode(output), handles(inputs), config).map(
          (x, i) => x && nodeOf(name, `the cotangent of input ${i}`, x),
        ),
    }),
  })
  return (inputs, config = {} as C) =>
    fromNode(
      make(
        inputs.map((x, i) => nodeOf(name, `input ${i}`, x)),
        config,
      ),
    )
}
