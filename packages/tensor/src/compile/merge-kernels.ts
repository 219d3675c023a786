// After every value has its kernel, kernels are merged where the order in which values were placed kept them apart: row
// kernels over one space that read the same, tiny ones (a dispatch costs more than their work), and elementwise kernels
// that fit into the epilogue of a product beside them.
import { Cluster, type Lowering, mayDependOn, producersOf } from './cluster.ts'
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
    for (const other of beside.slice().reverse())
      if (mergeRows(other, cluster, limits)) {
        gone.add(other)
        beside.splice(beside.indexOf(other), 1)
      }
    beside.push(cluster)
    if (beside.length > NEIGHBOURS) beside.shift()
  }
  return gone.size ? clusters.filter((c) => !gone.has(c)) : clusters
}

/** Row kernel `a` taken up by row kernel `b`, if they fit together. */
function mergeRows(a: Cluster, b: Cluster, limits: KernelLimits): boolean {
  if (!shareReads(a, b) || wouldCloseCycle(a, b)) return false
  const lowering = RowLowering.of([...a.lowering.members, ...b.lowering.members], limits)
  if (!lowering || !settleReads(lowering, a, b)) return false
  b.lowering = lowering
  b.takeOver(a)
  return true
}

/** Elementwise kernel `row` taken up by a product that it reads, or that reads it in its epilogue. */
function joinProduct(row: Cluster, limits: KernelLimits): boolean {
  if (!(row.lowering instanceof RowLowering) || row.lowering.reduces) return false
  for (const product of [...row.dependencies, ...row.dependents].slice(0, NEIGHBOURS)) {
    const { lowering } = product
    if (!(lowering instanceof ContractLowering) || wouldCloseCycle(product, row)) continue
    const merged = ContractLowering.extended(lowering, row.lowering.members, limits)
    if (!merged || !settleReads(merged, row, product)) continue
    product.lowering = merged
    product.takeOver(row)
    return true
  }
  return false
}

/** Whether one of the two needs the other through a third. */
const wouldCloseCycle = (a: Cluster, b: Cluster): boolean =>
  mayDependOn(except(a.dependencies, b), b) || mayDependOn(except(b.dependencies, a), a)

/**
 * What the two inlined may have got a buffer since, which the merged kernel then reads: `b` will wait for those buffers.
 * Returns false, and changes nothing, where that would close a cycle.
 */
function settleReads(lowering: Lowering, a: Cluster, b: Cluster): boolean {
  const fresh = new Set<Cluster>()
  for (const v of lowering.reads())
    for (const c of producersOf(v))
      if (c !== a && c !== b && !a.dependencies.has(c) && !b.dependencies.has(c)) fresh.add(c)
  if (mayDependOn(fresh, a) || mayDependOn(fresh, b)) return false
  for (const c of fresh) b.dependOn(c)
  return true
}

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
