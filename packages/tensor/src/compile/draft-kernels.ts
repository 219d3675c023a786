// From clusters to kernels in their last form but one: members that nobody outside reads are not stored, dead expressions
// are gone, loops that every address walks as one are one. Buffers are still values.
import type { Affine } from '../backend/ir.ts'
import type { Element } from '../graph/dtype.ts'
import type { Cluster } from './cluster.ts'
import type { DraftExpr } from './expressions.ts'
import { AttentionLowering } from './lower-attention.ts'
import { ControlLowering } from './lower-control.ts'
import { ContractLowering } from './lower-contract.ts'
import { LineLowering } from './lower-line.ts'
import { RowLowering } from './lower-row.ts'
import { ScatterLowering } from './lower-scatter.ts'
import type { Value } from './values.ts'

export interface DraftStore {
  /** The member, or the pad or concatenation that a placement fills. */
  readonly value: Value
  readonly expr: number
  readonly addr: Affine
  readonly fill: Element | undefined
}

interface DraftCommon {
  readonly name: string
  readonly cluster: Cluster
  /** Values that are loaded, operands included. */
  readonly reads: ReadonlySet<Value>
  /** Values that are written. */
  readonly writes: readonly Value[]
}
export interface DraftRow extends DraftCommon {
  readonly kind: 'row'
  readonly sizes: readonly number[]
  readonly outer: number
  readonly exprs: readonly DraftExpr[]
  readonly stores: readonly DraftStore[]
}
export interface DraftContract extends DraftCommon {
  readonly kind: 'contract'
  readonly lowering: ContractLowering
  readonly exprs: readonly DraftExpr[]
  readonly stores: readonly DraftStore[]
}
export interface DraftScatter extends DraftCommon {
  readonly kind: 'scatter'
  readonly lowering: ScatterLowering
}
export interface DraftLine extends DraftCommon {
  readonly kind: 'line'
  readonly lowering: LineLowering
}
export interface DraftAttention extends DraftCommon {
  readonly kind: 'attention'
  readonly lowering: AttentionLowering
}
export interface DraftControl extends DraftCommon {
  readonly kind: 'control'
  readonly lowering: ControlLowering
}
export type DraftKernel = DraftRow | DraftContract | DraftScatter | DraftLine | DraftAttention | DraftControl

/** Drafts of all clusters that the roots need, in the order in which the scheduler opened them. */
export function draftKernels(clusters: readonly Cluster[], roots: readonly Value[]): DraftKernel[] {
  const needed = new Set<Value>(roots)
  const drafts: DraftKernel[] = []
  // readers stand on higher levels, so from the top down everything needed of a cluster is known when it comes
  const fromTop = [...clusters].sort((a, b) => b.level - a.level || b.id - a.id)
  for (const cluster of fromTop) {
    const draft = draftOf(cluster, needed)
    if (!draft) continue
    drafts.push(draft)
    for (const v of draft.reads) needed.add(v)
  }
  return drafts.sort((a, b) => a.cluster.id - b.cluster.id)
}

function draftOf(cluster: Cluster, needed: ReadonlySet<Value>): DraftKernel | null {
  const { lowering } = cluster
  const name = lowering.members.map(nameOf).join('.')
  if (lowering instanceof ScatterLowering) {
    const [scatter] = lowering.members as [Value]
    if (!needed.has(scatter)) return null
    return { kind: 'scatter', name, cluster, lowering, reads: lowering.reads(), writes: [scatter] }
  }
  if (lowering instanceof LineLowering) {
    const [v] = lowering.members as [Value]
    return needed.has(v)
      ? { kind: 'line', name, cluster, lowering, reads: lowering.reads(), writes: [v] }
      : null
  }
  if (lowering instanceof AttentionLowering) {
    const writes = lowering.members.filter((v) => needed.has(v))
    if (!writes.length) return null
    return { kind: 'attention', name, cluster, lowering, reads: lowering.reads(), writes }
  }
  if (lowering instanceof ControlLowering)
    return lowering.members.some((v) => needed.has(v))
      ? {
          kind: 'control',
          name: lowering.name,
          cluster,
          lowering,
          reads: lowering.reads(),
          writes: lowering.writes(),
        }
      : null
  if (!(lowering instanceof RowLowering || lowering instanceof ContractLowering)) return null
  const live = lowering.stores.filter(({ member }) => needed.has(member.placement?.target ?? member))
  if (!live.length) return null
  const { exprs, stores } = pruned(lowering.body.exprs, live)
  const reads = new Set<Value>()
  for (const e of exprs) if (e.op === 'load') reads.add(e.buffer)
  const writes = [...new Set(stores.map((s) => s.value))]
  if (lowering instanceof ContractLowering) {
    reads.add(lowering.a.value).add(lowering.b.value)
    const collapsed = exprs.map((e) => (hasAddress(e) ? { ...e, addr: lowering.collapse(e.addr) } : e))
    return { kind: 'contract', name, cluster, lowering, exprs: collapsed, stores, reads, writes }
  }
  const { sizes } = lowering.body
  const row = mergedLoops(sizes.slice(0, lowering.body.loops), lowering.outerLoops, exprs, stores)
  return { kind: 'row', name, cluster, reads, writes, ...row }
}

const hasAddress = (e: DraftExpr): e is Extract<DraftExpr, { addr: Affine }> =>
  e.op === 'load' || e.op === 'index'

function nameOf({ node, placement }: Value): string {
  if (placement) return node.prim
  if (node.prim === 'map') return node.attrs.fn
  if (node.prim === 'reduce') return node.attrs.kind
  if (node.prim === 'cumulate') return `cum${node.attrs.kind}`
  if (node.prim === 'composite') return node.attrs.definition.name
  return node.prim === 'stop' ? 'copy' : node.prim
}

/** Expressions that the stores need, renumbered. */
function pruned(
  exprs: readonly DraftExpr[],
  stores: readonly { readonly member: Value; readonly expr: number; readonly addr: Affine }[],
): { exprs: DraftExpr[]; stores: DraftStore[] } {
  const live = new Uint8Array(exprs.length)
  for (const s of stores) live[s.expr] = 1
  for (let i = exprs.length - 1; i >= 0; i--) if (live[i]) for (const a of argumentsOf(exprs[i]!)) live[a] = 1
  const number = new Int32Array(exprs.length)
  const kept: DraftExpr[] = []
  exprs.forEach((e, i) => {
    if (!live[i]) return
    number[i] = kept.length
    kept.push(renumbered(e, number))
  })
  return {
    exprs: kept,
    stores: stores.map(({ member, expr, addr }) => ({
      value: member.placement?.target ?? member,
      expr: number[expr]!,
      addr,
      fill: member.placement?.fill,
    })),
  }
}

/** Numbers of the expressions that `e` is computed from. */
export function argumentsOf(e: DraftExpr): readonly number[] {
  if (e.op === 'map' || e.op === 'reduce') return e.args
  if (e.op === 'load' && e.dynamic) return e.dynamic.map((d) => d.value)
  return []
}

function renumbered(e: DraftExpr, number: Int32Array): DraftExpr {
  if (e.op === 'map') return { ...e, args: e.args.map((a) => number[a]!) }
  if (e.op === 'reduce') return { ...e, args: [number[e.args[0]]!] }
  if (e.op === 'load' && e.dynamic)
    return { ...e, dynamic: e.dynamic.map((d) => ({ ...d, value: number[d.value]! })) }
  return e
}

interface Loops {
  readonly sizes: readonly number[]
  readonly outer: number
  readonly exprs: readonly DraftExpr[]
  readonly stores: readonly DraftStore[]
}

/** Merges neighbouring loops of one kind that every address walks as one. */
function mergedLoops(
  sizes: readonly number[],
  outer: number,
  exprs: readonly DraftExpr[],
  stores: readonly DraftStore[],
): Loops {
  const addresses = [...exprs.filter(hasAddress), ...stores].map((x) => x.addr)
  /** For each loop whether it goes on in the next one. */
  const groups: number[][] = []
  sizes.forEach((size, i) => {
    const last = groups[groups.length - 1]
    const asOne = last && i !== outer && addresses.every((a) => a[i] === a[i + 1]! * size)
    if (asOne) last.push(i)
    else groups.push([i])
  })
  if (groups.length === sizes.length) return { sizes, outer, exprs, stores }
  const merged = (addr: Affine): Affine => [addr[0]!, ...groups.map((g) => addr[g[g.length - 1]! + 1]!)]
  return {
    sizes: groups.map((g) => g.reduce((n, i) => n * sizes[i]!, 1)),
    outer: groups.filter((g) => g[0]! < outer).length,
    exprs: exprs.map((e) => (hasAddress(e) ? { ...e, addr: merged(e.addr) } : e)),
    stores: stores.map((s) => ({ ...s, addr: merged(s.addr) })),
  }
}
