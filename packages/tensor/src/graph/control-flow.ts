// Constructors of control flow nodes: scan, while and if with their bodies. Each returns its items.
import { ShapeError } from '../errors.ts'
import type { Body } from './body.ts'
import { type Attributes, makeNode, type Node, type NodeOf } from './node.ts'
import { type Dims, sameShape, showShape } from './shape.ts'

/** A node with several results. */
export type ControlNode = NodeOf<'scan'> | NodeOf<'while'> | NodeOf<'if'> | NodeOf<'whilePullback'>

export const isControl = (n: Node): n is ControlNode =>
  n.prim === 'scan' || n.prim === 'while' || n.prim === 'if' || n.prim === 'whilePullback'

/** How many items a control node has. */
export function itemCount(n: ControlNode): number {
  switch (n.prim) {
    case 'scan':
    case 'while':
      return n.attrs.body.results.length
    case 'if':
      return n.attrs.yes.results.length
    case 'whilePullback':
      return n.attrs.body.params.length
  }
}

function itemType(n: ControlNode, index: number): { readonly shape: Dims; readonly dtype: Node['dtype'] } {
  switch (n.prim) {
    case 'scan': {
      const { shape, dtype } = n.attrs.body.results[index]!
      return { shape: index < n.attrs.carries ? shape : [n.attrs.length, ...shape], dtype }
    }
    case 'while':
      return n.attrs.body.results[index]!
    case 'if':
      return n.attrs.yes.results[index]!
    case 'whilePullback':
      return n.attrs.body.params[index]!
  }
}

/** Result number `index` of a control node. */
export function item(n: ControlNode, index: number): Node {
  const { shape, dtype } = itemType(n, index)
  return makeNode('item', [n as Node], { index }, shape, dtype)
}

export const itemsOf = (n: ControlNode): Node[] =>
  Array.from({ length: itemCount(n) }, (_, index) => item(n, index))

/** Control nodes themselves have no value; they count as float so that derivatives flow through them. */
function control<P extends ControlNode['prim']>(prim: P, src: readonly Node[], attrs: Attributes[P]): Node[] {
  return itemsOf(makeNode(prim, src, attrs, [], 'float32') as ControlNode)
}

export interface ScanParts {
  readonly constants: readonly Node[]
  readonly carries: readonly Node[]
  /** `[length, …]` each. */
  readonly sequences: readonly Node[]
}

/** Last carried values, then outputs `[length, …]`. */
export function scan(
  body: Body,
  { constants, carries, sequences }: ScanParts,
  length: number,
  direction: number = 1,
): Node[] {
  const src = [...constants, ...carries, ...sequences]
  const attrs = { body, length, direction, constants: constants.length, carries: carries.length }
  assertTypes('scan', body.params, [
    ...constants,
    ...carries,
    ...sequences.map((x) => ({ dtype: x.dtype, shape: x.shape.slice(1) })),
  ])
  assertTypes('scan', body.results.slice(0, carries.length), carries)
  return control('scan', src, attrs)
}

/** Sources of a scan by their part. */
export function partsOf(n: NodeOf<'scan'>): ScanParts {
  const { constants, carries } = n.attrs
  return {
    constants: n.src.slice(0, constants),
    carries: n.src.slice(constants, constants + carries),
    sequences: n.src.slice(constants + carries),
  }
}

export function whileLoop(
  condition: Body,
  body: Body,
  constants: readonly Node[],
  carries: readonly Node[],
): Node[] {
  assertTypes('whileLoop', body.params, [...constants, ...carries])
  assertTypes('whileLoop', condition.params, [...constants, ...carries])
  assertTypes('whileLoop', body.results, carries)
  return control('while', [...constants, ...carries], { condition, body, constants: constants.length })
}

/** What {@link whileLoop}'s pullback is in forward mode: linear in `cts`, transposed again and never computed. */
export function whilePullback(n: NodeOf<'while'>, cts: readonly Node[]): Node[] {
  return control('whilePullback', [...n.src, ...cts], n.attrs)
}

export function branch(predicate: Node, yes: Body, no: Body, operands: readonly Node[]): Node[] {
  assertTypes('cond', yes.params, operands)
  assertTypes('cond', no.params, operands)
  assertTypes('cond', no.results, yes.results)
  return control('if', [predicate, ...operands], { yes, no })
}

interface Type {
  readonly shape: Dims
  readonly dtype: Node['dtype']
}
function assertTypes(op: string, actual: readonly Type[], expected: readonly Type[]): void {
  const same =
    actual.length === expected.length &&
    actual.every((x, i) => x.dtype === expected[i]!.dtype && sameShape(x.shape, expected[i]!.shape))
  const list = (types: readonly Type[]): string =>
    types.map((x) => `${x.dtype} ${showShape(x.shape)}`).join(', ') || 'nothing'
  if (!same)
    throw new ShapeError(`[${op}] a body does not fit: expected ${list(expected)}, got ${list(actual)}`)
}
