// Control flow in the executable specification: bodies are evaluated node by node, once an iteration.
import type { Body } from '../../graph/body.ts'
import { allocate, type TypedArray } from '../../graph/dtype.ts'
import type { Node, NodeOf } from '../../graph/node.ts'
import { sizeOf } from '../../graph/shape.ts'

/** Value of one node from the values of its sources. */
type Evaluate = (node: Node, inputs: readonly TypedArray[]) => TypedArray

/** The value of a control node is a handle; its items look their arrays up here. */
const itemsByHandle = new WeakMap<TypedArray, readonly TypedArray[]>()

function handleOf(items: readonly TypedArray[]): TypedArray {
  const handle = new Uint8Array(0)
  itemsByHandle.set(handle, items)
  return handle
}

export const evaluateItem = (n: NodeOf<'item'>, handle: TypedArray): TypedArray =>
  itemsByHandle.get(handle)![n.attrs.index]!

/** Results of a body for given parameters. */
function evaluateBody(body: Body, inputs: readonly TypedArray[], evaluate: Evaluate): TypedArray[] {
  const values = new Map<Node, TypedArray>()
  for (const [i, param] of body.params.entries()) values.set(param, inputs[i]!)
  for (const n of body.nodes)
    if (!values.has(n))
      values.set(
        n,
        evaluate(
          n,
          n.src.map((x) => values.get(x)!),
        ),
      )
  return body.results.map((n) => values.get(n)!)
}

export function evaluateScan(
  { attrs }: NodeOf<'scan'>,
  inputs: readonly TypedArray[],
  evaluate: Evaluate,
): TypedArray {
  const { body, length, direction, constants, carries } = attrs
  const fixed = inputs.slice(0, constants)
  let carried = inputs.slice(constants, constants + carries)
  const sequences = inputs.slice(constants + carries)
  const sizes = body.params.slice(constants + carries).map((x) => sizeOf(x.shape))
  const outputs = body.results.slice(carries).map((x) => allocate(x.dtype, length * sizeOf(x.shape)))
  for (let step = 0; step < length; step++) {
    const t = direction > 0 ? step : length - 1 - step
    const elements = sequences.map((x, i) => x.slice(t * sizes[i]!, (t + 1) * sizes[i]!))
    const results = evaluateBody(body, [...fixed, ...carried, ...elements], evaluate)
    carried = results.slice(0, carries)
    for (const [i, y] of outputs.entries()) {
      const element = results[carries + i]!
      y.set(element as never, t * element.length)
    }
  }
  return handleOf([...carried, ...outputs])
}

export function evaluateWhile(
  { attrs }: NodeOf<'while'>,
  inputs: readonly TypedArray[],
  evaluate: Evaluate,
): TypedArray {
  const { condition, body, constants } = attrs
  const fixed = inputs.slice(0, constants)
  let carried = inputs.slice(constants)
  while (Number(evaluateBody(condition, [...fixed, ...carried], evaluate)[0]![0]) !== 0)
    carried = evaluateBody(body, [...fixed, ...carried], evaluate)
  return handleOf(carried)
}

export function evaluateIf(
  { attrs }: NodeOf<'if'>,
  [predicate, ...operands]: readonly TypedArray[],
  evaluate: Evaluate,
): TypedArray {
  return handleOf(evaluateBody(Number(predicate![0]) !== 0 ? attrs.yes : attrs.no, operands, evaluate))
}
