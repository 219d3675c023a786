// The state behind a Variable: the storage of its last computed version and, after an assignment, the node of the next.
// Traces keep their own view: reads and assignments inside `jit` or a gradient never touch the variable itself.
import { Storage } from '../backend/storage.ts'
import type { Node } from '../graph/node.ts'
import { buffer } from '../graph/primitives.ts'
import { markUsed, releaseWhenUnused } from './lifetime.ts'

/** What a trace does with variables. */
export interface VariableView {
  read(state: VariableState): Node
  assign(state: VariableState, node: Node): void
}

const views: VariableView[] = []
const pendingUpdates = new Set<VariableState>()

/** Runs `fn` while reads and assignments of all variables go through `view`. */
export function withVariableView<T>(view: VariableView, fn: () => T): T {
  views.push(view)
  try {
    return fn()
  } finally {
    views.pop()
  }
}

export class VariableState {
  /** The last computed version. */
  storage: Storage
  /** The next version, assigned but not computed. */
  pending: Node | null = null

  constructor(storage: Storage) {
    this.storage = storage
    storage.own(true)
  }

  /** The node of the version that a read names now. A view that reads sees the view outside of itself. */
  read(): Node {
    const view = views.pop()
    if (!view) {
      if (this.pending) return this.pending
      markUsed(this.storage)
      return buffer(this.storage)
    }
    try {
      return view.read(this)
    } finally {
      views.push(view)
    }
  }

  assign(node: Node): void {
    const view = views.pop()
    if (!view) {
      this.assignDirect(node)
      return
    }
    try {
      view.assign(this, node)
    } finally {
      views.push(view)
    }
  }

  assignDirect(node: Node): void {
    const leaf = node.value ?? (node.prim === 'buffer' ? node.attrs.leaf : null)
    pendingUpdates.delete(this)
    this.pending = null
    if (leaf instanceof Storage) this.adopt(leaf)
    else {
      this.pending = node
      pendingUpdates.add(this)
    }
  }

  /** After a flush: the pending version has been computed. */
  settle(): void {
    const value = this.pending?.value
    this.pending = null
    pendingUpdates.delete(this)
    if (value instanceof Storage) this.adopt(value)
  }

  /** Takes `storage` as the current version. */
  adopt(storage: Storage): void {
    const old = this.storage
    if (storage === old) return
    storage.own(true)
    this.storage = storage
    if (old.disown(true)) releaseWhenUnused(old)
  }

  release(): void {
    pendingUpdates.delete(this)
    this.pending = null
    if (this.storage.disown(true)) releaseWhenUnused(this.storage)
  }
}

/** Variables with an uncomputed version; they leave the list when it has been computed. */
export const pendingVariables = (): VariableState[] => [...pendingUpdates]
export const hasPendingUpdates = (): boolean => pendingUpdates.size > 0
