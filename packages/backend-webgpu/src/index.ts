// Door of @dl/backend-webgpu. Importing it registers the backend `webgpu`, the first choice where WebGPU starts; in Node the
// door '@dl/backend-webgpu/node' brings WebGPU along.
import { registerBackend } from '@dl/tensor/backend'
import { backend } from './backend.ts'

registerBackend(backend)

export { backend, WebGpuBackend } from './backend.ts'
export { capabilities } from './capabilities.ts'
export { DeviceLostError, OutOfDeviceMemoryError, UnsupportedDTypeError, WebGpuError } from './errors.ts'
export { generateWgsl, type WgslProgram } from './generate.ts'
export type { WgslBinding } from './wgsl/bindings.ts'
export type { WgslKernel } from './wgsl/module.ts'
