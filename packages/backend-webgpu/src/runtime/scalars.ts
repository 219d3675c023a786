// Run-time scalars as the shaders read them: one 32-bit word a slot.
import type { DType } from '@dl/tensor/backend'

/** float32 as its bits, everything else as an integer. */
export function scalarWords(dtypes: readonly DType[], values: ArrayLike<number>): Int32Array<ArrayBuffer> {
  const words = new Int32Array(dtypes.length)
  const floats = new Float32Array(words.buffer)
  dtypes.forEach((dtype, i) => {
    if (dtype === 'float32') floats[i] = values[i]!
    else words[i] = values[i]!
  })
  return words
}
