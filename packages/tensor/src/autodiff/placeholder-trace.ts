// Running a function on values that do not exist: what vmap, customGrad and vjp do once to learn a graph.
import { withTracing } from '../tensor/handle.ts'
import { leavesReachedFrom } from '../tensor/lifetime.ts'
import { type VariableView, withVariableView } from '../tensor/variable-state.ts'

/**
 * Runs `fn`, in which tensors made of placeholders of `tracer` occur: they cannot be read, and no variable can keep one.
 * @throws from an assignment inside whose value depends on such a placeholder
 */
export function tracingPlaceholders<T>(tracer: string, fn: () => T): T {
  const view: VariableView = {
    read: (state) => state.read(),
    assign(state, node) {
      for (const leaf of leavesReachedFrom([node]))
        if (leaf.tracer === tracer)
          throw new Error(
            `[${tracer}] a variable cannot be assigned a value that is not known inside of ${tracer}; return the value and ` +
              `assign it outside`,
          )
      state.assign(node)
    },
  }
  return withTracing(() => withVariableView(view, fn))
}
