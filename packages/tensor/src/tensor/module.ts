// What a layer, an imported ONNX model and a user's own object have in common: something that can be called on tensors and
// owns variables. Layers accept any Module, so a package that makes one needs to know nothing about layers.
import type { DType } from '../graph/dtype.ts'
import type { Tensor } from './tensor.ts'
import type { Variable } from './variable.ts'

/** What an input must look like; `null` is a dimension of any size. */
export interface InputSpec {
  readonly name?: string | undefined
  readonly shape: readonly (number | null)[]
  readonly dtype?: DType | undefined
}

export interface CallOptions {
  /** True while fitting: dropout drops, statistics are updated. Default false. */
  readonly training?: boolean | undefined
}

/**
 * A callable with state. `call` takes one tensor, or an array with one tensor for each entry of `inputSpec`, and must build
 * the same graph for equal shapes (it is traced by `jit`).
 */
export interface Module {
  call(inputs: Tensor | readonly Tensor[], options?: CallOptions): Tensor | readonly Tensor[]
  /** Everything that `call` reads or assigns and that a checkpoint must hold. */
  readonly variables: readonly Variable[]
  /** Its inputs in order, when they are known before the first call. */
  readonly inputSpec?: readonly InputSpec[] | undefined
}
