// What the scheduler may count on when it makes kernels for WGSL.
import type { Capabilities, DType } from '@dl/tensor/backend'

/** Dtypes that WGSL kernels take; the rest (float64, int64) have no WGSL type. */
export const WEBGPU_DTYPES: readonly DType[] = ['float32', 'int32', 'uint8', 'bool']

/**
 * Limits that every WebGPU adapter guarantees: 8 storage buffers in a compute stage (the table of run-time scalars takes
 * one of them), 256 invocations in a workgroup, 16 KiB of workgroup memory.
 */
export const capabilities: Capabilities = {
  dtypes: new Set<DType>(WEBGPU_DTYPES),
  contractDtypes: new Set<DType>(['float32', 'int32']),
  maxBuffers: 8,
  maxExprs: 256,
  longestSort: 8192,
  composites: new Set(),
}
