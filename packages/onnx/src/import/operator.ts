// What an entry of the operator table is, and what it gets: the inputs of one node as tensors, and its attributes.
import type { DType, Tensor, TypedArray } from '@dl/tensor/core'
import { DTYPES } from '@dl/tensor/backend'
import { OnnxError, UnknownValueError } from '../errors.ts'
import type { Attributes } from './attributes.ts'
import type { Body, GraphNode, ModelGraph } from './graph.ts'

/** A list of tensors: a value that nodes hand on, but that no model takes or gives. */
export class TensorList {
  readonly tensors: readonly Tensor[]
  constructor(tensors: readonly Tensor[]) {
    this.tensors = tensors
  }
}

/** One operator of ONNX: the versions it has are told apart by `call.opset` inside `build`. */
export interface Operator {
  /** Names of the attributes of all versions; a node with another one is refused, not misread. */
  readonly attributes?: readonly string[]
  /** First version of the operator set that has it. */
  readonly since?: number
  /** Inputs whose values shape the graph: an initializer there is a constant, never a trainable Variable. */
  readonly host?: readonly number[]
  /** Inputs that hold statistics: Variables that training moves, but no optimizer. */
  readonly state?: readonly number[]
  /** The composition in tensor operations: a tensor (or a list of tensors) for each output. */
  readonly build: (call: OperatorCall) => Tensor | TensorList | readonly (Tensor | TensorList)[]
}

/** The operator, known from this version of the operator set on. */
export const since = (version: number, operator: Operator): Operator => ({ ...operator, since: version })

/** Looks values up while a graph is built. */
export interface Values {
  tensor(name: string): Tensor
  list(name: string): readonly Tensor[]
  /** The value when it is known now; undefined when it depends on inputs or Variables. */
  known(name: string): TypedArray | undefined
  /** Gives the Variable of this name, if it is one, its next value. */
  assign(name: string, value: Tensor): void
  /** Whether this is a Variable that training leaves alone. */
  isFrozen(name: string): boolean
  /** Whether the model gives this value to its caller. */
  isOutput(name: string): boolean
  /** A tensor or a list. */
  value(name: string): Tensor | TensorList
  /** Elements of a tensor when they are known now. */
  elements(x: Tensor): TypedArray | undefined
  /**
   * What a body gives; it sees all values that are there.
   * @param tracedSteps when it becomes the body of a loop or branch, where nothing can be computed on the way: how often it runs
   */
  run(body: Body, inputs: readonly (Tensor | TensorList)[], tracedSteps?: number): (Tensor | TensorList)[]
  /** Counts a step of a loop that is written out. @throws OnnxError (`tooLarge`) after too many */
  spendStep(where: string): void
}

export class OperatorCall {
  readonly opset: number
  readonly attributes: Attributes
  readonly training: boolean
  readonly #node: GraphNode
  readonly #values: Values
  readonly #maxTensorBytes: number

  constructor(node: GraphNode, graph: ModelGraph, values: Values, training: boolean) {
    this.#node = node
    this.opset = graph.opset
    this.#maxTensorBytes = graph.maxTensorBytes
    this.attributes = node.attributes
    this.#values = values
    this.training = training
  }

  get #where(): string {
    return `[importOnnx] ${this.#node.opType} node '${this.#node.name}'`
  }

  get inputCount(): number {
    return this.#node.inputs.length
  }
  get outputCount(): number {
    return this.#node.outputs.length
  }
  /** Whether output `i` is wanted. */
  wants(i: number): boolean {
    return (this.#node.outputs[i] ?? '') !== ''
  }
  /** Whether output `i` is an output of the model. */
  exposes(i: number): boolean {
    return this.wants(i) && this.#values.isOutput(this.#node.outputs[i]!)
  }
  /** Moves the Variable behind input `i`. */
  assign(i: number, value: Tensor): void {
    this.#values.assign(this.#node.inputs[i]!, value)
  }
  /** Whether input `i` is a Variable that was frozen. */
  isFrozen(i: number): boolean {
    return this.#values.isFrozen(this.#node.inputs[i] ?? '')
  }
  has(i: number): boolean {
    return (this.#node.inputs[i] ?? '') !== ''
  }

  /** The body that is the attribute `name`. @returns what it gives, each time that it is called; see {@link Values.run} */
  body(
    name: string,
    inputCount: number,
  ): (inputs: readonly (Tensor | TensorList)[], tracedSteps?: number) => (Tensor | TensorList)[] {
    const body = this.#node.bodies.get(name)
    if (!body) this.fail(`has no graph '${name}'`)
    if (body.inputs.length !== inputCount)
      this.fail(`has a graph '${name}' of ${body.inputs.length} inputs, it needs ${inputCount}`)
    return (inputs, tracedSteps) => this.#values.run(body, inputs, tracedSteps)
  }
  /** See {@link Values.spendStep}. */
  spendStep(): void {
    this.#values.spendStep(this.#where)
  }
  /** Input `i`, a tensor or a list. */
  value(i: number): Tensor | TensorList {
    return this.#values.value(this.#node.inputs[i] ?? '')
  }
  /** The elements of `x` if they are known, else undefined. */
  known(x: Tensor): TypedArray | undefined {
    return this.#values.elements(x)
  }

  input(i: number): Tensor {
    const name = this.#node.inputs[i] ?? ''
    if (name === '') this.fail(`needs input ${i}, which is left out`)
    return this.#values.tensor(name)
  }
  /** The tensors of input `i`, which is a list. */
  list(i: number): readonly Tensor[] {
    return this.#values.list(this.#node.inputs[i] ?? '')
  }
  optional(i: number): Tensor | undefined {
    return this.has(i) ? this.input(i) : undefined
  }
  /** All inputs, of operators that take any number. */
  inputs(): Tensor[] {
    if (this.inputCount === 0) this.fail('needs at least one input')
    return this.#node.inputs.map((_, i) => this.input(i))
  }

  /** Numbers of input `i`, which decide about shapes and must be known while the graph is built. */
  numbers(i: number, what: string): number[] {
    const value = this.has(i) ? this.#values.known(this.#node.inputs[i]!) : undefined
    if (!value)
      throw new UnknownValueError(
        `${this.#where} needs to know ${what} ('${this.#node.inputs[i] ?? ''}') before anything is computed, but it depends on the ` +
          "values of the model's inputs, not on their shapes alone",
      )
    return Array.from(value as ArrayLike<number | bigint>, Number)
  }
  number(i: number, what: string): number {
    const [value, ...others] = this.numbers(i, what)
    if (value === undefined || others.length > 0)
      this.fail(`${what} must be one number, got ${others.length + 1}`)
    return value
  }
  /** Numbers of input `i` as sizes of a tensor. */
  sizes(i: number, what: string): number[] {
    const sizes = this.numbers(i, what)
    const bad = sizes.find((d) => !(Number.isInteger(d) && d >= 0))
    if (bad !== undefined) this.fail(`takes ${what} [${sizes.join(', ')}], in which ${bad} is no size`)
    return sizes
  }
  /** Numbers of input `i` if they are known, else undefined. */
  knownNumbers(i: number): number[] | undefined {
    const value = this.has(i) ? this.#values.known(this.#node.inputs[i]!) : undefined
    return value && Array.from(value as ArrayLike<number | bigint>, Number)
  }
  /** An attribute up to version `before - 1`, input `i` from then on; undefined when left out. */
  intsSince(before: number, name: string, i: number): number[] | undefined {
    if (this.opset < before) return this.attributes.ints(name)
    const values = this.has(i) ? this.numbers(i, name) : undefined
    if (values?.some((value) => !Number.isInteger(value)))
      this.fail(`needs whole ${name}, got ${values.join(', ')}`)
    return values
  }

  /** Refuses a tensor of `size` elements that would not fit; for operators that fill arrays themselves. */
  checkSize(size: number, dtype: DType): void {
    assertFits(this.#where, size, dtype, this.#maxTensorBytes)
  }

  /** @throws OnnxError that names the node */
  fail(problem: string): never {
    throw new OnnxError('operator', `${this.#where} ${problem}`)
  }

  /** @throws UnknownValueError that names the node: a run that computes values on the way can go on */
  unknown(what: string): never {
    throw new UnknownValueError(`${this.#where} needs to know ${what}`)
  }

  /** An axis counted from the front. */
  axis(axis: number, rank: number): number {
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
      this.fail(`has axis ${axis}, its input has ${rank} dimensions`)
    return axis < 0 ? axis + rank : axis
  }
}

/** @throws OnnxError (`tooLarge`) when a tensor of `size` elements is beyond the limit */
export function assertFits(where: string, size: number, dtype: DType, maxBytes: number): void {
  const bytes = size * DTYPES[dtype].bytes
  if (!(bytes <= maxBytes))
    throw new OnnxError(
      'tooLarge',
      `${where} makes a tensor of ${size} elements, ${bytes} bytes, more than the limit of ${maxBytes} (maxTensorBytes)`,
    )
}

/** Sizes of a tensor as numbers. */
export const shapeOf = (x: Tensor): number[] => [...x.shape]
export const dtypeOfTensor = (x: Tensor): DType => x.dtype as DType
