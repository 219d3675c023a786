// Recurrent layers over sequences: one product for the inputs of all steps before the loop, then a scan whose step is one
// product with the state and one elementwise kernel. Their single steps are the cells. Both orders of gates, both forms of the
// GRU, masks, peepholes and projections of Keras, PyTorch and ONNX.
import { ShapeError } from '../errors.ts'
import { sameShape, showShape } from '../graph/shape.ts'
import { scoped } from '../tensor/scope.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { leavesOf, unflatten } from '../tensor/tree.ts'
import { add, mul, sub } from './arithmetic.ts'
import { scan } from './control-flow.ts'
import { zeros } from './creation.ts'
import { where } from './logical.ts'
import { matMul } from './matmul.ts'
import { expandDims, reshape, transpose } from './movement.ts'
import { slice } from './slice.ts'
import { clipByValue, sigmoid, tanh } from './unary.ts'

/** Elementwise; traced once with the step. */
export type RecurrentActivation = (x: Tensor) => Tensor

/** Weights of a recurrent layer with `gates` blocks of `units` columns side by side (1 for a plain one, 4 for LSTM, 3 for GRU). */
export interface RecurrentWeights {
  /** `[features, gates · units]` */
  readonly kernel: Tensor
  /** `[units, gates · units]` */
  readonly recurrentKernel: Tensor
  /** `[gates · units]` */
  readonly bias?: Tensor | null | undefined
  /** `[gates · units]`, added to the product with the state: PyTorch's `b_hh`, the second half of ONNX's `B`. */
  readonly recurrentBias?: Tensor | null | undefined
}

export interface LstmWeights extends RecurrentWeights {
  /** `[3 · units]`: weights of the cell state in input, forget and output gate (in this order). */
  readonly peepholes?: Tensor | null | undefined
  /** `[units, projected]`: the output is `h · projection`, and so is the state; then `recurrentKernel` is `[projected, 4 · units]`. */
  readonly projection?: Tensor | null | undefined
}

export interface RecurrentOptions {
  /** Of the candidate and, in LSTM, of the cell state on its way out. Default tanh. */
  readonly activation?: RecurrentActivation | undefined
  /** Values before activations are clipped to `[-clip, clip]`. Default: not. */
  readonly clip?: number | undefined
  /**
   * `[batch, units]` (or projected): factors of the state on its way into the product with `recurrentKernel`, at every step the
   * same. The mask of recurrent dropout (Gal and Ghahramani 2016). Default: none.
   */
  readonly stateScale?: Tensor | null | undefined
}
export interface GatedOptions extends RecurrentOptions {
  /** Of the gates. Default sigmoid. */
  readonly recurrentActivation?: RecurrentActivation | undefined
}
export interface LstmOptions extends GatedOptions {
  /**
   * Order of the blocks of columns: input, forget, cell, output (`'ifco'`, the default: Keras; PyTorch, which calls the cell g) or
   * input, output, forget, cell (`'iofc'`: ONNX).
   */
  readonly order?: 'ifco' | 'iofc' | undefined
  /** Of the cell state on its way out. Default: `activation`. */
  readonly outputActivation?: RecurrentActivation | undefined
  /** The forget gate is one minus the input gate. Default false. */
  readonly coupled?: boolean | undefined
}
export interface GruOptions extends GatedOptions {
  /** Order of the blocks of columns: update, reset, candidate (`'zrh'`, the default: Keras, ONNX) or `'rzh'` (PyTorch). */
  readonly order?: 'zrh' | 'rzh' | undefined
  /**
   * Whether the reset gate is applied after the product with the state (Keras's default, PyTorch, ONNX's
   * `linear_before_reset`) or to the state before it. Default true.
   */
  readonly resetAfter?: boolean | undefined
}
/** How a sequence is walked. */
export interface SequenceOptions {
  /** From the last step to the first; `outputs` stay in the order of the input. Default false. */
  readonly reverse?: boolean | undefined
  /** Input, mask and outputs are `[time, batch, …]` instead of `[batch, time, …]`. Default false. */
  readonly timeMajor?: boolean | undefined
  /** bool `[batch, time]`: where false the state stays what it is. */
  readonly mask?: Tensor | null | undefined
  /** Outputs of steps that the mask leaves out: 0 (ONNX) or, by default, the state, as in Keras. */
  readonly zeroMasked?: boolean | undefined
}

/** State of an LSTM: `h`, the output, `[batch, units]` (or projected), and the cell `c`, `[batch, units]`. */
export interface LstmState {
  readonly h: Tensor
  readonly c: Tensor
}

// ---- cells
/**
 * One step of a plain recurrent layer: `activation(x · kernel + bias + h · recurrentKernel + recurrentBias)`.
 * @param x `[batch, features]`
 * @param h `[batch, units]`
 * @returns the next state, which is the output
 */
export function rnnCell(
  x: Tensor,
  h: Tensor,
  weights: RecurrentWeights,
  options: RecurrentOptions = {},
): Tensor {
  const units = unitsOf('rnnCell', x, weights, 1)
  assertState('rnnCell', 'h', h, x.shape[0]!, units)
  return scoped(() => rnnStep(withBias(matMul(x, weights.kernel), weights), h, weights, options))
}

function rnnStep(
  z: Tensor,
  h: Tensor,
  { recurrentKernel }: RecurrentWeights,
  options: RecurrentOptions,
): Tensor {
  const { activation = tanh } = options
  return activation(clipped(add(matMul(scaled(h, options), recurrentKernel), z), options))
}

/**
 * One step of an LSTM (Hochreiter and Schmidhuber 1997; peepholes: Gers and Schmidhuber 2000; projection: Sak et al. 2014):
 * `c' = σ(f) ⊙ c + σ(i) ⊙ tanh(g)`, `h' = σ(o) ⊙ tanh(c')`, where i, f, g, o are the blocks of
 * `x · kernel + bias + h · recurrentKernel + recurrentBias`.
 * @param x `[batch, features]`
 * @returns the next state; its `h` is the output
 */
export function lstmCell(
  x: Tensor,
  state: LstmState,
  weights: LstmWeights,
  options: LstmOptions = {},
): LstmState {
  const units = unitsOf('lstmCell', x, weights, 4)
  assertState('lstmCell', 'state.h', state.h, x.shape[0]!, weights.projection?.shape[1] ?? units)
  assertState('lstmCell', 'state.c', state.c, x.shape[0]!, units)
  return scoped(() => lstmStep(withBias(matMul(x, weights.kernel), weights), state, weights, options))
}

function lstmStep(
  z: Tensor,
  { h, c }: LstmState,
  { recurrentKernel, peepholes, projection }: LstmWeights,
  options: LstmOptions,
): LstmState {
  const { activation = tanh, recurrentActivation = sigmoid, order = 'ifco', coupled = false } = options
  const { outputActivation = activation } = options
  const units = c.shape[1]!
  const sum = add(matMul(scaled(h, options), recurrentKernel), z)
  const block = (name: string): Tensor => columns(sum, order.indexOf(name), units)
  const peep = (gate: Tensor, number: number, cell: Tensor): Tensor =>
    peepholes ? add(gate, mul(slice(peepholes, number * units, units), cell)) : gate
  const gate = (name: string, number: number, cell: Tensor): Tensor =>
    recurrentActivation(clipped(peep(block(name), number, cell), options))
  const input = gate('i', 0, c)
  const forget = coupled ? sub(1, input) : gate('f', 1, c)
  const next = add(mul(forget, c), mul(input, activation(clipped(block('c'), options))))
  const out = mul(gate('o', 2, next), outputActivation(next))
  return { h: projection ? matMul(out, projection) : out, c: next }
}

/**
 * One step of a GRU (Cho et al. 2014): `h' = z ⊙ h + (1 - z) ⊙ n` with the update gate z, the reset gate r and the candidate
 * `n = tanh(x·W + b + r ⊙ (h·U + c))`, or `tanh(x·W + b + (r ⊙ h)·U + c)` with `resetAfter: false`.
 * @param x `[batch, features]`
 * @param h `[batch, units]`
 * @returns the next state, which is the output
 */
export function gruCell(x: Tensor, h: Tensor, weights: RecurrentWeights, options: GruOptions = {}): Tensor {
  const units = unitsOf('gruCell', x, weights, 3)
  assertState('gruCell', 'h', h, x.shape[0]!, units)
  return scoped(() => {
    const z = matMul(x, weights.kernel)
    return gruStep(weights.bias ? add(z, weights.bias) : z, h, weights, options)
  })
}

function gruStep(
  x: Tensor,
  h: Tensor,
  { recurrentKernel, recurrentBias }: RecurrentWeights,
  options: GruOptions,
): Tensor {
  const { activation = tanh, recurrentActivation = sigmoid, order = 'zrh', resetAfter = true } = options
  const units = h.shape[1]!
  const part = (y: Tensor, name: string): Tensor => columns(y, order.indexOf(name), units)
  const product = (state: Tensor, from: number, count: number): Tensor => {
    const y = matMul(scaled(state, options), slice(recurrentKernel, [0, from * units], [-1, count * units]))
    return recurrentBias ? add(y, slice(recurrentBias, from * units, count * units)) : y
  }
  const recurrent = product(h, 0, resetAfter ? 3 : 2)
  const gate = (name: string): Tensor =>
    recurrentActivation(clipped(add(part(recurrent, name), part(x, name)), options))
  const [update, reset] = [gate('z'), gate('r')]
  const inner = resetAfter ? mul(reset, part(recurrent, 'h')) : product(mul(reset, h), 2, 1)
  const candidate = activation(clipped(add(inner, part(x, 'h')), options))
  return add(mul(update, h), mul(sub(1, update), candidate))
}

// ---- sequences
/**
 * A plain recurrent layer over a sequence; see {@link rnnCell}.
 * @param x `[batch, time, features]`
 * @param options with the first state `h`, `[batch, units]`, default zeros
 * @returns `outputs`, `[batch, time, units]`, and the last state `h`
 * @example
 * ```ts
 * import { simpleRnn, ones } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const { outputs, h } = simpleRnn(ones([2, 5, 3]), { kernel: ones([3, 4]), recurrentKernel: ones([4, 4]) })
 * console.log(outputs.shape, h.shape) // [2, 5, 4] [2, 4]
 * ```
 */
export function simpleRnn(
  x: Tensor,
  weights: RecurrentWeights,
  options: RecurrentOptions & SequenceOptions & { readonly h?: Tensor | null | undefined } = {},
): { outputs: Tensor; h: Tensor } {
  return scoped(() => {
    const { batch, units } = sequenceOf('simpleRnn', x, weights, 1, options)
    const h = options.h ?? zeros([batch, units])
    assertState('simpleRnn', 'h', h, batch, units)
    const z = withBias(rowsOf(x, weights, options), weights)
    const { outputs, last } = overTime(
      z,
      h,
      options,
      (s, e) => rnnStep(e, s, weights, options),
      (s) => s,
    )
    return { outputs, h: last }
  })
}

/**
 * An LSTM over a sequence; see {@link lstmCell}.
 * @param x `[batch, time, features]`
 * @param options with the first state `h` and `c`, default zeros
 * @returns `outputs`, `[batch, time, units]` (or projected), and the last state `h`, `c`
 * @throws ShapeError when weights or states do not fit
 * @example
 * ```ts
 * import { lstm, ones } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const { outputs, c } = lstm(ones([2, 5, 3]), { kernel: ones([3, 16]), recurrentKernel: ones([4, 16]) })
 * console.log(outputs.shape, c.shape) // [2, 5, 4] [2, 4]
 * ```
 */
export function lstm(
  x: Tensor,
  weights: LstmWeights,
  options: LstmOptions &
    SequenceOptions & { readonly h?: Tensor | null | undefined; readonly c?: Tensor | null | undefined } = {},
): { outputs: Tensor; h: Tensor; c: Tensor } {
  return scoped(() => {
    const { batch, units } = sequenceOf('lstm', x, weights, 4, options)
    const width = weights.projection?.shape[1] ?? units
    const state: LstmState = { h: options.h ?? zeros([batch, width]), c: options.c ?? zeros([batch, units]) }
    assertState('lstm', 'h', state.h, batch, width)
    assertState('lstm', 'c', state.c, batch, units)
    const z = withBias(rowsOf(x, weights, options), weights)
    const { outputs, last } = overTime(
      z,
      state,
      options,
      (s, e) => lstmStep(e, s, weights, options),
      (s) => s.h,
    )
    return { outputs, ...last }
  })
}

/**
 * A GRU over a sequence; see {@link gruCell}.
 * @param x `[batch, time, features]`
 * @param options with the first state `h`, `[batch, units]`, default zeros
 * @returns `outputs`, `[batch, time, units]`, and the last state `h`
 * @throws ShapeError when weights or states do not fit
 * @example
 * ```ts
 * import { gru, ones } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const { outputs, h } = gru(ones([2, 5, 3]), { kernel: ones([3, 12]), recurrentKernel: ones([4, 12]) })
 * console.log(outputs.shape, h.shape) // [2, 5, 4] [2, 4]
 * ```
 */
export function gru(
  x: Tensor,
  weights: RecurrentWeights,
  options: GruOptions & SequenceOptions & { readonly h?: Tensor | null | undefined } = {},
): { outputs: Tensor; h: Tensor } {
  return scoped(() => {
    const { batch, units } = sequenceOf('gru', x, weights, 3, options)
    const h = options.h ?? zeros([batch, units])
    assertState('gru', 'h', h, batch, units)
    const rows = rowsOf(x, weights, options)
    const z = weights.bias ? add(rows, weights.bias) : rows
    const { outputs, last } = overTime(
      z,
      h,
      options,
      (s, e) => gruStep(e, s, weights, options),
      (s) => s,
    )
    return { outputs, h: last }
  })
}

/** Runs a step over `z`, `[time, batch, …]`: what the input gives to each step. */
function overTime<S>(
  z: Tensor,
  initial: S,
  options: SequenceOptions,
  step: (state: S, z: Tensor) => S,
  output: (state: S) => Tensor,
): { outputs: Tensor; last: S } {
  const { mask, reverse, timeMajor = false, zeroMasked = false } = options
  const masked = (state: S, [e, m]: readonly [Tensor, Tensor]): readonly [S, Tensor] => {
    const seen = expandDims(m, -1)
    const next = chosen(seen, step(state, e), state)
    return [next, zeroMasked ? where(seen, output(next), 0) : output(next)]
  }
  const plain = (state: S, e: Tensor): readonly [S, Tensor] => {
    const next = step(state, e)
    return [next, output(next)]
  }
  const { carry, ys } = mask
    ? scan(masked, initial, [z, timeMajor ? mask : transpose(mask, [1, 0])] as const, { reverse })
    : scan(plain, initial, z, { reverse })
  return { outputs: timeMajor ? ys : transpose(ys, [1, 0, 2]), last: carry }
}

/** `next` where `seen`, else `before`; both are trees of one form. */
function chosen<S>(seen: Tensor, next: S, before: S): S {
  const old = leavesOf(before) as Tensor[]
  const leaves = leavesOf(next).map((x, i) => where(seen, x as Tensor, old[i]!))
  return unflatten(next, leaves) as S
}

// ---- what the input gives, and checks
/** `x · kernel` for all steps in one product: `[time, batch, gates · units]`. */
function rowsOf(x: Tensor, { kernel }: RecurrentWeights, { timeMajor = false }: SequenceOptions): Tensor {
  const [time, batch, features] = (timeMajor ? x : transpose(x, [1, 0, 2])).shape as [number, number, number]
  const rows = reshape(timeMajor ? x : transpose(x, [1, 0, 2]), [time * batch, features])
  return reshape(matMul(rows, kernel), [time, batch, kernel.shape[1]!])
}

/** Both biases at once: what comes from the state is added to what comes from the input. */
function withBias(z: Tensor, { bias, recurrentBias }: RecurrentWeights): Tensor {
  const both = bias && recurrentBias ? add(bias, recurrentBias) : (bias ?? recurrentBias)
  return both ? add(z, both) : z
}

const columns = (x: Tensor, block: number, units: number): Tensor => slice(x, [0, block * units], [-1, units])

const scaled = (h: Tensor, { stateScale }: RecurrentOptions): Tensor => (stateScale ? mul(h, stateScale) : h)

const clipped = (x: Tensor, { clip }: RecurrentOptions): Tensor =>
  clip === undefined ? x : clipByValue(x, -clip, clip)

/** Checks the weights of `gates` blocks against the input `[…, features]`; the number of units. */
function unitsOf(op: string, x: Tensor, weights: LstmWeights, gates: number): number {
  const { kernel, recurrentKernel, bias, recurrentBias, projection, peepholes } = weights
  const columnCount = kernel.shape[1] ?? 0
  const units = columnCount / gates
  const features = x.shape.at(-1)
  const state = projection ? (projection.shape[1] ?? 0) : units
  const expected: readonly (readonly [string, Tensor | null | undefined, readonly number[]])[] = [
    ['kernel', kernel, [features ?? 0, columnCount]],
    ['recurrentKernel', recurrentKernel, [state, columnCount]],
    ['bias', bias, [columnCount]],
    ['recurrentBias', recurrentBias, [columnCount]],
    ['projection', projection, [units, state]],
    ['peepholes', peepholes, [3 * units]],
  ]
  if (!Number.isInteger(units))
    throw new ShapeError(
      `[${op}] kernel must hold ${gates} blocks of columns side by side, got shape ${showShape(kernel.shape)}`,
    )
  for (const [name, weight, shape] of expected)
    if (weight && !sameShape(weight.shape, shape))
      throw new ShapeError(
        `[${op}] ${name} must have shape ${showShape(shape)} for input ${showShape(x.shape)} and ${units} units, got ` +
          showShape(weight.shape),
      )
  return units
}

function sequenceOf(
  op: string,
  x: Tensor,
  weights: LstmWeights,
  gates: number,
  { mask, timeMajor = false }: SequenceOptions,
): { batch: number; units: number } {
  const layout = timeMajor ? '[time, batch, features]' : '[batch, time, features]'
  if (x.rank !== 3)
    throw new ShapeError(`[${op}] the input must be ${layout}, got shape ${showShape(x.shape)}`)
  const units = unitsOf(op, x, weights, gates)
  if (mask && !sameShape(mask.shape, x.shape.slice(0, 2)))
    throw new ShapeError(
      `[${op}] mask must have shape ${showShape(x.shape.slice(0, 2))}, one bool a step of the input ` +
        `${showShape(x.shape)}; got ${showShape(mask.shape)}`,
    )
  return { batch: x.shape[timeMajor ? 1 : 0]!, units }
}

function assertState(op: string, name: string, x: Tensor, batch: number, width: number): void {
  if (sameShape(x.shape, [batch, width])) return
  throw new ShapeError(
    `[${op}] ${name} must have shape ${showShape([batch, width])}, got ${showShape(x.shape)}`,
  )
}
