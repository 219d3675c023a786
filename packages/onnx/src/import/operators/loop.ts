// Loop and Scan. Both become one `scan`, which is compiled once and differentiated as one. A Loop whose body ends it, changes shapes or
// carries lists is written out step by step, which needs its condition known: from shapes and constants, or in `run` from values.
import { cast, range, reverse, scan, stack, tensor, type Tensor, transpose } from '@dl/tensor/core'
import { OnnxError } from '../../errors.ts'
import { type Operator, type OperatorCall, TensorList } from '../operator.ts'

type Value = Tensor | TensorList

/** Deeper tensors come from a body that adds a dimension in each step. */
const MOST_DIMENSIONS = 16

// ---- Loop
function loopOf(call: OperatorCall): readonly Value[] {
  const limit = countOf(call)
  const first = Array.from({ length: Math.max(0, call.inputCount - 2) }, (_, i) => call.value(i + 2))
  const tensors = first.filter((x): x is Tensor => !(x instanceof TensorList))
  if (limit === Infinity || tensors.length < first.length) return writtenOut(call, limit, first)
  return asScan(call, limit, tensors) ?? writtenOut(call, limit, first)
}

/** The number of steps, unless the body ends the loop before; Infinity when only the body does. */
function countOf(call: OperatorCall): number {
  const [count] = call.has(0) ? call.numbers(0, 'the number of steps') : [Infinity]
  const [starts] = call.has(1) ? call.numbers(1, 'the condition') : [1]
  return starts === 0 ? 0 : Math.max(0, count ?? 0)
}

const condition = (on: boolean): Tensor => tensor(on, [], 'bool')

/** One `scan` when the body never ends the loop; undefined when it may, or cannot be traced. */
function asScan(call: OperatorCall, count: number, first: readonly Tensor[]): Tensor[] | undefined {
  const body = call.body('body', first.length + 2)
  let endless = false
  const step = (carried: readonly Tensor[], i: Tensor): readonly [Tensor[], Tensor[]] => {
    const [goesOn, ...results] = body([cast(i, 'int64'), condition(true), ...carried], count).map(tensorOnly)
    endless = goesOn !== undefined && call.known(goesOn)?.[0] === 1
    return [results.slice(0, first.length), results.slice(first.length)]
  }
  try {
    const { carry, ys } = scan(step, [...first], range(0, count, 1, 'int32'))
    return endless ? [...carry, ...ys] : undefined
  } catch (error) {
    if (error instanceof OnnxError && error.code === 'tooLarge') throw error
    return undefined
  }
}

function tensorOnly(x: Value): Tensor {
  if (x instanceof TensorList) throw new Error('[scan] the body gives a list')
  return x
}

function writtenOut(call: OperatorCall, limit: number, first: readonly Value[]): Value[] {
  const body = call.body('body', first.length + 2)
  let carried = first
  const columns: Tensor[][] = []
  let goesOn: Tensor | undefined = condition(true)
  for (let i = 0; i < limit; i++) {
    call.spendStep()
    const results = body([tensor(BigInt64Array.of(BigInt(i)), [], 'int64'), goesOn, ...carried])
    goesOn = tensorOnly(results[0] ?? call.fail('has a body without outputs'))
    carried = results.slice(1, first.length + 1)
    for (const x of carried) if (!(x instanceof TensorList)) settle(call, x)
    for (const [k, y] of results.slice(first.length + 1).entries()) (columns[k] ??= []).push(tensorOnly(y))
    const value = call.known(goesOn) ?? call.unknown('whether it goes on')
    if (value[0] === 0) break
  }
  if (carried.length + columns.length < call.outputCount)
    call.fail('takes no step, so that the shapes of its outputs are not known')
  return [...carried, ...columns.map((column) => stack(column, 0))]
}

/** Where values are computed on the way, computes `x`, or each step would compute all steps before it again. */
function settle(call: OperatorCall, x: Tensor): void {
  if (x.rank > MOST_DIMENSIONS) call.fail('adds dimensions to what it carries, in each step')
  call.known(x)
}

// ---- Scan
/** `x` with axis `from` at `to`. */
function moved(x: Tensor, from: number, to: number): Tensor {
  if (from === to) return x
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== from)
  return transpose(x, axes.toSpliced(to, 0, from))
}

function scanOf(call: OperatorCall): Tensor[] {
  const sequenceCount = call.attributes.int('num_scan_inputs', 0)
  const stateCount = call.inputCount - sequenceCount
  if (sequenceCount < 1 || stateCount < 0)
    call.fail(`has ${call.inputCount} inputs, of which it cannot walk along ${sequenceCount}`)
  const body = call.body('body', call.inputCount)
  const each = (name: string, count: number): number[] => {
    const given = call.attributes.ints(name) ?? Array<number>(count).fill(0)
    return given.length === count ? given : call.fail(`has ${given.length} ${name}, it needs ${count}`)
  }
  const backwards = each('scan_input_directions', sequenceCount)
  const axes = each('scan_input_axes', sequenceCount)
  const sequences = axes.map((axis, i) => {
    const x = call.input(stateCount + i)
    const front = moved(x, call.axis(axis, x.rank), 0)
    return backwards[i] ? reverse(front, 0) : front
  })
  const states = Array.from({ length: stateCount }, (_, i) => call.input(i))
  const { carry, ys } = scan(
    (state: readonly Tensor[], x: readonly Tensor[]): readonly [Tensor[], Tensor[]] => {
      const results = body([...state, ...x], sequences[0]!.shape[0]).map(tensorOnly)
      return [results.slice(0, stateCount), results.slice(stateCount)]
    },
    states,
    sequences,
  )
  const outputBackwards = each('scan_output_directions', ys.length)
  const outputAxes = each('scan_output_axes', ys.length)
  const outputs = ys.map((y, i) =>
    moved(outputBackwards[i] ? reverse(y, 0) : y, 0, call.axis(outputAxes[i]!, y.rank)),
  )
  return [...carry, ...outputs]
}

const SCAN_ATTRIBUTES = [
  'body',
  'num_scan_inputs',
  'scan_input_axes',
  'scan_input_directions',
  'scan_output_axes',
  'scan_output_directions',
]

export const loops: Readonly<Record<string, Operator>> = {
  Loop: { attributes: ['body'], build: loopOf },
  Scan: { since: 9, attributes: SCAN_ATTRIBUTES, build: scanOf },
}
