// Lines that must not compile, each with the reason that the compiler must give. types.test.ts takes the expectations out
// and compares the messages.
import * as tf from '../../src/index.ts'

declare const a: tf.Tensor<[2, 3]>, b: tf.Tensor<[4, 5]>, bx: tf.Tensor<['batch', 784]>
declare const seq: tf.Tensor<['batch', 'seq']>,
  other: tf.Tensor<['batch', 'other']>,
  s784: tf.Tensor<['seq', 784]>
declare const i23: tf.Tensor<[2, 3], 'int32'>, f23: tf.Tensor<[2, 3], 'float32'>
declare function takesBatch(x: tf.Tensor<['batch', 784]>): void

export function products(): void {
  // @ts-expect-error matMul: inner dimensions 3 and 4 differ (shapes [2, 3] and [4, 5])
  tf.matMul(a, b)
  // @ts-expect-error matMul: inner dimensions 3 and 4 differ (shapes [2, 3] and [4, 5])
  a.matMul(b)
  // @ts-expect-error matMul: inner dimensions 2 and 4 differ (shapes [2, 3] and [4, 5])
  a.matMul(b, true)
  // @ts-expect-error matMul: the second argument needs rank 2 or more, its shape is [3]
  a.matMul(tf.zeros([3]))
  // @ts-expect-error matMul: the first argument needs rank 2 or more, its shape is [2]
  tf.matMul([1, 2], a)
  // @ts-expect-error matMul: dimensions 8 and 7 do not broadcast (shapes [8] and [7])
  tf.zeros([8, 2, 3]).matMul(tf.zeros([7, 3, 4]))
  // @ts-expect-error dot: inner dimensions 3 and 2 differ (shapes [2, 3] and [2])
  tf.dot(a, [1, 2])
  // @ts-expect-error outerProduct: inputs need rank 1 (shapes [2, 3] and [2])
  tf.outerProduct(a, [1, 2])
}

export function broadcasting(): void {
  // @ts-expect-error add: dimensions 3 and 2 do not broadcast (shapes [2, 3] and [2])
  a.add([1, 2])
  // @ts-expect-error sub: dimensions 3 and 5 do not broadcast (shapes [2, 3] and [4, 5])
  a.sub(b)
  // @ts-expect-error add: dimensions seq and other do not broadcast (shapes [batch, seq] and [batch, other])
  tf.add(seq, other)
  // @ts-expect-error greater: dimensions 3 and 5 do not broadcast (shapes [2, 3] and [4, 5])
  tf.greater(a, b)
  // @ts-expect-error where: dimensions 2 and 3 do not broadcast (shapes [2] and [2, 3])
  tf.where(tf.zeros([2]), a, 0)
  // @ts-expect-error broadcastTo: shape [2, 3] does not stretch to [2, 1]
  a.broadcastTo([2, 1])
}

export function reductions(): void {
  // @ts-expect-error sum: axis 2 is outside a tensor of shape [2, 3]
  a.sum(2)
  // @ts-expect-error mean: axis -3 is outside a tensor of shape [2, 3]
  a.mean([0, -3], true)
  // @ts-expect-error argMax: axis 2 is outside a tensor of shape [2, 3]
  tf.argMax(a, 2)
  // @ts-expect-error moments: axis 4 is outside a tensor of shape [2, 3]
  tf.moments(a, 4)
}

export function movement(): void {
  // @ts-expect-error reshape: [2, 3] holds 6 values, [4, 2] holds 8
  a.reshape([4, 2])
  // @ts-expect-error reshape: [2, 3] holds 6 values, which [-1, 4] does not divide
  a.reshape([-1, 4])
  // @ts-expect-error squeeze: axis 0 of [2, 3] is not 1
  a.squeeze([0])
  // @ts-expect-error expandDims: axis 5 is outside a tensor of shape [2, 3]
  a.expandDims(5)
  // @ts-expect-error transpose: perm [0, 1, 2] does not fit the rank of [2, 3]
  a.transpose([0, 1, 2])
  // @ts-expect-error tile: reps [2] do not fit the rank of [2, 3]
  a.tile([2])
  // @ts-expect-error pad: one pair an axis is needed, shape [2, 3] has another rank
  a.pad([[1, 1]])
}

export function joining(): void {
  // @ts-expect-error concat: shapes [2, 3] and [4, 5] differ outside axis 1
  tf.concat([a, b], 1)
  // @ts-expect-error concat: shapes [2, 3] and [4, 5] differ outside axis 1
  tf.concat([a, b], 1).relu().sum(0)
  // @ts-expect-error concat: shapes [2, 3] and [2] have different ranks
  tf.concat([a, tf.zeros([2])])
  // @ts-expect-error concat: pass at least one tensor
  tf.concat([])
  // @ts-expect-error stack: shapes [2, 3] and [4, 5] differ
  tf.stack([a, b])
  // @ts-expect-error gather: axis 3 is outside a tensor of shape [2, 3]
  tf.gather(a, [0, 1], 3)
}

export function assignments(): void {
  // @ts-expect-error Type 'Tensor<[2, 3], any>' is not assignable to type 'Tensor<[2, 4], any>'
  const w: tf.Tensor<[2, 4]> = a
  // @ts-expect-error Type 'Tensor<[2, 3], any>' is not assignable to type 'Tensor1D'
  const r: tf.Tensor1D = a
  // @ts-expect-error Argument of type 'Tensor<[2, 3], any>' is not assignable to parameter of type 'Tensor<["batch", 784], any>'
  takesBatch(a)
  // @ts-expect-error Argument of type 'Tensor<["seq", 784], any>' is not assignable to parameter of type 'Tensor<["batch", 784], any>'
  takesBatch(s784)
  // @ts-expect-error Type 'Tensor<[2, 3], "int32">' is not assignable to type 'Tensor<[2, 3], "float32">'
  const f: tf.Tensor<[2, 3], 'float32'> = i23
  // @ts-expect-error Type 'Tensor<[2, 3], "float32">' is not assignable to type 'Tensor<[2, 3], "int32">'
  const i: tf.Tensor<[2, 3], 'int32'> = f23.add(1)
  // @ts-expect-error Type 'Float32Array<ArrayBufferLike>' is not assignable to type 'Int32Array<ArrayBufferLike>'
  const data: Int32Array = f23.dataSync()
  // @ts-expect-error '"complex64"' is not assignable to parameter of type
  a.cast('complex64')
  void [w, r, f, i, data, bx]
}
