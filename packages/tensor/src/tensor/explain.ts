// explain(x): how a value will be computed, as text.
import { readyBackend } from '../backend/registry.ts'
import { explainPlan, type ExplainOptions } from '../compile/explain.ts'
import { storageOf } from './handle.ts'
import { nodeOf, type Tensor } from './tensor.ts'

/**
 * What computing `x` takes: graph, kernels, buffers and, on request, the generated code. Computes nothing.
 *
 * @param options `code: true` prints the backend's code too
 * @returns text; one line if the value is known already
 * @throws BackendError when no backend is ready
 * @example
 * ```ts
 * import { explain, softmax, zeros } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * console.log(explain(softmax(zeros([8, 1000]).add(1)))) // graph, then one kernel
 * ```
 */
export function explain(x: Tensor, options: ExplainOptions = {}): string {
  const node = nodeOf('explain', 'x', x)
  if (storageOf(node)) return `computed already: ${x.dtype} [${String(x.shape)}]`
  return explainPlan({ roots: [node], inPlace: new Map(), keep: [] }, readyBackend('explain'), options)
}
