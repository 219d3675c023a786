// What kernels may ask for while a program is emitted: places in memory that the program owns, and what the engine can do.
import type { DType } from '@dl/tensor/backend'
import type { ModuleWriter } from '../assembler/module-writer.ts'

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
  /**
   * Asks for `bytes` of the workspace that all programs share; valid during one kernel. Its base is read at run time from
   * {@link workspaceCell}, because the workspace moves when a larger program arrives.
   */
  workspace(bytes: number): void
  readonly workspaceCell: number
}
