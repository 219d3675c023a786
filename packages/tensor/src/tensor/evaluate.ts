// From lazy graph to values: a flush plans what is asked for together with all pending variable updates, runs it once, and
// tells nodes, variables and handles where their values lie.
import { TraceError } from '../errors.ts'
import type { Backend, Pointer } from '../backend/contract.ts'
import { referenceBackend } from '../backend/reference/index.ts'
import { readyBackend } from '../backend/registry.ts'
import { Storage } from '../backend/storage.ts'
import { UnsupportedError } from '../compile/unsupported.ts'
import type { BoundPlan, PlanRequest } from '../compile/plan.ts'
import { planGraph } from '../compile/plan-graph.ts'
import { clearNodeTable, type Leaf, type Node, nodesCreated } from '../graph/node.ts'
import { freshNodes, isTracing, pinValue, settleHandles, storageOf } from './handle.ts'
import { leavesReachedFrom, needsLeaves, settleStorages, someoneWaits } from './lifetime.ts'
import { type VariableState, pendingVariables } from './variable-state.ts'

/** Nodes after which a flush happens by itself, so that a loop that never reads does not grow without bound. */
const FLUSH_AT_NODES = 4000
let nodesAtFlush = 0

// ---- gradient scopes
let gradientDepth = 0
let heldNodes: Node[] = []

/** While `fn` runs, computed nodes keep their sources, so that gradients can be taken through values that were read. */
export function withGradientScope<T>(fn: () => T): T {
  gradientDepth++
  try {
    return fn()
  } finally {
    if (--gradientDepth === 0) {
      for (const node of heldNodes) if (node.prim !== 'buffer') node.src = []
      heldNodes = []
    }
  }
}
export const inGradientScope = (): boolean => gradientDepth > 0

function setValue(node: Node, leaf: Leaf): void {
  if (node.value) return
  node.value = leaf
  if (leaf instanceof Storage) pinValue(node, leaf)
  if (gradientDepth > 0) heldNodes.push(node)
  else node.src = []
}

// ---- fallback
let fallbacks = 0
let strict = false
const warned = new Set<string>()
/** How many programs ran on the reference interpreter because the backend could not run them. */
export const fallbackCount = (): number => fallbacks
/** With `true`, falling back to the reference interpreter is an error instead of a warning. */
export function strictBackend(on: boolean): void {
  strict = on
}

// ---- flush
/**
 * Computes `requested` nodes and every pending variable update on `backend`; afterwards each has a value. Along with them go
 * fresh values that are nobody's source: nothing else would compute them, and the graph behind them would grow.
 */
export function flush(requested: readonly Node[], op: string, backend: Backend = readyBackend(op)): void {
  assertNoPlaceholders(requested, op)
  const others = gradientDepth > 0 ? [] : freshNodes()
  const sinks = sinksOf(others).filter((node) => !requested.includes(node))
  try {
    compute(requested, sinks, others, op, backend)
  } catch (error) {
    settleHandles() // what failed is stale from here on: it is nobody's business until somebody asks for it
    if (!sinks.length) throw error
    compute(requested, [], [], op, backend) // one value's failure is not another's
  }
  finishFlush()
}

function compute(
  requested: readonly Node[],
  sinks: readonly Node[],
  others: readonly Node[],
  op: string,
  backend: Backend,
): void {
  const updates = pendingVariables()
  const roots: Node[] = []
  for (const node of requested) if (!storageOf(node)) roots.push(node)
  roots.push(...sinks)
  const firstUpdate = roots.length
  for (const { pending } of updates) roots.push(pending!)
  if (roots.length) {
    const request = requestFor(roots, firstUpdate, updates, others)
    const places = runRequest(request, op, backend)
    roots.forEach((node, i) => setValue(node, places.roots[i]!))
    places.kept.forEach((storage, i) => {
      if (storage) setValue(request.keep[i]!, storage)
    })
  }
  for (const update of updates) update.settle()
}

function finishFlush(): void {
  clearNodeTable()
  nodesAtFlush = nodesCreated()
  settleHandles()
  settleStorages()
}

/** Those of `nodes` that none of the others needs, and that hold more than constants, which are made where they are used. */
function sinksOf(nodes: readonly Node[]): Node[] {
  const needed = new Set<Node>()
  const stack = nodes.flatMap((node) => node.src)
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (needed.has(node) || node.value) continue
    needed.add(node)
    for (const source of node.src) stack.push(source)
  }
  return nodes.filter((node) => !needed.has(node) && needsLeaves(node))
}

function requestFor(
  roots: readonly Node[],
  firstUpdate: number,
  updates: readonly VariableState[],
  fresh: readonly Node[],
): PlanRequest {
  const wanted = new Set(roots)
  const inPlace = new Map<number, Leaf>()
  if (updates.length && gradientDepth === 0) {
    const reached = leavesReachedFrom(fresh.filter((node) => !wanted.has(node)))
    const rootLeaves = new Set(roots.map(storageOf))
    updates.forEach(({ storage }, i) => {
      if (storage.owners === 1 && storage.pins === 0 && !reached.has(storage) && !rootLeaves.has(storage))
        inPlace.set(firstUpdate + i, storage)
    })
  }
  return { roots, inPlace, keep: fresh.filter((node) => !wanted.has(node)) }
}

export interface Places {
  readonly roots: readonly Storage[]
  readonly kept: readonly (Storage | null)[]
}

function runRequest(request: PlanRequest, op: string, backend: Backend): Places {
  let bound: BoundPlan
  try {
    bound = planGraph(request, backend)
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    const plain = planOnReference(request, error, op, backend)
    return runOnReference(plain, request, plain.leaves as readonly Storage[])
  }
  return runPlan(bound, request, bound.leaves as readonly Storage[], backend)
}

/** Runs a plan with these values of its leaves, and says where roots and kept nodes lie. */
export function runPlan(
  bound: BoundPlan,
  request: PlanRequest,
  leaves: readonly Storage[],
  backend: Backend,
): Places {
  const { plan, scalars } = bound
  const pointers = Array<Pointer>(plan.slots)
  for (let slot = 0; slot < leaves.length; slot++) pointers[slot] = leaves[slot]!.pointerOn(backend)
  const made = new Map<number, Storage>()
  const make = (slot: number, node: Node): void => {
    if (made.has(slot)) return
    const storage = Storage.allocate(node.shape, node.dtype, backend)
    made.set(slot, storage)
    pointers[slot] = storage.pointerOn(backend)
  }
  plan.roots.forEach((place, i) => {
    if (place.kind === 'output') make(place.slot, request.roots[i]!)
  })
  for (const { index, slot } of plan.kept) make(slot, request.keep[index]!)
  plan.executable.run(
    pointers,
    scalars.map((leaf) => leaf.value),
  )
  const roots = plan.roots.map((place, i) => {
    if (place.kind === 'output') return made.get(place.slot)!
    const leaf = leaves[place.slot]!
    if (request.inPlace.get(i) === bound.leaves[place.slot]) leaf.overwritten()
    return leaf
  })
  const kept = Array<Storage | null>(request.keep.length).fill(null)
  for (const { index, slot } of plan.kept) kept[index] = made.get(slot)!
  return { roots, kept }
}

/** A plan for the reference interpreter, because `backend` gave up for `reason`; warns once for each reason. */
export function planOnReference(
  request: PlanRequest,
  reason: UnsupportedError,
  op: string,
  backend: Backend,
): BoundPlan {
  const message =
    `[${op}] the backend "${backend.name}" cannot run this program (${reason.message}); ` +
    `it runs on the reference interpreter, slowly`
  if (strict || backend === referenceBackend) throw new Error(message, { cause: reason })
  if (!warned.has(reason.message)) {
    warned.add(reason.message)
    console.warn(message)
  }
  return planGraph({ ...request, inPlace: new Map<number, Leaf>() }, referenceBackend)
}

/** Runs a plan of {@link planOnReference}: leaves are copied there, results are left on the host. */
export function runOnReference(bound: BoundPlan, request: PlanRequest, leaves: readonly Storage[]): Places {
  fallbacks++
  const copies = leaves.map((leaf) => Storage.fromHost(leaf.shape, leaf.dtype, leaf.readSync()))
  const places = runPlan(bound, { ...request, inPlace: new Map<number, Leaf>() }, copies, referenceBackend)
  const home = new Map<Storage, Storage>(copies.map((copy, i) => [copy, leaves[i]!]))
  const toHost = (storage: Storage): Storage => {
    let host = home.get(storage)
    if (!host) {
      host = Storage.fromHost(storage.shape, storage.dtype, storage.readSync())
      home.set(storage, host)
      storage.free()
    }
    return host
  }
  const result = { roots: places.roots.map(toHost), kept: places.kept.map((x) => x && toHost(x)) }
  for (const copy of copies) copy.free()
  return result
}

/** The error for a value that exists only while tracing. */
export function tracedValueError(tracer: string): Error {
  return new TraceError(
    tracer === 'jit'
      ? '[jit] the value of a traced tensor is not known here; use cond, whileLoop or where'
      : `[${tracer}] the value of a traced tensor is not known here; read it outside of the function given to ${tracer}`,
  )
}

function assertNoPlaceholders(roots: readonly Node[], op: string): void {
  if (!isTracing()) return
  for (const leaf of leavesReachedFrom(roots)) if (leaf.tracer) throw tracedValueError(leaf.tracer)
  void op
}

/** After a replay, which makes no nodes: frees what waits for a flush. */
export function settleAfterReplay(): void {
  if (someoneWaits()) finishFlush()
}

/** Called for each new handle: computes everything pending when the graph has grown long. */
export function flushIfLong(): void {
  if (nodesCreated() - nodesAtFlush < FLUSH_AT_NODES || gradientDepth > 0 || isTracing()) return
  nodesAtFlush = nodesCreated()
  let backend: Backend
  try {
    backend = readyBackend('flush')
  } catch {
    return // no backend yet: the graph waits
  }
  flush(freshNodes(), 'flush', backend)
}
