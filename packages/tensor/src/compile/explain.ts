// What becomes of a request, as text: its graph, the kernels it is compiled to, their buffers, and the code that the backend
// generates. For people who wonder why something is slow, and for tests of this package's promises.
import type { Backend } from '../backend/contract.ts'
import { canonicalize, firstSourceOf, isLeaf } from './canonical.ts'
import { ownedBy } from './owned-composites.ts'
import { compileToProgram, planGraph } from './plan-graph.ts'
import type { PlanRequest } from './plan.ts'
import { showProgram } from './print-program.ts'
import type { Node } from '../graph/node.ts'
import { showShape } from '../graph/shape.ts'

export interface ExplainOptions {
  /** Also print the code that the backend generated; default false. */
  readonly code?: boolean | undefined
}

/**
 * Graph, kernels and buffers of `request` on `backend`.
 *
 * @throws UnsupportedError as {@link planGraph} does
 */
export function explainPlan(
  request: PlanRequest,
  backend: Backend,
  { code = false }: ExplainOptions = {},
): string {
  const c = canonicalize(request, 0, ownedBy(backend))
  const sections = [
    `graph: ${c.nodes.length} nodes, ${c.leaves.length} leaves`,
    ...showGraph(c.nodes, c.edges),
  ]
  if (backend.level === 'kernel') {
    const built = compileToProgram(c, backend.capabilities, backend.name, true)
    const { arenaBytes, kernels } = built.program
    sections.push(
      '',
      `program: ${kernels.length} kernels on ${backend.name}`,
      showProgram(built.program, built.bufferNames),
    )
    if (built.unsharedBytes > arenaBytes)
      sections.push(`(${built.unsharedBytes} bytes if no memory were shared)`)
  } else sections.push('', `${backend.name} runs the graph itself`)
  if (code) {
    const source = planGraph(request, backend).plan.executable.source?.() ?? []
    sections.push('', 'code:', ...source)
  }
  return sections.join('\n')
}

function showGraph(nodes: readonly Node[], edges: Int32Array): string[] {
  let edge = 0
  return nodes.map((n, i) => {
    if (isLeaf(n)) return `  %${i} = buffer ${n.dtype}${showShape(n.shape)}`
    const src = n.src.slice(firstSourceOf(n)).map(() => `%${edges[edge++]}`)
    return `  %${i} = ${nameOf(n)} ${src.join(', ')} ${n.dtype}${showShape(n.shape)}${showAttributes(n)}`
  })
}

const nameOf = (n: Node): string =>
  n.prim === 'map'
    ? n.attrs.fn
    : n.prim === 'reduce' || n.prim === 'cumulate'
      ? `${n.prim} ${n.attrs.kind}`
      : n.prim === 'composite'
        ? n.attrs.definition.name
        : n.prim

function showAttributes(n: Node): string {
  const shown: string[] = []
  for (const [key, value] of Object.entries(n.attrs)) {
    if (key === 'fn' || key === 'kind' || key === 'leaf' || key === 'definition') continue
    shown.push(`${key} ${Array.isArray(value) ? showShape(value) : String(value)}`)
  }
  return shown.length ? ` (${shown.join(', ')})` : ''
}
