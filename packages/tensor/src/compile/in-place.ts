// In-place updates: which roots may be written into the storage of the variable that they replace. It is allowed when every
// reader of the old value can run before the writer, and the writer itself reads it at the very index at which it writes.
import { argumentsOf, type DraftKernel, type DraftRow, type DraftStore } from './draft-kernels.ts'
import type { DraftExpr } from './expressions.ts'
import type { Value } from './values.ts'

/** Kernels by number with the edges "must run before". */
export class KernelGraph {
  readonly kernels: readonly DraftKernel[]
  readonly before: readonly Set<number>[]
  readonly #after: readonly Set<number>[]

  constructor(kernels: readonly DraftKernel[]) {
    this.kernels = kernels
    this.before = kernels.map(() => new Set())
    this.#after = kernels.map(() => new Set())
    const writers = new Map<Value, number[]>()
    kernels.forEach((k, i) => {
      for (const v of k.writes) {
        const list = writers.get(v)
        if (list) list.push(i)
        else writers.set(v, [i])
      }
    })
    kernels.forEach((k, i) => {
      for (const v of k.reads) for (const w of writers.get(v) ?? []) this.order(w, i)
    })
  }

  order(first: number, second: number): void {
    if (first === second) return
    this.before[second]!.add(first)
    this.#after[first]!.add(second)
  }

  /** Kernels that wait for `kernel` itself. */
  after(kernel: number): ReadonlySet<number> {
    return this.#after[kernel]!
  }

  /** Kernels that must run after `kernel`, directly or not. */
  allAfter(kernel: number): Set<number> {
    const found = new Set<number>()
    const stack = [kernel]
    while (stack.length)
      for (const next of this.#after[stack.pop()!]!)
        if (!found.has(next)) {
          found.add(next)
          stack.push(next)
        }
    return found
  }
}

export interface InPlaceRequest {
  readonly value: Value
  readonly leafSlot: number
}

/** Values that may be written into leaves: leaf slot by value. Adds the edges reader → writer to the graph. */
export function planInPlace(
  graph: KernelGraph,
  requests: readonly InPlaceRequest[],
  slotOf: (v: Value) => number | undefined,
): Map<Value, number[]> {
  const granted = new Map<Value, number[]>()
  const taken = new Set<number>()
  const writerOf = new Map<Value, number>()
  const readersOf = new Map<number, number[]>()
  graph.kernels.forEach((k, i) => {
    for (const v of k.writes) if (!v.parts.length) writerOf.set(v, i)
    const slots = new Set<number>()
    for (const v of k.reads) {
      const slot = slotOf(v)
      if (slot !== undefined) slots.add(slot)
    }
    for (const slot of slots) {
      const list = readersOf.get(slot)
      if (list) list.push(i)
      else readersOf.set(slot, [i])
    }
  })
  for (const { value, leafSlot } of requests) {
    const writer = writerOf.get(value)
    if (writer === undefined || taken.has(leafSlot)) continue
    const readers = (readersOf.get(leafSlot) ?? []).filter((r) => r !== writer)
    const isLeaf = (v: Value): boolean => slotOf(v) === leafSlot
    if (!readsAtStoreIndex(graph.kernels[writer]!, value, isLeaf)) continue
    if (readers.length) {
      const after = graph.allAfter(writer)
      if (readers.some((r) => after.has(r))) continue
      for (const r of readers) graph.order(r, writer)
    }
    taken.add(leafSlot)
    const slots = granted.get(value)
    if (slots) slots.push(leafSlot)
    else granted.set(value, [leafSlot])
  }
  return granted
}

function readsAtStoreIndex(kernel: DraftKernel, value: Value, isLeaf: (v: Value) => boolean): boolean {
  if (kernel.kind === 'scatter') return !isLeaf(kernel.lowering.indices) && !isLeaf(kernel.lowering.updates)
  if (kernel.kind === 'control') return ![...kernel.reads].some(isLeaf)
  if (kernel.kind === 'line') return !isLeaf(kernel.lowering.source)
  if (kernel.kind === 'attention') return ![...kernel.reads].some(isLeaf)
  if (kernel.kind === 'contract' && (isLeaf(kernel.lowering.a.value) || isLeaf(kernel.lowering.b.value)))
    return false
  const store = kernel.stores.find((s) => s.value === value)!
  let reads = false
  for (const e of kernel.exprs) {
    if (e.op !== 'load' || !isLeaf(e.buffer)) continue
    reads = true
    if (e.dynamic || e.addr.some((c, i) => c !== store.addr[i])) return false
  }
  return !reads || kernel.kind === 'contract' || lastPassOf(kernel, isLeaf) <= passOf(kernel, store)
}

/** The pass over the reduced loops in which a store happens; stores of row values come after all passes. */
function passOf(kernel: DraftRow, store: DraftStore): number {
  const e = kernel.exprs[store.expr]!
  const inner = e.inner || store.addr.some((c, i) => i > kernel.outer && c !== 0)
  return inner ? e.phase : Infinity
}

/** The last pass in which a load of the leaf is needed. */
function lastPassOf(kernel: DraftRow, isLeaf: (v: Value) => boolean): number {
  const { exprs } = kernel
  const uses = exprs.map((e): boolean => e.op === 'load' && isLeaf(e.buffer))
  let last = -1
  exprs.forEach((e: DraftExpr, i) => {
    const needed = argumentsOf(e).some((a) => uses[a])
    if (e.op === 'reduce') {
      if (needed) last = Math.max(last, e.phase - 1)
    } else if (needed) uses[i] = true
  })
  for (const s of kernel.stores) if (uses[s.expr]) last = Math.max(last, passOf(kernel, s))
  return last
}
