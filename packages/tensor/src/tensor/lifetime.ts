// When memory may be freed. A storage without owners may still be a source of values that have not been computed: then it
// waits for the end of a flush after which nobody reaches it any more.
import { Storage } from '../backend/storage.ts'
import type { Leaf, Node } from '../graph/node.ts'

/** Number of the current flush interval. */
let clock = 0

const waiting = new Set<Storage>()

/** An uncomputed node takes this storage as a source: it cannot be freed before the next flush has looked. */
export function markUsed(storage: Storage): void {
  storage.usedIn = clock
}

/** The last owner is gone: frees now if no uncomputed node can need the value, else after a flush. */
export function releaseWhenUnused(storage: Storage): void {
  if (mayBeNeeded(storage)) waiting.add(storage)
  else storage.free()
}

/** False when certainly no uncomputed value needs this storage. */
export const mayBeNeeded = (storage: Storage): boolean => storage.usedIn === clock || storage.pins > 0

/** Leaves that the uncomputed `nodes` need; `inner` is called with every uncomputed node on the way. */
export function leavesReachedFrom(nodes: readonly Node[], inner?: (node: Node) => void): Set<Leaf> {
  const leaves = new Set<Leaf>()
  const seen = new Set<Node>()
  const stack = [...nodes]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    if (node.value) leaves.add(node.value)
    else if (node.prim === 'buffer') leaves.add(node.attrs.leaf)
    else {
      inner?.(node)
      for (const source of node.src) stack.push(source)
    }
  }
  return leaves
}

/** Whether something waits to be freed. */
export const someoneWaits = (): boolean => waiting.size > 0

/** Whether `node` needs any value at all; constants and what is made of them do not. */
export function needsLeaves(node: Node): boolean {
  const seen = new Set<Node>()
  const stack = [node]
  for (let next = stack.pop(); next; next = stack.pop()) {
    if (next.value || next.prim === 'buffer') return true
    if (seen.has(next)) continue
    seen.add(next)
    for (const source of next.src) stack.push(source)
  }
  return false
}

/** End of a flush: what waited and nobody owns is freed; what stale values pin, when they let go. */
export function settleStorages(): void {
  clock++
  for (const storage of waiting) if (storage.owners === 0 && storage.pins === 0) storage.free()
  waiting.clear()
}
