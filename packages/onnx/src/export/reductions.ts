// Reductions, and the mean, which the graph spells as a sum divided by a count.
import { leafOf, type Node, type NodeOf } from '@dl/tensor/backend'
import { ELEMENT_TYPE } from '../schema/data-types.ts'
import type { Writing } from './indexing.ts'
import { first, type Site } from './lockstep.ts'

const OPERATORS = {
  sum: 'ReduceSum',
  prod: 'ReduceProd',
  max: 'ReduceMax',
  min: 'ReduceMin',
  maxNumber: 'ReduceMax',
} as const

/** A reduction that is written as one node. */
export interface Reduction {
  readonly site: Site
  readonly opType: string
}

/** @param users how many read each node: a sum that others read, too, is written for itself */
export function reductionOf(w: Writing, site: Site, users: ReadonlyMap<Node, number>): Reduction | undefined {
  const node = first(site)
  if (leafOf(node)) return undefined
  if (node.prim === 'reduce') return { site, opType: OPERATORS[node.attrs.kind] }
  if (node.prim !== 'map' || node.attrs.fn !== 'div') return undefined
  const [sum, count] = w.steps.sources(site) as [Site, Site]
  const total = first(sum)
  const isSum = total.prim === 'reduce' && total.attrs.kind === 'sum' && !leafOf(total)
  if (!isSum || !total.dtype.startsWith('float') || users.get(total) !== 1) return undefined
  const isMean = sum.every((n, i) => {
    const { axes } = n.attrs as NodeOf<'reduce'>['attrs']
    return numberOf(count[i]!) === axes.reduce((product, a) => product * n.src[0]!.shape[a]!, 1)
  })
  return isMean ? { site: sum, opType: 'ReduceMean' } : undefined
}

/** The number that a node repeats. */
function numberOf(node: Node): number | undefined {
  let n = node
  while ((n.prim === 'broadcast' || n.prim === 'reshape') && !leafOf(n)) n = n.src[0]!
  return n.prim === 'const' ? Number(n.attrs.value) : undefined
}

export function writeReduction(
  { writer, steps, value }: Writing,
  { site, opType }: Reduction,
  keepDims: boolean,
): string {
  const { axes } = first(site).attrs as NodeOf<'reduce'>['attrs']
  const ofBool = first(site).dtype === 'bool'
  const source = value(steps.source(site, 0))
  const x = ofBool ? writer.node('Cast', [source], { to: ELEMENT_TYPE.int32 }) : source
  const asInput = opType === 'ReduceSum' || writer.opset >= 18
  const attributes = { keepdims: keepDims ? 1 : 0, ...(asInput ? {} : { axes }) }
  const reduced = writer.node(opType, asInput ? [x, writer.ints(axes)] : [x], attributes)
  return ofBool ? writer.node('Cast', [reduced], { to: ELEMENT_TYPE.bool }) : reduced
}
