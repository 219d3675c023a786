// After every value has its kernel: kernels over the same space that read the same become one. The order in which values were
// placed decides which kernels were open at the time; this pass makes good what that order missed.
import { Cluster, mayDependOn } from './cluster.ts'
import { type KernelLimits, RowLowering } from './lower-row.ts'
import { isSmallBeside, type Value, walkedSize } from './values.ts'

/** Kernels of one space that a kernel is compared with. */
const NEIGHBOURS = 6

/** Merges row kernels where that is possible; returns the kernels that are left. */
export function mergeKernels(clusters: readonly Cluster[], limits: KernelLimits): readonly Cluster[] {
  const bySpace = new Map<string, Cluster[]>()
  const gone = new Set<Cluster>()
  for (const cluster of clusters) {
    const { space } = cluster.lowering
    if (!space) continue
    const beside = bySpace.get(space)
    if (!beside) {
      bySpace.set(space, [cluster])
      continue
    }
    let last = cluster
    for (const other of beside.slice().reverse()) {
      const merged = merge(other, last, limits)
      if (!merged) continue
      gone.add(other)
      beside.splice(beside.indexOf(other), 1)
      last = merged
    }
    beside.push(last)
    if (beside.length > NEIGHBOURS) beside.shift()
  }
  return gone.size ? clusters.filter((c) => !gone.has(c)) : clusters
}

/** `a` taken up by `b`, or null. */
function merge(a: Cluster, b: Cluster, limits: KernelLimits): Cluster | null {
  if (!shareReads(a, b)) return null
  if (mayDependOn(except(a.dependencies, b), b) || mayDependOn(except(b.dependencies, a), a)) return null
  const lowering = RowLowering.of([...a.lowering.members, ...b.lowering.members], limits)
  if (!lowering) return null
  b.lowering = lowering
  for (const v of a.lowering.members) v.cluster = b
  b.takeOver(a)
  return b
}

const except = (clusters: ReadonlySet<Cluster>, one: Cluster): Cluster[] =>
  [...clusters].filter((c) => c !== one)

/** Whether one reads something large that the other reads or makes. */
function shareReads(a: Cluster, b: Cluster): boolean {
  const [own, other] = [a.lowering.reads(), b.lowering.reads()]
  const size = Math.max(...[...a.lowering.members, ...b.lowering.members].map(walkedSize))
  const within = (values: Iterable<Value>, set: ReadonlySet<Value>): boolean => {
    for (const v of values) if (set.has(v) && !isSmallBeside(v, size)) return true
    return false
  }
  return within(own, other) || within(a.lowering.members, other) || within(b.lowering.members, own)
}
