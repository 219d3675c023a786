// Lists of tensors. PyTorch's newer exporter writes `split` and `chunk` with them: a list is made, and its elements are taken out.
import { concat, reshape, slice, stack, type Tensor, tensor } from '@dl/tensor/core'
import { int64Tensor } from '../../schema/tensor-values.ts'
import { type Operator, type OperatorCall, shapeOf, TensorList } from '../operator.ts'

/** Lengths along the axis: given, or equal ones of which the last may be shorter. */
function lengthsOf(call: OperatorCall, total: number): number[] {
  if (!call.has(1)) return Array<number>(total).fill(1)
  const given = call.numbers(1, 'the lengths')
  const [size = 0] = given
  const isSize = shapeOf(call.input(1)).length === 0
  const fits = isSize
    ? size > 0
    : given.every((n) => n >= 0) && given.reduce((sum, n) => sum + n, 0) === total
  if (!fits) call.fail(`cannot cut ${total} into parts of ${given.join(', ')}`)
  if (!isSize) return given
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => Math.min(size, total - i * size))
}

function splitToSequence(call: OperatorCall): TensorList {
  const x = call.input(0)
  const shape = shapeOf(x)
  const axis = call.axis(call.attributes.int('axis', 0), shape.length)
  const drops = !call.has(1) && !call.attributes.flag('keepdims', true)
  let begin = 0
  const parts = lengthsOf(call, shape[axis]!).map((length) => {
    const at = (d: number, a: number): number => (a === axis ? length : d)
    const from = shape.map((_, a) => (a === axis ? begin : 0))
    const part: Tensor = slice(x, from, shape.map(at))
    begin += length
    return drops
      ? reshape(
          part,
          shape.filter((_, a) => a !== axis),
        )
      : part
  })
  return new TensorList(parts)
}

/** A position counted from the front; `count` is the number of places. */
function position(call: OperatorCall, input: number, count: number): number {
  const at = call.number(input, 'the position')
  if (at < -count || at >= count) call.fail(`has position ${at}, but there are ${count}`)
  return at < 0 ? at + count : at
}

function sequenceAt(call: OperatorCall): Tensor {
  const list = call.list(0)
  return list[position(call, 1, list.length)]!
}

function sequenceInsert(call: OperatorCall): TensorList {
  const list = call.list(0)
  const at = call.has(2) ? call.number(2, 'the position') : list.length
  if (at < -list.length || at > list.length) call.fail(`has position ${at} in a list of ${list.length}`)
  return new TensorList(list.toSpliced(at < 0 ? at + list.length : at, 0, call.input(1)))
}

function sequenceErase(call: OperatorCall): TensorList {
  const list = call.list(0)
  if (list.length === 0) call.fail('takes an element out of an empty list')
  const at = call.has(1) ? position(call, 1, list.length) : list.length - 1
  return new TensorList(list.toSpliced(at, 1))
}

function concatFromSequence(call: OperatorCall): Tensor {
  const list = call.list(0)
  const [first] = list
  if (!first) call.fail('joins an empty list')
  const stacks = call.attributes.flag('new_axis', false)
  const axis = call.axis(call.attributes.int('axis', 0), first.rank + (stacks ? 1 : 0))
  return stacks ? stack([...list], axis) : concat([...list], axis)
}

function sequenceLength(call: OperatorCall): Tensor {
  const { data, shape, dtype } = int64Tensor([call.list(0).length], [])
  return tensor(data, [...shape], dtype)
}

export const sequences: Readonly<Record<string, Operator>> = {
  SplitToSequence: { attributes: ['axis', 'keepdims'], host: [1], since: 11, build: splitToSequence },
  SequenceAt: { host: [1], since: 11, build: sequenceAt },
  SequenceConstruct: { since: 11, build: (call) => new TensorList(call.inputs()) },
  SequenceEmpty: { attributes: ['dtype'], since: 11, build: () => new TensorList([]) },
  SequenceInsert: { host: [2], since: 11, build: sequenceInsert },
  SequenceErase: { host: [1], since: 11, build: sequenceErase },
  SequenceLength: { since: 11, build: sequenceLength },
  ConcatFromSequence: { attributes: ['axis', 'new_axis'], since: 11, build: concatFromSequence },
}
