// Door of @dl/backend-webgpu. This version is the code generator: programs in, WGSL out. Importing it registers the name
// `webgpu`, which refuses to run with a clear error and is never chosen by `ready()`.
import { registerBackend } from '@dl/tensor/backend'
import { backend } from './backend.ts'

registerBackend(backend)

export { backend } from './backend.ts'
export { capabilities } from './capabilities.ts'
export { ExecutionUnavailableError, UnsupportedDTypeError } from './errors.ts'
export { generateWgsl, type WgslProgram } from './generate.ts'
export type { WgslBinding } from './wgsl/bindings.ts'
export type { WgslKernel } from './wgsl/module.ts'
