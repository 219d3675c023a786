// How much memory there is: tfjs's logical counts, and what the allocator says.
import type { PhysicalMemory } from '../backend/contract.ts'
import { sharedRegistry } from '../backend/registry.ts'
import { bytesOf } from '../graph/dtype.ts'
import { sizeOf } from '../graph/shape.ts'
import { logical, settleYoung } from '../backend/storage.ts'
import { pendingCounts } from './handle.ts'

/** tfjs's `memory()` with the physical figures beside it. */
export interface MemoryInfo {
  /** Handles that are neither disposed nor collected. */
  readonly numTensors: number
  /** Distinct values behind them. */
  readonly numDataBuffers: number
  /** Bytes of those values, computed or not. */
  readonly numBytes: number
  /** False: counts are exact up to what the garbage collector has not looked at yet. */
  readonly unreliable: boolean
  /** From the active backend's allocator; zeros when none has started. */
  readonly physical: PhysicalMemory
}

const NONE: PhysicalMemory = { liveBytes: 0, peakBytes: 0, reservedBytes: 0, buffers: 0, modules: 0 }

/**
 * Counts of tensors and bytes. "Flat over a training run" means that `physical.liveBytes` does not grow.
 * @example
 * ```ts
 * import { memory, tensor } from '@dl/tensor'
 * const before = memory().numTensors
 * const x = tensor([1, 2, 3])
 * console.log(memory().numTensors - before) // 1
 * x.dispose()
 * console.log(memory().numTensors - before) // 0
 * ```
 */
export function memory(): MemoryInfo {
  settleYoung()
  const { handles, values } = pendingCounts()
  let bytes = logical.bytes
  for (const { shape, dtype } of values) bytes += sizeOf(shape) * bytesOf(dtype)
  return {
    numTensors: logical.handles + handles,
    numDataBuffers: logical.storages + values.length,
    numBytes: bytes,
    unreliable: false,
    physical: sharedRegistry().active?.memory() ?? NONE,
  }
}
