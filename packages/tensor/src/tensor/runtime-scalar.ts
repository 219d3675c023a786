// Run-time scalars: numbers that a compiled program reads at each run, so that changing one compiles nothing.
import type { DType } from '../graph/dtype.ts'
import { type ScalarLeaf, serial } from '../graph/node.ts'
import { scalarInput } from '../graph/primitives.ts'
import { isTracing } from './handle.ts'
import { fromNode } from './tensor.ts'
import type { Tensor } from './tensor.ts'

/** A number for graphs: a learning rate, a temperature. Inside `jit` it is read at each replay. */
export class RuntimeScalar implements ScalarLeaf {
  readonly id: number = serial()
  readonly dtype: DType
  #value: number
  /** What eager reads see: fixed at the call, as every value is. */
  #snapshot: ScalarLeaf | null = null

  constructor(value: number, dtype: DType = 'float32') {
    this.dtype = dtype
    this.#value = value
  }
  get value(): number {
    return this.#value
  }
  set value(value: number) {
    this.#value = value
    this.#snapshot = null
  }
  /** A tensor of shape [] with the value: of this moment outside of `jit`, of each replay inside. */
  read(): Tensor<[], 'float32'> {
    if (isTracing()) return fromNode(scalarInput(this))
    this.#snapshot ??= { id: serial(), dtype: this.dtype, value: this.#value }
    return fromNode(scalarInput(this.#snapshot))
  }
}

/**
 * A number that compiled functions read anew at each call.
 * @param value float32
 * @example
 * ```ts
 * import { jit, runtimeScalar, tensor } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const factor = runtimeScalar(2)
 * const scale = jit((x) => x.mul(factor.read()))
 * console.log(await scale(tensor([1, 2])).data()) // 2, 4
 * factor.value = 10 // no retracing
 * console.log(await scale(tensor([1, 2])).data()) // 10, 20
 * ```
 */
export const runtimeScalar = (value: number, dtype: DType = 'float32'): RuntimeScalar =>
  new RuntimeScalar(value, dtype)
