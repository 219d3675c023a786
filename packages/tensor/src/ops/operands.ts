// How operations take their arguments: conversion of host values, promotion to a common dtype, weak JavaScript numbers.
// Primitives never promote; this file is the one place where operations do.
import { DTYPES, type DType, type Element, isFloat, promote } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { cast, constant } from '../graph/primitives.ts'
import { fromNode, nodeOf, Tensor } from '../tensor/tensor.ts'
import type { Arg, TensorLike } from '../tensor/types.ts'

/** A handle typed as what the operation's signature promises; the shape rules of `shape-types.ts` compute the promise. */
// oxlint-disable-next-line typescript/no-explicit-any
export const result: (node: Node) => any = fromNode

/**
 * The node of an argument in its own dtype.
 * @param dtype for host values: the dtype they take
 */
export function given(op: string, name: string, x: Arg, dtype?: DType): Node {
  if (!isTensor(x)) assertTensorLike(op, name, x)
  return nodeOf(op, name, x, dtype)
}

function assertTensorLike(op: string, name: string, x: unknown): void {
  let first = x
  while (Array.isArray(first)) first = first[0]
  if (typeof first === 'string')
    throw new Error(
      `[${op}] Argument '${name}' passed to '${op}' must be numeric tensor, but got string tensor; parse the text first`,
    )
  const isValue = typeof x === 'number' || typeof x === 'boolean' || typeof x === 'bigint'
  if (isValue || Array.isArray(x) || ArrayBuffer.isView(x)) return
  const kind = typeof x === 'object' && x !== null ? (x.constructor?.name ?? 'Object') : String(x)
  throw new Error(
    `[${op}] Argument '${name}' passed to '${op}' must be a Tensor or TensorLike, but got '${kind}'; ` +
      `give a tensor, a number, nested arrays or a typed array`,
  )
}

/** The node of an argument that must be float: integers and bool become float32. */
export function floating(op: string, name: string, x: Arg): Node {
  const node = given(op, name, x)
  return isFloat(node.dtype) ? node : cast(node, 'float32')
}

/** The node of an argument that must be a number: bool becomes int32. */
export const numeric = (op: string, name: string, x: Arg): Node => withoutBool(given(op, name, x))

export const withoutBool = (node: Node): Node => (node.dtype === 'bool' ? cast(node, 'int32') : node)

/** Both arguments in their common dtype, `promote(a, b)`; JavaScript numbers adopt the dtype of the tensor beside them. */
export function operands(
  op: string,
  a: Arg,
  b: Arg,
  names: readonly string[] = ['a', 'b'],
): readonly [Node, Node] {
  const [x, y] = sameDtype(op, names, [a, b])
  return [x!, y!]
}

/** As {@link operands}, for arithmetic: bool counts as int32. */
export function numericOperands(
  op: string,
  a: Arg,
  b: Arg,
  names?: readonly string[],
): readonly [Node, Node] {
  const [x, y] = operands(op, a, b, names)
  return [withoutBool(x), withoutBool(y)]
}

/**
 * All arguments in their common dtype. Numbers are converted last, to what the tensors agreed on.
 * @param names of the arguments, for errors; default `tensors[0]`, …
 */
export function sameDtype(op: string, names: readonly string[], args: readonly Arg[]): Node[] {
  const nodes = args.map((x, i) => (isWeak(x) ? undefined : given(op, names[i] ?? `tensors[${i}]`, x)))
  let dtype: DType | undefined
  for (const node of nodes) if (node) dtype = dtype === undefined ? node.dtype : promote(dtype, node.dtype)
  for (const [i, x] of args.entries())
    if (!nodes[i]) {
      const node = weak(op, names[i] ?? `tensors[${i}]`, x as TensorLike, dtype)
      dtype = dtype === undefined ? node.dtype : promote(dtype, node.dtype)
      nodes[i] = node
    }
  return nodes.map((node) => cast(node!, dtype!))
}

/** Numbers and nested arrays of numbers have no dtype of their own; booleans, typed arrays and tensors do. */
function isWeak(x: Arg): boolean {
  if (typeof x === 'number') return true
  if (!Array.isArray(x)) return false
  let first: unknown = x
  while (Array.isArray(first)) first = first[0]
  return typeof first === 'number'
}

/** Numbers beside a tensor of `dtype`: they adopt it when it can hold them all, else they are int32, else float32. */
function weak(op: string, name: string, x: TensorLike, dtype: DType | undefined): Node {
  const target = dtype === undefined ? undefined : weakDtype(x, dtype)
  if (typeof x === 'number') return constant(x, target ?? 'float32')
  return nodeOf(op, name, x, target)
}

/** The dtype that JavaScript numbers take beside a tensor of dtype `dtype`. */
export function weakDtype(x: TensorLike, dtype: DType): DType {
  if (isFloat(dtype)) return dtype
  if (dtype !== 'bool' && fits(x, dtype)) return dtype
  return fits(x, 'int32') ? promote(dtype, 'int32') : 'float32'
}

function fits(x: unknown, dtype: DType): boolean {
  if (Array.isArray(x)) return x.every((v) => fits(v, dtype))
  const { lowest, highest } = DTYPES[dtype]
  return Number.isInteger(x) && (x as Element) >= lowest && (x as Element) <= highest
}

/** True for a tensor handle, false for host values. */
export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor
