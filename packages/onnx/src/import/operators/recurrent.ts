// Recurrent operators: one walk of @dl/tensor's sequence functions for each direction. ONNX keeps the blocks of gates as rows,
// both biases in one vector, peepholes in the order input, output, forget, and names activation functions in attributes.
import {
  add,
  cast,
  clipByValue,
  concat,
  elu,
  expandDims,
  gru,
  leakyRelu,
  less,
  lstm,
  mul,
  range,
  type RecurrentActivation,
  type RecurrentWeights,
  relu,
  type SequenceOptions,
  sigmoid,
  simpleRnn,
  slice,
  softplus,
  softsign,
  squeeze,
  stack,
  tanh,
  type Tensor,
  transpose,
  zeros,
} from '@dl/tensor/core'
import { type Operator, type OperatorCall, shapeOf } from '../operator.ts'
import { thresholdedRelu } from './activation.ts'

/** An activation function with the defaults of its numbers; without one, the node must give it. */
interface Activation {
  readonly alpha?: number | 'given'
  readonly beta?: number | 'given'
  readonly fn: (x: Tensor, alpha: number, beta: number) => Tensor
}
/** By the name in lower case: exporters do not agree on capitals. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ['relu', { fn: relu }],
  ['tanh', { fn: tanh }],
  ['sigmoid', { fn: sigmoid }],
  ['softsign', { fn: softsign }],
  ['softplus', { fn: softplus }],
  ['affine', { alpha: 'given', beta: 'given', fn: (x, alpha, beta) => add(mul(x, alpha), beta) }],
  ['scaledtanh', { alpha: 'given', beta: 'given', fn: (x, alpha, beta) => mul(tanh(mul(x, beta)), alpha) }],
  ['leakyrelu', { alpha: 0.01, fn: leakyRelu }],
  ['thresholdedrelu', { alpha: 1, fn: thresholdedRelu }],
  ['elu', { alpha: 1, fn: elu }],
  [
    'hardsigmoid',
    { alpha: 0.2, beta: 0.5, fn: (x, alpha, beta) => clipByValue(add(mul(x, alpha), beta), 0, 1) },
  ],
])

/**
 * The activation functions of all directions. Of the lists `activation_alpha` and `activation_beta`, each function that has such a
 * number takes the next one (as in ONNX Runtime).
 */
function activationsOf(call: OperatorCall, absent: readonly string[]): RecurrentActivation[] {
  const names = call.attributes.strings('activations') ?? absent
  if (names.length !== absent.length)
    call.fail(`names ${names.length} activations, it needs ${absent.length} (${absent.join(', ')})`)
  const given = {
    alpha: call.attributes.floats('activation_alpha'),
    beta: call.attributes.floats('activation_beta'),
  }
  const used = { alpha: 0, beta: 0 }
  return names.map((name) => {
    const known = ACTIVATIONS.get(name.toLowerCase())
    if (!known) return call.fail(`has the activation '${name}', which ONNX does not know`)
    const next = (which: 'alpha' | 'beta'): number => {
      if (known[which] === undefined) return 0
      const value = given[which]?.[used[which]++] ?? known[which]
      return typeof value === 'number' ? value : call.fail(`gives no ${which} for the activation '${name}'`)
    }
    const [alpha, beta] = [next('alpha'), next('beta')]
    return (x) => known.fn(x, alpha, beta)
  })
}

/** One walk over the sequence. */
interface Direction {
  readonly number: number
  readonly weights: RecurrentWeights
  readonly options: SequenceOptions & { readonly h: Tensor; readonly clip: number | undefined }
  readonly activations: readonly RecurrentActivation[]
}

/** What the three operators share: attributes, the input, and the weights of each direction. */
class RecurrentNode {
  readonly call: OperatorCall
  readonly x: Tensor
  readonly units: number
  /** `[time, batch]` in the order of the input. */
  readonly sizes: readonly number[]
  readonly batchMajor: boolean
  readonly #directions: readonly boolean[]

  constructor(call: OperatorCall) {
    this.call = call
    this.x = call.input(0)
    this.batchMajor = call.attributes.flag('layout', false)
    this.#directions = directionsOf(call)
    const shape = shapeOf(this.x)
    if (shape.length !== 3) call.fail(`needs an input of 3 dimensions, got shape [${shape.join(', ')}]`)
    this.sizes = shape.slice(0, 2)
    this.units = shapeOf(call.input(2)).at(-1) ?? 0
    const declared = call.attributes.int('hidden_size', this.units)
    if (declared !== this.units)
      call.fail(`has hidden_size ${declared}, but its recurrent weights are for ${this.units}`)
  }

  get batch(): number {
    return this.sizes[this.batchMajor ? 0 : 1]!
  }
  get #time(): number {
    return this.sizes[this.batchMajor ? 1 : 0]!
  }

  /**
   * @param absent names of the activations of one direction
   * @param gates blocks of rows in the weights
   */
  directions(absent: readonly string[], gates: number): Direction[] {
    const { call } = this
    const count = this.#directions.length
    const activations = activationsOf(
      call,
      this.#directions.flatMap(() => absent),
    )
    const mask = this.#mask()
    const rows = gates * this.units
    const clip = call.attributes.float('clip')
    return this.#directions.map((reverse, number) => {
      const bias = this.part(3, number, [2 * rows])
      return {
        number,
        activations: activations.slice((number * activations.length) / count).slice(0, absent.length),
        weights: {
          kernel: transpose(this.part(1, number, [rows, shapeOf(this.x)[2]!])!),
          recurrentKernel: transpose(this.part(2, number, [rows, this.units])!),
          bias: bias && slice(bias, [0], [rows]),
          recurrentBias: bias && slice(bias, [rows], [rows]),
        },
        options: {
          h: this.state(5, number),
          clip,
          reverse,
          timeMajor: !this.batchMajor,
          mask,
          zeroMasked: true,
        },
      }
    })
  }

  /** What input `i`, `[directions, …shape]`, says of direction `number`. */
  part(i: number, number: number, shape: readonly number[]): Tensor | undefined {
    const all = this.call.optional(i)
    if (!all) return i <= 2 ? this.call.fail(`needs input ${i}, which is left out`) : undefined
    const wanted = [this.#directions.length, ...shape]
    const given = shapeOf(all)
    if (given.length !== wanted.length || wanted.some((d, axis) => d !== given[axis]))
      this.call.fail(`needs input ${i} of shape [${wanted.join(', ')}], got [${given.join(', ')}]`)
    return squeeze(slice(all, [number, ...shape.map(() => 0)], [1, ...shape]), [0])
  }

  /** The first state, `[batch, units]`, of direction `number`; zeros when input `i` is left out. */
  state(i: number, number: number): Tensor {
    const { batch, units, call } = this
    const all = call.optional(i)
    if (!all) return zeros([batch, units], this.x.dtype)
    if (!this.batchMajor) return this.part(i, number, [batch, units])!
    const wanted = [batch, this.#directions.length, units]
    const given = shapeOf(all)
    if (given.length !== 3 || wanted.some((d, axis) => d !== given[axis]))
      call.fail(`needs input ${i} of shape [${wanted.join(', ')}], got [${given.join(', ')}]`)
    return squeeze(slice(all, [0, number, 0], [batch, 1, units]), [1])
  }

  /** Which steps count, in the layout of the input; undefined when all do. */
  #mask(): Tensor | undefined {
    const lengths = this.call.optional(4)
    if (!lengths) return undefined
    const given = shapeOf(lengths)
    if (given.length !== 1 || given[0] !== this.batch)
      this.call.fail(`needs sequence_lens of shape [${this.batch}], got [${given.join(', ')}]`)
    const known = this.call.knownNumbers(4)
    const bad = known?.find((n) => !(n >= 0 && n <= this.#time))
    if (bad !== undefined) this.call.fail(`has a sequence of ${bad} steps, its input has ${this.#time}`)
    if (known?.every((n) => n === this.#time)) return undefined
    const steps = range(0, this.#time, 1, 'int32')
    const counts = cast(lengths, 'int32')
    return this.batchMajor
      ? less(expandDims(steps, 0), expandDims(counts, 1))
      : less(expandDims(steps, 1), expandDims(counts, 0))
  }

  /** The outputs of ONNX: all steps, and the last states. */
  outputs(steps: readonly Tensor[], ...states: readonly (readonly Tensor[])[]): Tensor[] {
    return [
      stack([...steps], this.batchMajor ? 2 : 1),
      ...states.map((state) => stack([...state], this.batchMajor ? 1 : 0)),
    ]
  }
}

/** For each walk whether it goes backwards. */
function directionsOf(call: OperatorCall): readonly boolean[] {
  const direction = call.attributes.string('direction', 'forward')
  switch (direction) {
    case 'forward':
      return [false]
    case 'reverse':
      return [true]
    case 'bidirectional':
      return [false, true]
    default:
      return call.fail(`has direction '${direction}'; it is 'forward', 'reverse' or 'bidirectional'`)
  }
}

function rnnOf(call: OperatorCall): Tensor[] {
  const node = new RecurrentNode(call)
  const results = node
    .directions(['Tanh'], 1)
    .map(({ weights, options, activations: [activation] }) =>
      simpleRnn(node.x, weights, { ...options, activation }),
    )
  return node.outputs(
    results.map(({ outputs }) => outputs),
    results.map(({ h }) => h),
  )
}

function gruOf(call: OperatorCall): Tensor[] {
  const node = new RecurrentNode(call)
  const resetAfter = call.attributes.flag('linear_before_reset', false)
  const results = node
    .directions(['Sigmoid', 'Tanh'], 3)
    .map(({ weights, options, activations: [recurrentActivation, activation] }) =>
      gru(node.x, weights, { ...options, recurrentActivation, activation, resetAfter }),
    )
  return node.outputs(
    results.map(({ outputs }) => outputs),
    results.map(({ h }) => h),
  )
}

function lstmOf(call: OperatorCall): Tensor[] {
  const node = new RecurrentNode(call)
  const coupled = call.attributes.flag('input_forget', false)
  const results = node
    .directions(['Sigmoid', 'Tanh', 'Tanh'], 4)
    .map(({ number, weights, options, activations }) => {
      const [recurrentActivation, activation, outputActivation] = activations
      return lstm(
        node.x,
        { ...weights, peepholes: peepholesOf(node, number) },
        {
          ...options,
          c: node.state(6, number),
          order: 'iofc',
          coupled,
          recurrentActivation,
          activation,
          outputActivation,
        },
      )
    })
  return node.outputs(
    results.map(({ outputs }) => outputs),
    results.map(({ h }) => h),
    results.map(({ c }) => c),
  )
}

/** ONNX: input, output, forget; here: input, forget, output. */
function peepholesOf(node: RecurrentNode, number: number): Tensor | undefined {
  const { units } = node
  const all = node.part(7, number, [3 * units])
  if (!all) return undefined
  const [input, output, forget] = [0, 1, 2].map((gate) => slice(all, [gate * units], [units]))
  return concat([input!, forget!, output!], 0)
}

const ATTRIBUTES = [
  'activation_alpha',
  'activation_beta',
  'activations',
  'clip',
  'direction',
  'hidden_size',
  'layout',
]

export const recurrent: Readonly<Record<string, Operator>> = {
  RNN: { attributes: ATTRIBUTES, build: rnnOf },
  GRU: { attributes: [...ATTRIBUTES, 'linear_before_reset'], build: gruOf },
  LSTM: { attributes: [...ATTRIBUTES, 'input_forget'], build: lstmOf },
}
