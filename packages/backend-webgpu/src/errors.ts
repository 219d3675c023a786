// What this package refuses, and what a device can do to a program: each with a type, so that it can be caught.
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

/** Throws {@link UnsupportedDTypeError} unless WGSL has the dtype. */
export function requireDType(op: string, dtype: DType, kernel: string): void {
  if (!WEBGPU_DTYPES.includes(dtype)) throw new UnsupportedDTypeError(op, dtype, kernel)
}

/** An error that WebGPU reported: a shader or a command it did not take. Thrown by the operation after it. */
export class WebGpuError extends Error {
  override readonly name: string = 'WebGpuError'
  constructor(report: string) {
    super(`[webgpu] the device reported: ${report}`)
  }
}

/**
 * The device is gone (a driver was reset, the adapter was pulled out, the page used too much): values that lay on it are lost.
 * `setBackend('webgpu')` opens a new one; tensors made from host data or read before are unharmed.
 */
export class DeviceLostError extends Error {
  override readonly name: string = 'DeviceLostError'
  /** As WebGPU tells it: `destroyed` or `unknown`. */
  readonly reason: string
  constructor(reason: string, message: string) {
    super(
      `[webgpu] the device was lost (${reason}${message ? `: ${message}` : ''}); what was on it is gone. ` +
        `Open it again with await setBackend('webgpu') and load weights from a checkpoint, or use another backend`,
    )
    this.reason = reason
  }
}

/** A buffer is larger than the device takes. */
export class OutOfDeviceMemoryError extends Error {
  override readonly name: string = 'OutOfDeviceMemoryError'
  readonly requestedBytes: number
  constructor(requestedBytes: number, limit: number) {
    const mega = (x: number): string => `${(x / 2 ** 20).toFixed(1)} MiB`
    super(
      `[webgpu] cannot allocate a buffer of ${mega(requestedBytes)}: this device binds at most ${mega(limit)}; ` +
        'use a smaller batch or split the tensor',
    )
    this.requestedBytes = requestedBytes
  }
}
