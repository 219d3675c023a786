// The random state of a layer: a variable, so that every replay of a compiled step draws anew and a checkpoint can hold it.
import { add, random, slice, tensor, variable, type Tensor, type Variable } from '@dl/tensor/core'
import { nextSeed } from './seeds.ts'

export class GeneratorState {
  /** int32 [2]: the seed and the number of draws so far. */
  readonly variable: Variable

  /** @param seed default the next of the sequence that `setRandomSeed` starts */
  constructor(name: string, seed?: number) {
    this.variable = variable(
      tensor(Int32Array.of((seed ?? nextSeed()) | 0, 0), [2], 'int32'),
      false,
      `${name}/generator`,
    )
  }

  /** A key that no other draw has. */
  next(): random.Key {
    const state = this.variable as Tensor
    const key = random
      .key(0)
      .fold(slice(state, [0], [1]))
      .fold(slice(state, [1], [1]))
    this.variable.assign(add(state, tensor(Int32Array.of(0, 1), [2], 'int32')))
    return key
  }
}
