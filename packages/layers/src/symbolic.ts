// Values of the functional style: what `input` gives and `layer.apply` turns into the next one. They hold shapes, no numbers;
// a model is read off the layers between its inputs and outputs.
import type { DType } from '@dl/tensor/core'
import type { Layer } from './layer.ts'
import type { LayerShape, ValueSpec } from './shapes.ts'

export interface Producer {
  readonly layer: Layer
  readonly inputs: readonly SymbolicTensor[]
  /** Which of the layer's outputs this is. */
  readonly index: number
  /** The call that made it: outputs of one call share this. */
  readonly call: object
}

/** A value that a model will compute. */
export class SymbolicTensor implements ValueSpec {
  /** With the batch dimension, unknown dimensions are null. */
  readonly shape: LayerShape
  readonly dtype: DType
  /** Given to inputs; of other values, undefined. */
  readonly name: string | undefined
  /** Null for inputs. */
  readonly producer: Producer | null

  constructor(shape: LayerShape, dtype: DType, producer: Producer | null, name?: string) {
    this.shape = shape
    this.dtype = dtype
    this.producer = producer
    this.name = name
  }
}

export interface InputConfig {
  /** One example, without the batch dimension; null for a dimension of any size. */
  readonly shape: LayerShape
  /** Default float32. */
  readonly dtype?: DType | undefined
  /** Key of this input in records that `fit` and `predict` take. */
  readonly name?: string | undefined
}

/**
 * An input of a functional model.
 *
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { input, layers, model } from '@dl/layers'
 * const x = input({ shape: [4], name: 'x' })
 * const y = layers.dense({ units: 2, activation: 'softmax' }).apply(x)
 * console.log(model({ inputs: x, outputs: y }).outputShape) // [ null, 2 ]
 * ```
 */
export function input(config: InputConfig): SymbolicTensor {
  return new SymbolicTensor([null, ...config.shape], config.dtype ?? 'float32', null, config.name)
}
