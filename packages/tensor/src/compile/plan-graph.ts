// The door of the compiler: from a request to a compiled plan, through the cache. Everything else in this folder is a pass
// that runs here once for each new form of graph.
import type { Backend, Capabilities, Executable, GraphBackend, KernelBackend } from '../backend/contract.ts'
import type { Body } from '../graph/body.ts'
import { type Leaf, mix, type Node, withOwnNodeTable } from '../graph/node.ts'
import { type Canonical, canonicalize, leafOf } from './canonical.ts'
import { draftKernels } from './draft-kernels.ts'
import type { CompileBody } from './lower-control.ts'
import { importGraph } from './import-graph.ts'
import { ownedBy, ownedWith } from './owned-composites.ts'
import { PlanCache, type PlanCacheStats } from './plan-cache.ts'
import type { BoundPlan, Output, Plan, PlanRequest, RootPlace } from './plan.ts'
import { type BuiltProgram, buildProgram } from './program.ts'
import { rewrite } from './rewrite.ts'
import { schedule } from './schedule.ts'
import { simplifyLoops } from './simplify-loops.ts'
import { UnsupportedError } from './unsupported.ts'
import { copyOf, type ValueGraph, valueGraph } from './values.ts'

export interface CompileOptions {
  /** `false` stores every value: one kernel an operation, for tests and for finding out what fusion changes. */
  readonly fuse?: boolean | undefined
}

/** Plans that one backend keeps; the least recently used goes first. */
const CACHED_PLANS = 256
const caches = new WeakMap<Backend, PlanCache>()

function cacheOf(backend: Backend): PlanCache {
  let cache = caches.get(backend)
  if (!cache) caches.set(backend, (cache = new PlanCache(CACHED_PLANS)))
  return cache
}

/** Hits, misses and compiled programs of a backend since it was first used. */
export const planCacheStats = (backend: Backend): Readonly<PlanCacheStats> => cacheOf(backend).stats

/**
 * A compiled plan for `request`, bound to its leaves and scalars. Requests of one form (the same graph over other leaves)
 * share a plan.
 *
 * @throws UnsupportedError when a kernel backend does not compute one of the dtypes
 */
export function planGraph(request: PlanRequest, backend: Backend, options: CompileOptions = {}): BoundPlan {
  const c = canonicalize(request, saltOf(backend, options), ownedBy(backend))
  const cache = cacheOf(backend)
  let plan = cache.find(c)
  if (!plan) {
    plan = backend.level === 'graph' ? planForGraph(c, backend) : planForKernels(c, backend, options, cache)
    cache.insert(c, plan)
  }
  return { plan, leaves: c.leaves, scalars: c.scalars }
}

function saltOf(backend: Backend, { fuse = true }: CompileOptions): number {
  if (backend.level === 'graph') return fuse ? 1 : 2
  const { maxBuffers, maxExprs, dtypes, contractDtypes, composites, loops = false } = backend.capabilities
  const salt = mix(mix(mix((fuse ? 3 : 4) + (loops ? 2 : 0), maxBuffers), maxExprs), dtypes.size)
  return mix(mix(salt, contractDtypes.size), composites?.size ?? 0)
}

const NOTHING: Executable = { run: () => {}, dispose: () => {} }

function planForKernels(
  c: Canonical,
  backend: KernelBackend,
  options: CompileOptions,
  cache: PlanCache,
): Plan {
  const built = compileToProgram(c, backend.capabilities, backend.name, options.fuse ?? true)
  const { program } = built
  const executable = program.kernels.length ? backend.compile(program) : NOTHING
  if (program.kernels.length) cache.stats.compiled++
  return {
    executable,
    slots: program.params,
    outputs: built.outputs,
    roots: built.roots,
    kept: built.kept,
    kernelCount: program.kernels.length,
  }
}

/** The passes, in the order in which data flows. */
export function compileToProgram(
  c: Canonical,
  capabilities: Capabilities,
  backendName: string,
  fuse: boolean,
): BuiltProgram {
  const compileBody = (body: Body): BuiltProgram => {
    const roots = { roots: body.results, inPlace: new Map<number, Leaf>(), keep: [] }
    const request = canonicalize(roots, 0, ownedWith(capabilities))
    const leaves = body.params.map((x) => leafOf(x))
    return compile({ ...request, leaves }, distinctRoots)
  }
  const compile = (request: Canonical, prepare: PrepareRoots): BuiltProgram =>
    compileWith(request, capabilities, backendName, fuse, prepare, compileBody)
  return compile(c, copiedRoots)
}

type PrepareRoots = typeof copiedRoots

function compileWith(
  c: Canonical,
  capabilities: Capabilities,
  backendName: string,
  fuse: boolean,
  prepareRoots: PrepareRoots,
  compileBody: CompileBody,
): BuiltProgram {
  return withOwnNodeTable(() => {
    const { roots, keep, leaves, scalars } = rewrite(simplifyLoops(c), capabilities)
    const inPlace = new Map<number, number>()
    for (let i = 0; i < c.inPlace.length; i += 2) inPlace.set(c.inPlace[i]!, c.inPlace[i + 1]!)
    const graph = valueGraph(prepareRoots(roots, inPlace, leaves), keep)
    assertSupported(graph, capabilities, backendName)
    const clusters = schedule(graph, capabilities, fuse, compileBody)
    return buildProgram({ graph, leaves, scalars, inPlace }, draftKernels(clusters, graph.roots))
  })
}

/** A root that is a leaf keeps its place, unless another root is going to be written there. */
function copiedRoots(
  roots: readonly Node[],
  inPlace: ReadonlyMap<number, number>,
  leaves: readonly Leaf[],
): Node[] {
  const overwritten = new Set<Leaf>()
  for (const [root, slot] of inPlace) {
    const node = roots[root]!
    if (node.prim !== 'buffer') overwritten.add(leaves[slot]!)
  }
  return roots.map((n) => (n.prim === 'buffer' && overwritten.has(n.attrs.leaf) ? copyOf(n) : n))
}

/** Each result of a body has an output of its own, also one that is a parameter or stands twice. */
function distinctRoots(roots: readonly Node[]): Node[] {
  const seen = new Set<Node>()
  return roots.map((n) => {
    let root = n.prim === 'buffer' ? copyOf(n) : n
    while (seen.has(root)) root = copyOf(root)
    seen.add(root)
    return root
  })
}

function assertSupported(graph: ValueGraph, capabilities: Capabilities, backend: string): void {
  const { dtypes, longestSort = Infinity } = capabilities
  for (const v of graph.values) {
    if (!dtypes.has(v.dtype)) {
      const op = v.node.prim === 'map' ? v.node.attrs.fn : v.node.prim
      throw new UnsupportedError(
        op,
        `backend "${backend}" has no ${v.dtype} kernels; cast to a dtype that it computes`,
      )
    }
    if (v.node.prim === 'sort' && v.src[0]!.shape[v.node.attrs.axis]! > longestSort)
      throw new UnsupportedError('sort', `backend "${backend}" sorts at most ${longestSort} elements a line`)
  }
}

/** Graph backends get the graph itself, without markers. */
function planForGraph(c: Canonical, backend: GraphBackend): Plan {
  const graph = withOwnNodeTable(() => importGraph(c))
  const outputs: Output[] = []
  const outputNodes: Node[] = []
  const slots = new Map<Node, number>()
  const leafSlots = new Map(graph.leaves.map((leaf, slot) => [leaf, slot]))
  const roots = c.roots.map((number): RootPlace => {
    const node = graph.nodes[number]!
    if (node.prim === 'buffer') return { kind: 'leaf', slot: leafSlots.get(node.attrs.leaf)! }
    let slot = slots.get(node)
    if (slot === undefined) {
      slot = graph.leaves.length + outputs.length
      slots.set(node, slot)
      outputNodes.push(node)
      outputs.push({ slot, dtype: node.dtype, size: node.shape.reduce((n, d) => n * d, 1) })
    }
    return { kind: 'output', slot }
  })
  const nodes = [...new Set(graph.nodes)]
  const executable = outputs.length
    ? backend.compileGraph({ nodes, leaves: graph.leaves, scalars: graph.scalars, outputs: outputNodes })
    : NOTHING
  const kernelCount = nodes.filter(
    (n) => n.prim !== 'buffer' && n.prim !== 'scalar' && n.prim !== 'const',
  ).length
  return { executable, slots: graph.leaves.length + outputs.length, outputs, roots, kept: [], kernelCount }
}
