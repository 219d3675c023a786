// Importing this package registers the CPU backend with `@dl/tensor`.
import { registerBackend } from '@dl/tensor/backend'
import { CpuBackend } from './backend.ts'

/** The registered backend. */
export const cpuBackend: CpuBackend = new CpuBackend()
registerBackend(cpuBackend)

/**
 * Changes the number of threads of the registered backend, now or later.
 * @param count 1 to 16, the calling thread included; 1 ends the workers
 * @returns resolves when the threads work, to their number: 1 where memory can't be shared (pages without cross-origin
 *   isolation)
 * @throws RangeError when `count` is no such number
 * @example
 * ```ts
 * import { setThreadCount } from '@dl/backend-cpu'
 *
 * console.log(await setThreadCount(2)) // 2
 * ```
 */
export const setThreadCount = (count: number): Promise<number> => cpuBackend.setThreadCount(count)

export { CpuBackend }
export type { CpuBackendOptions } from './backend.ts'
export { OutOfMemoryError } from './heap.ts'
