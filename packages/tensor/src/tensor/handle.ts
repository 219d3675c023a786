// The handle behind every Tensor: a value that is computed (a storage) or not yet (a node). Handles are remembered weakly,
// so that a flush knows which uncomputed values somebody may still ask for.
import { Storage } from '../backend/storage.ts'
import type { DType } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { buffer } from '../graph/primitives.ts'
import type { Dims } from '../graph/shape.ts'
import { releaseWhenUnused } from './lifetime.ts'
import { track } from './scope.ts'

/** Handles whose value has not been computed. */
let pending: WeakRef<Handle>[] = []
/** The list is cleaned when it is this long. */
let cleanAt = 4096

let valueOf: (handle: Handle) => Node | Storage

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
  /** Exempt from scopes. */
  kept = false

  static {
    valueOf = (handle) => {
      const value = handle.#value
      // A node that has been computed, and that no gradient scope holds, is replaced by its storage.
      if (!(value instanceof Storage) && value.value instanceof Storage && !value.src.length) return (handle.#value = value.value)
      return value
    }
  }

  /** @param counted false for handles that keep their own account (variables) */
  constructor(value: Node | Storage, counted = true) {
    this.#value = value
    this.#counted = counted && tracing === 0
    if (!counted) return
    track(this)
    if (tracing) return
    const storage = value instanceof Storage ? value : storageOf(value)
    if (storage) storage.own(true)
    else if (pending.push(new WeakRef(this as Handle)) > cleanAt) cleanPending()
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
    const storage = storageOfHandle(this)
    if (storage?.disown(true)) releaseWhenUnused(storage)
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
  return value instanceof Storage ? buffer(value) : value
}

/** Shape and dtype of a handle; makes no node. */
export const typeOfHandle = (handle: Handle): { readonly shape: Dims; readonly dtype: DType } => valueOf(handle)

/** Uncomputed handles that somebody may still read; the others leave the list. */
function cleanPending(): Handle[] {
  const handles: Handle[] = []
  pending = pending.filter((ref) => {
    const handle = ref.deref()
    if (!handle || handle.isDisposed) return false
    handles.push(handle)
    return true
  })
  cleanAt = Math.max(4096, pending.length * 2)
  return handles
}

/** Uncomputed handles, for counts. */
export const pendingHandles: typeof cleanPending = cleanPending

/** Nodes of uncomputed values that somebody may still read, each once. */
export function pendingNodes(): Node[] {
  const nodes = new Set<Node>()
  for (const handle of cleanPending()) {
    const value = valueOf(handle)
    if (!(value instanceof Storage)) nodes.add(value)
  }
  return [...nodes]
}

/** After a flush: handles whose value is known now own it and leave the list; nodes of the others are returned. */
export function settleHandles(): Node[] {
  const nodes = new Set<Node>()
  pending = pending.filter((ref) => {
    const handle = ref.deref()
    if (!handle || handle.isDisposed) return false
    const storage = storageOfHandle(handle)
    if (storage) storage.own(true)
    else nodes.add(valueOf(handle) as Node)
    return !storage
  })
  return [...nodes]
}
