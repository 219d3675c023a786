// Derivatives of control flow. A scan is differentiated by a scan in the other direction over the values that it needs,
// stacked; a branch by a branch. A while loop has no reverse mode, since the number of its steps is not known; in forward mode
// its pullback is a node that is only transposed again.
import { type Body, capturesOf, closeBody } from '../graph/body.ts'
import {
  branch,
  type ControlNode,
  itemsOf,
  partsOf,
  scan,
  whileLoop,
  whilePullback,
} from '../graph/control-flow.ts'
import { isFloat } from '../graph/dtype.ts'
import { type Node, type NodeOf, withOwnNodeTable } from '../graph/node.ts'
import { concat, constant, placeholder, reshape, slice } from '../graph/primitives.ts'
import { sumOutside, type SummedOutside } from './loop-weights.ts'
import { Residuals } from './residuals.ts'

type Cotangents = (Node | null)[]
/** Reverse mode, on the graph of a body: see gradient.ts, which hands itself over. */
type Gradients = (
  outputs: readonly Node[],
  cotangents: readonly Node[],
  xs: readonly Node[],
) => (Node | null)[]

/** Cotangents of the sources of `n` from those of its items; null where none flows. */
export function controlPullback(
  n: ControlNode,
  cts: readonly (Node | null)[],
  gradients: Gradients,
): Cotangents {
  switch (n.prim) {
    case 'scan':
      return scanPullback(n, cts, gradients)
    case 'if':
      return branchPullback(n, cts, gradients)
    case 'while':
      return whileCotangents(n, cts)
    case 'whilePullback':
      return whileTangents(n, cts, gradients)
  }
}

const stand = (x: Node): Node => placeholder(x.shape, x.dtype, 'scan')
const zeros = (x: { readonly shape: Node['shape']; readonly dtype: Node['dtype'] }): Node =>
  constant(0, x.dtype, x.shape)
const floatParams = (body: Body): number[] =>
  [...body.params.keys()].filter((i) => isFloat(body.params[i]!.dtype))

/** Everything in a body graph is its own; what is left over are leaves. */
const NOTHING_OUTSIDE = { before: 0 }

// ---- scan
/** One step of a scan backwards, on nodes of the scan's body. */
interface ReverseStep {
  /** Numbers of the carried values that have a cotangent. */
  readonly active: readonly number[]
  /** By result of the body: what stands for its cotangent; null where none comes. */
  readonly incoming: readonly (Node | null)[]
  /** By parameter of the body: its cotangent. */
  readonly outgoing: readonly (Node | null)[]
}

function reverseStep(n: NodeOf<'scan'>, cts: readonly (Node | null)[], gradients: Gradients): ReverseStep {
  const { body, constants, carries } = n.attrs
  const wanted = floatParams(body)
  const incoming = body.results.map((x, i) => (cts[i] && isFloat(x.dtype) ? stand(x) : null))
  for (;;) {
    const seeds = [...incoming.keys()].filter((i) => incoming[i])
    const found = gradients(
      seeds.map((i) => body.results[i]!),
      seeds.map((i) => incoming[i]!),
      wanted.map((i) => body.params[i]!),
    )
    const outgoing = body.params.map(() => null as Node | null)
    wanted.forEach((p, i) => (outgoing[p] = found[i]!))
    const more = Array.from({ length: carries }, (_, j) => j).filter(
      (j) => !incoming[j] && outgoing[constants + j],
    )
    if (!more.length) {
      const active = Array.from({ length: carries }, (_, j) => j).filter((j) => incoming[j])
      return { active, incoming, outgoing }
    }
    for (const j of more) incoming[j] = stand(body.results[j]!)
  }
}

function scanPullback(n: NodeOf<'scan'>, cts: readonly (Node | null)[], gradients: Gradients): Cotangents {
  const { body, length, direction, constants, carries } = n.attrs
  const parts = partsOf(n)
  const plan = reversePlan(n, cts, gradients)
  const { step, residuals, weights, accumulated, reversed, captures, outputs } = plan
  const { active } = step

  // the loop again with the residuals as outputs; the compiler makes one loop of both
  const extended = residuals.isExtended ? scan(plan.extended, parts, length, direction) : itemsOf(n)
  const stackOf = (node: Node): Node => {
    const next = residuals.nextOf(node)
    if (!next) return extended[residuals.itemOf(node)]!
    return before(parts.carries[body.params.indexOf(node) - constants]!, stackOf(next), direction)
  }

  const sourceOf = (param: Node): Node => n.src[body.params.indexOf(param)]!
  const items = scan(
    reversed,
    {
      constants: captures.map((x) => (body.params.includes(x) ? sourceOf(x) : x)),
      carries: [
        ...active.map((j) => cts[j] ?? zeros(body.results[j]!)),
        ...accumulated.map((p) => zeros(body.params[p]!)),
      ],
      sequences: [
        ...residuals.saved.map(stackOf),
        ...residuals.elements.map(sourceOf),
        ...plan.outputCotangents.map((i) => cts[i]!),
      ],
    },
    length,
    -direction,
  )
  const outputAt = active.length + accumulated.length
  const result: Cotangents = n.src.map(() => null)
  active.forEach((j, i) => (result[constants + j] = items[i]!))
  accumulated.forEach((p, i) => (result[p] = items[active.length + i]!))
  const stacks = new Map<Node, Node>(outputs.map((node, i) => [node, items[outputAt + i]!]))
  for (let p = constants + carries; p < body.params.length; p++)
    if (step.outgoing[p]) result[p] = stacks.get(step.outgoing[p]!)!
  for (const weight of weights)
    result[weight.param] = weight.total(
      (node) => stacks.get(node) ?? (residuals.isElement(node) ? sourceOf(node) : stackOf(node)),
      sourceOf,
      length,
    )
  return result
}

/** From the values after each step those before it: the first one is `initial`. */
function before(initial: Node, after: Node, direction: number): Node {
  const [length, ...rest] = after.shape as [number, ...number[]]
  const start = after.shape.map((_, a) => (a === 0 && direction < 0 ? 1 : 0))
  const others = slice(after, start, [length - 1, ...rest])
  const first = reshape(initial, [1, ...rest])
  return concat(direction > 0 ? [first, others] : [others, first], 0)
}

interface ReversePlan {
  readonly step: ReverseStep
  readonly residuals: Residuals
  /** Constants whose cotangent is a product over all steps, taken after the loop. */
  readonly weights: readonly SummedOutside[]
  /** Other constants with a cotangent, which is added up in the loop. */
  readonly accumulated: readonly number[]
  readonly outputCotangents: readonly number[]
  /** What the reversed body gives at each step, beside what it carries. */
  readonly outputs: readonly Node[]
  readonly reversed: Body
  /** The body of the loop with everything to keep as outputs. */
  readonly extended: Body
  readonly captures: readonly Node[]
}

/** Plans by body: a step that is recorded afresh each time finds the body of the last time, and so its plan. */
const plans = new WeakMap<Body, Map<string, ReversePlan>>()

function reversePlan(n: NodeOf<'scan'>, cts: readonly (Node | null)[], gradients: Gradients): ReversePlan {
  const { body, constants, carries } = n.attrs
  let byForm = plans.get(body)
  if (!byForm) plans.set(body, (byForm = new Map()))
  const key = `${constants} ${carries} ${cts.map((ct) => (ct ? 1 : 0)).join('')}`
  let plan = byForm.get(key)
  if (!plan) byForm.set(key, (plan = withOwnNodeTable(() => planReverse(n, cts, gradients))))
  return plan
}

function planReverse(n: NodeOf<'scan'>, cts: readonly (Node | null)[], gradients: Gradients): ReversePlan {
  const { body, constants, carries } = n.attrs
  const step = reverseStep(n, cts, gradients)
  const { active, incoming, outgoing } = step
  const stands = incoming.filter((x) => x !== null)
  const residuals = new Residuals(body, constants, carries, stands)
  const weights: SummedOutside[] = []
  const accumulated: number[] = []
  for (let p = 0; p < constants; p++) {
    const ct = outgoing[p]
    if (!ct) continue
    const outside = sumOutside(p, ct, residuals)
    if (outside) weights.push(outside)
    else accumulated.push(p)
  }
  const outputs = new Set<Node>()
  for (let p = constants + carries; p < body.params.length; p++) if (outgoing[p]) outputs.add(outgoing[p]!)
  for (const { terms } of weights)
    for (const term of terms)
      if (residuals.isForward(term)) residuals.keep(term)
      else outputs.add(term)
  const sums = accumulated.map((p) => stand(body.params[p]!))
  const results = [
    ...active.map((j) => outgoing[constants + j] ?? zeros(body.results[j]!)),
    ...accumulated.map((p, i) => residuals.add(sums[i]!, outgoing[p]!)),
    ...outputs,
  ]
  for (const result of results) residuals.require(result)
  const outputCotangents = [...incoming.keys()].filter((i) => i >= carries && incoming[i])
  const params = [
    ...active.map((j) => incoming[j]!),
    ...sums,
    ...residuals.saved,
    ...residuals.elements,
    ...outputCotangents.map((i) => incoming[i]!),
  ]
  const captures = capturesOf(results, params, NOTHING_OUTSIDE)
  const reversed = closeBody(results, captures, params, NOTHING_OUTSIDE)
  return {
    step,
    residuals,
    weights,
    accumulated,
    outputCotangents,
    outputs: [...outputs],
    reversed,
    extended: residuals.extendedBody,
    captures,
  }
}

// ---- if
function branchPullback(n: NodeOf<'if'>, cts: readonly (Node | null)[], gradients: Gradients): Cotangents {
  const { yes, no } = n.attrs
  const operands = n.src.slice(1)
  const wanted = floatParams(yes)
  const seeds = [...cts.keys()].filter((i) => cts[i] && isFloat(yes.results[i]!.dtype))
  const bodies = withOwnNodeTable(() => {
    const pulled = [yes, no].map((body) => {
      const incoming = seeds.map((i) => stand(body.results[i]!))
      const found = gradients(
        seeds.map((i) => body.results[i]!),
        incoming,
        wanted.map((p) => body.params[p]!),
      )
      return { body, incoming, found }
    })
    const reached = [...wanted.keys()].filter((i) => pulled.some(({ found }) => found[i]))
    const made = pulled.map(({ body, incoming, found }) => ({
      results: reached.map((i) => found[i] ?? zeros(body.params[wanted[i]!]!)),
      params: [...body.params, ...incoming],
    }))
    const captures = made.map(({ results, params }) => capturesOf(results, params, NOTHING_OUTSIDE))
    const all = [...new Set(captures.flat())]
    const closed = made.map(({ results, params }) => closeBody(results, all, params, NOTHING_OUTSIDE))
    return { reached, captures: all, closed }
  })
  const result: Cotangents = n.src.map(() => null)
  if (!bodies.reached.length) return result
  const inputs = [...bodies.captures, ...operands, ...seeds.map((i) => cts[i]!)]
  const items = branch(n.src[0]!, bodies.closed[0]!, bodies.closed[1]!, inputs)
  bodies.reached.forEach((i, k) => (result[1 + wanted[i]!] = items[k]!))
  return result
}

// ---- while
let forwardMode = 0
/** Runs `fn`, in which pullbacks are only transposed again: while loops may be differentiated. */
export function inForwardMode<T>(fn: () => T): T {
  forwardMode++
  try {
    return fn()
  } finally {
    forwardMode--
  }
}

function whileCotangents(n: NodeOf<'while'>, cts: readonly (Node | null)[]): Cotangents {
  if (!forwardMode)
    throw new Error(
      '[whileLoop] reverse-mode differentiation needs the number of steps, which a while loop does not know; ' +
        'use scan with a fixed length (and where for the steps that do not count), or jvp',
    )
  const full = n.attrs.body.results.map((x, i) => cts[i] ?? zeros(x))
  const items = whilePullback(n, full)
  return n.src.map((x, i) => (isFloat(x.dtype) ? items[i]! : null))
}

/** The loop that carries tangents beside values: `tangents` by source of the loop, results by its cotangent sources. */
function whileTangents(
  n: NodeOf<'whilePullback'>,
  tangents: readonly (Node | null)[],
  gradients: Gradients,
): Cotangents {
  const { condition, body, constants } = n.attrs
  const floats = floatParams(body)
  const moving = floats.filter((p) => p >= constants || tangents[p])
  const carried = moving.filter((p) => p >= constants)
  const fixed = moving.filter((p) => p < constants)
  const bodies = withOwnNodeTable(() =>
    inForwardMode(() => {
      const directions = moving.map((p) => stand(body.params[p]!))
      const dummies = body.results.map(stand)
      const ends = [...dummies.keys()].filter((i) => isFloat(dummies[i]!.dtype))
      const pulled = gradients(
        ends.map((i) => body.results[i]!),
        ends.map((i) => dummies[i]!),
        moving.map((p) => body.params[p]!),
      )
      const connected = [...pulled.keys()].filter((i) => pulled[i])
      const found = gradients(
        connected.map((i) => pulled[i]!),
        connected.map((i) => directions[i]!),
        ends.map((i) => dummies[i]!),
      )
      const params = [
        ...body.params.slice(0, constants),
        ...fixed.map((p) => directions[moving.indexOf(p)]!),
        ...body.params.slice(constants),
        ...carried.map((p) => directions[moving.indexOf(p)]!),
      ]
      const results = [...body.results, ...ends.map((i, k) => found[k] ?? zeros(body.results[i]!))]
      const test = [
        ...condition.params.slice(0, constants),
        ...fixed.map((p) => stand(body.params[p]!)),
        ...condition.params.slice(constants),
        ...carried.map((p) => stand(body.params[p]!)),
      ]
      const captures = [
        ...new Set([
          ...capturesOf(results, params, NOTHING_OUTSIDE),
          ...capturesOf(condition.results, test, NOTHING_OUTSIDE),
        ]),
      ]
      return {
        captures,
        step: closeBody(results, captures, params, NOTHING_OUTSIDE),
        test: closeBody(condition.results, captures, test, NOTHING_OUTSIDE),
      }
    }),
  )
  const items = whileLoop(
    bodies.test,
    bodies.step,
    [...bodies.captures, ...n.src.slice(0, constants), ...fixed.map((p) => tangents[p]!)],
    [
      ...n.src.slice(constants, body.params.length),
      ...carried.map((p) => tangents[p] ?? zeros(body.params[p]!)),
    ],
  )
  const result: Cotangents = n.src.map(() => null)
  carried.forEach((p, i) => {
    result[body.params.length + p - constants] = items[body.results.length + i]!
  })
  return result
}
