// Control flow written out: a scan as its steps one after the other, a branch as both of its sides and a selection. What
// backends get that run no loops themselves, and what little is not worth a kernel of its own.
import type { Body } from '../graph/body.ts'
import { type ControlNode } from '../graph/control-flow.ts'
import { MOVEMENT, type Node, type NodeOf } from '../graph/node.ts'
import { concat, constant, map, reshape, slice } from '../graph/primitives.ts'
import { UnsupportedError } from './unsupported.ts'

/** Makes the results of a body from its parameters. */
export type Inline = (body: Body, params: readonly Node[]) => readonly Node[]

/** The items of a control node over `src`. */
export function writeOut(n: ControlNode, src: readonly Node[], inline: Inline): readonly Node[] {
  switch (n.prim) {
    case 'scan':
      return writeOutScan(n, src, inline)
    case 'if':
      return writeOutBranch(n, src, inline)
    case 'while':
    case 'whilePullback':
      throw new UnsupportedError(n.prim, 'a while loop needs a backend that runs loops')
  }
}

/**
 * Whether a backend that runs loops and branches should run this one: not a loop of one step, not a choice between values that
 * cost no more than choosing, not over nothing.
 */
export function worthRunning(n: ControlNode): boolean {
  if (n.prim === 'if') return !isElementwise(n.attrs.yes) || !isElementwise(n.attrs.no)
  if (n.prim !== 'scan') return true
  const { body, length } = n.attrs
  return length > 1 && ![...body.params, ...body.results].some((x) => x.shape.includes(0))
}

const isElementwise = (body: Body): boolean =>
  body.nodes.every(
    (n) => n.prim === 'buffer' || n.prim === 'const' || n.prim === 'map' || MOVEMENT.has(n.prim),
  )

/** Element `t` of a sequence. */
function elementOf(x: Node, t: number): Node {
  const [, ...rest] = x.shape
  const start = x.shape.map((_, a) => (a === 0 ? t : 0))
  return reshape(slice(x, start, [1, ...rest]), rest)
}

function writeOutScan({ attrs }: NodeOf<'scan'>, src: readonly Node[], inline: Inline): Node[] {
  const { body, length, direction, constants, carries } = attrs
  const first = constants + carries
  const fixed = src.slice(0, constants)
  let carried = src.slice(constants, first)
  const sequences = src.slice(first)
  const outputs = body.results.slice(carries).map(() => Array<Node>(length))
  for (let step = 0; step < length; step++) {
    const t = direction > 0 ? step : length - 1 - step
    const results = inline(body, [...fixed, ...carried, ...sequences.map((x) => elementOf(x, t))])
    carried = results.slice(0, carries)
    outputs.forEach((list, i) => {
      const y = results[carries + i]!
      list[t] = reshape(y, [1, ...y.shape])
    })
  }
  const stacked = outputs.map((list, i) => {
    const { shape, dtype } = body.results[carries + i]!
    const whole = [length, ...shape]
    return whole.includes(0) ? constant(0, dtype, whole) : concat(list, 0)
  })
  return [...carried, ...stacked]
}

function writeOutBranch({ attrs }: NodeOf<'if'>, src: readonly Node[], inline: Inline): Node[] {
  const [predicate, ...operands] = src
  const yes = inline(attrs.yes, operands)
  const no = inline(attrs.no, operands)
  return yes.map((x, i) => (x === no[i] ? x : map('select', predicate!, x, no[i]!)))
}
