// The two things this package refuses: a dtype that WGSL doesn't have, and running.
import type { DType } from '@dl/tensor/backend'
import { WEBGPU_DTYPES } from './capabilities.ts'

/** Raised when a program needs a dtype that WGSL cannot hold. */
export class UnsupportedDTypeError extends Error {
  override readonly name: string = 'UnsupportedDTypeError'
  readonly op: string
  readonly dtype: DType

  constructor(op: string, dtype: DType, kernel: string) {
    super(
      `[${op}] WGSL kernels compute ${WEBGPU_DTYPES.join(', ')}, got ${dtype} in kernel "${kernel}"; ` +
        `cast to ${dtype === 'int64' ? 'int32' : 'float32'} first or use another backend`,
    )
    this.op = op
    this.dtype = dtype
  }
}

/** Raised by everything that would have to run on a device: this version only generates code. */
export class ExecutionUnavailableError extends Error {
  override readonly name: string = 'ExecutionUnavailableError'
  readonly op: string

  constructor(op: string) {
    super(
      `[${op}] @dl/backend-webgpu generates WGSL (generateWgsl) but does not run it yet: execution comes with a later ` +
        `version. Import '@dl/backend-cpu' to compute`,
    )
    this.op = op
  }
}

/** Throws {@link UnsupportedDTypeError} unless WGSL has the dtype. */
export function requireDType(op: string, dtype: DType, kernel: string): void {
  if (!WEBGPU_DTYPES.includes(dtype)) throw new UnsupportedDTypeError(op, dtype, kernel)
}
