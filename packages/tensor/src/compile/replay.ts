// A trace compiled and bound: running it fills in pointers, calls the program once, and hands results and new variable
// versions out. No graph node is made here, and nothing is allocated beyond the results: this is the path of every step.
import type { Backend, Pointer } from '../backend/contract.ts'
import { Storage } from '../backend/storage.ts'
import type { Leaf, Node, ScalarLeaf } from '../graph/node.ts'
import { type Dims, sameShape } from '../graph/shape.ts'
import type { DType } from '../graph/dtype.ts'
import { planOnReference, runOnReference, settleAfterReplay } from '../tensor/evaluate.ts'
import { freshNodes } from '../tensor/handle.ts'
import { leavesReachedFrom, mayBeNeeded, releaseWhenUnused } from '../tensor/lifetime.ts'
import { fromStorage } from '../tensor/tensor.ts'
import { leavesOf, unflatten } from '../tensor/tree.ts'
import type { VariableState } from '../tensor/variable-state.ts'
import type { BoundPlan, Plan, PlanRequest } from './plan.ts'
import { releasePlan, retainPlan } from './plan-cache.ts'
import { planGraph } from './plan-graph.ts'
import { OutputReference, type Trace, type TracedVariable } from './trace.ts'
import { UnsupportedError } from './unsupported.ts'

interface Result {
  readonly slot: number
  readonly shape: Dims
  readonly dtype: DType
}

/** Gives plans back when a jitted function is dropped. */
const collected = new FinalizationRegistry<Plan>(releasePlan)

export class Replay {
  readonly #bound: BoundPlan
  readonly #request: PlanRequest
  readonly #onReference: boolean
  readonly #captured: readonly Storage[]
  readonly #variables: readonly { readonly slot: number; readonly state: VariableState }[]
  readonly #inputs: readonly { readonly slot: number; readonly input: number }[]
  /** For each leaf slot whether the program overwrites it. */
  readonly #overwrites: readonly boolean[]
  readonly #overwrittenSlots: readonly number[]
  /** Roots whose place somebody asks for: results, and versions that are not written in place. */
  readonly #wantedRoots: readonly number[]
  /** Variables whose new version is a storage of its own. */
  readonly #replaced: readonly { readonly state: VariableState; readonly root: number }[]
  readonly #result: unknown
  readonly #fresh: readonly Result[]
  readonly #scalars: readonly ScalarLeaf[]
  // reused by all calls
  readonly #leaves: Storage[]
  readonly #pointers: Pointer[]
  readonly #scalarValues: number[]

  /** @param donated numbers of the tensor arguments whose memory results may take over */
  constructor(trace: Trace, donated: ReadonlySet<number>, backend: Backend) {
    const assigned = trace.variables.filter((v) => v.assigned)
    this.#result = trace.result
    const roots = [...trace.outputs, ...assigned.map((v) => v.assigned!)]
    this.#request = { roots, inPlace: inPlaceTargets(trace, roots, assigned, donated), keep: [] }
    const { bound, onReference } = compile(this.#request, backend)
    const { plan } = bound
    retainPlan(plan)
    collected.register(this, plan, this)
    this.#bound = bound
    this.#onReference = onReference
    const inputOf = new Map<Leaf, number>(trace.inputs.map((placeholder, i) => [placeholder, i]))
    const stateOf = new Map<Leaf, VariableState>(trace.variables.map((v) => [v.placeholder, v.state]))
    this.#leaves = [...bound.leaves] as Storage[] // captured values stay, the others are bound at each call
    const slots = bound.leaves.map((leaf, slot) => ({
      slot,
      input: inputOf.get(leaf),
      state: stateOf.get(leaf),
    }))
    this.#inputs = slots.flatMap(({ slot, input }) => (input === undefined ? [] : { slot, input }))
    this.#variables = slots.flatMap(({ slot, state }) => (state === undefined ? [] : { slot, state }))
    this.#captured = bound.leaves.filter((leaf) => leaf instanceof Storage)
    for (const storage of this.#captured) storage.own()
    const isInPlace = (i: number): boolean => {
      const place = plan.roots[i]!
      return place.kind === 'leaf' && this.#request.inPlace.get(i) === bound.leaves[place.slot]
    }
    const overwrites = bound.leaves.map(() => false)
    for (let i = 0; i < roots.length; i++) if (isInPlace(i)) overwrites[plan.roots[i]!.slot] = true
    this.#overwrites = overwrites
    this.#overwrittenSlots = [...overwrites.keys()].filter((slot) => overwrites[slot])
    this.#replaced = assigned
      .map(({ state }, i) => ({ state, root: trace.outputs.length + i }))
      .filter(({ root }) => onReference || !isInPlace(root))
    this.#wantedRoots = [...trace.outputs.keys(), ...this.#replaced.map(({ root }) => root)]
    this.#fresh = plan.outputs.map(({ slot }) => {
      const { shape, dtype } = roots[plan.roots.findIndex((place) => place.slot === slot)]!
      return { slot, shape, dtype }
    })
    this.#scalars = bound.scalars
    this.#scalarValues = bound.scalars.map(() => 0)
    this.#pointers = Array<Pointer>(plan.slots).fill(0)
  }

  /** Tensors that the function closed over are no longer needed. */
  release(): void {
    collected.unregister(this)
    releasePlan(this.#bound.plan)
    for (const storage of this.#captured) if (storage.disown()) releaseWhenUnused(storage)
  }

  /** One call: `inputs` are the storages of the tensor arguments, in order. Returns what the function returns. */
  run(inputs: readonly Storage[], backend: Backend): unknown {
    this.#bindLeaves(inputs, backend)
    const roots = this.#onReference
      ? runOnReference(this.#bound, this.#request, this.#leaves).roots
      : this.#execute(backend)
    const result = this.#wrap(roots)
    this.#adopt(roots)
    settleAfterReplay()
    return result
  }

  /** Fills `#leaves`. A version that the program overwrites and somebody else needs is copied first. */
  #bindLeaves(inputs: readonly Storage[], backend: Backend): void {
    for (const { slot, state } of this.#variables) {
      if (this.#overwrites[slot] && (isShared(state.storage) || inputs.includes(state.storage)))
        state.adopt(state.storage.copy(backend))
      this.#leaves[slot] = state.storage
    }
    for (const { slot, input } of this.#inputs) {
      const storage = inputs[input]!
      const copied = this.#overwrites[slot] && (isShared(storage) || isTwice(inputs, storage))
      this.#leaves[slot] = copied ? storage.copy(backend) : storage
    }
  }

  /** Runs the program; returns the storage of each root. */
  #execute(backend: Backend): Storage[] {
    const pointers = this.#pointers
    const leaves = this.#leaves
    for (let slot = 0; slot < leaves.length; slot++) pointers[slot] = leaves[slot]!.pointerOn(backend)
    const fresh: Storage[] = []
    for (const { slot, shape, dtype } of this.#fresh) {
      const storage = Storage.allocate(shape, dtype, backend)
      pointers[slot] = storage.pointerOn(backend)
      fresh[slot] = storage
    }
    for (let i = 0; i < this.#scalars.length; i++) this.#scalarValues[i] = this.#scalars[i]!.value
    const { executable, roots } = this.#bound.plan
    executable.run(pointers, this.#scalarValues)
    for (const slot of this.#overwrittenSlots) leaves[slot]!.overwritten()
    const places: Storage[] = []
    for (const root of this.#wantedRoots) {
      const { kind, slot } = roots[root]!
      places[root] = kind === 'leaf' ? leaves[slot]! : fresh[slot]!
    }
    return places
  }

  #wrap(roots: readonly Storage[]): unknown {
    const result = this.#result
    if (result instanceof OutputReference) return fromStorage(roots[result.index]!)
    if (result === undefined) return undefined
    return unflatten(
      result,
      leavesOf(result).map((leaf) =>
        leaf instanceof OutputReference ? fromStorage(roots[leaf.index]!) : leaf,
      ),
    )
  }

  /** Hands new versions to their variables; held meanwhile, so that a swap frees nothing. */
  #adopt(roots: readonly Storage[]): void {
    const replaced = this.#replaced
    for (const { root } of replaced) roots[root]!.own()
    for (const { state, root } of replaced) state.adopt(roots[root]!)
    for (const { root } of replaced) roots[root]!.disown()
  }
}

/** Whether somebody besides one owner needs the value as it is now. */
function isShared(storage: Storage): boolean {
  if (storage.owners > 1 || storage.pins > 0) return true
  return mayBeNeeded(storage) && leavesReachedFrom(freshNodes()).has(storage)
}
const isTwice = (inputs: readonly Storage[], storage: Storage): boolean =>
  inputs.indexOf(storage) !== inputs.lastIndexOf(storage)

function compile(request: PlanRequest, backend: Backend): { bound: BoundPlan; onReference: boolean } {
  try {
    return { bound: planGraph(request, backend), onReference: false }
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    return { bound: planOnReference(request, error, 'jit', backend), onReference: true }
  }
}

/** Variables are overwritten where they stand; results take over donated arguments of equal shape and dtype, in order. */
function inPlaceTargets(
  trace: Trace,
  roots: readonly Node[],
  assigned: readonly TracedVariable[],
  donated: ReadonlySet<number>,
): Map<number, Leaf> {
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
  while (!node.value && (node.prim === 'stop' || node.prim === 'mark' || node.prim === 'composite'))
    node = node.src[0]!
  return node.value ?? (node.prim === 'buffer' ? node.attrs.leaf : null)
}
