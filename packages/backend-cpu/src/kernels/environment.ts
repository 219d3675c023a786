// What kernels may ask for while a program is emitted: places in memory that the program owns, threads, and what the
// engine can do.
import type { DType } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import type { ModuleWriter } from '../assembler/module-writer.ts'
import type { Region } from '../threads/regions.ts'

export interface Environment {
  readonly module: ModuleWriter
  /** Fused multiply-add is available and wanted. */
  readonly relaxed: boolean
  /** Element type and element count of each buffer of the program. */
  readonly buffers: readonly { readonly dtype: DType; readonly size: number }[]
  /** Whether two buffers are one place in memory. */
  sameMemory(a: number, b: number): boolean
  readonly scalarDtypes: readonly DType[]
  /** Byte address of a run-time scalar. */
  scalarAddress(slot: number): number
  /** Byte address of a constant table of int32. */
  table(values: Int32Array): number
  /** For tests: units are to be as small as they can be. */
  readonly finestUnits: boolean
  /** Byte address of memory of the program's own, which keeps what is written until the program ends. */
  reserve(bytes: number): number
  /** Whether a region with so many units and nanoseconds a unit would be split at all. */
  splits(work: { readonly units: number; readonly cost: number }): boolean
  /**
   * Runs the units of a region where `f` stands, on several threads when they are worth it. A kernel that calls this
   * nowhere runs on the main thread; it must not be called inside the body of a region.
   */
  parallel(f: FunctionWriter, region: Region): void
  /** Emits what runs about so many times in a run of the program: the body of a loop. */
  repeated<R>(times: number, emit: () => R): R
  /**
   * Asks for `bytes` that each thread has for itself; they keep what is written while one body of a region (or the kernel
   * outside of regions) runs. Several calls get the most, not the sum.
   */
  workspace(bytes: number): void
  /** Pushes the address of the running thread's workspace: the blocks move when a larger program arrives. */
  pushWorkspace(f: FunctionWriter): void
  /** Asks for `bytes` that all threads share while a kernel runs. */
  sharedWorkspace(bytes: number): void
  pushSharedWorkspace(f: FunctionWriter): void
}
