// Weights inside of loops: their cotangent is a sum over steps. Where a step's part is a product (or a sum over the batch), its
// operands are stacked and the whole sum is one product over time and batch after the loop, instead of one a step.
import { MOVEMENT, type Node } from '../graph/node.ts'
import { placeholder, reduce, reshape } from '../graph/primitives.ts'
import { batchGraph } from './batching.ts'
import type { Residuals } from './residuals.ts'
import { substitute } from './substitute.ts'

export interface SummedOutside {
  /** Number of the parameter. */
  readonly param: number
  /** Values of a step that the sum is made of. */
  readonly terms: readonly Node[]
  /** The sum over all steps. `stackOf` gives `[length, …]` of a term, `sourceOf` the value of a constant. */
  total(stackOf: (term: Node) => Node, sourceOf: (param: Node) => Node, length: number): Node
}

/** How the cotangent `ct` of constant number `param` is summed after the loop; null where it is added up step by step. */
export function sumOutside(param: number, ct: Node, residuals: Residuals): SummedOutside | null {
  const terms = new Set<Node>()
  const fixed = new Set<Node>()
  if (!collect(ct, residuals, terms, fixed)) return null
  return {
    param,
    terms: [...terms],
    total(stackOf, sourceOf, length) {
      const stands = [...terms].map((x) => placeholder(x.shape, x.dtype, 'scan'))
      const known = new Map<Node, Node>()
      for (const [i, x] of [...terms].entries()) known.set(x, stands[i]!)
      for (const x of fixed) known.set(x, sourceOf(x))
      const [step] = substitute([ct], known)
      const stacks = new Map(stands.map((x, i) => [x, stackOf([...terms][i]!)]))
      const [steps] = batchGraph([step!], stacks, length)
      return reshape(reduce('sum', steps!, [0]), ct.shape)
    },
  }
}

/** Finds the operands below `ct` at which the sum can be cut off; false where there are none. */
function collect(ct: Node, residuals: Residuals, terms: Set<Node>, fixed: Set<Node>): boolean {
  const cut = (x: Node): boolean => {
    while (MOVEMENT.has(x.prim)) x = x.src[0]!
    if (residuals.isFixed(x)) for (const leaf of leavesBelow(x)) fixed.add(leaf)
    else terms.add(x)
    return true
  }
  switch (ct.prim) {
    case 'dot':
      return ct.src.every(cut)
    case 'reduce':
      return ct.attrs.kind === 'sum' && cut(ct.src[0]!)
    case 'map':
      return ct.attrs.fn === 'add' && ct.src.every((x) => collect(x, residuals, terms, fixed))
    case 'transpose':
    case 'reshape':
    case 'stop':
    case 'mark':
      return collect(ct.src[0]!, residuals, terms, fixed)
    default:
      return false
  }
}

function leavesBelow(x: Node): Set<Node> {
  const leaves = new Set<Node>()
  const stack = [x]
  for (let n = stack.pop(); n; n = stack.pop()) {
    if (n.prim === 'buffer') leaves.add(n)
    stack.push(...n.src)
  }
  return leaves
}
