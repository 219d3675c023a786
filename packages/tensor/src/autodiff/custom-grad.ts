// Functions that state their own derivative, and the identity that has none.
import { composite, type CompositeDefinition } from '../graph/composite.ts'
import { type Node, serial } from '../graph/node.ts'
import { mark, placeholder, stop } from '../graph/primitives.ts'
import { scoped } from '../tensor/scope.ts'
import { fromNode, nodeOf, type Tensor } from '../tensor/tensor.ts'
import type { TensorLike } from '../tensor/types.ts'
import { assertFunction, matchingNode, returnedNode } from './arguments.ts'
import { tracingPlaceholders } from './placeholder-trace.ts'
import { substitute } from './substitute.ts'

/** What a function given to {@link customGrad} returns. */
export interface CustomGradient {
  /** The result. */
  readonly value: Tensor
  /** From the cotangent of the result to the cotangents of the arguments: one tensor, or an array with one for each. */
  readonly gradient: (dy: Tensor) => Tensor | readonly Tensor[]
}

/**
 * A function with its own gradient: `f` returns the value and, beside it, the function from the cotangent of the value to
 * those of the arguments. `gradient` is called once, at once, on a cotangent whose value is not known; it may use
 * everything in `f`'s scope. Its result is differentiated like any other, so higher orders follow from it.
 * @example
 * ```ts
 * import { customGrad, grad, scalar } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * // the straight-through estimator
 * const round = customGrad((x: Tensor) => ({ value: x.round(), gradient: (dy: Tensor) => dy }))
 * console.log(await grad(round)(scalar(1.6)).data()) // 1
 * ```
 */
export function customGrad<A extends readonly Tensor[]>(
  f: (...args: A) => CustomGradient,
): (...args: A) => Tensor {
  assertFunction('customGrad', f)
  return (...args: A): Tensor =>
    scoped(() => {
      const inputs = args.map((x, i) => nodeOf('customGrad', `argument ${i}`, x as Tensor | TensorLike))
      const marks = inputs.map(mark)
      const result = f(...(marks.map((node) => fromNode(node)) as unknown as A))
      const value = returnedNode('customGrad', result?.value)
      if (typeof result.gradient !== 'function')
        throw new Error(
          '[customGrad] the function must return { value, gradient }, where gradient is a function of dy',
        )
      const ct = placeholder(value.shape, value.dtype, 'customGrad')
      const cts = tracedGradient(result.gradient, ct, inputs)
      const definition: CompositeDefinition = {
        id: serial(),
        name: 'customGrad',
        vjp: (actual, _output, current) => {
          const replacements = new Map<Node, Node>([[ct, actual]])
          marks.forEach((node, i) => replacements.set(node, current[i]!))
          return substitute(cts, replacements)
        },
      }
      return fromNode(composite(definition, value, inputs, '{}'))
    })
}

function tracedGradient(gradient: CustomGradient['gradient'], ct: Node, inputs: readonly Node[]): Node[] {
  const result = tracingPlaceholders('customGrad', () => gradient(fromNode(ct)))
  const list = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor]
  if (list.length !== inputs.length)
    throw new Error(
      `[customGrad] gradient must return one tensor for each of the ${inputs.length} arguments, it returned ${list.length}`,
    )
  return list.map((x, i) => matchingNode('customGrad', `the gradient of argument ${i}`, x, inputs[i]!))
}

/**
 * `x` itself, as a value that no gradient flows through.
 * @example
 * ```ts
 * import { grad, scalar, stopGradient } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const f = (x: Tensor) => x.mul(stopGradient(x))
 * console.log(await grad(f)(scalar(3)).data()) // 3, not 6
 * ```
 */
export function stopGradient<T extends Tensor>(x: T): T {
  return fromNode<T>(stop(nodeOf('stopGradient', 'x', x)))
}
