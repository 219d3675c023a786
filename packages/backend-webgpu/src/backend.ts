// The backend as the registry sees it. It can be named and asked, and it says clearly that it cannot run yet.
import type { Executable, KernelBackend, PhysicalMemory, Pointer, TypedArray } from '@dl/tensor/backend'
import { capabilities } from './capabilities.ts'
import { ExecutionUnavailableError } from './errors.ts'

const NOTHING: PhysicalMemory = { liveBytes: 0, peakBytes: 0, reservedBytes: 0, buffers: 0, modules: 0 }

class WebGpuCodeGenerator implements KernelBackend {
  readonly name = 'webgpu'
  readonly level = 'kernel'
  /** Below the reference backend: `ready()` never prefers what cannot start. */
  readonly priority: number = -1
  readonly description: string = 'WGSL code generator (execution comes with a later version)'
  readonly capabilities: typeof capabilities = capabilities
  readonly ready: boolean = false

  start(): Promise<void> {
    return Promise.reject(new ExecutionUnavailableError('webgpu'))
  }
  allocate(_bytes: number): Pointer {
    throw new ExecutionUnavailableError('allocate')
  }
  free(_pointer: Pointer, _bytes: number): void {
    throw new ExecutionUnavailableError('free')
  }
  write(_pointer: Pointer, _data: TypedArray): void {
    throw new ExecutionUnavailableError('write')
  }
  read(): Promise<TypedArray> {
    return Promise.reject(new ExecutionUnavailableError('read'))
  }
  copy(): void {
    throw new ExecutionUnavailableError('copy')
  }
  compile(): Executable {
    throw new ExecutionUnavailableError('compile')
  }
  memory(): PhysicalMemory {
    return NOTHING
  }
  /** There is nothing to give back. */
  dispose(): void {}
}

/** Registered as `webgpu` by importing this package; `setBackend('webgpu')` rejects with an `ExecutionUnavailableError`. */
export const backend: KernelBackend = new WebGpuCodeGenerator()
