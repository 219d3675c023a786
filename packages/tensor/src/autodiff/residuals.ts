// Which values of a loop's body its derivative needs. What is cheap to compute again from others is not kept: of an LSTM step
// the activated gates are, their products and one-minus terms are not.
import { type Body } from '../graph/body.ts'
import { MOVEMENT, type Node } from '../graph/node.ts'
import { s } from '../graph/primitives.ts'
import { SCALARS } from '../graph/scalar-table.ts'

/** Functions that cost less than this are computed again instead of kept. */
const DEAR = 4

export class Residuals {
  readonly #body: Body
  readonly #constants: ReadonlySet<Node>
  readonly #elementParams: ReadonlySet<Node>
  readonly #carries: number
  readonly #dependent = new Map<Node, boolean>()
  readonly #fixed = new Map<Node, boolean>()
  readonly #saved = new Set<Node>()
  readonly #elements = new Set<Node>()
  /** What is given at every step, and as which result. */
  readonly #stacked = new Map<Node, number>()
  readonly #seen = new Set<Node>()
  readonly #next = new Map<Node, Node | null>()

  /** @param cotangents parameters of the reversed body: what depends on them is no value of the loop */
  constructor(body: Body, constants: number, carries: number, cotangents: readonly Node[]) {
    this.#body = body
    this.#carries = carries
    this.#constants = new Set(body.params.slice(0, constants))
    this.#elementParams = new Set(body.params.slice(constants + carries))
    for (const x of cotangents) this.#dependent.set(x, true)
  }

  /** Values that the reversed body takes, each a node of the body. */
  get saved(): readonly Node[] {
    return [...this.#saved]
  }
  /** Elements of sequences that it takes. */
  get elements(): readonly Node[] {
    return [...this.#elements]
  }
  /** The body of the loop with everything to keep as outputs. */
  get extendedBody(): Body {
    return this.#body.withResults([...this.#body.results, ...this.#additional()])
  }
  /** Whether the loop has to give more than it does. */
  get isExtended(): boolean {
    return this.#additional().length > 0
  }
  /** The number of the item that stacks `node`. */
  itemOf(node: Node): number {
    return this.#stacked.get(node)!
  }

  /** Whether `node` is a value of the loop itself, known before the loop runs backwards. */
  isForward(node: Node): boolean {
    const known = this.#dependent.get(node)
    if (known !== undefined) return !known
    const dependent = node.src.some((x) => !this.isForward(x))
    this.#dependent.set(node, dependent)
    return !dependent
  }
  /** The same at every step: computed from constants alone. */
  isFixed(node: Node): boolean {
    if (node.prim === 'buffer')
      return !this.#elementParams.has(node) && !this.#isCarry(node) && this.isForward(node)
    const known = this.#fixed.get(node)
    if (known !== undefined) return known
    const fixed = node.src.every((x) => this.isFixed(x))
    this.#fixed.set(node, fixed)
    return fixed
  }
  #isCarry(node: Node): boolean {
    return this.#body.params.includes(node) && !this.#constants.has(node) && !this.#elementParams.has(node)
  }
  isElement(node: Node): boolean {
    return this.#elementParams.has(node)
  }

  /** Sum of two nodes of the reversed body; `sum` is one of its parameters. */
  add(sum: Node, ct: Node): Node {
    this.#dependent.set(sum, true)
    return s.add(sum, ct)
  }

  /** The loop must give `node`, a forward value, at every step. */
  keep(node: Node): void {
    if (this.isElement(node) || this.#stacked.has(node)) return
    const next = this.nextOf(node)
    if (next) return this.keep(next)
    const { results } = this.#body
    const output = results.indexOf(node, this.#carries)
    this.#stacked.set(node, output >= 0 ? output : results.length + this.#additional().length)
  }
  /**
   * Of a carried value that only products read, or whose next value is an output anyway: that next value. Its stack, moved by
   * one step, is the stack of `node`, and no kernel has to copy it at every step.
   */
  nextOf(node: Node): Node | null {
    const known = this.#next.get(node)
    if (known !== undefined) return known
    const number = this.#isCarry(node) ? this.#body.params.indexOf(node) - this.#constants.size : -1
    const next = number < 0 ? null : this.#body.results[number]!
    const { results } = this.#body
    const moved =
      next && next.prim !== 'buffer' && (results.includes(next, this.#carries) || this.#isOperand(node))
    this.#next.set(node, moved ? next : null)
    return moved ? next : null
  }
  #isOperand(node: Node): boolean {
    const seen = new Set<Node>([node])
    for (const n of this.#body.nodes) {
      if (!n.src.some((x) => seen.has(x))) continue
      if (MOVEMENT.has(n.prim)) seen.add(n)
      else if (n.prim !== 'dot') return false
    }
    return !this.#body.results.some((x) => seen.has(x))
  }

  #additional(): Node[] {
    const { length } = this.#body.results
    return [...this.#stacked].filter(([, at]) => at >= length).map(([node]) => node)
  }

  /** Finds out what computing `root`, a node of the reversed body, needs of the loop. */
  require(root: Node): void {
    const stack = [root]
    for (let n = stack.pop(); n; n = stack.pop()) {
      if (this.#seen.has(n)) continue
      this.#seen.add(n)
      if (this.isForward(n)) this.#provide(n)
      else for (const x of n.src) stack.push(x)
    }
  }

  #provide(node: Node): void {
    if (this.#saved.has(node) || this.isFixed(node)) return
    if (this.isElement(node)) {
      this.#elements.add(node)
      return
    }
    const sources = this.#cheapSources(node)
    if (sources) for (const x of sources) this.#provide(x)
    else {
      this.#saved.add(node)
      this.keep(node)
    }
  }

  /** From what `node` is computed again, or null where it is better kept. */
  #cheapSources(node: Node): readonly Node[] | null {
    const moves = MOVEMENT.has(node.prim) || node.prim === 'pad' || node.prim === 'concat'
    if (!moves && (node.prim !== 'map' || SCALARS[node.attrs.fn].cost >= DEAR)) return null
    const missing = new Set(node.src.filter((x) => !this.#isAtHand(x)))
    return missing.size <= 1 || node.prim === 'concat' ? node.src : null
  }
  /** Known without keeping anything more. */
  #isAtHand(node: Node): boolean {
    if (this.#saved.has(node) || this.isFixed(node) || this.isElement(node)) return true
    if (MOVEMENT.has(node.prim)) return this.#isAtHand(node.src[0]!)
    return (
      node.prim === 'map' && SCALARS[node.attrs.fn].cost < DEAR && node.src.every((x) => this.#isAtHand(x))
    )
  }
}
