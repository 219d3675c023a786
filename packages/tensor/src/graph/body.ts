// Bodies of loops and branches: closed graphs over parameters. A body shares no node with the graph outside of it, so nothing
// that happens to values there changes it; bodies that are made alike are one object, so that equal loops are equal nodes.
import { makeNode, mix, nextNodeId, type Node, serial, withOwnNodeTable, type Leaf } from './node.ts'
import { placeholder } from './primitives.ts'
import { showShape } from './shape.ts'

/** A graph with parameters. `results` may be parameters, and one node twice. */
export class Body {
  readonly id: number = serial()
  /** `buffer` nodes without a value. */
  readonly params: readonly Node[]
  readonly results: readonly Node[]
  /** The body that this one, or the one it adds results to, was made as: same parameters, same nodes. */
  readonly origin: Body
  #nodes: readonly Node[] | undefined
  #form: string | undefined
  #hash = 0

  constructor(params: readonly Node[], results: readonly Node[], origin?: Body) {
    this.params = params
    this.results = results
    this.origin = origin ?? this
  }

  /** Everything below the results, sources before users; parameters only where they are used. */
  get nodes(): readonly Node[] {
    return (this.#nodes ??= sourcesFirst(this.results, (n) => n.src))
  }
  /** What it computes, as text: equal for bodies that compute the same. */
  get form(): string {
    return (this.#form ??= textOf(this, false))
  }
  get hash(): number {
    if (!this.#hash) {
      let h = 31
      for (let i = 0; i < this.form.length; i++) h = mix(h, this.form.charCodeAt(i))
      this.#hash = h || 1
    }
    return this.#hash
  }

  /** The same graph with other results, all of them nodes of this body. */
  withResults(results: readonly Node[]): Body {
    return new Body(this.params, results, this.origin)
  }

  /** The same graph with some of the parameters, which are all that `results` need. */
  pruned(params: readonly Node[], results: readonly Node[]): Body {
    return new Body(params, results)
  }

  toString(): string {
    return `${this.params.map((x) => `${x.dtype}${showShape(x.shape)}`).join(', ')} to ${this.results
      .map((x) => `${x.dtype}${showShape(x.shape)}`)
      .join(', ')} in ${this.nodes.length} nodes`
  }
}

function sourcesFirst(roots: readonly Node[], sources: (n: Node) => readonly Node[]): Node[] {
  const order: Node[] = []
  const seen = new Set<Node>()
  const stack: { readonly n: Node; readonly src: readonly Node[]; next: number }[] = []
  const open = (n: Node): void => {
    if (seen.has(n)) return
    seen.add(n)
    stack.push({ n, src: sources(n), next: 0 })
  }
  for (const root of roots) {
    open(root)
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      if (top.next < top.src.length) open(top.src[top.next++]!)
      else order.push(stack.pop()!.n)
    }
  }
  return order
}

// ---- closing a graph
/** Says which nodes of a traced graph stand outside of it: they become constants of the body. */
export interface Outside {
  /** Nodes older than this. */
  readonly before: number
  /** Others that were handed in from outside (values of variables). */
  readonly nodes?: ReadonlySet<Node>
}

const isOutside = (n: Node, { before, nodes }: Outside): boolean =>
  n.id < before || n.value !== null || n.prim === 'buffer' || n.prim === 'scalar' || !!nodes?.has(n)

/** What the graphs below `results` take from outside, each value once. */
export function capturesOf(results: readonly Node[], params: readonly Node[], outside: Outside): Node[] {
  const own = new Set(params)
  const captured: Node[] = []
  const leaves = new Set<Leaf>()
  sourcesFirst(results, (n) => {
    if (own.has(n)) return []
    if (!isOutside(n, outside)) return n.src
    const leaf = n.value ?? (n.prim === 'buffer' ? n.attrs.leaf : null)
    if (leaf && leaves.has(leaf)) return []
    if (leaf) leaves.add(leaf)
    captured.push(n)
    return []
  })
  return captured
}

/**
 * The body with parameters for `captures` and `params`, in this order. What is not below `results` is forgotten.
 * @param outside as given to {@link capturesOf}, whose captures must be among `captures`
 */
export function closeBody(
  results: readonly Node[],
  captures: readonly Node[],
  params: readonly Node[],
  outside: Outside,
): Body {
  return withOwnNodeTable(() => {
    const inner = new Map<Node, Node>()
    const byLeaf = new Map<Leaf, Node>()
    const own = [...captures, ...params].map((n) => {
      const stand = placeholder(n.shape, n.dtype, 'scan')
      inner.set(n, stand)
      const leaf = n.value ?? (n.prim === 'buffer' ? n.attrs.leaf : null)
      if (leaf) byLeaf.set(leaf, stand)
      return stand
    })
    const given = new Set(params)
    const ends = (n: Node): boolean => inner.has(n) || given.has(n) || isOutside(n, outside)
    for (const n of sourcesFirst(results, (x) => (ends(x) ? [] : x.src))) {
      if (inner.has(n)) continue
      const leaf = n.value ?? (n.prim === 'buffer' ? n.attrs.leaf : null)
      const known = leaf && byLeaf.get(leaf)
      if (known) inner.set(n, known)
      else if (ends(n))
        throw new Error(`[scan] a body reads ${n.prim} ${n.id}, which is not among its captures`)
      else
        inner.set(
          n,
          makeNode(
            n.prim,
            n.src.map((x) => inner.get(x)!),
            n.attrs as never,
            n.shape,
            n.dtype,
          ) as Node,
        )
    }
    return interned(
      new Body(
        own,
        results.map((n) => inner.get(n)!),
      ),
    )
  })
}

/**
 * A body made by a function of its parameters, for graphs that are built and not traced. What `build` uses from outside
 * becomes constants: parameters in front, whose values are `captures`.
 */
export function buildBody(
  params: readonly { readonly shape: Node['shape']; readonly dtype: Node['dtype'] }[],
  build: (params: readonly Node[]) => readonly Node[],
): { readonly body: Body; readonly captures: readonly Node[] } {
  return withOwnNodeTable(() => {
    const before = nextNodeId()
    const stands = params.map(({ shape, dtype }) => placeholder(shape, dtype, 'scan'))
    const results = build(stands)
    const captures = capturesOf(results, stands, { before })
    return { body: closeBody(results, captures, stands, { before }), captures }
  })
}

// ---- equal bodies
const bodies = new Map<string, WeakRef<Body>>()
const collected = new FinalizationRegistry<string>((key) => {
  if (!bodies.get(key)?.deref()) bodies.delete(key)
})

function interned(body: Body): Body {
  const key = textOf(body, true)
  const known = bodies.get(key)?.deref()
  if (known) return known
  bodies.set(key, new WeakRef(body))
  collected.register(body, key)
  return body
}

/** The graph as text. `strict`: with everything that matters to derivatives; else seen through markers and composites. */
function textOf({ params, results }: Body, strict: boolean): string {
  const through = (n: Node): Node => {
    if (strict) return n
    while (n.prim === 'mark' || n.prim === 'stop' || n.prim === 'composite') n = n.src[0]!
    return n
  }
  const number = new Map<Node, number>(params.map((n, i) => [n, i]))
  const lines = params.map((n) => `${n.dtype}[${n.shape.join()}]`)
  const roots = results.map(through)
  for (const n of sourcesFirst(roots, (x) => x.src.map(through))) {
    if (number.has(n)) continue
    number.set(n, number.size)
    const src = n.src.map((x) => number.get(through(x)))
    lines.push(`${n.prim} ${src.join()} ${n.dtype}[${n.shape.join()}]${textOfAttributes(n, strict)}`)
  }
  return `${lines.join(';')}>${roots.map((n) => number.get(n)).join()}`
}

function textOfAttributes(n: Node, strict: boolean): string {
  if (n.prim === 'mark') return ''
  let text = ''
  for (const value of Object.values(n.attrs) as unknown[])
    if (value instanceof Body) text += strict ? ` ${value.id}` : ` (${value.form})`
    else if (typeof value === 'object' && value !== null && !Array.isArray(value))
      text += ` ${(value as { id: number }).id}`
    else text += Object.is(value, -0) ? ' -0' : ` ${String(value)}`
  return text
}
