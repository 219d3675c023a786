// The Variable: a tensor whose value can be replaced. What training changes: weights, optimizer state, statistics, counters.
import { ShapeError } from '../errors.ts'
import { allocate, type DType, type Element } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { constantOf } from '../graph/primitives.ts'
import { sameShape, showShape, sizeOf } from '../graph/shape.ts'
import { Storage } from '../backend/storage.ts'
import { readyBackend } from '../backend/registry.ts'
import { flush } from './evaluate.ts'
import { storageOf } from './handle.ts'
import { leavesReachedFrom } from './lifetime.ts'
import { nodeOf, Tensor } from './tensor.ts'
import { VariableState } from './variable-state.ts'
import type { Shape, TensorLike } from './types.ts'

let counter = 0
let stateOfVariable: (variable: Variable) => VariableState
const variables = new WeakMap<VariableState, Variable>()

/**
 * A tensor whose value {@link Variable.assign} replaces. Reading it names the value it has at that moment; a later
 * assignment does not change what was read. Scopes (`tidy`) never dispose it.
 */
export class Variable<S extends Shape = any, D extends DType = any> extends Tensor<S, D> {
  readonly name: string
  /** Whether gradients and optimizers consider it by default. */
  trainable: boolean
  readonly #state: VariableState

  static {
    stateOfVariable = (variable) => variable.#state
  }

  constructor(initial: Tensor<S, D>, trainable = true, name?: string) {
    const node = nodeOf('variable', 'initialValue', initial)
    const storage = computedStorage(node)
    super(storage, false)
    this.trainable = trainable
    this.name = name ?? `variable_${++counter}`
    this.#state = new VariableState(storage)
    variables.set(this.#state, this)
  }

  /** For operations: the node of the version that is current here (inside a trace, the trace's). */
  currentNode(): Node {
    return this.#state.read()
  }

  /**
   * Replaces the value. Computed in place at the next flush where nobody else needs the old one.
   * @throws when shape or dtype differ
   */
  assign(value: Tensor<S, D> | TensorLike): void {
    const node = nodeOf('assign', 'value', value, this.dtype)
    if (node.dtype !== this.dtype || !sameShape(node.shape, this.shape))
      throw new ShapeError(
        `[assign] variable "${this.name}" holds ${this.dtype} ${showShape(this.shape)}; the new value is ` +
          `${node.dtype} ${showShape(node.shape)}. Shape and dtype of a variable never change`,
      )
    this.#state.assign(node)
  }

  override dispose(): void {
    if (this.isDisposed) return
    super.dispose()
    this.#state.release()
  }
}

/** The storage of an initial value; inside a trace it must not depend on traced values. */
function computedStorage(node: Node): Storage {
  const known = storageOf(node)
  if (known) return known
  for (const leaf of leavesReachedFrom([node]))
    if (leaf.tracer)
      throw new Error(
        `[variable] a Variable cannot start with a traced value; make it outside of the function given to ${leaf.tracer}`,
      )
  const value = constantOf(node)
  if (value !== undefined) return filledStorage(node, value)
  flush([node], 'variable', readyBackend('variable'))
  return storageOf(node)!
}

/** A constant needs no program: optimizers make many of them, of every shape. */
function filledStorage({ shape, dtype }: Node, value: Element): Storage {
  const data = allocate(dtype, sizeOf(shape))
  return Storage.fromHost(shape, dtype, Number(value) === 0 ? data : data.fill(value as never))
}

/** The state of a variable: for traces, gradients and `jit`. */
export const variableState = (variable: Variable): VariableState => stateOfVariable(variable)
/** The variable of a state that was met in a trace. */
export const variableOf = (state: VariableState): Variable => variables.get(state)!

/**
 * A new variable.
 * @param initialValue its first value; the tensor itself stays the caller's
 * @param trainable whether optimizers change it. Default true
 * @param name default `variable_1`, …
 * @param dtype converts the initial value
 * @example
 * ```ts
 * import { variable, scalar } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const count = variable(scalar(1))
 * count.assign(count.add(1))
 * console.log(await count.data()) // 2
 * ```
 */
export function variable<S extends Shape = any, D extends DType = any>(
  initialValue: Tensor<S, D>,
  trainable = true,
  name?: string,
): Variable<S, D> {
  return new Variable(initialValue, trainable, name)
}
