// Derivatives beyond the gradient: vjp (any cotangent), jvp (forward mode) and hvp (Hessian times vector).
import type { Node } from '../graph/node.ts'
import { constant, mark, placeholder } from '../graph/primitives.ts'
import { withGradientScope } from '../tensor/evaluate.ts'
import { keep, scoped } from '../tensor/scope.ts'
import { fromNode, nodeOf, type Tensor } from '../tensor/tensor.ts'
import { leavesOf, unflatten } from '../tensor/tree.ts'
import {
  assertConnected,
  assertFunction,
  floatNode,
  markArgument,
  matchingNodes,
  returnedNode,
  scalarNode,
} from './arguments.ts'
import { inForwardMode } from './control-flow-vjp.ts'
import { gradients } from './gradient.ts'
import { tracingPlaceholders } from './placeholder-trace.ts'
import { reachable, substitute } from './substitute.ts'

type Primals = readonly unknown[]

interface Called {
  /** Nodes of the result's leaves. */
  readonly outputs: readonly Node[]
  readonly marks: readonly Node[]
  /** Nodes in the place of `outputs`, as the tree that the function returned. */
  readonly toTree: (nodes: readonly Node[]) => unknown
  /** Nodes in the place of `marks` (null: zeros), as the function's arguments. */
  readonly toArguments: (nodes: readonly (Node | null)[]) => unknown[]
}

/** Calls `f` on marked arguments. */
function call(op: string, f: AnyFunction, primals: Primals): Called {
  assertFunction(op, f)
  if (!Array.isArray(primals)) throw new Error(`[${op}] the arguments of the function are given as an array`)
  const args = primals.map((x) => markArgument(op, x))
  const result = (f as (...args: unknown[]) => unknown)(...args.map((argument) => argument.tree))
  const outputs = leavesOf(result).map((y) => floatNode(op, returnedNode(op, y)))
  const marks = args.flatMap((argument) => argument.marks)
  return {
    outputs,
    marks,
    toTree: (nodes) =>
      unflatten(
        result,
        nodes.map((node) => fromNode(node)),
      ),
    toArguments(nodes) {
      let at = 0
      return args.map((argument) => argument.rebuild(nodes.slice(at, (at += argument.marks.length))))
    },
  }
}

/**
 * The value of `f` and its pullback: the function from a cotangent of the value to cotangents of the arguments (Jᵀ·ct).
 * The pullback may be called any number of times; it keeps the intermediate values that it needs alive.
 * @param f takes tensors or trees of tensors, returns a float tensor or a tree of them
 * @param primals the arguments, as an array
 * @example
 * ```ts
 * import { tensor, vjp } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const { value, pullback } = vjp((x: Tensor) => x.square(), [tensor([1, 2, 3])])
 * const [ct] = pullback(tensor([1, 0, 10]))
 * console.log(await ct.data()) // 2, 0, 60
 * ```
 */
export function vjp<A extends Primals, R>(
  f: (...args: A) => R,
  primals: A,
): { value: R; pullback: (ct: R) => A } {
  const residuals: Tensor[] = []
  let cts: Node[] = []
  let nodes: (Node | null)[] = []
  let toArguments: (found: readonly (Node | null)[]) => unknown[] = () => []
  const value = scoped(() =>
    withGradientScope(() => {
      const called = call('vjp', f, primals)
      cts = called.outputs.map((y) => placeholder(y.shape, y.dtype, 'vjp'))
      nodes = tracingPlaceholders('vjp', () => gradients(called.outputs, cts, called.marks))
      toArguments = called.toArguments
      assertConnected('vjp', nodes, called.outputs, called.marks)
      for (const node of residualsOf(nodes, cts)) residuals.push(keep(fromNode(node)))
      return called.toTree(called.outputs)
    }),
  )
  const pullback = (ct: R): A =>
    scoped(() => {
      for (const handle of residuals) nodeOf('vjp', 'a value that the pullback needs', handle)
      const actual = matchingNodes('vjp', 'the cotangent', ct, cts)
      const replacements = new Map(cts.map((node, i) => [node, actual[i]!]))
      return toArguments(nodes.map((node) => node && substitute([node], replacements)[0]!))
    }) as unknown as A
  return { value: value as R, pullback }
}
type AnyFunction = (...args: never[]) => unknown

/** What a pullback needs beside the cotangents: the forward nodes at which its graph ends. */
function residualsOf(nodes: readonly (Node | null)[], cts: readonly Node[]): Node[] {
  const inside = new Set(
    reachable(
      nodes.filter((node) => node !== null),
      cts,
    ),
  )
  const residuals = new Set<Node>()
  for (const node of inside)
    for (const x of node.src) if (!inside.has(x) && x.prim !== 'const') residuals.add(x)
  return [...residuals]
}

/**
 * The value of `f` and its directional derivative (J·v) in the direction of `tangents`. Forward mode by transposing the
 * pullback, which is linear in the cotangent (J. Townsend, "A new trick for calculating Jacobian vector products", 2017);
 * nothing of the pullback itself is computed.
 * @param f takes tensors or trees of tensors, returns a float tensor or a tree of them
 * @param primals the arguments, as an array
 * @param tangents one for each argument, of its form and shape
 * @example
 * ```ts
 * import { jvp, tensor } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const { value, tangent } = jvp((x: Tensor) => x.square(), [tensor([1, 2])], [tensor([1, 10])])
 * console.log(await value.data(), await tangent.data()) // [1, 4], [2, 40]
 * ```
 */
export function jvp<A extends Primals, R>(
  f: (...args: A) => R,
  primals: A,
  tangents: A,
): { value: R; tangent: R } {
  return scoped(() =>
    withGradientScope(() => {
      const { outputs, marks, toTree } = call('jvp', f, primals)
      const directions = matchingNodes('jvp', 'tangents', tangents, marks)
      const dummies = outputs.map((y) => mark(constant(0, y.dtype, y.shape)))
      const found = inForwardMode(() => {
        const pulled = gradients(outputs, dummies, marks)
        const connected = pulled.flatMap((node, i) => (node ? [i] : []))
        return gradients(
          connected.map((i) => pulled[i]!),
          connected.map((i) => directions[i]!),
          dummies,
        )
      })
      const tangent = outputs.map((y, i) => found[i] ?? constant(0, y.dtype, y.shape))
      return { value: toTree(outputs) as R, tangent: toTree(tangent) as R }
    }),
  )
}

/**
 * Hessian of a scalar function times a vector, without making the Hessian: the gradient of `⟨∇f(x), v⟩`.
 * @param f takes a tensor or a tree of tensors, returns a float tensor of shape []
 * @param x the point
 * @param v the vector, of the form and shape of `x`
 * @returns of the form and shape of `x`
 * @example
 * ```ts
 * import { hvp, tensor } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const product = hvp((x: Tensor) => x.square().square().sum(), tensor([1, 2]), tensor([1, 1]))
 * console.log(await product.data()) // 12, 48
 * ```
 */
export function hvp<P>(f: (x: P) => Tensor, x: P, v: P): P {
  assertFunction('hvp', f)
  return scoped(() =>
    withGradientScope(() => {
      const argument = markArgument('hvp', x)
      const y = scalarNode('hvp', f(argument.tree as P))
      const first = gradients([y], [constant(1, y.dtype)], argument.marks)
      assertConnected('hvp', first, [y], argument.marks)
      const vector = matchingNodes('hvp', 'v', v, argument.marks)
      const connected = first.flatMap((node, i) => (node ? [i] : []))
      const second = gradients(
        connected.map((i) => first[i]!),
        connected.map((i) => vector[i]!),
        argument.marks,
      )
      return argument.rebuild(second) as P
    }),
  )
}
