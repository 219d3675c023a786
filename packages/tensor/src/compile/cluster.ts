// Clusters: values that one kernel computes, and the dependencies between kernels as the scheduler builds them up. Levels
// (longest path from the start) answer most questions about cycles at once; what they leave open is a bounded walk.
import type { Kernel } from '../backend/ir.ts'
import type { Problem } from './expressions.ts'
import type { Value } from './values.ts'

/** Why a value does not fit into a kernel; `split` never leaves the lowering. */
export type Refusal = Exclude<Problem, { kind: 'split' }>

/** What a kernel stores for one of its members. */
export interface MemberStore {
  readonly member: Value
  readonly expr: number
}

/** The part of each kind of kernel that the scheduler sees. */
export interface Lowering {
  readonly kind: Kernel['kind']
  /** Tries to add a member; on failure nothing has changed. */
  add(v: Value): Refusal | null
  /** Members whose results other kernels may read, placements included. */
  readonly members: readonly Value[]
  /** Values that the kernel loads from memory. */
  reads(): ReadonlySet<Value>
  /** Kernels with equal keys walk equal spaces; null for kinds that take no siblings. */
  readonly space: string | null
}

export class Cluster {
  readonly id: number
  lowering: Lowering
  readonly dependencies: Set<Cluster> = new Set()
  readonly dependents: Set<Cluster> = new Set()
  level = 0
  visited = 0

  constructor(id: number, lowering: Lowering) {
    this.id = id
    this.lowering = lowering
  }

  /** Records that this kernel runs after `other`. */
  dependOn(other: Cluster): void {
    if (other === this || this.dependencies.has(other)) return
    this.dependencies.add(other)
    other.dependents.add(this)
    raise(this, other.level + 1)
  }

  /** Takes the members and all dependencies of `other`, which disappears. */
  takeOver(other: Cluster): void {
    for (const v of other.lowering.members) v.cluster = this
    for (const d of other.dependencies) {
      d.dependents.delete(other)
      this.dependOn(d)
    }
    for (const d of other.dependents) {
      d.dependencies.delete(other)
      d.dependOn(this)
    }
    other.dependencies.clear()
    other.dependents.clear()
  }
}

function raise(cluster: Cluster, level: number): void {
  if (cluster.level >= level) return
  cluster.level = level
  const stack = [cluster]
  while (stack.length) {
    const c = stack.pop()!
    for (const d of c.dependents)
      if (d.level <= c.level) {
        d.level = c.level + 1
        stack.push(d)
      }
  }
}

/** Clusters that one question about dependencies may look at; beyond it the answer is "yes". */
const WALK_LIMIT = 256
let walks = 0

/** Whether one of `from` needs `target` (or might: the walk is bounded). */
export function mayDependOn(from: Iterable<Cluster>, target: Cluster): boolean {
  const mark = ++walks
  const stack: Cluster[] = []
  let seen = 0
  const push = (c: Cluster): void => {
    if (c.level > target.level && c.visited !== mark) {
      c.visited = mark
      stack.push(c)
    }
  }
  for (const c of from) push(c)
  while (stack.length) {
    const c = stack.pop()!
    if (c.dependencies.has(target) || ++seen > WALK_LIMIT) return true
    for (const d of c.dependencies) push(d)
  }
  return false
}

/** The clusters that must have run before `v` can be read. */
export function* producersOf(v: Value): Iterable<Cluster> {
  if (v.cluster) yield v.cluster
  for (const part of v.parts) yield part.cluster!
}
