// Batching of control flow: a loop over a batch is a loop whose body is batched. Carried values that stay the same for all
// examples stay shared. Where examples disagree about a branch both are computed and selected; a while loop runs as long as
// any example wants to, and the others keep their values.
import { type Body, buildBody } from '../graph/body.ts'
import { branch, type ControlNode, partsOf, scan, whileLoop } from '../graph/control-flow.ts'
import type { Node, NodeOf } from '../graph/node.ts'
import { broadcastTo, reduce, reshape, s, transpose } from '../graph/primitives.ts'
import type { Source } from './batching.ts'
import { substitute } from './substitute.ts'

/** Batches a graph; results say whether they depend on the batch. */
export type BatchRoots = (
  roots: readonly Node[],
  mapped: ReadonlyMap<Node, Node>,
  size: number,
) => readonly Source[]

/** The items of a control node for a whole batch. */
export function batchControl(
  n: ControlNode,
  src: readonly Source[],
  size: number,
  batch: BatchRoots,
): readonly Source[] {
  switch (n.prim) {
    case 'scan':
      return batchScan(n, src, size, batch)
    case 'while':
      return batchWhile(n, src, size, batch)
    case 'if':
      return batchBranch(n, src, size, batch)
    case 'whilePullback':
      throw new Error(
        '[vmap] a pullback of a while loop cannot be batched; batch the function first, then take jvp',
      )
  }
}

const full = (x: Source, size: number): Node =>
  x.batched ? x.node : broadcastTo(x.node, [size, ...x.node.shape])

/** The batch in front and the steps behind it, or the other way round. */
const swapFront = (x: Node): Node => transpose(x, [1, 0, ...x.shape.map((_, a) => a).slice(2)])

/** `body` with some parameters batched. Results that have to be batched are; what others are comes back. */
function batchBody(
  body: Body,
  params: readonly boolean[],
  results: readonly boolean[],
  size: number,
  batch: BatchRoots,
): { readonly body: Body; readonly captures: readonly Node[]; readonly batched: readonly boolean[] } {
  let batched: readonly boolean[] = []
  const types = body.params.map(({ shape, dtype }, i) => ({
    shape: params[i] ? [size, ...shape] : shape,
    dtype,
  }))
  const built = buildBody(types, (stands) => {
    const mapped = new Map<Node, Node>()
    const shared = new Map<Node, Node>()
    body.params.forEach((param, i) => (params[i] ? mapped : shared).set(param, stands[i]!))
    const roots = batch(substituteShared(body, shared), mapped, size)
    batched = roots.map((x, i) => x.batched || results[i]!)
    return roots.map((x, i) => (results[i] ? full(x, size) : x.node))
  })
  return { ...built, batched }
}

/** Results of a body whose shared parameters are replaced. The batched ones are replaced afterwards. */
const substituteShared = (body: Body, shared: ReadonlyMap<Node, Node>): readonly Node[] =>
  shared.size ? substitute(body.results, shared) : body.results

function batchScan(n: NodeOf<'scan'>, src: readonly Source[], size: number, batch: BatchRoots): Source[] {
  const { body, length, direction, constants, carries } = n.attrs
  const params = src.map((x) => x.batched)
  const results = body.results.map(() => false)
  for (;;) {
    for (let j = 0; j < carries; j++) results[j] = params[constants + j]!
    const made = batchBody(body, params, results, size, batch)
    const changed = made.batched.some((b, j) => j < carries && b && !params[constants + j])
    made.batched.forEach((b, j) => j < carries && b && (params[constants + j] = true))
    if (changed) continue
    const parts = partsOf(n)
    const nodes = src.map((x, i) => (params[i] ? full(x, size) : x.node))
    const first = constants + carries
    const items = scan(
      made.body,
      {
        constants: [...made.captures, ...nodes.slice(0, constants)],
        carries: nodes.slice(constants, first),
        sequences: parts.sequences.map((_, i) => {
          const x = nodes[first + i]!
          return params[first + i] ? swapFront(x) : x
        }),
      },
      length,
      direction,
    )
    return items.map((x, i) => {
      const batched = made.batched[i]!
      return { node: batched && i >= carries ? swapFront(x) : x, batched }
    })
  }
}

function batchWhile(n: NodeOf<'while'>, src: readonly Source[], size: number, batch: BatchRoots): Source[] {
  const { condition, body, constants } = n.attrs
  const params = src.map((x) => x.batched)
  let carried = params.slice(constants)
  for (;;) {
    const now = [...params.slice(0, constants), ...carried]
    const test = batchBody(condition, now, [false], size, batch)
    const step = batchBody(body, now, carried, size, batch)
    const apart = test.batched[0]!
    const next = step.batched.map((b, j) => b || carried[j]! || apart)
    if (next.some((b, j) => b !== carried[j])) {
      carried = next
      continue
    }
    const nodes = src.map((x, i) => (now[i] ? full(x, size) : x.node))
    const fixed = [...test.captures, ...step.captures, ...nodes.slice(0, constants)]
    const init = nodes.slice(constants)
    const all = [...fixed, ...init]
    const [tests, steps] = [test.captures.length, step.captures.length]
    const both = (params: readonly Node[]): readonly [readonly Node[], readonly Node[]] => [
      [...params.slice(0, tests), ...params.slice(tests + steps)],
      params.slice(tests),
    ]
    const tested = buildBody(all, (stands) => {
      const [flag] = inlined(test.body, both(stands)[0])
      return [apart ? reshape(reduce('max', flag!, [0]), []) : flag!]
    })
    const stepped = buildBody(all, (stands) => {
      const results = inlined(step.body, both(stands)[1])
      if (!apart) return results
      const [flag] = inlined(test.body, both(stands)[0])
      const old = stands.slice(fixed.length)
      return results.map((x, i) =>
        s.select(reshape(flag!, [size, ...x.shape.slice(1).map(() => 1)]), x, old[i]!),
      )
    })
    const items = whileLoop(tested.body, stepped.body, fixed, init)
    return items.map((node, i) => ({ node, batched: carried[i]! }))
  }
}

/** Results of a body for given parameters. */
function inlined(body: Body, params: readonly Node[]): Node[] {
  return substitute(body.results, new Map(body.params.map((x, i) => [x, params[i]!])))
}

function batchBranch(
  n: NodeOf<'if'>,
  [predicate, ...operands]: readonly Source[],
  size: number,
  batch: BatchRoots,
): Source[] {
  const { yes, no } = n.attrs
  const params = operands.map((x) => x.batched)
  const none = yes.results.map(() => false)
  if (predicate!.batched) {
    const [a, b] = [yes, no].map((body) => {
      const mapped = new Map<Node, Node>()
      const shared = new Map<Node, Node>()
      body.params.forEach((x, i) => (params[i] ? mapped : shared).set(x, operands[i]!.node))
      return batch(substituteShared(body, shared), mapped, size)
    }) as [readonly Source[], readonly Source[]]
    return a.map((x, i) => {
      const [left, right] = [full(x, size), full(b[i]!, size)]
      const flag = reshape(predicate!.node, [size, ...left.shape.slice(1).map(() => 1)])
      return { node: s.select(flag, left, right), batched: true }
    })
  }
  const first = batchBody(yes, params, none, size, batch)
  const second = batchBody(no, params, none, size, batch)
  const batched = first.batched.map((b, i) => b || second.batched[i]!)
  const bodies = [yes, no].map((body) => batchBody(body, params, batched, size, batch))
  const [a, b] = bodies as [(typeof bodies)[number], (typeof bodies)[number]]
  const nodes = operands.map((x) => x.node)
  // constants of both in front of the operands; each body takes its own
  const all = [...a.captures, ...b.captures, ...nodes]
  const [own, others] = [a.captures.length, b.captures.length]
  const left = buildBody(all, (x) => inlined(a.body, [...x.slice(0, own), ...x.slice(own + others)]))
  const right = buildBody(all, (x) => inlined(b.body, x.slice(own)))
  const items = branch(predicate!.node, left.body, right.body, all)
  return items.map((node, i) => ({ node, batched: batched[i]! }))
}
