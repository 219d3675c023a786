// Inputs with known values, and the value of a graph by the executable specification: what backends are compared with.
import { evaluateNode } from '../backend/reference/evaluate.ts'
import { Storage } from '../backend/storage.ts'
import { type DType, type Element, allocate, toElement, type TypedArray } from '../graph/dtype.ts'
import type { Leaf, Node } from '../graph/node.ts'
import { buffer, mark, reshape, slice, transpose } from '../graph/primitives.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'

/** By leaf, and by the mark in front of it, which forgets its leaf once a program has computed it. */
const knownValues = new WeakMap<Leaf | Node, TypedArray>()

/** A leaf with a copy of `values`. It is marked, so that small integers are computed by the backend and not folded on the host. */
export function input(dtype: DType, shape: Dims, values: ArrayLike<Element>): Node {
  if (values.length !== sizeOf(shape))
    throw new Error(`[input] ${values.length} values do not fill [${shape.join(', ')}]`)
  const data = allocate(dtype, values.length) as { [index: number]: Element }
  for (let i = 0; i < values.length; i++) data[i] = toElement(dtype, values[i]!)
  const storage = Storage.fromHost([...shape], dtype, data as TypedArray)
  const marked = mark(buffer(storage))
  for (const key of [storage, marked]) knownValues.set(key, (data as TypedArray).slice())
  return marked
}

/** Ways to lay the same values out in memory: contiguous, behind a transposition, inside a larger buffer with steps. */
export const LAYOUTS = ['plain', 'transposed', 'sliced'] as const
export type Layout = (typeof LAYOUTS)[number]

/** A node with these values whose leaf has another layout. */
export function inputLaidOut(layout: Layout, dtype: DType, shape: Dims, values: ArrayLike<Element>): Node {
  if (layout === 'plain' || !shape.length) return input(dtype, shape, values)
  if (layout === 'transposed') {
    const perm = shape.map((_, a) => shape.length - 1 - a)
    const plain = evaluateGraph([transpose(input(dtype, shape, values), perm)])[0]!
    return transpose(input(dtype, [...shape].reverse(), plain), perm)
  }
  const wide = [...shape.slice(0, -1), shape.at(-1)! * 2 + 3]
  const data = allocate(dtype, sizeOf(wide)) as { [index: number]: Element }
  const row = shape.at(-1)!
  for (let i = 0; i < values.length; i++)
    data[Math.floor(i / row) * (row * 2 + 3) + 1 + (i % row) * 2] = toElement(dtype, values[i]!)
  const steps = shape.map((_, a) => (a === shape.length - 1 ? 2 : 1))
  const starts = shape.map((_, a) => (a === shape.length - 1 ? 1 : 0))
  return reshape(slice(input(dtype, wide, data as TypedArray), starts, shape, steps), shape)
}

/** Values of `roots` by the reference interpreter. Leaves must come from {@link input}, or be in `replaced`. */
export function evaluateGraph(
  roots: readonly Node[],
  replaced: ReadonlyMap<Leaf, TypedArray> = new Map(),
): TypedArray[] {
  const values = new Map<Node, TypedArray>()
  const stack = [...roots]
  const seen = new Set<Node>()
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    stack.push(...node.src)
  }
  for (const node of [...seen].sort((a, b) => a.id - b.id)) {
    const forgotten = node.prim === 'mark' && !node.src.length
    if (forgotten) values.set(node, knownValues.get(node)!)
    else if (node.prim !== 'buffer')
      values.set(
        node,
        evaluateNode(
          node,
          node.src.map((x) => values.get(x)!),
        ),
      )
    else {
      const { leaf } = node.attrs
      values.set(node, replaced.get(leaf) ?? knownValues.get(leaf) ?? evaluateNode(node, []))
    }
  }
  return roots.map((node) => values.get(node)!)
}

/** The leaf of an {@link input}. */
export function leafOf(x: Node): Leaf {
  while (x.prim === 'mark') x = x.src[0]!
  if (x.prim !== 'buffer') throw new Error(`[leafOf] expects an input, got ${x.prim}`)
  return x.attrs.leaf
}

/** The values an {@link input} was made with. */
export const valuesOf = (x: Node): TypedArray => knownValues.get(leafOf(x))!
