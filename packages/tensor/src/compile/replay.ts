// A trace compiled and bound: running it fills in pointers, calls the program once, and hands results and new variable
// versions out. No graph node is made here.
import type { Backend } from '../backend/contract.ts'
import { Storage } from '../backend/storage.ts'
import type { Leaf, Node } from '../graph/node.ts'
import { sameShape } from '../graph/shape.ts'
import { planOnReference, runOnReference, runPlan, settleAfterReplay } from '../tensor/evaluate.ts'
import { pendingNodes } from '../tensor/handle.ts'
import { flushClock, leavesReachedFrom } from '../tensor/lifetime.ts'
import { fromStorage } from '../tensor/tensor.ts'
import { leavesOf, unflatten } from '../tensor/tree.ts'
import type { VariableState } from '../tensor/variable-state.ts'
import type { BoundPlan, PlanRequest } from './plan.ts'
import { planGraph } from './plan-graph.ts'
import { OutputReference, type Trace, type TracedVariable } from './trace.ts'
import { UnsupportedError } from './unsupported.ts'

export class Replay {
  readonly #bound: BoundPlan
  readonly #request: PlanRequest
  readonly #onReference: boolean
  readonly #result: unknown
  readonly #outputCount: number
  readonly #assigned: readonly TracedVariable[]
  /** For each leaf slot where its storage comes from. */
  readonly #sources: readonly (Storage | VariableState | number)[]
  readonly #captured: readonly Storage[]
  readonly #donated: ReadonlySet<number>

  constructor(trace: Trace, donated: ReadonlySet<number>, backend: Backend) {
    this.#assigned = trace.variables.filter((v) => v.assigned)
    this.#outputCount = trace.outputs.length
    this.#result = trace.result
    this.#donated = donated
    this.#request = {
      roots: [...trace.outputs, ...this.#assigned.map((v) => v.assigned!)],
      inPlace: inPlaceTargets(trace, this.#assigned, donated),
      keep: [],
    }
    const { bound, onReference } = compile(this.#request, backend)
    this.#bound = bound
    this.#onReference = onReference
    const origin = new Map<Leaf, VariableState | number>()
    trace.inputs.forEach((placeholder, i) => origin.set(placeholder, i))
    for (const { placeholder, state } of trace.variables) origin.set(placeholder, state)
    this.#sources = bound.leaves.map((leaf) => origin.get(leaf) ?? (leaf as Storage))
    this.#captured = this.#sources.filter((source) => source instanceof Storage)
    for (const storage of this.#captured) storage.owners++
  }

  /** Tensors that the function closed over are no longer needed. */
  release(): void {
    for (const storage of this.#captured) storage.owners--
  }

  /** One call: `inputs` are the storages of the tensor arguments, in order. Returns what the function returns. */
  run(inputs: readonly Storage[], backend: Backend): unknown {
    this.#protectSharedVersions(inputs, backend)
    const leaves = this.#sources.map((source, slot) => {
      if (source instanceof Storage) return source
      if (typeof source !== 'number') return source.storage
      const storage = inputs[source]!
      const shared = this.#donated.has(source) && this.#overwrites(slot) && storage.owners > 1
      return shared ? storage.copy(backend) : storage
    })
    const { roots } = this.#onReference
      ? runOnReference(this.#bound, this.#request, leaves)
      : runPlan(this.#bound, this.#request, leaves, backend)
    const outputs = roots.slice(0, this.#outputCount).map((storage) => storage)
    const result = unflatten(
      this.#result,
      leavesOf(this.#result).map((leaf) => (leaf instanceof OutputReference ? fromStorage(outputs[leaf.index]!) : leaf)),
    )
    this.#adopt(roots)
    settleAfterReplay()
    return result
  }

  /** New versions; held while variables change hands, so that a swap frees nothing. */
  #adopt(roots: readonly Storage[]): void {
    for (let i = this.#outputCount; i < roots.length; i++) roots[i]!.owners++
    this.#assigned.forEach(({ state }, i) => state.adopt(roots[this.#outputCount + i]!))
    for (let i = this.#outputCount; i < roots.length; i++) roots[i]!.owners--
  }

  #overwrites(slot: number): boolean {
    const leaf = this.#bound.leaves[slot]
    for (const target of this.#request.inPlace.values()) if (target === leaf) return true
    return false
  }

  /** A version that somebody else holds, or that an uncomputed value needs, is copied before it is overwritten. */
  #protectSharedVersions(inputs: readonly Storage[], backend: Backend): void {
    let reached: Set<Leaf> | undefined
    for (const { state } of this.#assigned) {
      const { storage } = state
      if (storage.usedIn === flushClock()) reached ??= leavesReachedFrom(pendingNodes())
      if (storage.owners > 1 || reached?.has(storage) || inputs.includes(storage)) state.adopt(storage.copy(backend))
    }
  }
}

function compile(request: PlanRequest, backend: Backend): { bound: BoundPlan; onReference: boolean } {
  try {
    return { bound: planGraph(request, backend), onReference: false }
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    return { bound: planOnReference(request, error, 'jit', backend), onReference: true }
  }
}

/** Variables are overwritten where they stand; results take over donated arguments of equal shape and dtype, in order. */
function inPlaceTargets(trace: Trace, assigned: readonly TracedVariable[], donated: ReadonlySet<number>): Map<number, Leaf> {
  const roots = [...trace.outputs, ...assigned.map((v) => v.assigned!)]
  const returned = new Set<Leaf | null>(roots.map(leafBehind))
  const targets = new Map<number, Leaf>()
  const free = trace.inputs.filter((leaf, i) => donated.has(i) && !returned.has(leaf))
  trace.outputs.forEach((node, i) => {
    const at = free.findIndex((leaf) => leaf.dtype === node.dtype && sameShape(leaf.shape, node.shape))
    if (at >= 0 && !leafBehind(node)) targets.set(i, free.splice(at, 1)[0]!)
  })
  assigned.forEach(({ placeholder }, i) => {
    if (!returned.has(placeholder)) targets.set(trace.outputs.length + i, placeholder)
  })
  return targets
}

/** The leaf that a node is, seen through markers; null if it is computed. */
function leafBehind(node: Node): Leaf | null {
  while (!node.value && (node.prim === 'stop' || node.prim === 'mark' || node.prim === 'composite')) node = node.src[0]!
  return node.value ?? (node.prim === 'buffer' ? node.attrs.leaf : null)
}
