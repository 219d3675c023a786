// The schedule: in topological order every candidate value joins the kernel that makes one of its sources, or a kernel beside
// it that reads the same, if lowering it there succeeds; else it opens a kernel of its own.
import type { Capabilities } from '../backend/contract.ts'
import { Cluster, type Lowering, mayDependOn, producersOf, type Refusal } from './cluster.ts'
import { AttentionLowering } from './lower-attention.ts'
import { type CompileBody, ControlLowering, isControlValue } from './lower-control.ts'
import { ContractLowering } from './lower-contract.ts'
import { isLinePrimitive, LineLowering } from './lower-line.ts'
import { type KernelLimits, RowLowering, spaceKeyOf } from './lower-row.ts'
import { ScatterLowering } from './lower-scatter.ts'
import { mergeKernels } from './merge-kernels.ts'
import { coneOf, coneWeight, markRealised } from './realise.ts'
import {
  isMovement,
  isSmallBeside,
  isStored,
  nextWalk,
  storeNow,
  storeTime,
  type Value,
  type ValueGraph,
  walkedSize,
} from './values.ts'

/** Producers and siblings that a value tries to join at most: scheduling stays linear in the size of the graph. */
const MOST_CANDIDATES = 12
const SIBLINGS_KEPT = 6

/** What a value reads: stored values and leaves at the border of its cone. */
function borderOf(v: Value): Value[] {
  const mark = nextWalk()
  const border: Value[] = []
  const stack = [...v.src]
  while (stack.length) {
    const x = stack.pop()!
    if (x.visited === mark) continue
    x.visited = mark
    if (isStored(x)) border.push(x)
    else for (const s of x.src) stack.push(s)
  }
  return border
}

/** Whether a kernel outside of `members` reads `v`. */
function escapes(v: Value, members: ReadonlySet<Value>): boolean {
  if (v.isRoot || v.placement) return true
  const mark = nextWalk()
  const stack = [...v.users]
  while (stack.length) {
    const u = stack.pop()!
    if (u.visited === mark || members.has(u)) continue
    u.visited = mark
    if (isStored(u) || u.placement) return true
    for (const next of u.users) stack.push(next)
  }
  return false
}

/** Counts the buffers that members are stored to. A value that is several roots may go to several variables and an output. */
function escapingOf(roots: readonly Value[]): (members: readonly Value[]) => number {
  const copies = new Map<Value, number>()
  for (const v of roots) copies.set(v, (copies.get(v) ?? -1) + 1)
  return (members) => {
    const inside = new Set(members)
    const buffers = new Set<Value>()
    let more = 0
    for (const m of members) {
      if (escapes(m, inside)) buffers.add(m.placement?.target ?? m)
      more += copies.get(m) ?? 0
    }
    return buffers.size + more
  }
}

class Scheduler {
  readonly clusters: Cluster[] = []
  readonly #limits: KernelLimits
  readonly #fuse: boolean
  /** Latest row kernels by the space they walk. */
  readonly #bySpace = new Map<string, Cluster[]>()

  readonly #compileBody: CompileBody

  constructor(limits: KernelLimits, fuse: boolean, compileBody: CompileBody) {
    this.#limits = limits
    this.#fuse = fuse
    this.#compileBody = compileBody
  }

  /** Puts `v` into a kernel. Values that must be stored first get theirs before. */
  place(v: Value): void {
    for (;;) {
      v.placedAt = storeTime()
      const border = borderOf(v)
      const producers = new Set<Cluster>()
      for (const b of border) for (const c of producersOf(b)) producers.add(c)
      const host = this.#join(v, border, producers)
      if (host) return this.#settle(v, host, producers)
      const own = this.#lowerAlone(v)
      if ('members' in own) {
        const cluster = new Cluster(this.clusters.length, own)
        this.clusters.push(cluster)
        return this.#settle(v, cluster, producers)
      }
      const next = this.#toStore(v, own)
      storeNow(next)
      if (!next.parts.length) this.place(next)
      for (const part of next.parts) if (!part.cluster) this.place(part)
    }
  }

  #settle(v: Value, cluster: Cluster, producers: ReadonlySet<Cluster>): void {
    v.cluster = cluster
    for (const p of producers) cluster.dependOn(p)
    const { space } = cluster.lowering
    if (space === null) return
    const beside = this.#bySpace.get(space)
    if (!beside) this.#bySpace.set(space, [cluster])
    else if (!beside.includes(cluster)) {
      beside.push(cluster)
      if (beside.length > SIBLINGS_KEPT) beside.shift()
    }
  }

  #join(v: Value, border: readonly Value[], producers: ReadonlySet<Cluster>): Cluster | null {
    if (!this.#fuse) return null
    if (!v.placement && v.node.prim === 'composite') return joinComposite(v, producers)
    if (
      (!v.placement && (v.node.prim === 'dot' || v.node.prim === 'scatter')) ||
      isLinePrimitive(v) ||
      isControlValue(v)
    )
      return null
    const candidates = [...producers]
      .sort((a, b) => b.level - a.level || b.id - a.id)
      .slice(0, MOST_CANDIDATES)
    for (const candidate of [...candidates, ...this.#siblings(v, border, producers)]) {
      if (wouldWaitForAll(v, border, candidate) || mayDependOnOther(producers, candidate)) continue
      if (!candidate.lowering.add(v)) return candidate
    }
    return null
  }

  /** Kernels over the space of `v` that read something large that `v` reads too. */
  #siblings(v: Value, border: readonly Value[], producers: ReadonlySet<Cluster>): Cluster[] {
    const beside = this.#bySpace.get(spaceKeyOf(v)) ?? []
    return beside.filter((c) => !producers.has(c) && sharesTraffic(border, c, walkedSize(v)))
  }

  #lowerAlone(v: Value): Lowering | Refusal {
    if (!v.placement && v.node.prim === 'dot') return ContractLowering.of(v, this.#limits)
    if (!v.placement && v.node.prim === 'scatter') return ScatterLowering.of(v)
    if (isLinePrimitive(v)) return LineLowering.of(v)
    if (!v.placement && v.node.prim === 'composite') return AttentionLowering.of(v)
    if (isControlValue(v)) return ControlLowering.of(v, this.#compileBody)
    const row = new RowLowering(v, this.#limits)
    return row.add(v) ?? row
  }

  /** The value to store so that `v` becomes lowerable. */
  #toStore(v: Value, refusal: Refusal): Value {
    if (refusal.kind === 'store' && !isStored(refusal.value)) return refusal.value
    const inlined = coneOf(v)
      .slice(1)
      .filter((x) => !x.placement)
    const half = coneWeight(v) / 2
    const computed = inlined.filter((x) => !isMovement(x))
    const choice = (computed.length ? computed : inlined)
      .map((x) => ({ x, distance: Math.abs(coneWeight(x) - half) }))
      .reduce<{ x: Value | null; distance: number }>((best, o) => (o.distance < best.distance ? o : best), {
        x: null,
        distance: Infinity,
      }).x
    if (!choice)
      throw new Error(
        `[compile] ${v.node.prim} of shape [${v.shape.join(', ')}] does not fit into one kernel (${refusal.kind})`,
      )
    return choice
  }
}

/**
 * Whether a value that reads `border` and `cluster` have a value in common that is not small beside the space they walk:
 * otherwise being in one kernel saves no memory traffic.
 */
function sharesTraffic(border: readonly Value[], cluster: Cluster, size: number): boolean {
  const large = border.filter((b) => !isSmallBeside(b, size))
  if (large.some((b) => b.cluster === cluster)) return true
  if (!large.length) return false
  const reads = cluster.lowering.reads()
  return large.some((b) => reads.has(b))
}

/** A kernel that reduces everything to one row makes whoever joins it wait for that row: only worth it for shared reads. */
function wouldWaitForAll(v: Value, border: readonly Value[], cluster: Cluster): boolean {
  const { lowering } = cluster
  return (
    lowering instanceof RowLowering &&
    lowering.rows === 1 &&
    v.size > 1 &&
    !sharesTraffic(border, cluster, v.size)
  )
}

/** The kernel that computes another output of the same composite. */
function joinComposite(v: Value, producers: ReadonlySet<Cluster>): Cluster | null {
  for (const { cluster } of v.src[0]!.users) {
    if (!(cluster?.lowering instanceof AttentionLowering) || mayDependOn(producers, cluster)) continue
    if (!cluster.lowering.add(v)) return cluster
  }
  return null
}

/** Joining `candidate` must not close a cycle through another producer. */
function mayDependOnOther(producers: ReadonlySet<Cluster>, candidate: Cluster): boolean {
  const others: Cluster[] = []
  for (const p of producers) if (p !== candidate) others.push(p)
  return mayDependOn(others, candidate)
}

/** Kernels under construction for everything that the roots of `graph` need. */
export function schedule(
  graph: ValueGraph,
  capabilities: Capabilities,
  fuse: boolean,
  compileBody: CompileBody,
): readonly Cluster[] {
  markRealised(graph, fuse, capabilities.maxExprs)
  const limits: KernelLimits = {
    exprs: capabilities.maxExprs,
    buffers: capabilities.maxBuffers,
    escaping: escapingOf(graph.roots),
  }
  const scheduler = new Scheduler(limits, fuse, compileBody)
  for (const v of graph.values) {
    if (v.cluster || v.parts.length || v.size === 0) continue
    if (v.node.prim === 'item') v.cluster = v.src[0]!.cluster
    else if (isControlValue(v)) scheduler.place(v)
    else if (v.placement ? v.placement.target.realised : v.realised) scheduler.place(v)
  }
  return fuse ? mergeKernels(scheduler.clusters, limits) : scheduler.clusters
}
