// Gradients of functions: grad, grads and their variants that also give the value. The result is a graph like any other, so
// a gradient can be differentiated, jitted, fused and exported.
import type { Node } from '../graph/node.ts'
import { constant } from '../graph/primitives.ts'
import { withGradientScope } from '../tensor/evaluate.ts'
import { scoped } from '../tensor/scope.ts'
import { fromNode, Tensor } from '../tensor/tensor.ts'
import {
  assertConnected,
  assertFunction,
  floatNode,
  markArgument,
  type MarkedArgument,
  matchingNode,
  returnedNode,
  scalarNode,
} from './arguments.ts'
import { gradients } from './gradient.ts'

/** What a function may take after the argument that is differentiated. */
type Rest = readonly unknown[]

/**
 * The function that computes the value of `f` and its gradient with respect to the first argument.
 *
 * The argument is a tensor or a tree (arrays, plain objects) of tensors; the gradient is a tree of the same form. Further
 * arguments go to `f` unchanged. Integer tensors in the tree get zeros. A leaf that the value does not depend on gets
 * zeros; when it depends on none, that is an error.
 *
 * As in tfjs, a function of exactly one parameter takes a cotangent `dy` of its result's shape as second argument; then
 * the result need not be a scalar.
 * @param f returns a float tensor of shape []
 * @throws when `f` does not return a scalar, a tensor is disposed, or nothing leads from the argument to the result
 * @example
 * ```ts
 * import { valueAndGrad, tensor, matMul } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const loss = (p: { w: Tensor; b: Tensor }, x: Tensor) => matMul(x, p.w).add(p.b).square().mean()
 * const { value, grad } = valueAndGrad(loss)({ w: tensor([[1], [2]]), b: tensor([0]) }, tensor([[3, 4]]))
 * console.log(await value.data(), await grad.w.data()) // 121, [66, 88]
 * ```
 */
export function valueAndGrad<P>(f: (x: P) => Tensor): (x: P, dy?: Tensor) => { value: Tensor; grad: P }
export function valueAndGrad<P, R extends Rest>(
  f: (x: P, ...rest: R) => Tensor,
): (x: P, ...rest: R) => { value: Tensor; grad: P }
export function valueAndGrad(
  f: (...args: never[]) => Tensor,
): (x: unknown, ...rest: unknown[]) => { value: Tensor; grad: unknown } {
  return differentiateFirst('valueAndGrad', f)
}

/**
 * The function that computes the gradient of `f` with respect to its first argument; see {@link valueAndGrad}.
 * @example
 * ```ts
 * import { grad, tensor } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const derivative = grad((x: Tensor) => x.square().sum())
 * console.log(await derivative(tensor([1, 2, 3])).data()) // 2, 4, 6
 * ```
 */
export function grad<P>(f: (x: P) => Tensor): (x: P, dy?: Tensor) => P
export function grad<P, R extends Rest>(f: (x: P, ...rest: R) => Tensor): (x: P, ...rest: R) => P
export function grad(f: (...args: never[]) => Tensor): (x: unknown, ...rest: unknown[]) => unknown {
  const both = differentiateFirst('grad', f)
  return sameLength(f, (x, ...rest) => {
    const { value, grad: gradient } = both(x, ...rest)
    value.dispose()
    return gradient
  })
}

/**
 * The function that computes the value of `f` and its gradients with respect to all arguments, which it takes as an array.
 * @param f takes tensors or trees of tensors, returns a float tensor of shape [] (any shape when a cotangent `dy` is given)
 * @throws as {@link valueAndGrad} does, also when the value does not depend on one of the arguments
 */
export function valueAndGrads<A extends Rest>(
  f: (...args: A) => Tensor,
): (args: A, dy?: Tensor) => { value: Tensor; grads: A } {
  return (args, dy) =>
    differentiateAll('valueAndGrads', f as unknown as AnyFunction, args, dy) as unknown as {
      value: Tensor
      grads: A
    }
}

/**
 * The function that computes the gradients of `f` with respect to all arguments, which it takes as an array.
 * @example
 * ```ts
 * import { grads, scalar } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const [da, db] = grads((a: Tensor, b: Tensor) => a.mul(b))([scalar(2), scalar(3)])
 * console.log(await da.data(), await db.data()) // 3, 2
 * ```
 */
export function grads<A extends Rest>(f: (...args: A) => Tensor): (args: A, dy?: Tensor) => A {
  return (args, dy) => {
    const { value, grads: gradientTrees } = differentiateAll('grads', f as unknown as AnyFunction, args, dy)
    value.dispose()
    return gradientTrees as unknown as A
  }
}

/** Lets a gradient's caller see how many parameters the function has. */
export function sameLength<F extends (...args: never[]) => unknown>(
  f: (...args: never[]) => unknown,
  derived: F,
): F {
  return Object.defineProperty(derived, 'length', { value: f.length, configurable: true })
}

function differentiateFirst(
  op: string,
  f: (...args: never[]) => Tensor,
): (x: unknown, ...rest: unknown[]) => { value: Tensor; grad: unknown } {
  assertFunction(op, f)
  return sameLength(f, (x, ...rest) => {
    const dy = f.length === 1 && rest.length === 1 && rest[0] instanceof Tensor ? rest[0] : undefined
    return scoped(() => {
      const argument = markArgument(op, x)
      const { value, nodes } = pull(op, [argument], dy, () =>
        (f as Callable)(argument.tree, ...(dy ? [] : rest)),
      )
      return { value, grad: argument.rebuild(nodes) }
    })
  })
}

type AnyFunction = (...args: never[]) => Tensor
type Callable = (...args: unknown[]) => unknown

function differentiateAll(
  op: string,
  f: (...args: never[]) => Tensor,
  args: Rest,
  dy: Tensor | undefined,
): { value: Tensor; grads: unknown[] } {
  assertFunction(op, f)
  if (!Array.isArray(args))
    throw new Error(`[${op}] The args passed in ${op}(f)(args) must be an array of arguments`)
  return scoped(() => {
    const marked = args.map((x) => markArgument(op, x))
    const { value, output, nodes } = pull(op, marked, dy, () =>
      (f as Callable)(...marked.map((argument) => argument.tree)),
    )
    let at = 0
    const trees = marked.map((argument, i) => {
      const own = nodes.slice(at, (at += argument.marks.length))
      assertConnected(op, own, [output], argument.marks, `x at position ${i}`)
      return argument.rebuild(own)
    })
    return { value, grads: trees }
  })
}

/** Calls the function on marked arguments and walks back from its result. */
function pull(
  op: string,
  args: readonly MarkedArgument[],
  dy: Tensor | undefined,
  call: () => unknown,
): { value: Tensor; output: Node; nodes: (Node | null)[] } {
  if (!args.some((argument) => argument.marks.length))
    throw new Error(
      `[${op}] nothing to differentiate: the argument holds no float tensor; cast it to float32 first`,
    )
  return withGradientScope(() => {
    const result = call()
    const y = dy ? floatNode(op, returnedNode(op, result)) : scalarNode(op, result)
    const ct = dy ? matchingNode(op, 'dy', dy, y) : constant(1, y.dtype)
    const nodes = gradients(
      [y],
      [ct],
      args.flatMap((argument) => argument.marks),
    )
    assertConnected(
      op,
      nodes,
      [y],
      args.flatMap((argument) => argument.marks),
    )
    return { value: fromNode(y), output: y, nodes }
  })
}
