// Control flow on tensors: scan, whileLoop and cond after jax.lax. Each traces its functions once, so a loop of a thousand
// steps is one node of the graph, is compiled once, and is differentiated as one.
import type { AnyShape } from '../autodiff/vmap.ts'
import { ShapeError } from '../errors.ts'
import { capturesOf, closeBody } from '../graph/body.ts'
import { branch, scan as scanNode, whileLoop as whileNode } from '../graph/control-flow.ts'
import type { Node } from '../graph/node.ts'
import { cast, reshape } from '../graph/primitives.ts'
import { showShape, sizeOf } from '../graph/shape.ts'
import { scoped } from '../tensor/scope.ts'
import { nodeOf, type Tensor } from '../tensor/tensor.ts'
import { assertSameTypes, nodesOfTree, traceBody, type TracedBody, treeOf } from '../tensor/trace-body.ts'
import type { TensorLike } from '../tensor/types.ts'

export interface ScanOptions {
  /** Number of steps; needed when `xs` holds no tensor, else the length of their axis 0. */
  readonly length?: number | undefined
  /** From the last element to the first. `ys[i]` still belongs to `xs[i]`. Default false. */
  readonly reverse?: boolean | undefined
}

/**
 * Runs `step` along axis 0 of `xs`, carrying a value from step to step, and stacks what each step gives.
 *
 * `carry` and `x` may be tensors or trees (arrays, plain objects) of tensors. `step` is called once, with tensors whose
 * values cannot be read; it may use tensors and variables from outside, but not assign variables. Gradients run the loop
 * backwards with the values that they need stacked in memory; gradients of weights that enter by `matMul` are one product
 * after the loop. Semantics of `jax.lax.scan`.
 * @param step from the carried value and one element of `xs` to `[next carried value, element of ys]`; the carried value
 * keeps its shapes and dtypes
 * @param init the first carried value
 * @param xs tensors `[length, …]`, or null for a loop over nothing but `length`
 * @returns the last carried value, and `ys`: `[length, …]` each
 * @throws when lengths differ, or `step` changes the type of the carried value
 * @example
 * ```ts
 * import { scalar, scan, tensor } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const { carry, ys } = scan((sum: Tensor, x: Tensor) => [sum.add(x), sum.mul(x)], scalar(0), tensor([1, 2, 3]))
 * console.log(await carry.data(), await ys.data()) // 6, [0, 2, 9]
 * ```
 */
export function scan<C, X, Y>(
  step: (carry: C, x: AnyShape<X>) => readonly [C, Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): { carry: C; ys: AnyShape<Y> } {
  return scoped(() => {
    const carries = nodesOfTree('scan', 'init', init)
    const sequences = xs === null || xs === undefined ? [] : nodesOfTree('scan', 'xs', xs)
    const length = lengthOf(sequences, options.length)
    let ys: unknown
    const elements = sequences.map((x) => ({ shape: x.shape.slice(1), dtype: x.dtype }))
    const traced = traceBody('scan', [...carries, ...elements], (params) => {
      const nodes = params.map((x) => nodeOf('scan', 'x', x))
      const x = sequences.length ? treeOf(xs, nodes.slice(carries.length)) : xs
      const result = step(treeOf(init, nodes.slice(0, carries.length)) as C, x as AnyShape<X>)
      if (!Array.isArray(result) || result.length !== 2)
        throw new Error('[scan] step must return [carry, y]: the next carried value and an element of ys')
      const next = nodesOfTree('scan', 'the carried value', result[0], carries)
      const remedy = 'step returns the carried value in the form in which it started'
      assertSameTypes('scan', 'the carried value', next, carries, remedy)
      ys = result[1]
      return [...next, ...(ys === null || ys === undefined ? [] : nodesOfTree('scan', 'y', ys))]
    })
    const constants = capturesOf(traced.results, traced.params, traced.outside)
    const body = closeBody(traced.results, constants, traced.params, traced.outside)
    const items = scanNode(body, { constants, carries, sequences }, length, options.reverse ? -1 : 1)
    const stacked = items.slice(carries.length)
    return {
      carry: treeOf(init, items.slice(0, carries.length)) as C,
      ys: (stacked.length ? treeOf(ys, stacked) : ys) as AnyShape<Y>,
    }
  })
}

function lengthOf(sequences: readonly Node[], given: number | undefined): number {
  for (const x of sequences)
    if (!x.shape.length)
      throw new ShapeError('[scan] xs holds a tensor of shape []; there is no axis 0 to run along')
  const length = given ?? sequences[0]?.shape[0]
  if (length === undefined)
    throw new Error('[scan] the number of steps is not known; give tensors in xs, or options.length')
  if (!Number.isInteger(length) || length < 0)
    throw new Error(`[scan] options.length must be an integer of 0 or more, got ${length}`)
  for (const x of sequences)
    if (x.shape[0] !== length)
      throw new ShapeError(
        `[scan] all tensors of xs need ${length} elements along axis 0, got one of shape ${showShape(x.shape)}`,
      )
  return length
}

/** A bool of shape [] from what a condition returned: true where the number is not 0. */
function predicateOf(op: string, name: string, x: Tensor | TensorLike): Node {
  const node = nodeOf(op, name, x)
  if (sizeOf(node.shape) !== 1)
    throw new ShapeError(`[${op}] ${name} must be one value (shape []), got ${showShape(node.shape)}`)
  return cast(reshape(node, []), 'bool')
}

/**
 * Repeats `body` on a value as long as `condition` holds. Both are called once, with tensors whose values cannot be read.
 * Semantics of `jax.lax.while_loop`: forward mode (`jvp`) differentiates through it; reverse mode cannot, since the number
 * of steps is not known: use {@link scan} there.
 * @param condition from the value to one bool (shape [])
 * @param body to the next value, of the same shapes and dtypes
 * @param init a tensor or a tree of tensors
 * @throws when `body` changes the type of the value; when a gradient is taken through the loop
 * @example
 * ```ts
 * import { scalar, whileLoop } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const x = whileLoop((y: Tensor) => y.less(100), (y: Tensor) => y.mul(2), scalar(3))
 * console.log(await x.data()) // 192
 * ```
 */
export function whileLoop<C>(condition: (value: C) => Tensor, body: (value: C) => C, init: C): C {
  return scoped(() => {
    const carries = nodesOfTree('whileLoop', 'init', init)
    const test = traceBody('whileLoop', carries, (params) => [
      predicateOf('whileLoop', 'the condition', condition(again(init, params))),
    ])
    const step = traceBody('whileLoop', carries, (params) => {
      const next = nodesOfTree('whileLoop', 'the value', body(again(init, params)), carries)
      assertSameTypes(
        'whileLoop',
        'the value',
        next,
        carries,
        'body returns it in the form in which it started',
      )
      return next
    })
    const { constants, bodies } = closedTogether([test, step])
    return treeOf(init, whileNode(bodies[0]!, bodies[1]!, constants, carries)) as C
  })
}

const again = <C>(like: C, params: readonly Tensor[]): C =>
  treeOf(
    like,
    params.map((x) => nodeOf('scan', 'x', x)),
  ) as C

/**
 * `yes(...operands)` where `predicate` holds, else `no(...operands)`. Both functions are called once, with tensors whose
 * values cannot be read, and must return trees of the same form. Semantics of `jax.lax.cond`: gradients flow through the
 * branch that is taken; under `vmap` with a batched predicate both are computed and selected.
 * @param predicate one value: a bool, or a number that counts as true when it is not 0
 * @param operands tensors or trees of tensors; functions may also use what stands outside
 * @throws when the branches return different shapes or dtypes
 * @example
 * ```ts
 * import { cond, scalar } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const x = scalar(-3)
 * const y = cond(x.greater(0), (a: Tensor) => a.sqrt(), (a: Tensor) => a.neg(), x)
 * console.log(await y.data()) // 3
 * ```
 */
export function cond<A extends readonly unknown[], R>(
  predicate: Tensor | TensorLike,
  yes: (...operands: A) => R,
  no: (...operands: A) => R,
  ...operands: A
): R {
  return scoped(() => {
    const flag = predicateOf('cond', 'the predicate', predicate)
    const inputs = nodesOfTree('cond', 'an operand', operands)
    let form: unknown
    const trace = (fn: (...args: A) => R, like?: readonly Node[]): TracedBody =>
      traceBody('cond', inputs, (params) => {
        const result = fn(...again(operands, params))
        const nodes = nodesOfTree('cond', 'a result', result, like)
        if (!like) form = result
        return nodes
      })
    const first = trace(yes)
    const second = trace(no, first.results)
    const remedy = 'both branches return the same form, shapes and dtypes'
    assertSameTypes('cond', 'the result of the second branch', second.results, first.results, remedy)
    const { constants, bodies } = closedTogether([first, second])
    return treeOf(form, branch(flag, bodies[0]!, bodies[1]!, [...constants, ...inputs])) as R
  })
}

/** Bodies that take the same constants: everything that one of them uses from outside. */
function closedTogether(traced: readonly TracedBody[]): {
  constants: readonly Node[]
  bodies: readonly ReturnType<typeof closeBody>[]
} {
  const constants = [...new Set(traced.flatMap((t) => capturesOf(t.results, t.params, t.outside)))]
  return { constants, bodies: traced.map((t) => closeBody(t.results, constants, t.params, t.outside)) }
}
