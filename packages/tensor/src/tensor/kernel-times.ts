// kernelTimes(x): where the time goes when a value is computed, kernel by kernel.
import type { KernelTime, Pointer } from '../backend/contract.ts'
import { readyBackend } from '../backend/registry.ts'
import type { Storage } from '../backend/storage.ts'
import { planGraph } from '../compile/plan-graph.ts'
import { bytesOf } from '../graph/dtype.ts'
import { storageOf } from './handle.ts'
import { nodeOf, type Tensor } from './tensor.ts'

/** No clock here measures more. */
const SIGNIFICANT_DIGITS = 3

/**
 * How long each kernel of the program takes that computes `values`, in the order in which they run. The values stay
 * uncomputed; values that are known already have no kernels.
 *
 * @param values one tensor, or several that are computed together
 * @param options `repeats`: how often each kernel runs; the least time counts. Default 20
 * @returns for each kernel its name, kind (`row`, `contract`, …), shape of loops, and milliseconds
 * @throws BackendError when no backend is ready; Error when the backend cannot time its kernels
 * @example
 * ```ts
 * import { kernelTimes, ready, softmax, zeros } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * await ready()
 * console.table(kernelTimes(softmax(zeros([64, 1000]).add(1))))
 * ```
 */
export function kernelTimes(
  values: Tensor | readonly Tensor[],
  { repeats = 20 }: { readonly repeats?: number | undefined } = {},
): readonly KernelTime[] {
  const list = (Array.isArray(values) ? values : [values]) as readonly Tensor[]
  const roots = list.map((x) => nodeOf('kernelTimes', 'values', x)).filter((node) => !storageOf(node))
  if (roots.length === 0) return []
  const backend = readyBackend('kernelTimes')
  const { plan, leaves, scalars } = planGraph({ roots, inPlace: new Map(), keep: [] }, backend)
  const { executable, outputs, slots } = plan
  if (!executable.profile)
    throw new Error(
      `[kernelTimes] the backend '${backend.name}' does not time its kernels; backend-cpu does: setBackend('cpu')`,
    )
  const pointers = Array<Pointer>(slots)
  leaves.forEach((leaf, slot) => (pointers[slot] = (leaf as Storage).pointerOn(backend)))
  for (const { slot, size, dtype } of outputs) pointers[slot] = backend.allocate(size * bytesOf(dtype))
  try {
    const numbers = scalars.map((leaf) => leaf.value)
    return executable.profile(pointers, numbers, repeats).map((kernel) => ({
      ...kernel,
      milliseconds: Number(kernel.milliseconds.toPrecision(SIGNIFICANT_DIGITS)),
    }))
  } finally {
    for (const { slot, size, dtype } of outputs) backend.free(pointers[slot]!, size * bytesOf(dtype))
  }
}
