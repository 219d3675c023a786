// After every value has its kernel, kernels are merged where the order in which values were placed kept them apart: row
// kernels over one space that read the same, tiny ones (a dispatch costs more than their work), and elementwise kernels
// that fit into the epilogue of a product beside them.
import { Cluster, mayDependOn } from './cluster.ts'
import { ContractLowering } from './lower-contract.ts'
import { type KernelLimits, RowLowering } from './lower-row.ts'
import { isSmallBeside, type Value, walkedSize } from './values.ts'

/** Kernels of one space that a kernel is compared with. */
const NEIGHBOURS = 6
/** Kernels that walk at most this many elements merge without reading anything in common. */
const TINY = 1024

/** Merges kernels where that is possible; returns those that are left. */
export function mergeKernels(clusters: readonly Cluster[], limits: KernelLimits): readonly Cluster[] {
  const gone = new Set<Cluster>()
  for (const cluster of clusters) if (joinProduct(cluster, limits)) gone.add(cluster)
  const bySpace = new Map<string, Cluster[]>()
  for (const cluster of clusters) {
    const { space } = cluster.lowering
    if (space === null || gone.has(cluster)) continue
    const beside = bySpace.get(space) ?? []
    bySpace.set(space, beside)
    const host = beside.findLast((other) => mergeRows(other, cluster))
    if (host) {
      gone.add(cluster)
      continue
    }
    beside.push(cluster)
    if (beside.length > NEIGHBOURS) beside.shift()
  }
  return gone.size ? clusters.filter((c) => !gone.has(c)) : clusters
}

/** Row kernel `b` taken up by row kernel `a`, if they fit together. */
function mergeRows(a: Cluster, b: Cluster): boolean {
  const [first, second] = a.dependencies.has(b) ? [b, a] : [a, b]
  if (!(first.lowering instanceof RowLowering) || !shareReads(a, b) || wouldCloseCycle(a, b)) return false
  if (!first.lowering.addAll(second.lowering.members)) return false
  a.lowering = first.lowering
  a.takeOver(b)
  return true
}

/** Elementwise kernel `row` taken up by a product that it reads, or that reads it in its epilogue. */
function joinProduct(row: Cluster, limits: KernelLimits): boolean {
  if (!(row.lowering instanceof RowLowering) || row.lowering.reduces) return false
  for (const product of [...row.dependencies, ...row.dependents].slice(0, NEIGHBOURS)) {
    const { lowering } = product
    if (!(lowering instanceof ContractLowering) || wouldCloseCycle(product, row)) continue
    const merged = ContractLowering.extended(lowering, row.lowering.members, limits)
    if (!merged) continue
    product.lowering = merged
    product.takeOver(row)
    return true
  }
  return false
}

/** Whether one of the two needs the other through a third. */
const wouldCloseCycle = (a: Cluster, b: Cluster): boolean =>
  mayDependOn(except(a.dependencies, b), b) || mayDependOn(except(b.dependencies, a), a)

const except = (clusters: ReadonlySet<Cluster>, one: Cluster): Cluster[] =>
  [...clusters].filter((c) => c !== one)

/** Whether one reads something large that the other reads or makes, or both are tiny. */
function shareReads(a: Cluster, b: Cluster): boolean {
  const size = Math.max(...[...a.lowering.members, ...b.lowering.members].map(walkedSize))
  if (size <= TINY) return true
  const [own, other] = [a.lowering.reads(), b.lowering.reads()]
  const within = (values: Iterable<Value>, set: ReadonlySet<Value>): boolean => {
    for (const v of values) if (set.has(v) && !isSmallBeside(v, size)) return true
    return false
  }
  return within(own, other) || within(a.lowering.members, other) || within(b.lowering.members, own)
}
