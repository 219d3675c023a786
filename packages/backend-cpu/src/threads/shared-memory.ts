// Makes the memory that threads share, where the engine and the page allow it: SharedArrayBuffer is there in Node and in
// pages that are isolated from other origins.
import { ModuleWriter } from '../assembler/module-writer.ts'
import { ATOMIC, I32, OP } from '../assembler/opcodes.ts'

/** Whether memory can be shared with workers here. */
export function canShareMemory(): boolean {
  const realm = globalThis as { crossOriginIsolated?: boolean }
  if (typeof SharedArrayBuffer === 'undefined' || typeof Atomics === 'undefined') return false
  if (realm.crossOriginIsolated === false) return false
  const module = new ModuleWriter(true)
  module.function('', [I32]).get(0).atomic(ATOMIC.i32Load).op(OP.drop)
  return WebAssembly.validate(module.bytes())
}

/** A shared memory that can grow to `pages` or, where the system reserves that much at once and can't, to fewer. */
export function sharedMemory(
  initial: number,
  pages: number,
): { readonly memory: WebAssembly.Memory; readonly pages: number } | null {
  for (let maximum = pages; maximum >= initial; maximum = Math.floor(maximum / 2)) {
    try {
      const memory = new WebAssembly.Memory({ initial, maximum, shared: true })
      return { memory, pages: maximum }
    } catch {
      continue
    }
  }
  return null
}
