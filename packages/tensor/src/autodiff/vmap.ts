// vmap: a function of one example becomes a function of a batch. The function is called once, on one example without a value;
// its graph is then rewritten with the batching rules, so that a hundred small products become one.
import type { Node } from '../graph/node.ts'
import { placeholder, transpose } from '../graph/primitives.ts'
import { normalizeAxis, showShape } from '../graph/shape.ts'
import { scoped } from '../tensor/scope.ts'
import { fromNode, nodeOf, Tensor } from '../tensor/tensor.ts'
import { leavesOf, mapTree, unflatten } from '../tensor/tree.ts'
import { assertFunction, returnedNode } from './arguments.ts'
import { batchGraph } from './batching.ts'
import { tracingPlaceholders } from './placeholder-trace.ts'

/** The batch axis of a tensor; null for an argument that all examples share. */
export type BatchAxis = number | null

export interface VmapOptions {
  /** Batch axis of the arguments: one for all, or one for each. Default 0. */
  readonly inAxes?: BatchAxis | readonly BatchAxis[]
  /** Where the batch axis goes in the results. Default 0. */
  readonly outAxes?: number
}

/** The same tree with tensors of any shape: the batch axis is not part of the function's own types. */
export type AnyShape<T> =
  T extends Tensor<infer _, infer D>
    ? Tensor<any, D>
    : T extends (...args: never[]) => unknown
      ? T
      : T extends object
        ? { [K in keyof T]: AnyShape<T[K]> }
        : T

/**
 * The function that applies `f` to every example of a batch at once.
 *
 * `f` is called once, with tensors of an example's shape whose values cannot be read. It may use gradients, other `vmap`s
 * and tensors from outside, which all examples share; a random key from outside gives all examples the same numbers.
 * @param f takes tensors or trees of tensors, returns a tensor or a tree of tensors
 * @throws when batch sizes differ or no argument is batched
 * @example
 * ```ts
 * import { grad, tensor, vmap } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const perExample = vmap(grad((x: Tensor) => x.square().sum()))
 * console.log(await perExample(tensor([[1, 2], [3, 4]])).array()) // [[2, 4], [6, 8]]
 * ```
 */
export function vmap<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: VmapOptions = {},
): (...args: AnyShape<A> extends infer B extends readonly unknown[] ? B : never) => AnyShape<R> {
  assertFunction('vmap', f)
  const { inAxes = 0, outAxes = 0 } = options
  return (...args) =>
    scoped(() => {
      const batch = new Batch()
      const examples = tracingPlaceholders('vmap', () =>
        args.map((arg, i) => batch.example(arg, axisOf(inAxes, i, args.length), i)),
      )
      if (batch.size === null)
        throw new Error('[vmap] no argument is batched: at least one tensor needs an axis in inAxes')
      const result = tracingPlaceholders('vmap', () =>
        (f as unknown as (...args: unknown[]) => unknown)(...examples),
      )
      const outputs = leavesOf(result).map((y) => returnedNode('vmap', y))
      const batched = batchGraph(outputs, batch.mapped, batch.size)
      return unflatten(
        result,
        batched.map((node) => fromNode(moveBatch(node, outAxes))),
      ) as AnyShape<R>
    })
}

function axisOf(inAxes: BatchAxis | readonly BatchAxis[], i: number, count: number): BatchAxis {
  if (inAxes === null || typeof inAxes === 'number') return inAxes
  if (inAxes.length !== count)
    throw new Error(
      `[vmap] inAxes has ${inAxes.length} entries for ${count} arguments; give one for each, or one number for all`,
    )
  return inAxes[i]!
}

/** The batch axis from the front to `axis`. */
function moveBatch(node: Node, axis: number): Node {
  const to = normalizeAxis('vmap', axis, node.shape.length)
  const perm = node.shape.map((_, a) => a).slice(1)
  perm.splice(to, 0, 0)
  return transpose(node, perm)
}

/** Makes examples of arguments and remembers which node stands for which batch. */
class Batch {
  readonly mapped = new Map<Node, Node>()
  size: number | null = null

  example(arg: unknown, axis: BatchAxis, position: number): unknown {
    if (axis === null) return arg
    return mapTree(arg, (leaf, path) => {
      if (!(leaf instanceof Tensor)) return leaf
      const name = `argument ${position}${path && ` (${path})`}`
      const x = nodeOf('vmap', name, leaf)
      if (!x.shape.length)
        throw new Error(
          `[vmap] ${name} is a scalar and has no axis ${axis} to map over; use null in inAxes to share it`,
        )
      const from = normalizeAxis('vmap', axis, x.shape.length)
      const count = x.shape[from]!
      this.size ??= count
      if (count !== this.size)
        throw new Error(
          `[vmap] ${name} has ${count} examples along axis ${from} of ${showShape(x.shape)}, an argument before it has ${this.size}`,
        )
      const rest = x.shape.map((_, a) => a).filter((a) => a !== from)
      const front = transpose(x, [from, ...rest])
      const one = placeholder(front.shape.slice(1), x.dtype, 'vmap')
      this.mapped.set(one, front)
      return fromNode(one)
    })
  }
}
