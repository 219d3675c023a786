/// <reference lib="esnext.disposable" preserve="true" />
// The handle behind every Tensor: a value that is computed (a storage) or not yet (a node). Handles are remembered weakly,
// so that a flush knows which uncomputed values somebody may still ask for.
import { Storage } from '../backend/storage.ts'
import type { DType } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { buffer } from '../graph/primitives.ts'
import type { Dims } from '../graph/shape.ts'
import { leavesReachedFrom, markUsed, releaseWhenUnused } from './lifetime.ts'
import { track } from './scope.ts'

// Uncomputed handles are fresh or stale. Fresh: made or used since the last flush. A weak reference made in the running job
// keeps its target for the rest of the job, so the fresh ones are the same whenever the collector runs, and so is the plan
// that is made for them. Stale: left uncomputed by a flush because they were cheap and nobody asked; they pin the storages
// that they would be computed from. (They are not looked at again: looking through a weak reference keeps its target alive.)
let fresh: WeakRef<Handle>[] = []
/** Fresh ones of the running job. Most are disposed or computed before it ends and never need a weak reference. */
let young: Handle[] = []
let jobEnds = false
let generation = 0
let staleCount = 0
let made = 0
/** Handles made since the start that a macrotask has to let go of. */
export const handlesMade = (): number => made

/** Storages that a stale handle would be computed from. Where an inner node is computed for somebody else, its value is one. */
interface Pins {
  storages: readonly Storage[]
  dropped: boolean
}
/** For uncomputed nodes: the stale handles that need them. */
const pinsOnNode = new WeakMap<Node, Pins[]>()
const abandoned = new FinalizationRegistry<Pins>(dropPins)

function dropPins(pins: Pins): void {
  staleCount--
  pins.dropped = true
  setPins(pins, [])
}
function setPins(pins: Pins, storages: readonly Storage[]): void {
  const before = pins.storages
  pins.storages = storages
  for (const storage of storages) storage.pins++
  for (const storage of before) if (--storage.pins === 0 && storage.owners === 0) releaseWhenUnused(storage)
}
/** `node` has been computed: stale handles that need it pin the value from here on. */
export function pinValue(node: Node, storage: Storage): void {
  for (const pins of pinsOnNode.get(node) ?? []) if (!pins.dropped) setPins(pins, [...pins.storages, storage])
}

function addFresh(handle: Handle): void {
  young.push(handle)
  if (jobEnds) return
  jobEnds = true
  queueMicrotask(weakenYoung)
}
function weakenYoung(): void {
  jobEnds = false
  for (const handle of young) if (!handle.isDisposed) fresh.push(new WeakRef(handle))
  young = []
}

let valueOf: (handle: Handle) => Node | Storage
let refresh: (handle: Handle) => void
/** Makes an uncomputed handle stale. */
let pin: (handle: Handle) => void
let release: (handle: Handle) => void
/** Makes a handle an owner of its value, once it is known. Returns whether it is. */
let claim: (handle: Handle) => boolean

/** While a function is traced, handles live no longer than the trace and need no bookkeeping. */
let tracing = 0
export const isTracing = (): boolean => tracing > 0
/** Runs `fn` as a trace: handles made inside are not counted, and values that depend on placeholders cannot be read. */
export function withTracing<T>(fn: () => T): T {
  tracing++
  try {
    return fn()
  } finally {
    tracing--
  }
}

export class Handle {
  #value: Node | Storage
  #disposed = false
  /** Takes part in counts and ownership; not inside traces. */
  readonly #counted: boolean
  #generation = generation
  /** Counted among the owners of the storage. */
  #owns = false
  #pins: Pins | null = null
  /** Exempt from scopes. */
  kept = false

  static {
    valueOf = (handle) => {
      const value = handle.#value
      // A node that has been computed, and that no gradient scope holds, is replaced by its storage.
      if (!(value instanceof Storage) && value.value instanceof Storage && !value.src.length)
        return (handle.#value = value.value)
      return value
    }
    claim = (handle) => {
      if (handle.#owns) return true
      const storage = storageOfHandle(handle)
      storage?.own(true)
      return (handle.#owns = storage !== null)
    }
    refresh = (handle) => {
      if (handle.#generation === generation || !handle.#counted) return
      handle.#generation = generation
      addFresh(handle)
      // what is built on it now needs its storages even when it is disposed
      for (const storage of handle.#pins?.storages ?? []) markUsed(storage)
    }
    pin = (handle) => {
      if (handle.#pins) return
      const node = handle.#value as Node
      const pins: Pins = { storages: [], dropped: false }
      const leaves = leavesReachedFrom([node], (inner) => {
        const others = pinsOnNode.get(inner)
        if (others) others.push(pins)
        else pinsOnNode.set(inner, [pins])
      })
      setPins(
        pins,
        [...leaves].filter((leaf) => leaf instanceof Storage),
      )
      handle.#pins = pins
      staleCount++
      abandoned.register(handle, pins, handle)
    }
    release = (handle) => {
      if (!handle.#pins) return
      abandoned.unregister(handle)
      dropPins(handle.#pins)
      handle.#pins = null
    }
  }

  /** @param counted false for handles that keep their own account (variables) */
  constructor(value: Node | Storage, counted = true) {
    this.#value = value
    this.#counted = counted && tracing === 0
    if (!counted) return
    track(this)
    if (tracing) return
    made++
    if (!claim(this)) addFresh(this)
  }

  /** True after `dispose()`. */
  get isDisposed(): boolean {
    return this.#disposed
  }

  /**
   * Ends this handle. The memory is freed as soon as no other handle and no uncomputed value needs it. Disposing twice is
   * allowed and does nothing.
   */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    if (!this.#counted) return
    release(this)
    const storage = storageOfHandle(this)
    if (storage && (this.#owns ? storage.disown(true) : storage.owners === 0)) releaseWhenUnused(storage)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** The storage a node's value lies in, if it has been computed or is a leaf. Placeholders have none. */
export function storageOf(node: Node): Storage | null {
  const leaf = node.value ?? (node.prim === 'buffer' ? node.attrs.leaf : null)
  return leaf instanceof Storage ? leaf : null
}

/** Where a handle's value lies, if it has been computed. */
export function storageOfHandle(handle: Handle): Storage | null {
  const value = valueOf(handle)
  return value instanceof Storage ? value : storageOf(value)
}

/** The node that operations on a handle take as their source. */
export function nodeOfHandle(handle: Handle): Node {
  const value = valueOf(handle)
  if (value instanceof Storage) return buffer(value)
  if (value.value === null) refresh(handle)
  return value
}

/** Shape and dtype of a handle; makes no node. */
export const typeOfHandle = (handle: Handle): { readonly shape: Dims; readonly dtype: DType } =>
  valueOf(handle)

function freshHandles(): Handle[] {
  const handles: Handle[] = []
  for (const ref of fresh) {
    const handle = ref.deref()
    if (handle && !handle.isDisposed) handles.push(handle)
  }
  for (const handle of young) if (!handle.isDisposed) handles.push(handle)
  return handles
}

/** Nodes of uncomputed values made or used since the last flush that somebody may still read, each once. */
export function freshNodes(): Node[] {
  const nodes = new Set<Node>()
  for (const handle of freshHandles()) {
    const value = valueOf(handle)
    if (!(value instanceof Storage) && value.value === null) nodes.add(value)
  }
  return [...nodes]
}

/** How many handles are uncomputed, and the distinct values behind the fresh ones. */
export function pendingCounts(): { readonly handles: number; readonly values: readonly Node[] } {
  const handles = freshHandles().filter((handle) => storageOfHandle(handle) === null)
  return { handles: handles.length + staleCount, values: freshNodes() }
}

/** End of a flush: handles whose value is known now own it; what is uncomputed is stale from here on. */
export function settleHandles(): void {
  for (const handle of freshHandles()) {
    if (claim(handle)) release(handle)
    else pin(handle)
  }
  fresh = []
  young = []
  generation++
}
