// Gradients with respect to variables: while the function runs, each read of a variable gives a marked node of its value.
import { isFloat } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { constant, mark } from '../graph/primitives.ts'
import { withGradientScope } from '../tensor/evaluate.ts'
import { scoped } from '../tensor/scope.ts'
import { fromNode, type Tensor } from '../tensor/tensor.ts'
import { variableOf, type Variable, variableState } from '../tensor/variable.ts'
import { type VariableState, type VariableView, withVariableView } from '../tensor/variable-state.ts'
import { assertFunction, scalarNode } from './arguments.ts'
import { gradients } from './gradient.ts'

/** Value and gradients with respect to variables, in the order of `variables`. */
export interface VariableGradients {
  readonly value: Tensor
  /** `grads[i]` belongs to `variables[i]`. */
  readonly grads: readonly Tensor[]
  /** The variables that the value depends on: those asked for, or all trainable ones that `f` read, in that order. */
  readonly variables: readonly Variable[]
}

/**
 * The value of `f` and its gradients with respect to variables that it reads.
 * @param f returns a float tensor of shape []
 * @param variables default: all trainable variables that `f` reads, in the order of the first read
 * @throws when `f` does not return a scalar, or its result depends on none of the variables
 * @example
 * ```ts
 * import { gradsOfVariables, scalar, variable } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const w = variable(scalar(3))
 * const { value, grads } = gradsOfVariables(() => w.square())
 * console.log(await value.data(), await grads[0]!.data()) // 9, 6
 * ```
 */
export function gradsOfVariables(f: () => Tensor, variables?: readonly Variable[]): VariableGradients {
  return differentiate('gradsOfVariables', f, variables)
}

/**
 * As {@link gradsOfVariables}, with the gradients by name, as in tfjs.
 * @throws also when two of the variables have the same name
 */
export function variableGrads(
  f: () => Tensor,
  varList?: readonly Variable[],
): { value: Tensor; grads: Record<string, Tensor> } {
  const { value, grads, variables } = differentiate('variableGrads', f, varList)
  const named = new Map<string, Tensor>()
  for (const [i, { name }] of variables.entries()) {
    if (named.has(name))
      throw new Error(
        `[variableGrads] two variables are named "${name}"; rename one, or use gradsOfVariables, which needs no names`,
      )
    named.set(name, grads[i]!)
  }
  return { value, grads: Object.fromEntries(named) }
}

function differentiate(
  op: string,
  f: () => Tensor,
  list: readonly Variable[] | undefined,
): VariableGradients {
  assertFunction(op, f)
  if (list && !list.some((v) => v.trainable))
    throw new Error(
      `[${op}] expects at least one of the input variables to be trainable, but none of the ${list.length} variables is trainable`,
    )
  const asked = list?.filter((v) => v.trainable)
  const reads = new MarkedReads(asked)
  return scoped(() =>
    withGradientScope(() => {
      const y = scalarNode(op, withVariableView(reads, f))
      const states = asked
        ? asked.map(variableState).filter((state) => reads.marks.has(state))
        : [...reads.marks.keys()]
      const nodes = gradients(
        [y],
        [constant(1, y.dtype)],
        states.map((state) => reads.marks.get(state)!),
      )
      const reached = states.filter((_, i) => nodes[i] !== null)
      if (!reached.length)
        throw new Error(
          `[${op}] Cannot find a connection between any variable and the result of the loss function y=f(x). Please make ` +
            `sure the operations that use variables are inside the function f`,
        )
      const found = nodes.filter((node) => node !== null)
      return {
        value: fromNode(y),
        grads: found.map((node) => fromNode(node)),
        variables: reached.map(variableOf),
      }
    }),
  )
}

/** Reads of the variables asked for give marks; a value that `f` itself assigned is no longer the parameter and is read plainly. */
class MarkedReads implements VariableView {
  readonly marks = new Map<VariableState, Node>()
  readonly #asked: ReadonlySet<VariableState> | undefined
  readonly #assigned = new Set<VariableState>()

  constructor(asked: readonly Variable[] | undefined) {
    this.#asked = asked && new Set(asked.map(variableState))
  }

  read(state: VariableState): Node {
    const found = this.marks.get(state)
    if (this.#assigned.has(state)) return state.read()
    if (found) return found
    const node = state.read()
    const wanted = this.#asked ? this.#asked.has(state) : variableOf(state).trainable
    if (!wanted || !isFloat(node.dtype)) return node
    const marked = mark(node)
    this.marks.set(state, marked)
    return marked
  }

  assign(state: VariableState, node: Node): void {
    this.#assigned.add(state)
    state.assign(node)
  }
}
