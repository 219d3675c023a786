// Sums of products in Einstein's notation. Pairs of operands are contracted from left to right, each as one batched matrix
// product where axes are summed, as a broadcast multiplication where none is.
import { ShapeError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import { broadcastTo, dot, reduce, reshape, s, slice, transpose } from '../graph/primitives.ts'
import { showShape, sizeOf } from '../graph/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Arg } from '../tensor/types.ts'
import { result, sameDtype, withoutBool } from './operands.ts'

/** A tensor with a label for each axis; no label twice. */
interface Term {
  readonly node: Node
  readonly labels: readonly string[]
}

/**
 * Sum of products of elements, by labels of axes: `'ij,jk->ik'` is a matrix product.
 *
 * A label that stands in the result is kept, others are summed; one that stands twice in an operand takes its diagonal. `...`
 * stands for any axes, which broadcast. Without `->` the result has the labels that occur once, in alphabetical order.
 *
 * @param equation labels of each operand, separated by commas, then `->` and those of the result
 * @param operands one tensor for each part of the equation
 * @throws when the equation cannot be read, or ranks or sizes do not fit it
 * @example
 * ```ts
 * const a = tensor([[1, 2], [3, 4]])
 * einsum('ij,jk->ik', a, a).print() // [[7, 10], [15, 22]]
 * einsum('ii->i', a).print() // [1, 4]
 * einsum('...i,i', a, [1, 1]).print() // [3, 7]
 * ```
 */
export function einsum(equation: string, ...operands: readonly Arg[]): Tensor {
  const nodes = sameDtype('einsum', [], operands).map(withoutBool)
  const { inputs, output } = parse(equation, nodes)
  const sizes = sizesOf(equation, inputs, nodes)
  for (const label of output)
    if (!sizes.has(label))
      throw new ShapeError(`[einsum] '${equation}' keeps the label '${label}', which no operand has`)
  const terms = inputs.map((labels, i) => withoutRepeats(nodes[i]!, labels, sizes))
  const product = terms.reduce((a, b, i) => {
    const later = new Set([...output, ...terms.slice(i + 1).flatMap(({ labels }) => labels)])
    return contract(a, b, later, sizes)
  })
  const { node, labels } = summed(product, new Set(output))
  return result(
    transpose(
      node,
      output.map((label) => labels.indexOf(label)),
    ),
  )
}

interface Equation {
  readonly inputs: readonly (readonly string[])[]
  readonly output: readonly string[]
}

/** Labels are letters; the axes of an ellipsis are `.1`, `.2`, … counted from the last. */
function parse(equation: string, nodes: readonly Node[]): Equation {
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->')
  const parts = left.split(',')
  if (more.length > 0 || parts.length !== nodes.length)
    throw new ShapeError(
      `[einsum] '${equation}' names ${parts.length} operands, ${nodes.length} are given; write 'ij,jk->ik'`,
    )
  const inputs = parts.map((part, i) => {
    const letters = part.replace('...', '').length
    return labelsOf(equation, part, nodes[i]!.shape.length - letters)
  })
  for (const [i, labels] of inputs.entries())
    if (labels.length !== nodes[i]!.shape.length)
      throw new ShapeError(
        `[einsum] '${parts[i]}' labels ${labels.length} axes, operand ${i} has shape ${showShape(nodes[i]!.shape)}`,
      )
  const all = inputs.flat()
  const dots = Math.max(0, ...all.map((label) => (label.startsWith('.') ? Number(label.slice(1)) : 0)))
  if (right !== undefined) return { inputs, output: labelsOf(equation, right, dots) }
  const once = all.filter((label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label))
  return { inputs, output: [...ellipsis(dots), ...once.toSorted()] }
}

const ellipsis = (rank: number): string[] =>
  Array.from({ length: Math.max(0, rank) }, (_, i) => `.${rank - i}`)

function labelsOf(equation: string, part: string, dots: number): string[] {
  if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(part))
    throw new ShapeError(`[einsum] '${part}' in '${equation}' must be letters and at most one '...'`)
  return part.split('...').flatMap((letters, i) => [...(i > 0 ? ellipsis(dots) : []), ...letters.split('')])
}

/** The size of each label; axes of an ellipsis may have 1 beside another size. */
function sizesOf(equation: string, inputs: Equation['inputs'], nodes: readonly Node[]): Map<string, number> {
  const sizes = new Map<string, number>()
  inputs.forEach((labels, i) =>
    labels.forEach((label, axis) => {
      const size = nodes[i]!.shape[axis]!
      const known = sizes.get(label) ?? size
      const stretches = label.startsWith('.') && (known === 1 || size === 1)
      if (known !== size && !stretches)
        throw new ShapeError(
          `[einsum] '${label}' in '${equation}' has size ${known} in one place and ${size} in operand ${i} of shape ` +
            showShape(nodes[i]!.shape),
        )
      sizes.set(label, known === 1 ? size : known)
    }),
  )
  return sizes
}

/** Diagonals of labels that stand twice, and full size for the axes of an ellipsis. */
function withoutRepeats(node: Node, labels: readonly string[], sizes: ReadonlyMap<string, number>): Term {
  const second = labels.findIndex((label, i) => labels.indexOf(label) < i)
  if (second < 0)
    return {
      node: broadcastTo(
        node,
        labels.map((label) => sizes.get(label)!),
      ),
      labels,
    }
  const first = labels.indexOf(labels[second]!)
  const rest = labels.map((_, a) => a).filter((a) => a !== first && a !== second)
  const n = node.shape[first]!
  const outer = rest.map((a) => node.shape[a]!)
  const square = reshape(transpose(node, [...rest, first, second]), [...outer, n * n])
  const stride = [...outer.map(() => 1), n + 1]
  const diagonal = slice(
    square,
    stride.map(() => 0),
    [...outer, n],
    stride,
  )
  return withoutRepeats(diagonal, [...rest.map((a) => labels[a]!), labels[first]!], sizes)
}

/** Axes whose label is not in `kept`, summed away. */
function summed({ node, labels }: Term, kept: ReadonlySet<string>): Term {
  const axes = labels.flatMap((label, a) => (kept.has(label) ? [] : [a]))
  if (axes.length === 0) return { node, labels }
  const left = labels.filter((label) => kept.has(label))
  return {
    node: reshape(
      reduce('sum', node, axes),
      node.shape.filter((_, a) => !axes.includes(a)),
    ),
    labels: left,
  }
}

/** The product of two terms, summed over the labels that nobody needs later. */
function contract(a: Term, b: Term, later: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Term {
  const x = summed(a, new Set([...later, ...b.labels]))
  const y = summed(b, new Set([...later, ...a.labels]))
  const shared = x.labels.filter((label) => y.labels.includes(label))
  const batch = shared.filter((label) => later.has(label))
  const inner = shared.filter((label) => !later.has(label))
  const left = x.labels.filter((label) => !shared.includes(label))
  const right = y.labels.filter((label) => !shared.includes(label))
  const size = (labels: readonly string[]): number[] => labels.map((label) => sizes.get(label)!)
  const count = (labels: readonly string[]): number => sizeOf(size(labels))
  const ordered = ({ node, labels }: Term, order: readonly string[]): Node =>
    transpose(
      node,
      order.map((label) => labels.indexOf(label)),
    )
  const labels = [...batch, ...left, ...right]
  const n = count(batch)
  if (inner.length === 0) {
    const rows = reshape(ordered(x, [...batch, ...left]), [n, count(left), 1])
    const columns = reshape(ordered(y, [...batch, ...right]), [n, 1, count(right)])
    return { node: reshape(s.mul(rows, columns), size(labels)), labels }
  }
  const rows = reshape(ordered(x, [...batch, ...left, ...inner]), [n, count(left), count(inner)])
  const columns = reshape(ordered(y, [...batch, ...inner, ...right]), [n, count(inner), count(right)])
  return { node: reshape(dot(rows, columns), size(labels)), labels }
}
