// Weights that an exporter merged because their values were equal, taken apart. PyTorch's older exporter passes such a weight on
// through an Identity node for each further use, the newer one lets all nodes read the same initializer.
import type { GraphNode, ModelGraph } from './graph.ts'

export interface Unshared {
  /** The nodes, reading the copies. */
  readonly nodes: readonly GraphNode[]
  /** Name of each copy → the weight that it begins as. */
  readonly copies: ReadonlyMap<string, string>
}

/**
 * @param isWeight whether a value of this name is a weight to take apart
 * @param isTaken whether a Variable of this name is there already
 */
export function unshare(
  graph: ModelGraph,
  isWeight: (name: string) => boolean,
  isTaken: (name: string) => boolean,
): Unshared {
  const copies = new Map<string, string>()
  const read = new Set<string>()
  const nodes = graph.nodes.map((node) => {
    if (node.domain === '' && node.opType === 'Identity') {
      const [from = ''] = node.inputs
      const [to = ''] = node.outputs
      if (isWeight(from) && !isTaken(to) && !graph.outputs.some(({ name }) => name === to))
        copies.set(to, from)
      return node
    }
    const own = new Map<string, string>()
    for (const name of new Set(node.inputs.filter(isWeight))) {
      const copy = `${node.name}/${name}`
      if (read.has(name) && !isTaken(copy)) own.set(name, copy)
      read.add(name)
    }
    for (const [from, copy] of own) copies.set(copy, from)
    return own.size === 0 ? node : { ...node, inputs: node.inputs.map((name) => own.get(name) ?? name) }
  })
  return { nodes, copies }
}
