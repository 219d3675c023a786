// Importing this package registers the CPU backend with `@dl/tensor`.
import { registerBackend } from '@dl/tensor/backend'
import { CpuBackend } from './backend.ts'

/** The registered backend. */
export const cpuBackend: CpuBackend = new CpuBackend()
registerBackend(cpuBackend)

export { CpuBackend }
export type { CpuBackendOptions } from './backend.ts'
export { OutOfMemoryError } from './heap.ts'
